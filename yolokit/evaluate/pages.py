"""An analysis as sections of a report; those of ``val`` and of a training run are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.core.plural import counted
from yolokit.core.units import describe_share
from yolokit.errors import DataError
from yolokit.evaluate.pictures import draw_worst
from yolokit.evaluate.threshold_blocks import show_thresholds
from yolokit.evaluate.words import MEANINGS, NAMES, floor_conf, show_decimal
from yolokit.report.charts import bar_chart, heat_map
from yolokit.report.page import Details, Gallery, Picture, Section, Table, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.evaluate.analysis import Analysis
    from yolokit.evaluate.measures.worst import WorstImage
    from yolokit.report.page import Block

_MOST_CLASSES = 20  # in a heat map; of more those that are confused most are shown
_MOST_PAIRS = 10
_BACKGROUND = "nothing"
_SIZES = {
    "small": "small (below 32 x 32 px)",
    "medium": "medium",
    "large": "large (from 96 x 96 px)",
}


def analysis_sections(analysis: Analysis) -> list[Section]:
    """Return what went wrong, class by class, thresholds, and the worst images.

    The images are read to be drawn; one that is not there any more is named instead.
    """
    if not analysis.overall.boxes:
        return []
    sections = [
        Section("What goes wrong", tuple(_show_errors(analysis))),
        Section("Class by class", (_show_classes(analysis),)),
        Section("What is taken for what", tuple(_show_confusion(analysis))),
        Section("Which confidence to use", tuple(show_thresholds(analysis))),
    ]
    if analysis.worst:
        sections.append(Section("The worst images", tuple(_show_worst(analysis))))
    return sections


def _show_errors(analysis: Analysis) -> Iterator[Block]:
    kinds = [one for one in analysis.errors if one.count]
    conf = floor_conf(analysis.conf)
    if not kinds:
        yield Text(f"Nothing: at confidence {conf} every box is right, and no object is missed.")
        return
    serves = "the one that serves all classes best"
    why = serves if analysis.overall.right else "since no box is right at any"
    yield Text(
        f"Counted at confidence {conf}, {why}. Boxes are compared "
        "with the labels: a box is right if it has the class of a labelled object and overlaps it "
        "by at least 50 %."
    )
    yield bar_chart(
        "Errors by kind",
        [NAMES[one.kind] for one in kinds],
        [one.count for one in kinds],
        value_label="errors",
    )
    yield Table(
        ("Error", "All", "Small", "Medium", "Large", "Costs", "What it means"),
        tuple(
            (
                NAMES[one.kind],
                *map(str, (one.count, one.small, one.medium, one.large)),
                "-" if one.f1_gain is None else f"{one.f1_gain:.3f}",
                MEANINGS[one.kind],
            )
            for one in kinds
        ),
        "Costs: by how much F1 would rise if all errors of this kind, and no others, were put "
        "right; those that cost most come first",
    )
    yield Table(
        ("Size in the picture", "Objects", "Found", "Share found"),
        tuple(
            (_SIZES[one.size], str(one.boxes), str(one.right), describe_share(one.right, one.boxes))
            for one in analysis.sizes
        ),
        "Objects by size",
    )


def _show_classes(analysis: Analysis) -> Block:
    everything = (analysis.overall, *(one for one in analysis.curves if one.boxes))
    unseen = [one.name for one in analysis.curves if not one.boxes]
    without = f"; no label in these images: {', '.join(unseen)}" if unseen else ""
    return Table(
        ("Class", "Objects", "Boxes given", "Right", "Precision", "Recall", "F1", "AP50"),
        tuple(
            (
                one.name,
                *map(str, (one.boxes, one.found, one.right)),
                *map(show_decimal, (one.precision, one.recall, one.f1, one.ap50)),
            )
            for one in everything
        ),
        "Precision: the share of the given boxes that is right. Recall: the share of the objects "
        "that is found. F1: both in one number. AP50: precision over all recalls. 1 is perfect. "
        "These four of `all` are means over the classes, each of the same weight" + without,
    )


def _show_confusion(analysis: Analysis) -> Iterator[Block]:
    pairs = _list_confusions(analysis)
    if pairs:
        yield Table(
            ("Labelled", "Taken for", "Times", "Share of the class"),
            tuple(
                (analysis.names[row], analysis.names[column], str(count), share)
                for count, row, column, share in pairs[:_MOST_PAIRS]
            ),
            "Classes that are mixed up most",
        )
    else:
        yield Text("No object was given another class than its own.")
    chosen = _choose_classes(analysis)
    places = (*chosen, -1)
    matrix = [[analysis.confusion[row][column] for column in places] for row in places]
    names = [analysis.names[at] for at in chosen]
    yield Text(
        "Each row is a labelled class, each column what was found for it. The column "
        f"`{_BACKGROUND}` counts missed objects, the row `{_BACKGROUND}` boxes where nothing, or "
        f"nothing more, is labelled.{_explain_doubles(analysis)}"
    )
    yield heat_map(
        "Confusion matrix",
        matrix,
        [*names, _BACKGROUND],
        [*names, _BACKGROUND],
        row_label="Labelled",
        column_label="Found",
    )
    if len(chosen) < len(analysis.names):
        yield Text(
            f"Shown are those with most errors: {len(chosen)} of "
            f"{counted(len(analysis.names), 'class', 'classes')}; `metrics.json` has all."
        )


def _explain_doubles(analysis: Analysis) -> str:
    """Say why the matrix mixes up fewer objects than there are boxes of a wrong class."""
    wrong = sum(one.count for one in analysis.errors if one.kind == "wrong_class")
    doubles = wrong - sum(count for count, *_ in _list_confusions(analysis))
    if doubles <= 0:
        return ""
    which = counted(doubles, "box of a wrong class lies", "boxes of a wrong class lie")
    return f" There too: {which} on objects that another box accounts for."


def _list_confusions(analysis: Analysis) -> list[tuple[int, int, int, str]]:
    """Return count, true class, found class and share of all pairs that occur, most first."""
    found = []
    for row, counts in enumerate(analysis.confusion[:-1]):
        for column, count in enumerate(counts[:-1]):
            if count and row != column:
                found.append((count, row, column, describe_share(count, sum(counts))))
    return sorted(found, key=lambda one: (-one[0], one[1], one[2]))


def _choose_classes(analysis: Analysis) -> list[int]:
    """Return the classes that a heat map has room for, in their order: those with most errors."""
    matrix, count = analysis.confusion, len(analysis.names)
    errors = [
        sum(matrix[at]) + sum(row[at] for row in matrix) - 2 * matrix[at][at] for at in range(count)
    ]
    ranked = sorted(range(count), key=lambda at: -errors[at])
    return sorted(ranked[:_MOST_CLASSES])


def _show_worst(analysis: Analysis) -> Iterator[Block]:
    yield Text(
        "Each image twice: as labelled, and as found. Thin blue boxes are right; every other box "
        "says what is wrong. If the model is right and the label is not, mend the label."
    )
    pictures, gone = [], []
    for worst in analysis.worst:
        name = worst.image.replace("\\", "/").rsplit("/", 1)[-1]
        try:
            truth, found = draw_worst(worst, analysis.names)
        except DataError as error:
            gone.append(f"{worst.image}: {error.message}")
        else:
            pictures += [
                Picture(truth, f"{name}, as labelled", _caption_truth(worst, name)),
                Picture(found, f"{name}, as found", _caption(worst)),
            ]
    if pictures:
        yield Gallery(tuple(pictures), is_large=True)
    if gone:
        yield Details(
            f"{counted(len(gone), 'image')} could not be drawn",
            tuple(Text(one) for one in gone),
        )


def _caption_truth(worst: WorstImage, name: str) -> str:
    return f"{name}, as labelled: {counted(len(worst.truth), 'object')}"


def _caption(worst: WorstImage) -> str:
    boxes = counted(len(worst.found), "box", "boxes")
    left_out = f"; {worst.left_out} more are not drawn" if worst.left_out else ""
    return f"As found: {boxes}, {counted(worst.errors, 'error')}, F1 {worst.f1:.2f}{left_out}"
