"""How often values fall between edges, such as the sizes of boxes."""

from __future__ import annotations

import bisect
import itertools
import math
from typing import TYPE_CHECKING

from yolokit.core.units import describe_share
from yolokit.report.axes import (
    WIDTH,
    Frame,
    draw_mark,
    draw_x_axis,
    draw_y_axis,
    name_ticks,
    round_outwards,
    round_ticks,
    svg,
    text_width,
)
from yolokit.report.markup import element, escape
from yolokit.report.page import Chart, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.report.line_chart import Mark

_PLOT_HEIGHT = 180


def histogram(
    title: str,
    edges: Sequence[float],
    counts: Sequence[int],
    *,
    x_label: str,
    y_label: str,
    mark: Mark | None = None,
    whole: bool = False,
) -> Chart:
    """Return bars between edges, all of one width; the edges may be any that rise.

    Args:
        title: The heading.
        edges: One more than counts, rising; for sizes each may be twice the one before.
        counts: How many values lie between an edge and the next.
        x_label: What the values are, with their unit.
        y_label: What is counted.
        mark: A threshold at one of the edges, with a label that also reads well in "12 boxes are
            below 8 px".
        whole: The values are whole numbers: what lies between 3 and 5 is called 3-4.

    Raises:
        ValueError: There is not one more edge than there are counts.
    """
    names = name_ticks(edges)
    bins = [f"{a} to {b}" for a, b in itertools.pairwise(names)]
    if whole:
        names = bins = [_name_whole(low, high) for low, high in itertools.pairwise(edges)]
    table = Table((x_label, y_label), tuple(zip(bins, map(_whole, counts), strict=True)))
    if not sum(counts):
        return Chart("", title, f"Nothing to draw: there are no {y_label}.")
    summary = _summarise(edges, counts, bins, y_label, mark)
    y_range = round_outwards(0, max(counts), 4)
    ticks = round_ticks(*y_range, 4, whole=True)
    left = max(map(text_width, name_ticks(ticks))) + 10
    frame = Frame(left, WIDTH - 14, 30, 30 + _PLOT_HEIGHT, (0, len(counts)), y_range)
    parts = draw_y_axis(frame, ticks, y_label)
    parts += [
        _draw_bar(frame, place, count, f"{bins[place]}: {_whole(count)}")
        for place, count in enumerate(counts)
    ]
    room = (frame.right - frame.left) / len(names)
    shown = range(0, len(names), math.ceil((max(map(text_width, names)) + 8) / room))
    places = [place + 0.5 * whole for place in shown]  # what names a bar stands below it
    parts += draw_x_axis(frame, places, [names[place] for place in shown], x_label)
    if mark is not None and edges[0] <= mark.x <= edges[-1]:
        parts += draw_mark(frame, _place(edges, mark.x), mark.label)
    return Chart(svg(title, summary, frame.bottom + 44, parts), title, summary, table)


def _name_whole(low: float, high: float) -> str:
    """Return what the whole numbers from an edge to the next are called."""
    return f"{low:,.0f}" if high - low <= 1 else f"{low:,.0f}-{high - 1:,.0f}"


def _draw_bar(frame: Frame, place: int, count: int, tip: str) -> str:
    gap = 1.0
    left, right, top = frame.x(place) + gap, frame.x(place + 1) - gap, frame.y(count)
    height = frame.bottom - top
    return element(
        "rect",
        element("title", escape(tip)),
        x=left,
        y=top,
        width=max(right - left, 0.5),
        height=height,
        class_="bar",
    )


def _place(edges: Sequence[float], value: float) -> float:
    """Return where a value lies, counted in bins."""
    index = min(max(bisect.bisect_right(edges, value) - 1, 0), len(edges) - 2)
    low, high = edges[index], edges[index + 1]
    return index + (value - low) / (high - low)


def _summarise(
    edges: Sequence[float],
    counts: Sequence[int],
    bins: Sequence[str],
    y_label: str,
    mark: Mark | None,
) -> str:
    total = sum(counts)
    most = max(range(len(counts)), key=lambda place: counts[place])
    summary = f"{_whole(total)} {y_label}; most ({_whole(counts[most])}) at {bins[most]}."
    if mark is None:
        return summary
    below = sum(count for high, count in zip(edges[1:], counts, strict=True) if high <= mark.x)
    share = describe_share(below, total)
    return f"{summary} {_whole(below)} ({share}) below {mark.label}."


def _whole(count: int) -> str:
    return f"{count:,}"
