"""In which order candidates are tried, cheap ones first, and which never.

The plan looks at what was measured before each step, and at nothing else: a search that was killed
and is gone on with takes the steps that it would have taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from yolokit.export.quantizers.toolkit import QuantSettings
from yolokit.jobs.optimize.candidates import Candidate, Engine, Outcome, Recipe
from yolokit.jobs.optimize.ranking import EQUAL, Limits, Ranking, loses_too_much, rank

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OTHER_METHODS = tuple(
    method for method in ("percentile", "minmax", "entropy") if method != QuantSettings().method
)
FLOAT_GROUPS = (1, 2, 4, 8)
PLAIN_INT8 = (
    Recipe(precision="int8"),
    Recipe(precision="int8", placement="inputs"),
)
_FEWEST_CORES_TO_HALVE = 4


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """Between what is chosen.

    Attributes:
        engines: All that may be tried; the parent's is the first.
        threads: Of every candidate that does not state others.
        precisions: Those of files, beside FP32.
        may_halve: Whether fewer threads may be tried: the user has not stated how many.
    """

    engines: tuple[Engine, ...]
    threads: int
    precisions: tuple[str, ...] = ("fp16", "int8")
    may_halve: bool = True

    @property
    def halves_threads(self) -> bool:
        """Whether half of the threads are worth a try."""
        return self.may_halve and self.threads >= _FEWEST_CORES_TO_HALVE

    def count_first(self) -> int:
        """Return how many candidates are tried in any case."""
        return sum(1 for _ in _list_first(self))

    def count_most(self) -> int:
        """Return how many candidates are tried at most."""
        of_each = len(OTHER_METHODS) + 1 + len(FLOAT_GROUPS)
        more = len(PLAIN_INT8) * of_each if "int8" in self.precisions else 0
        return self.count_first() + more + self.halves_threads


def propose(
    setup: Setup, known: Mapping[str, Outcome], trained_map: float, limits: Limits
) -> Iterator[Candidate]:
    """Yield one candidate after another; whoever takes it puts its outcome into ``known``.

    Args:
        setup: Between what is chosen.
        known: Outcomes by the keys of candidates; what is in it already is yielded all the same.
        trained_map: mAP50-95 of the trained model.
        limits: What a winner must keep.
    """
    yield from _list_first(setup)
    plan = _Plan(setup, known, trained_map, limits)
    if "int8" in setup.precisions:
        yield from plan.vary_int8()
    yield from plan.halve_threads()


def _list_first(setup: Setup) -> Iterator[Candidate]:
    """Yield what is cheap: plain files on all engines.

    A half-precision file says itself what it is computed in, so one precision of each provider is
    enough; an 8-bit file has parts in float, which an engine may compute in less.
    """
    engines, plain = setup.engines, [one for one in setup.engines if one.precision == "fp32"]
    yield from (Candidate(recipe=Recipe(precision="fp32"), engine=one) for one in engines)
    if "fp16" in setup.precisions:
        yield from (Candidate(recipe=Recipe(precision="fp16"), engine=one) for one in plain)
    if "int8" in setup.precisions:
        for recipe in PLAIN_INT8:
            yield from (Candidate(recipe=recipe, engine=one) for one in engines)


def _list_other_ranges(plain: Recipe) -> list[Recipe]:
    """Return files that are as fast, with other ranges of activations."""
    recipes = [msgspec.structs.replace(plain, method=method) for method in OTHER_METHODS]
    return [*recipes, msgspec.structs.replace(plain, symmetric=True)]


class _Plan:
    """The steps that depend on what was measured."""

    def __init__(
        self, setup: Setup, known: Mapping[str, Outcome], trained_map: float, limits: Limits
    ) -> None:
        self._setup, self._known = setup, known
        self._trained_map, self._limits = trained_map, limits

    def vary_int8(self) -> Iterator[Candidate]:
        """Yield other 8-bit files, like the fastest plain one of each placement, on its engine.

        Only where that one would win, were it accurate: ranges change no speed, and what is left in
        float makes it slower.
        """
        for plain in self._list_plain_int8():
            if self._is_accurate(plain) or not self._pays(plain):
                return
            yield from self._vary(plain)

    def _vary(self, plain: Candidate) -> Iterator[Candidate]:
        """Yield like files with other ranges of activations, then with layers in float."""
        for recipe in _list_other_ranges(plain.recipe):
            other = Candidate(recipe=recipe, engine=plain.engine)
            yield other
            if self._is_accurate(other):
                return
        yield from self._leave_in_float(plain)

    def _leave_in_float(self, plain: Candidate) -> Iterator[Candidate]:
        """Yield the most accurate 8-bit file with more and more of its layers in float.

        Each is slower than the one before: the first that is accurate enough is the one.
        """
        recipes = [plain.recipe, *_list_other_ranges(plain.recipe)]
        base = min(recipes, key=lambda one: self._find_drop(one, plain.engine))
        for count in FLOAT_GROUPS:
            recipe = msgspec.structs.replace(base, float_groups=count)
            candidate = Candidate(recipe=recipe, engine=plain.engine)
            yield candidate
            if self._is_accurate(candidate) or not self._pays(candidate):
                return

    def halve_threads(self) -> Iterator[Candidate]:
        """Yield the winner with half of the threads: many cores wait for each other."""
        winner = self._rank().winner
        if winner is None or not self._setup.halves_threads:
            return
        engine = winner.candidate.engine
        half = msgspec.structs.replace(engine, threads=self._setup.threads // 2)
        yield Candidate(recipe=winner.candidate.recipe, engine=half)

    def _list_plain_int8(self) -> list[Candidate]:
        """Return the fastest plain one of each placement, the fastest first."""
        found: dict[Recipe, Candidate] = {}
        for one in self._rank().places:
            if one.candidate.recipe in PLAIN_INT8:
                found.setdefault(one.candidate.recipe, one.candidate)
        return list(found.values())

    def _pays(self, candidate: Candidate) -> bool:
        """Tell whether a candidate would win if it were accurate: nothing accurate is as fast."""
        ranking = self._rank()
        place = ranking.find(candidate)
        if place is None or place.outcome.state == "slower" or place.is_too_slow:
            return False
        rivals = [one for one in ranking.places if one.is_eligible and one != place]
        return all(place.latency_ms < one.latency_ms * (1 - EQUAL) for one in rivals)

    def _is_accurate(self, candidate: Candidate) -> bool:
        place = self._rank().find(candidate)
        return place is not None and not loses_too_much(place, self._limits)

    def _find_drop(self, recipe: Recipe, engine: Engine) -> float:
        """Return what a file loses, on a part of val where more was not measured."""
        place = self._rank().find(Candidate(recipe=recipe, engine=engine))
        if place is None:
            return float("inf")
        known = (place.drop, place.outcome.part_drop, float("inf"))
        return next(drop for drop in known if drop is not None)

    def _rank(self) -> Ranking:
        return rank(self._known.values(), self._trained_map, self._limits)
