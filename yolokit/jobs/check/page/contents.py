"""What a data set holds: classes in its splits, sizes, objects an image, what occurs together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.core.units import describe_share
from yolokit.labels.splits import order_splits
from yolokit.report.charts import Mark, bar_chart, heat_map, histogram
from yolokit.report.page import Block, Chart, Section, Table, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.datasets.statistics import Histogram, SetStatistics

SMALL_PX = 8
_TOGETHER = 80  # classes of which a picture can still be seen


def contents_sections(statistics: SetStatistics) -> Iterator[Section]:
    """Yield the sections on classes, on sizes, and on what occurs together."""
    yield Section("Classes", (_chart_classes(statistics), _tabulate_classes(statistics)))
    yield Section(
        "Sizes",
        (
            _chart_sides(statistics),
            _chart_objects(statistics),
            _chart_aspects(statistics),
            *_tabulate_sizes(statistics),
        ),
    )
    if 1 < len(statistics.together) <= _TOGETHER:
        yield Section("What occurs together", tuple(_chart_together(statistics)))


def _chart_classes(statistics: SetStatistics) -> Chart:
    totals = [
        sum(split.boxes_by_class[index] for split in statistics.splits.values())
        for index in range(len(statistics.names))
    ]
    pairs = sorted(zip(totals, statistics.names, strict=True), key=lambda pair: -pair[0])
    names, counts = [name for _, name in pairs], [count for count, _ in pairs]
    chart = bar_chart("Labels of each class", names, counts, value_label="labels")
    return Chart(chart.svg, chart.title, chart.summary)  # its table is the one that follows


def _tabulate_classes(statistics: SetStatistics) -> Table:
    splits = {name: statistics.splits[name] for name in order_splits(statistics.splits)}
    heads = [f"{name or 'all'}: {what}" for name in splits for what in ("labels", "share")]
    rows = []
    for index, name in enumerate(statistics.names):
        cells = [name]
        for split in splits.values():
            boxes = split.boxes_by_class[index]
            share = describe_share(boxes, split.boxes)
            cells += [f"{boxes:,}", share]
        rows.append(tuple(cells))
    caption = "Each split should hold every class, in about the same shares"
    return Table(("class", *heads), tuple(rows), caption)


def _chart_sides(statistics: SetStatistics) -> Chart:
    edges, counts = _trim(statistics.sides, keep=SMALL_PX)
    return histogram(
        f"Box sizes in a training at {statistics.imgsz} px",
        edges,
        counts,
        x_label="square root of the area (px)",
        y_label="boxes",
        mark=Mark(SMALL_PX, f"{SMALL_PX} px"),
    )


def _chart_objects(statistics: SetStatistics) -> Chart:
    edges, counts = _trim(statistics.objects)
    return histogram(
        "Objects an image", edges, counts, x_label="objects", y_label="images", whole=True
    )


def _chart_aspects(statistics: SetStatistics) -> Chart:
    edges, counts = _trim(statistics.aspects)
    return histogram("Shapes of boxes", edges, counts, x_label="width / height", y_label="boxes")


def _trim(counted: Histogram, keep: float = 0) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Return edges and counts without the empty bins at the end, but with an edge to keep."""
    last = max((at for at, count in enumerate(counted.counts) if count), default=0)
    while counted.edges[last + 1] < keep:
        last += 1
    return counted.edges[: last + 2], counted.counts[: last + 1]


def _tabulate_sizes(statistics: SetStatistics) -> Iterator[Block]:
    """Yield the sizes of images; nothing where no image was looked at."""
    sizes = statistics.image_sizes
    total = sum(count for _, _, count in sizes) + statistics.other_sizes
    if not total:
        yield Text("The sizes of the images are not known: only labels were read.")
        return
    rows = [
        (f"{width} x {height}", f"{count:,}", describe_share(count, total))
        for width, height, count in sizes
    ]
    if statistics.other_sizes:
        others = statistics.other_sizes
        rows.append(("other sizes", f"{others:,}", describe_share(others, total)))
    yield Table(("image size (px)", "images", "share"), tuple(rows), "Sizes of the images")


def _chart_together(statistics: SetStatistics) -> Iterator[Block]:
    names, together = statistics.names, statistics.together
    yield heat_map(
        "Classes in the same image",
        together,
        names,
        names,
        row_label="images with",
        column_label="also hold",
        wholes=[together[index][index] for index in range(len(names))],
        joined="with",
    )
