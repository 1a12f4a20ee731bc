"""Two runs on one page: which is better, both curves in one chart, and what differed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import yolokit
from yolokit.metrics.fitness import MAP50_95
from yolokit.report.charts import Series, line_chart
from yolokit.report.page import Details, Page, Section, Table, Text, Verdict
from yolokit.train.record import EpochRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yolokit.jobs.runs.compare import Comparison, Pair
    from yolokit.report.page import Block, Chart

COMMAND = "yolokit runs compare"
_LOSSES = {
    "train_box_loss": "Box loss on train",
    "val_box_loss": "Box loss on val",
    "train_cls_loss": "Class loss on train",
    "val_cls_loss": "Class loss on val",
}
# Of runs, and of folds.
_FIGURES = (
    "Figures of best.pt on val",
    "Figures of best.pt on the images of its fold: mean and standard deviation of the folds",
)
_LEADS = (
    "Two training runs side by side.",
    "Two trainings in folds side by side; curves and classes are means over the folds.",
)
_HOW = (
    "The images that both runs were validated on are drawn again and again, with repetition, as "
    "many each time as there are; both models are measured on each draw. Where 95 % of the "
    "differences lie on one side of 0, the choice of images does not explain the difference. "
    "Training once more with another seed may still change as much."
)


Curves = tuple[Sequence[EpochRecord], Sequence[EpochRecord]]


def build_compare_page(comparison: Comparison, curves: Curves) -> Page:
    """Return the page of a comparison, with the epochs of both."""
    names = (comparison.a, comparison.b)
    mood: Literal["good", "neutral"] = "good" if comparison.better else "neutral"
    sections = [
        Section(
            "Which is better",
            (
                Verdict(mood, comparison.headline, comparison.reason),
                _tabulate(comparison.metrics, names, _FIGURES[comparison.are_folds]),
                Text(_HOW),
            ),
        )
    ]
    scores = {name: f"{name} on val" for name in (comparison.metric, MAP50_95, "mAP50")}
    charts = _draw_curves(names, curves, scores)
    losses = _draw_curves(names, curves, _LOSSES)
    folded = (Details("The losses of both", losses),) if losses else ()
    if charts or losses:
        sections.append(Section("Curves", (*charts, *folded)))
    if comparison.classes:
        caption = "mAP50-95 of each class on val, as COCO measures"
        sections.append(Section("Class by class", (_tabulate(comparison.classes, names, caption),)))
    sections.append(Section("What differed", _list_differences(comparison, names)))
    return Page(
        title=f"{names[0]} and {names[1]}",
        lead=_LEADS[comparison.are_folds],
        sections=tuple(sections),
        made_by=f"{COMMAND} {yolokit.__version__}",
    )


def show_value(value: Any) -> str:
    """Return a value as it is shown in a table."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}" if 0.001 <= abs(value) < 1000 else f"{value:g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "-"
    return str(value)


def _tabulate(pairs: Sequence[Pair], names: tuple[str, str], caption: str) -> Table:
    rows = tuple((pair.name, show_value(pair.a), show_value(pair.b)) for pair in pairs)
    return Table(("", *names), rows, caption)


def _list_differences(comparison: Comparison, names: tuple[str, str]) -> tuple[Block, ...]:
    blocks: list[Block] = []
    if comparison.options:
        blocks.append(_tabulate(comparison.options, names, "Options"))
    if comparison.data:
        blocks.append(_tabulate(comparison.data, names, "Data and software"))
    return tuple(blocks) or (Text("Nothing: options, data and software are the same."),)


def _draw_curves(
    names: tuple[str, str], curves: Curves, titles: Mapping[str, str]
) -> tuple[Chart, ...]:
    charts = []
    for metric, title in titles.items():
        lines = [
            Series(
                name,
                tuple(float(epoch.epoch) for epoch in epochs),
                tuple(epoch.metrics.get(metric, math.nan) for epoch in epochs),
            )
            for name, epochs in zip(names, curves, strict=True)
            if any(metric in epoch.metrics for epoch in epochs)
        ]
        if lines:
            label = "loss" if "loss" in metric else metric
            charts.append(line_chart(title, lines, x_label="epoch", y_label=label))
    return tuple(charts)
