"""The trials of a search, in a journal that several processes write to; Optuna behind one module.

A process claims a trial under a lock, and a trial names the process that makes it by a file that
this process holds locked. So a trial whose process is gone, killed or interrupted, is found by the
next one that claims, and goes to it with the same values: none is lost, none is made twice.

Optuna's own lock of a journal outlives a killed process by half a minute, and a line that a kill
cut short would spoil the journal; :class:`_JournalLock` is free of both.
"""

from __future__ import annotations

import contextlib
import uuid
import warnings
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from yolokit.files.locks import drop_lock, take_lock
from yolokit.jobs.tune.search import alone
from yolokit.jobs.tune.space import Range

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Self

    import optuna
    from filelock import BaseFileLock
    from optuna.distributions import BaseDistribution

    from yolokit.jobs.tune.search import Search
    from yolokit.jobs.tune.space import Choice

JOURNAL = "trials.journal"
_NAME = "search"
_RANDOM_TRIALS = 8  # before the sampler learns from them
_PRUNED_AFTER = 4  # complete trials that a median needs to mean something
_WEIGHED_FROM = 4  # complete trials
_WORKER = "worker"
_DETAILS = ("epochs", "seconds", "why", "start_score")
# Optuna's name of a state -> ours.
_STATES: Mapping[str, Literal["running", "complete", "pruned", "failed"]] = {
    "WAITING": "running",
    "RUNNING": "running",
    "COMPLETE": "complete",
    "PRUNED": "pruned",
    "FAIL": "failed",
}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a trial ended.

    Attributes:
        state: Pruned ones were ended early, failed ones have no score.
        score: Best of the epochs trained.
        epochs: How many were trained.
        seconds: What they took.
        start_score: Of the start, before any training; None if it does not know the classes.
        why: Why it failed or was pruned.
    """

    state: Literal["complete", "pruned", "failed"]
    score: float | None = None
    epochs: int = 0
    seconds: float = 0.0
    start_score: float | None = None
    why: str | None = None


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A trial as it is known: its values, and how it ended unless it still runs.

    Numbers count from 1, which has the user's own options; its ``values`` are those of them that
    lie in the space.
    """

    number: int
    state: Literal["running", "complete", "pruned", "failed"]
    values: dict[str, Any]
    score: float | None = None
    epochs: int = 0
    seconds: float = 0.0
    start_score: float | None = None
    why: str | None = None


class _JournalLock:
    """A lock that ends with its process; whoever takes it first mends what a kill left."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._lock: BaseFileLock | None = None

    def acquire(self) -> bool:
        path = self._journal.with_name(f".{self._journal.name}.lock")
        self._lock = take_lock(path, wait=True)
        cut_torn_line(self._journal)
        return True

    def release(self) -> None:
        if self._lock is not None:
            drop_lock(self._lock)


def cut_torn_line(path: Path) -> None:
    """Cut off the end of a file of lines that was not written whole."""
    with path.open("rb+") as stream:
        size = stream.seek(0, 2)
        if size == 0:
            return
        stream.seek(size - 1)
        if stream.read(1) != b"\n":
            stream.seek(0)
            stream.truncate(stream.read().rfind(b"\n") + 1)


class Study:
    """The trials of a search, as one process sees and claims them; to be used in ``with``."""

    def __init__(self, folder: Path, search: Search, *, prunes: bool = True) -> None:
        """Open the journal of a folder in which a search is; ``prunes`` ends bad trials early."""
        import optuna
        from optuna.storages.journal import JournalFileBackend

        self._folder, self._search, self._prunes = folder, search, prunes
        self._worker = uuid.uuid4().hex[:12]
        self._lock: BaseFileLock | None = None
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        journal = folder / JOURNAL
        with alone(folder), _quietly():
            backend = JournalFileBackend(str(journal), lock_obj=_JournalLock(journal))  # type: ignore[arg-type]
            self._study = optuna.create_study(
                study_name=_NAME,
                storage=optuna.storages.JournalStorage(backend),
                pruner=optuna.pruners.MedianPruner(
                    n_startup_trials=_PRUNED_AFTER,
                    n_warmup_steps=search.options["epochs"] // 4 + 1,  # epochs count from 1
                ),
                direction="maximize",
                load_if_exists=True,
            )

    def __enter__(self) -> Self:
        """Show the other processes that this one is alive."""
        self._lock = take_lock(self._worker_file(self._worker))
        return self

    def __exit__(self, *_: object) -> None:
        """Give what it has not finished to the others."""
        if self._lock is not None:
            drop_lock(self._lock)

    def claim(self, wanted: int | None) -> Trial | None:
        """Take a trial that nobody makes any more, else begin one; None if there are enough.

        Args:
            wanted: Trials that the search is to have; None for no end.
        """
        with alone(self._folder), _quietly():
            trials = self._study.get_trials(deepcopy=False)
            left = next((one for one in trials if self._is_left(one)), None)
            if left is None and wanted is not None and len(trials) >= wanted:
                return None
            trial = self._begin(len(trials)) if left is None else self._open(left.number + 1)
            trial.set_user_attr(_WORKER, self._worker)
            for name, distribution in list_distributions(
                self._search, is_first=trial.number == 0
            ).items():
                trial._suggest(name, distribution)  # noqa: SLF001 - of any kind, as `ask` does
            return self.list_trials()[trial.number]

    def _begin(self, index: int) -> optuna.trial.Trial:
        import optuna

        # Seeded for each trial, a search that was interrupted goes on as it would have.
        self._study.sampler = optuna.samplers.TPESampler(
            n_startup_trials=_RANDOM_TRIALS, seed=self._search.options["seed"] + index
        )
        if index == 0:
            self._study.enqueue_trial(dict(self._search.own_values))
        return self._study.ask()

    def report(self, number: int, epoch: int, score: float) -> bool:
        """Note the score of an epoch; tell whether the trial is worse than half of the others.

        The user's own options are trained to their end, since all others are compared with them.
        """
        with _quietly():
            trial = self._open(number)
            trial.report(score, epoch)
            return self._prunes and number > 1 and bool(trial.should_prune())

    def close(self, number: int, outcome: Outcome) -> None:
        """Note how a trial ended."""
        from optuna.trial import TrialState

        name = next(name for name, state in _STATES.items() if state == outcome.state)
        with _quietly():
            trial = self._open(number)
            for detail in _DETAILS:
                trial.set_user_attr(detail, getattr(outcome, detail))
            value = outcome.score if outcome.state == "complete" else None
            self._study.tell(trial, value, state=TrialState[name])

    def list_trials(self) -> tuple[Trial, ...]:
        """Return all trials, by their numbers."""
        with _quietly():
            found = self._study.get_trials(deepcopy=False)
        return tuple(_convert(one, self._search) for one in found)

    def weigh(self) -> dict[str, float]:
        """Return how much each option decided whether a trial was good; the shares add up to 1.

        It is empty where too few trials are complete.
        """
        import optuna

        complete = sum(one.state == "complete" for one in self.list_trials()[1:])
        if complete < _WEIGHED_FROM:
            return {}
        with _quietly():
            return optuna.importance.get_param_importances(
                self._study,
                evaluator=optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.25),
                params=list(self._search.space),
            )

    def _open(self, number: int) -> optuna.trial.Trial:
        import optuna

        found = self._study.get_trials(deepcopy=False)[number - 1]
        return optuna.trial.Trial(self._study, found._trial_id)  # noqa: SLF001 - no other way

    def _worker_file(self, worker: str) -> Path:
        return self._folder / f".worker-{worker}.lock"

    def _is_left(self, trial: optuna.trial.FrozenTrial) -> bool:
        """Tell whether a trial was begun by a process that is gone."""
        if trial.state.is_finished():
            return False
        worker = trial.user_attrs.get(_WORKER)
        if worker is None:  # the process was killed before it could say which it is
            return True
        if worker == self._worker:
            return False
        path = self._worker_file(worker)
        if not path.exists():
            return True
        lock = take_lock(path)
        if lock is not None:
            drop_lock(lock)
        return lock is not None


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keep Optuna's warnings, of what is experimental in it, from those who did not ask for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def list_distributions(search: Search, *, is_first: bool) -> dict[str, BaseDistribution]:
    """Return what a trial is to choose; the first one takes the user's own values."""
    names = search.own_values if is_first else search.space
    return {name: _distribute(search.space[name]) for name in names}


def _distribute(dimension: Range | Choice) -> BaseDistribution:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if not isinstance(dimension, Range):
        return CategoricalDistribution(dimension.values)
    if dimension.kind == "int":
        return IntDistribution(int(dimension.low), int(dimension.high))
    return FloatDistribution(dimension.low, dimension.high, log=dimension.kind == "log")


def _convert(found: optuna.trial.FrozenTrial, search: Search) -> Trial:
    details = {name: found.user_attrs[name] for name in _DETAILS if name in found.user_attrs}
    state = _STATES[found.state.name]
    score = found.value if state == "complete" else None
    if state == "pruned":
        score = max(found.intermediate_values.values(), default=None)
    return Trial(
        number=found.number + 1,
        state=state,
        values={name: search.space[name].round(one) for name, one in found.params.items()},
        score=score,
        **details,
    )
