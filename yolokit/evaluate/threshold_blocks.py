"""What a page says of confidences: which to use, what each trades, and what they mean."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from yolokit.core.units import describe_share
from yolokit.evaluate.measures.curves import POINTS
from yolokit.evaluate.words import floor_conf, show_decimal
from yolokit.report.charts import Mark, Series, line_chart
from yolokit.report.page import Details, Table, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.evaluate.analysis import Analysis
    from yolokit.evaluate.measures.curves import Curve
    from yolokit.report.page import Block, Chart

_MOST_LINES = 6  # in a chart
_MOST_ROWS = 20  # of a table that is not folded
_X = tuple(POINTS.tolist())


def show_thresholds(analysis: Analysis) -> Iterator[Block]:
    """Yield the blocks of a section; ``analysis`` has at least one true box."""
    overall, conf = analysis.overall, floor_conf(analysis.conf)
    if not overall.right:
        yield Text("None: no box is right, whatever its confidence.")
        return
    yield Text(
        f"A model gives each box a confidence. `--conf {conf}` keeps those that serve best: with a "
        "lower one more objects are found and more boxes are false, with a higher one fewer of "
        "both."
    )
    mark = Mark(analysis.conf, f"best: {conf}")
    lines = (
        ("F1", overall.f1_by_conf),
        ("precision", overall.precision_by_conf),
        ("recall", overall.recall_by_conf),
    )
    yield line_chart(
        "Precision, recall and F1 over confidence, all classes",
        [Series(name, _X, values) for name, values in lines],
        x_label="confidence",
        y_label="share",
        y_range=(0, 1),
        marks=[mark],
    )
    classes = [one for one in analysis.curves if one.boxes]
    table = Table(
        ("Class", "Best confidence", "F1 there", f"F1 at {conf}"),
        tuple(
            (one.name, _show_conf(one), show_decimal(one.best_f1), show_decimal(one.f1))
            for one in classes
        ),
        "The best confidence for each class alone",
    )
    yield table if len(classes) <= _MOST_ROWS else Details(table.caption, (table,))
    yield _chart_by_class(classes, mark)
    yield line_chart(
        "Precision over recall",
        [Series(one.name, _X, one.precision_by_recall) for one in _pick(analysis)],
        x_label="recall: share of the objects that is found",
        y_label="precision",
        y_range=(0, 1),
    )
    yield Details("Do the confidences mean what they say?", tuple(_show_calibration(analysis)))


def _show_conf(curve: Curve) -> str:
    return floor_conf(curve.best_conf) if curve.best_conf and curve.best_f1 else "-"


def _chart_by_class(classes: Sequence[Curve], mark: Mark) -> Chart:
    shown = _lowest(classes)
    which = "each class" if len(shown) == len(classes) else f"the {len(shown)} weakest classes"
    return line_chart(
        f"F1 over confidence, {which}",
        [Series(one.name, _X, one.f1_by_conf) for one in shown],
        x_label="confidence",
        y_label="F1",
        y_range=(0, 1),
        marks=[mark],
    )


def _pick(analysis: Analysis) -> list[Curve]:
    classes = [one for one in analysis.curves if one.boxes]
    return [analysis.overall, *_lowest(classes)] if len(classes) > 1 else classes


def _lowest(classes: Sequence[Curve]) -> list[Curve]:
    """Return the classes that a chart has room for: those with the lowest best F1."""
    ranked = sorted(classes, key=lambda one: one.best_f1 or 0)[:_MOST_LINES]
    return [one for one in classes if one in ranked]


def _show_calibration(analysis: Analysis) -> Iterator[Block]:
    filled = [one for one in analysis.calibration if one.detections]
    edges = pairwise(f"{at / 10:.1f}" for at in range(11))
    yield Text(
        "Where boxes are right less often than their confidence says, the model is too sure of "
        "itself; where more often, it is too cautious. Only the confidence to cut at matters for "
        "use; read these as probabilities with care."
    )
    yield line_chart(
        "How often boxes of a confidence are right",
        [
            Series(
                "measured",
                tuple(one.mean_score or 0 for one in filled),
                tuple(one.precision or 0 for one in filled),
            ),
            Series("as they should be", (0, 1), (0, 1)),
        ],
        x_label="confidence",
        y_label="share that is right",
        y_range=(0, 1),
    )
    yield Table(
        ("Confidence", "Boxes", "Right"),
        tuple(
            (
                f"{low} to {high}",
                str(one.detections),
                "-" if one.precision is None else describe_share(one.precision, 1),
            )
            for (low, high), one in zip(edges, analysis.calibration, strict=True)
        ),
    )
