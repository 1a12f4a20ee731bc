"""A run in a few sentences, for the page, the terminal and the list of runs alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from yolokit.core.plural import counted
from yolokit.errors import TrainError
from yolokit.metrics.fitness import parse_fitness
from yolokit.train.report.advice import list_advice, list_next
from yolokit.train.report.baseline import Baseline, judge_baseline
from yolokit.train.report.gradients import warn_of_gradients
from yolokit.train.report.kept import (
    compare_validations,
    count_unfound,
    read_best,
    read_start,
)
from yolokit.train.report.verdict import CurveVerdict, judge_curves

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yolokit.evaluate.resampling import Difference
    from yolokit.train.record import RunRecord

_CLASSES_NAMED = 3


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run.

    Attributes:
        curves: What its curves say.
        baseline: What it brought.
        advice: What to try next, one sentence each.
        next: The commands that come next, each with what it does.
    """

    curves: CurveVerdict
    baseline: Baseline
    advice: tuple[str, ...]
    next: tuple[tuple[str, str], ...]

    @property
    def headline(self) -> str:
        """The answer in one line."""
        brought = self.baseline.headline
        return f"{self.curves.headline}; {brought}" if brought else self.curves.headline


def summarize(record: RunRecord, run_dir: Path) -> Summary:
    """Say what came of a run, from its record and what its validations kept."""
    curves = judge_curves(record)
    baseline = judge_baseline(record, _compare_with_start(record, run_dir))
    return Summary(
        curves=curves,
        baseline=baseline,
        advice=(
            *warn_of_gradients(run_dir),
            *list_advice(record, curves, baseline, run_dir),
            *_name_unfound(record, curves, run_dir),
        ),
        next=tuple(list_next(record, run_dir)),
    )


def _name_unfound(record: RunRecord, curves: CurveVerdict, run_dir: Path) -> Iterator[str]:
    """Name the classes of which nothing is found, unless that is all that there is to say."""
    if record.best is None or curves.kind == "nothing-learnt":
        return
    try:
        unfound = count_unfound(read_best(run_dir, record), len(record.data.names))
    except TrainError:  # an older run, or one whose files were moved
        return
    for class_id, objects in list(unfound.items())[:_CLASSES_NAMED]:
        yield (
            f"Of {record.data.names[class_id]} no object is found, of {objects} on val: train "
            "longer, at a larger `--imgsz` if they are small, or with more pictures of it."
        )
    if len(unfound) > _CLASSES_NAMED:
        more = counted(len(unfound) - _CLASSES_NAMED, "more class", "more classes")
        yield f"Nothing is found of {more} either: see Class by class in report.html."


def _compare_with_start(record: RunRecord, run_dir: Path) -> Difference | None:
    """Compare start and best epoch on the same images; None where either was not kept."""
    if record.start_epoch is None or record.best is None or record.best.epoch == 0:
        return None
    try:
        start, best = read_start(run_dir, record), read_best(run_dir, record)
        metric = parse_fitness(record.config.fitness)
        return compare_validations(start, best, len(record.data.names), metric)
    except TrainError:  # an older run, or one whose files were moved: told as not known
        return None
