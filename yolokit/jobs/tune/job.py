"""The tune job: make trials until the budget is used up, and say which options were best."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from yolokit.core.events import Notice, OnEvent, Phase, ignore
from yolokit.core.extras import is_installed, missing
from yolokit.core.plural import counted
from yolokit.core.units import describe_seconds
from yolokit.errors import JobCancelledError, TrainError
from yolokit.jobs.runs.compare import compare_runs
from yolokit.jobs.tune.best import write_best, write_table
from yolokit.jobs.tune.keep import find_best, tidy_trials
from yolokit.jobs.tune.report import Findings, write_report
from yolokit.jobs.tune.search import SEARCHES_DIR, Search, describe_search, join_search
from yolokit.jobs.tune.space import read_space
from yolokit.jobs.tune.study import Study, Trial
from yolokit.jobs.tune.trial import (
    OWN_OPTIONS,
    Given,
    fill_options,
    make_trial,
    trial_folder,
)
from yolokit.jobs.tune.watching import TrialEvents
from yolokit.train.config import TrainConfig
from yolokit.train.record import collect_versions, read_record
from yolokit.train.run import check_options
from yolokit.train.run_log import require_loggers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yolokit.jobs.tune.config import TuneConfig
    from yolokit.jobs.tune.space import Space

_SECONDS_AN_HOUR = 3600
_END_WITH_MOSAIC = ("mosaic", "mixup", "copy_paste")
_FAILURES = 3  # in a row, that end a search


class TuneResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a search, so far.

    Attributes:
        folder: The search's folder; ``report.html`` and ``trials.csv`` are in it.
        fitness: Name of the metric that they are judged by, on val.
        trials: All trials; number 1 has the user's own options.
        best: The best of those that are complete; None if none is.
        preset: Its options, for ``train --preset``.
        weights: Its ``best.pt``.
    """

    folder: Path
    fitness: str
    trials: tuple[Trial, ...]
    best: Trial | None = None
    preset: Path | None = None
    weights: Path | None = None

    @property
    def own(self) -> Trial:
        """The trial with the user's own options."""
        return self.trials[0]


def tune_model(
    config: TuneConfig,
    on_event: OnEvent = ignore,
    *,
    folder: Path | None = None,
    origins: Mapping[str, str] | None = None,
) -> TuneResult:
    """Search for better options of a training.

    Several processes may do so in one folder at once, and one that is started again goes on.

    Args:
        config: What to train, what to vary, and for how long.
        on_event: Called with what happens, in order.
        folder: Folder of the search; None for one below ``runs/tune`` that is called after the
            data set's folder.
        origins: Who said so, for each option of a training that was stated; None for all that
            differ from their defaults.

    Raises:
        MissingDependencyError: Optuna is not installed.
        ConfigError: An option or the space is wrong, or the folder holds another search.
        YolokitError: As training, where every trial would meet it.
        JobCancelledError: It was interrupted; the same command goes on.
    """
    if not is_installed("optuna"):
        raise missing("optuna", extra="tune", purpose="A search for options")
    require_loggers(config.log)
    given = _list_given(config, origins)
    space = read_space(Path(config.space) if config.space else None, given.values)
    data, plan = check_options(config.training, None, on_event)
    wanted = describe_search(config.training, space, data, plan)
    place = (folder or SEARCHES_DIR / (data.path.parent.name or "search")).resolve()
    search, is_joined = join_search(place, wanted)
    changes = _compare_versions(search) if is_joined else []
    for note in (*changes, *_find_idle(config, space)):
        on_event(Notice(f"note: {note}"))
    with Study(place, search, prunes=config.prunes) as study:
        on_event(Notice(_describe_budget(config, study.list_trials(), place)))
        return _Searching(study, search, given, place, on_event).run(config)


class _Searching:
    """One process of a search."""

    def __init__(
        self, study: Study, search: Search, given: Given, folder: Path,
        on_event: OnEvent,
    ) -> None:  # fmt: skip
        self._study, self._search, self._given = study, search, given
        self._folder, self._on_event = folder, on_event
        self._told: set[bytes] = set()

    def run(self, config: TuneConfig) -> TuneResult:
        """Make trials until there are enough, or the time is over."""
        deadline = time.monotonic() + (config.hours or 0) * _SECONDS_AN_HOUR
        while not (config.hours and time.monotonic() > deadline):
            trial = self._study.claim(config.wanted)
            if trial is None:
                break
            self._make(trial, config.wanted)
        running = sum(one.state == "running" for one in self._study.list_trials())
        if running:
            count = counted(running, "trial is", "trials are")
            self._on_event(Notice(f"{count} still being made by other processes"))
        return self._write()

    def _make(self, trial: Trial, wanted: int | None) -> None:
        values = ", ".join(f"{name} {value}" for name, value in trial.values.items())
        which = "your own options" if trial.number == OWN_OPTIONS else values
        of = f" of {wanted}" if wanted else ""
        self._on_event(Notice(f"trial {trial.number}{of}: {which}"))
        self._on_event(Phase(f"making trial {trial.number}"))
        run_dir = trial_folder(self._folder, trial.number)
        options = fill_options(self._given, trial)
        score = partial(self._study.report, trial.number)
        fitness = self._search.fitness
        events = TrialEvents(score, fitness, self._told, self._on_event)
        try:
            outcome = make_trial(trial.number, options, run_dir, fitness, events)
        except (JobCancelledError, KeyboardInterrupt) as error:
            hint = "the same command goes on, with this trial too"
            raise JobCancelledError("interrupted", hint=hint) from error
        self._study.close(trial.number, outcome)
        result = self._write()
        self._on_event(Notice(_describe_end(result.trials[trial.number - 1], result)))
        _require_success(result.trials)

    def _write(self) -> TuneResult:
        """Write what is known by now, and remove what is not kept."""
        trials = self._study.list_trials()
        tidy_trials(self._folder, trials)
        write_table(trials, self._search, self._folder)
        best = find_best(trials)
        preset = weights = None
        if best is not None:
            preset = write_best(best, trials, self._search, self._given, self._folder)
            weights = trial_folder(self._folder, best.number) / "best.pt"
        write_report(self._find(trials, best))
        return TuneResult(
            folder=self._folder,
            fitness=self._search.fitness,
            trials=trials,
            best=best,
            preset=preset,
            weights=weights,
        )

    def _find(self, trials: tuple[Trial, ...], best: Trial | None) -> Findings:
        comparison = None
        if best is not None and best.number != OWN_OPTIONS:
            folders = (trial_folder(self._folder, n) for n in (OWN_OPTIONS, best.number))
            comparison = compare_runs(*((each, read_record(each)) for each in folders))
        return Findings(
            search=self._search,
            trials=trials,
            importance=self._study.weigh(),
            comparison=comparison,
            folder=self._folder,
            data=str(self._given.values["data"]),
        )


def _list_given(config: TuneConfig, origins: Mapping[str, str] | None) -> Given:
    """Return the options of a training that are stated; those of a preset are among them."""
    plain = msgspec.structs.asdict(config.training)
    if origins is None:
        defaults = msgspec.structs.asdict(TrainConfig(data=""))
        origins = {name: "Python" for name, one in plain.items() if one != defaults[name]}
    names = [name for name in plain if name in origins and name != "preset"]
    return Given({name: plain[name] for name in names}, {name: origins[name] for name in names})


def _require_success(trials: Sequence[Trial]) -> None:
    """End a search in which trial after trial fails.

    Raises:
        TrainError: The last ones all did.
    """
    last = [one for one in trials if one.state != "running"][-_FAILURES:]
    if len(last) == _FAILURES and all(one.state == "failed" for one in last):
        raise TrainError(
            f"the last {_FAILURES} trials all failed; the last: {last[-1].why}",
            hint="vary less: --space names a file with narrower ranges",
        )


def _compare_versions(search: Search) -> list[str]:
    return [
        f"this search began with {name} {search.versions.get(name)}, and this is {version}"
        for name, version in collect_versions().items()
        if search.versions.get(name) != version
    ]


def _find_idle(config: TuneConfig, space: Space) -> list[str]:
    """Say which options are varied without effect: they end with the mosaics."""
    idle = [name for name in _END_WITH_MOSAIC if name in space]
    if not idle or config.epochs > config.close_mosaic or "close_mosaic" in space:
        return []
    last = counted(config.close_mosaic, "epoch")
    sentence = (
        f"{', '.join(idle)}: varied without effect, since the last {last} (close_mosaic) go "
        f"without, and a trial has {config.epochs}; train for longer, or set close_mosaic lower"
    )
    return [sentence]


def _describe_budget(config: TuneConfig, trials: Sequence[Trial], folder: Path) -> str:
    """Say how much of the search is done, and what is to come."""
    done = sum(one.state != "running" for one in trials)
    begins = [counted(done, "trial is", "trials are") + " done"] if trials else []
    if config.wanted is not None and done >= config.wanted:
        begins.append("as many as are wanted; a larger --trials goes on")
    elif config.wanted is not None:
        begins.append(f"{counted(config.wanted - done, 'trial')} to make")
    if config.hours:
        begins.append(f"no new trial after {describe_seconds(config.hours * _SECONDS_AN_HOUR)}")
    return f"{folder}: {', '.join(begins)}"


def _describe_end(trial: Trial, result: TuneResult) -> str:
    number, best = trial.number, result.best
    if trial.state == "failed":
        return f"trial {number} failed: {trial.why}"
    ended = f"ended after {counted(trial.epochs, 'epoch')}, " if trial.state == "pruned" else ""
    said = f"trial {number}: {ended}{result.fitness} {trial.score or 0:.4f}"
    if best is None:
        return said
    if best.number == trial.number:
        return f"{said}, the best so far"
    return f"{said}; best so far {best.score or 0:.4f} (trial {best.number})"
