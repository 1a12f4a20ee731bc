"""The optimize job: try candidates, cheap ones first, and publish the fastest that is as good."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from yolokit.core.events import Notice, OnEvent, Phase, ignore
from yolokit.errors import BudgetError, GateError, JobCancelledError
from yolokit.jobs.optimize.page import Findings, write_report
from yolokit.jobs.optimize.plan import Setup, propose
from yolokit.jobs.optimize.ranking import (
    Limits,
    Place,
    Ranking,
    describe_limits,
    explain_misses,
    rank,
)
from yolokit.jobs.optimize.record import (
    MODEL_NAME,
    Published,
    Search,
    Trained,
    alone,
    compare_versions,
    join_search,
    read_outcomes,
    read_trained,
    write_outcome,
    write_trained,
)
from yolokit.jobs.optimize.trial import Measurer, is_known, try_candidate
from yolokit.jobs.optimize.words import (
    describe_noise,
    describe_outcome,
    describe_plan,
    describe_time,
    shorten_refusal,
)
from yolokit.train.report.advice import show_path

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from yolokit.jobs.optimize.candidates import Candidate, Outcome
    from yolokit.jobs.optimize.config import OptimizeConfig

_SECONDS_A_MINUTE = 60


class OptimizeResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a search.

    Attributes:
        folder: The search's folder.
        ranking: All candidates under the limits.
        trained: What the trained model itself reaches.
        published: The winner, as it was proved and published; None where there is none.
        report: The page.
    """

    folder: Path
    ranking: Ranking
    trained: Trained
    published: Published | None
    report: Path

    @property
    def model(self) -> Path | None:
        """The published file; the records of the gates lie beside it."""
        return None if self.published is None else self.folder / MODEL_NAME


class Shop(Measurer, Protocol):
    """A measurer that also publishes; see ``workshop.py``."""

    setup: Setup
    search: Search

    def prepare(self) -> None:
        """Make the FP32 file; what is wrong with that one ends the search.

        Raises:
            GateError: It does not equal what was trained.
        """
        ...

    def publish(self, winner: Place, ranking: Ranking) -> Published:
        """Prove the winner once more by the gates of an export, and publish it.

        Raises:
            GateError: A gate does not hold.
        """
        ...

    def withdraw(self) -> None:
        """Remove what was published under other limits: nothing keeps these."""
        ...


def optimize_model(config: OptimizeConfig, on_event: OnEvent = ignore) -> OptimizeResult:
    """Find the fastest file and engine that keep the limits, and publish the file with its proof.

    A search that is started again in its folder goes on, and repeats no candidate.

    Args:
        config: What is to become fast, and what must hold.
        on_event: Called with what happens, in order.

    Raises:
        ConfigError: An option is wrong, or the folder holds another search.
        WeightsError: The checkpoint is missing or cannot be loaded.
        DataError: The data set cannot be read, or its labels are wrong.
        BudgetError: No candidate keeps the limits; the message says how near they came.
        GateError: The FP32 file itself does not equal what was trained.
        JobCancelledError: It was interrupted; the same command goes on.
    """
    result = find_fastest(config, on_event)
    require_winner(result)
    return result


def find_fastest(config: OptimizeConfig, on_event: OnEvent = ignore) -> OptimizeResult:
    """Do as :func:`optimize_model`, but return what was found where nothing keeps the limits."""
    from yolokit.jobs.optimize.workshop import open_workshop

    return run_search(config, open_workshop, on_event)


def require_winner(result: OptimizeResult) -> None:
    """Refuse a search without a winner.

    Raises:
        BudgetError: It has none; the message says how near the candidates came.
    """
    if result.published is not None:
        return
    asked = describe_limits(result.ranking.limits)
    near = (f"  - {sentence}" for sentence in explain_misses(result.ranking))
    raise BudgetError(
        "\n".join([f"no candidate keeps the limits ({asked}); nothing was published", *near]),
        hint=f"{show_path(result.report)} shows them all; the same command with wider limits "
        "measures none of them again",
    )


class OpenShop(Protocol):
    """Opens what measures, for a search in a folder."""

    def __call__(
        self, config: OptimizeConfig, folder: Path, on_event: OnEvent
    ) -> AbstractContextManager[Shop]:
        """Yield it; in the end its processes and scratch files are gone."""
        ...


def run_search(config: OptimizeConfig, open_shop: OpenShop, on_event: OnEvent) -> OptimizeResult:
    """Search with something that measures; see :func:`optimize_model`."""
    folder = config.folder
    limits = Limits(
        max_map_drop=config.max_map_drop,
        min_speedup=config.min_speedup,
        max_latency_ms=config.max_latency,
    )
    with alone(folder), open_shop(config, folder, on_event) as shop:
        search, is_joined = join_search(folder, shop.search)
        if is_joined:
            for note in compare_versions(search, shop.search.versions):
                on_event(Notice(f"note: {note}"))
        try:
            return _Searching(shop, search, folder, limits, on_event).run(config.budget_minutes)
        except (JobCancelledError, KeyboardInterrupt) as error:
            hint = "the same command goes on, and repeats nothing"
            raise JobCancelledError("interrupted", hint=hint) from error


class _Searching:
    """One start of a search."""

    def __init__(
        self, shop: Shop, search: Search, folder: Path, limits: Limits, on_event: OnEvent
    ) -> None:
        self._shop, self._search, self._folder = shop, search, folder
        self._limits, self._on_event = limits, on_event
        self._known: dict[str, Outcome] = {}
        self._tried: dict[str, Outcome] = read_outcomes(folder)
        self._refused: dict[str, str] = {}
        self._is_warned = False

    def run(self, budget_minutes: float | None) -> OptimizeResult:
        """Try candidates, then publish the winner or say how near they came."""
        deadline = time.monotonic() + (budget_minutes or 0) * _SECONDS_A_MINUTE
        self._shop.prepare()
        trained = self._measure_trained()
        self._tell(describe_plan(self._shop.setup, self._tried.values()))
        for candidate in propose(
            self._shop.setup, self._known, trained.score.map50_95, self._limits
        ):
            outcome = self._tried.get(candidate.key)
            if outcome is None or not is_known(outcome, self._limits):
                if budget_minutes and self._known and time.monotonic() > deadline:
                    self._tell("the time is over: no further candidate is tried")
                    break
                outcome = self._try(candidate, trained)
            self._known[candidate.key] = outcome
        return self._end(trained)

    def _measure_trained(self) -> Trained:
        """Return what the trained model reaches, measured unless it is known."""
        known = read_trained(self._folder)
        if known is None:
            self._on_event(Phase("measuring the trained model on val"))
            shop = self._shop
            known = Trained(
                score=shop.score_trained("val"),
                part=shop.score_trained("val", part=True) if shop.has_part else None,
            )
            write_trained(self._folder, known)
        self._tell(f"trained model: mAP50-95 {known.score.map50_95:.4f} on val")
        return known

    def _try(self, candidate: Candidate, trained: Trained) -> Outcome:
        self._on_event(Phase(f"trying {candidate.title}"))
        outcome = try_candidate(candidate, self._shop, trained, self._limits)
        write_outcome(self._folder, outcome)
        self._known[candidate.key] = self._tried[candidate.key] = outcome
        ranking = self._rank(trained)
        self._write_report(ranking, trained, None)
        self._tell(describe_outcome(outcome, ranking))
        noise = describe_noise(outcome)
        if noise is not None and not self._is_warned:
            self._is_warned = True
            self._tell(noise)
        if len(self._tried) == 2:  # the parent alone is timed without another one
            self._tell(describe_time(self._shop.setup, outcome))
        return outcome

    def _end(self, trained: Trained) -> OptimizeResult:
        """Publish the winner, if there is one; the next best where a gate refuses it."""
        published = None
        while published is None:
            winner = self._rank(trained).winner
            if winner is None:
                self._shop.withdraw()
                break
            published = self._publish(winner, trained)
        ranking = self._rank(trained)
        return OptimizeResult(
            folder=self._folder,
            ranking=ranking,
            trained=trained,
            published=published,
            report=self._write_report(ranking, trained, published),
        )

    def _publish(self, winner: Place, trained: Trained) -> Published | None:
        title = winner.candidate.title
        self._on_event(Phase(f"proving {title}"))
        try:
            return self._shop.publish(winner, self._rank(trained))
        except GateError as error:
            self._refused[winner.candidate.key] = shorten_refusal(error.message)
            self._tell(f"a gate refused {title}: {error.message}")
            return None

    def _rank(self, trained: Trained) -> Ranking:
        known, trained_map = self._known.values(), trained.score.map50_95
        return rank(known, trained_map, self._limits, self._refused)

    def _write_report(
        self, ranking: Ranking, trained: Trained, published: Published | None
    ) -> Path:
        return write_report(
            Findings(
                search=self._search,
                folder=self._folder,
                ranking=ranking,
                trained=trained,
                published=published,
            )
        )

    def _tell(self, sentence: str) -> None:
        self._on_event(Notice(sentence))
