"""Points over an axis that may be logarithmic or hold names, such as a score over a rate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from yolokit.core.plural import counted
from yolokit.core.units import describe_number
from yolokit.report.axes import (
    WIDTH,
    Frame,
    draw_mark,
    draw_x_axis,
    draw_y_axis,
    line,
    name_ticks,
    round_outwards,
    round_ticks,
    shorten,
    svg,
    text_width,
    widen,
    words,
)
from yolokit.report.line_chart import Mark, Series, draw_legend, draw_marker
from yolokit.report.markup import element, escape
from yolokit.report.page import Chart, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLOT_HEIGHT = 180
_NOTE_LENGTH = 40
_MARGIN = 0.04  # of the width, so that no point lies on an edge


class Axis(msgspec.Struct, frozen=True):
    """The lower axis.

    Attributes:
        label: What lies along it, with its unit.
        is_log: Equal ways stand for equal factors; all values are above 0.
        names: What the values 0, 1, 2, ... are called, where they are not numbers.
    """

    label: str
    is_log: bool = False
    names: tuple[str, ...] = ()

    def place(self, value: float) -> float:
        """Return where a value lies along it."""
        return math.log10(value) if self.is_log else value

    def name(self, value: float) -> str:
        """Return a value in words."""
        return self.names[round(value)] if self.names else describe_number(value, 3)


class Note(msgspec.Struct, frozen=True):
    """Words beside a point, or on a horizontal line at ``y`` where ``x`` is None."""

    x: float | None
    y: float
    text: str


def scatter_chart(
    title: str,
    groups: Sequence[Series],
    *,
    axis: Axis,
    y_label: str,
    line: Series | None = None,
    marks: Sequence[Mark] = (),
    notes: Sequence[Note] = (),
    summary: str = "",
) -> Chart:
    """Return points of some groups, each told apart by colour and marker.

    Args:
        title: The heading.
        groups: The points; those that matter most come first. One without any keeps its colour
            and marker, so that charts with the same groups look alike.
        axis: The lower axis.
        y_label: What is measured, with its unit.
        line: Something to compare them with, groups as a line.
        marks: Vertical lines with labels, such as a limit.
        notes: What is said in the drawing.
        summary: The chart in words; empty for where its highest point is.
    """
    if not any(each.points() for each in groups):
        return Chart("", title, f"Nothing to draw: there is no value of {y_label}.")
    summary = summary or _summarise(groups, axis, y_label)
    lines = [line] if line is not None and line.points() else []
    legend, legend_height = draw_legend([*groups, *lines], points_only=len(groups))
    xs = [axis.place(mark.x) for mark in marks]
    levels = [note.y for note in notes if note.x is None]
    frame = _lay_out([*groups, *lines], axis, legend_height, xs, levels)
    parts = [*legend, *draw_y_axis(frame, round_ticks(*frame.y_range, 4), y_label)]
    parts += _draw_x_ticks(frame, axis)
    for mark in marks:
        parts += draw_mark(frame, axis.place(mark.x), mark.label)
    parts += [_draw_line(frame, axis, len(groups), each) for each in lines]
    for number, each in reversed(list(enumerate(groups))):  # the first lies on top
        parts += [_draw_point(frame, axis, number, x, y) for x, y in each.points()]
    for note in notes:
        parts += _draw_note(frame, axis, note)
    drawing = svg(title, summary, frame.bottom + 44, parts)
    return Chart(drawing, title, summary, _tabulate(groups, axis, y_label))


def _lay_out(
    series: Sequence[Series],
    axis: Axis,
    legend_height: float,
    marked_xs: Sequence[float],
    marked_ys: Sequence[float],
) -> Frame:
    xs = [*marked_xs, *(axis.place(x) for each in series for x, _ in each.points())]
    ys = [*marked_ys, *(y for each in series for _, y in each.points())]
    if axis.names:
        xs = [0.0, len(axis.names) - 1.0]
    low, high = widen(min(xs), max(xs))
    room = (high - low) * (0.5 / len(axis.names) if axis.names else _MARGIN)
    y_range = round_outwards(min(ys), max(ys), 4)
    left = max(map(text_width, name_ticks(round_ticks(*y_range, 4)))) + 10
    top = legend_height + 30
    x_range = (low - room, high + room)
    return Frame(left, WIDTH - 12, top, top + _PLOT_HEIGHT, x_range, y_range)


def _draw_x_ticks(frame: Frame, axis: Axis) -> list[str]:
    if axis.names:
        places = [float(place) for place in range(len(axis.names))]
        return draw_x_axis(frame, places, axis.names, axis.label)
    if not axis.is_log:
        places = round_ticks(*frame.x_range, 6)
        return draw_x_axis(frame, places, name_ticks(places), axis.label)
    low, high = frame.x_range
    powers = range(math.floor(low), math.ceil(high) + 1)
    factors = (1,) if high - low > 2 else (1, 2, 5)
    values = [factor * 10.0**power for power in powers for factor in factors]
    shown = [value for value in values if low <= math.log10(value) <= high]
    if len(shown) < 2:  # the values lie close together
        shown = [float(f"{10**place:.3g}") for place in (low, high)]
    places = [math.log10(value) for value in shown]
    return draw_x_axis(frame, places, [f"{value:g}" for value in shown], axis.label)


def _draw_line(frame: Frame, axis: Axis, number: int, series: Series) -> str:
    places = [(frame.x(axis.place(x)), frame.y(y)) for x, y in series.points()]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    return element("path", d=path, class_=f"curve s{number}")


def _draw_point(frame: Frame, axis: Axis, number: int, x: float, y: float) -> str:
    tip = element("title", escape(f"{axis.name(x)}: {describe_number(y, 4)}"))
    return element("g", tip, draw_marker(number, frame.x(axis.place(x)), frame.y(y)))


def _draw_note(frame: Frame, axis: Axis, note: Note) -> list[str]:
    text, y = shorten(note.text, _NOTE_LENGTH), frame.y(note.y)
    if note.x is None:
        level = line(frame.left, y, frame.right, y, "mark")
        return [level, words(text, frame.right, y - 6, anchor="end", kind="label")]
    x = frame.x(axis.place(note.x))
    is_left = x < (frame.left + frame.right) / 2
    side, anchor = (7, None) if is_left else (-7, "end")
    return [words(text, x + side, y - 7, anchor=anchor, kind="label")]


def _summarise(groups: Sequence[Series], axis: Axis, y_label: str) -> str:
    points = [point for each in groups for point in each.points()]
    x, y = max(points, key=lambda point: point[1])
    count = counted(len(points), "point")
    return f"{count}; highest {y_label} {describe_number(y)} at {axis.label} {axis.name(x)}."


def _tabulate(groups: Sequence[Series], axis: Axis, y_label: str) -> Table:
    rows = [
        (axis.name(x), describe_number(y, 4), each.name)
        for each in groups
        for x, y in each.points()
    ]
    return Table((axis.label, y_label, ""), tuple(rows))
