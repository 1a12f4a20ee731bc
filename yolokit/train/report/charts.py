"""The curves of a run as charts of a page: only those that have something to show."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

from yolokit.core.units import describe_number
from yolokit.metrics.fitness import MAP50_95
from yolokit.report.charts import Mark, Series, line_chart
from yolokit.report.page import Details

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yolokit.report.page import Chart
    from yolokit.train.record import EpochRecord, RunRecord
    from yolokit.train.report.verdict import CurveVerdict

_SHARES = (0.0, 1.0)
_RATE = "learning_rate"
_BURST, _SHOWN = 20, 5  # times the median: what is cut off, and where
_LOSS_WORDS = {
    "box": "Box loss: where objects are",
    "cls": "Class loss: what they are",
    "dfl": "Edge loss: where exactly their edges are",
    "l1": "Distance loss: how far box edges are off",
}


def draw_charts(record: RunRecord, verdict: CurveVerdict) -> tuple[Chart | Details, ...]:
    """Return the charts of metrics, losses and learning rates; those that matter less folded."""
    marks = _list_marks(record, verdict)
    losses = _list_losses(record.epochs)
    first = _given(_draw_scores(record, marks), _draw_total(record.epochs, losses, marks))
    more = _given(
        _draw_pair(record, marks),
        *(_draw_loss(name, record.epochs, marks) for name in losses),
        _draw_rates(record.epochs),
    )
    folded = "More curves: precision and recall, each loss, learning rate"
    return (*first, *([Details(folded, more)] if more else []))


def _given(*charts: Chart | None) -> tuple[Chart, ...]:
    return tuple(chart for chart in charts if chart is not None)


def _list_marks(record: RunRecord, verdict: CurveVerdict) -> list[Mark]:
    marks = []
    best = record.best
    if best is not None and best.epoch:
        marks.append(Mark(best.epoch, "best"))
    if verdict.epoch is not None:
        marks.append(Mark(verdict.epoch, "over-fitting"))
    return marks


def _draw_scores(record: RunRecord, marks: Sequence[Mark]) -> Chart | None:
    fitness = record.fitness
    lines = _lines(record.epochs, {name: name for name in (fitness, MAP50_95, "mAP50")})
    if not lines:
        return None
    start = record.start_epoch
    if start is not None:
        ends = (record.epochs[0].epoch, record.epochs[-1].epoch)
        before = start.metrics[fitness]
        lines.append(Series(f"{fitness} before training", ends, (before, before)))
    title, label = "How well boxes are found (mAP on val)", "mAP"
    if fitness != MAP50_95:
        title, label = f"How well boxes are found on val; {fitness} chose the best epoch", "score"
    return line_chart(title, lines, x_label="epoch", y_label=label, y_range=_SHARES, marks=marks)


def _draw_pair(record: RunRecord, marks: Sequence[Mark]) -> Chart | None:
    lines = _lines(record.epochs, {"precision": "precision", "recall": "recall"})
    if not lines:
        return None
    return line_chart(
        "Precision (found boxes that are right) and recall (true boxes that are found)",
        lines, x_label="epoch", y_label="share", y_range=_SHARES, marks=marks,
    )  # fmt: skip


def _draw_total(
    epochs: Sequence[EpochRecord], losses: Sequence[str], marks: Sequence[Mark]
) -> Chart | None:
    """Return the sums of the losses, by which over-fitting is judged."""
    x = tuple(float(epoch.epoch) for epoch in epochs)
    lines = []
    for split in ("train", "val"):
        names = [f"{split}_{loss}_loss" for loss in losses]
        y = [sum(epoch.metrics.get(name, math.nan) for name in names) for epoch in epochs]
        if names and not all(map(math.isnan, y)):
            lines.append(Series(split, x, tuple(y)))
    title = "How far off the model is (all losses together: less is better)"
    return _draw_losses(title, lines, marks)


def _draw_losses(title: str, lines: Sequence[Series], marks: Sequence[Mark]) -> Chart | None:
    """Return a chart of losses, cut off where a burst would flatten all the rest."""
    values = [y for line in lines for y in line.y if math.isfinite(y)]
    if not values:
        return None
    middle = median(values)
    limit = _SHOWN * middle
    if max(values) > _BURST * middle:
        title += f"; what is above {describe_number(limit)} is drawn there"
        lines = [Series(one.name, one.x, tuple(min(y, limit) for y in one.y)) for one in lines]
    return line_chart(title, lines, x_label="epoch", y_label="loss", marks=marks)


def _draw_loss(name: str, epochs: Sequence[EpochRecord], marks: Sequence[Mark]) -> Chart | None:
    lines = _lines(epochs, {f"train_{name}_loss": "train", f"val_{name}_loss": "val"})
    title = _LOSS_WORDS.get(name, f"Loss: {name}")
    return _draw_losses(title, lines, marks)


def _draw_rates(epochs: Sequence[EpochRecord]) -> Chart | None:
    names = dict.fromkeys(
        name for epoch in epochs for name in epoch.metrics if name.startswith(_RATE)
    )
    words = {name: "weights" if name == _RATE else name.removeprefix(f"{_RATE}_") for name in names}
    lines = _lines(epochs, words)
    if not lines:
        return None
    return line_chart("Learning rate", lines, x_label="epoch", y_label="rate")


def _list_losses(epochs: Sequence[EpochRecord]) -> list[str]:
    names = (name for epoch in epochs for name in epoch.metrics if name.endswith("_loss"))
    return list(dict.fromkeys(name.split("_", 1)[1].removesuffix("_loss") for name in names))


def _lines(epochs: Sequence[EpochRecord], words: Mapping[str, str]) -> list[Series]:
    """Return a line for each metric that any epoch has, with a gap where one has it not."""
    x = tuple(float(epoch.epoch) for epoch in epochs)
    return [
        Series(word, x, tuple(epoch.metrics.get(name, math.nan) for epoch in epochs))
        for name, word in words.items()
        if any(name in epoch.metrics for epoch in epochs)
    ]
