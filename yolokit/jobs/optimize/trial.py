"""One candidate: made, timed in turn with its parent, and judged, as far as that is worth it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

from yolokit.errors import ExportError, InferenceError, MissingDependencyError
from yolokit.files.digest import sha256_file
from yolokit.jobs.optimize.candidates import Candidate, Engine, Latency, Outcome, Recipe, Score

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.jobs.optimize.ranking import Limits
    from yolokit.jobs.optimize.record import Trained

_HOPELESS_DROP = 0.1  # of mAP50-95 on a part of val, unless more may be lost
# What a candidate alone can meet; anything else ends the search.
_OF_A_CANDIDATE = (ExportError, InferenceError, MissingDependencyError)


class Measurer(Protocol):
    """What makes files and measures them; each call may take minutes.

    Attributes:
        has_part: Whether val is so large that a part of it is looked at first.
        has_test: Whether there is a split that nothing was chosen by.
    """

    has_part: bool
    has_test: bool

    def make(self, recipe: Recipe) -> Path:
        """Return the file of a recipe, which is made unless it is there already."""
        ...

    def time(self, model: Path, engine: Engine) -> Latency:
        """Time a file on an engine, in turn with the parent."""
        ...

    def score(self, model: Path, engine: Engine, split: str, *, part: bool = False) -> Score:
        """Measure a file on an engine: on a split, or on a part of it."""
        ...

    def score_trained(self, split: str, *, part: bool = False) -> Score:
        """Measure the trained model itself, in torch."""
        ...


def try_candidate(
    candidate: Candidate, measurer: Measurer, trained: Trained, limits: Limits
) -> Outcome:
    """Make a candidate and measure it; what goes wrong with it alone is its outcome."""
    start_s = time.perf_counter()
    found: dict[str, Any] = {"candidate": candidate, "state": "failed"}
    try:
        _fill(found, candidate, measurer, trained, limits)
    except _OF_A_CANDIDATE as error:
        found |= {"state": "failed", "why": str(error), "latency": None, "score": None}
    return Outcome(**found, seconds=time.perf_counter() - start_s)


def _fill(
    found: dict[str, Any],
    candidate: Candidate,
    measurer: Measurer,
    trained: Trained,
    limits: Limits,
) -> None:
    """Put what is found out, step by step, into the fields of an outcome."""
    engine = candidate.engine
    model = measurer.make(candidate.recipe)
    found |= {"model_sha256": sha256_file(model), "size_bytes": model.stat().st_size}
    latency = found["latency"] = measurer.time(model, engine)
    if latency.speedup < 1 and measurer.has_part:  # it cannot win, and val takes long
        found["state"] = "slower"
        return
    if measurer.has_part and trained.part is not None:
        score = measurer.score(model, engine, "val", part=True)
        drop = found["part_drop"] = trained.part.map50_95 - score.map50_95
        if is_hopeless(drop, limits):
            found |= {"state": "hopeless", "score": score}
            return
    found |= {"state": "measured", "score": measurer.score(model, engine, "val")}


def is_hopeless(part_drop: float, limits: Limits) -> bool:
    """Tell whether a candidate loses so much on a part of val that the whole need not be run."""
    return part_drop > max(_HOPELESS_DROP, 2 * limits.max_map_drop)


def is_known(outcome: Outcome | None, limits: Limits) -> bool:
    """Tell whether a candidate need not be tried again, as under limits that were stricter."""
    if outcome is None:
        return False
    if outcome.state != "hopeless" or outcome.part_drop is None:
        return True
    return is_hopeless(outcome.part_drop, limits)
