"""Lines over a common axis, such as a loss over epochs or precision over recall."""

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
from yolokit.report.markup import element
from yolokit.report.page import Chart, Table
from yolokit.report.palette import DASHES, MARKERS, SERIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PLOT_HEIGHT = 220
_NAMED = 8  # series with a colour or a dash of their own; the rest is drawn thin and grey
_MARKED_POINTS = 14  # a line of no more points shows each of them
_ROWS = 500  # of the table
_NAME_LENGTH = 28


class Series(msgspec.Struct, frozen=True):
    """A line: equally many ``x`` and ``y``; where ``y`` is NaN, the line has a gap."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]

    def points(self) -> list[tuple[float, float]]:
        """Return the points that can be drawn."""
        pairs = zip(self.x, self.y, strict=True)
        return [(x, y) for x, y in pairs if math.isfinite(x) and math.isfinite(y)]

    def segments(self) -> Iterator[list[tuple[float, float]]]:
        """Yield points that follow each other without a gap."""
        segment: list[tuple[float, float]] = []
        for x, y in zip(self.x, self.y, strict=True):
            if math.isfinite(x) and math.isfinite(y):
                segment.append((x, y))
            elif segment:
                yield segment
                segment = []
        if segment:
            yield segment


class Mark(msgspec.Struct, frozen=True):
    """A vertical line at ``x`` with its label, such as the best epoch or a threshold."""

    x: float
    label: str


def line_chart(
    title: str,
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    y_range: tuple[float, float] | None = None,
    marks: Sequence[Mark] = (),
) -> Chart:
    """Return lines over a common axis.

    Args:
        title: The heading.
        series: The lines. Eight are told apart by colour, dash and marker, and named; further ones
            are drawn grey, so the ones that matter come first.
        x_label: What lies along the lower axis, with its unit.
        y_label: What is measured, with its unit.
        y_range: The values at the lower and upper edge; None takes those of the data.
        marks: Vertical lines with labels.
    """
    drawn = [each for each in series if each.points()]
    if not drawn:
        return Chart("", title, f"Nothing to draw: there is no value of {y_label}.")
    summary = _summarise(drawn, x_label)
    legend, legend_height = draw_legend(drawn)
    frame = _lay_out(drawn, legend_height, y_range, marks)
    ticks = round_ticks(*frame.y_range, 5)
    parts = [*legend, *draw_y_axis(frame, ticks, y_label), *_draw_x_ticks(frame, drawn, x_label)]
    for number, each in reversed(list(enumerate(drawn))):  # the first lies on top
        parts += _draw_series(frame, number, each)
    shown = [mark for mark in marks if frame.x_range[0] <= mark.x <= frame.x_range[1]]
    for level, mark in enumerate(sorted(shown, key=lambda mark: mark.x)):
        parts += draw_mark(frame, mark.x, mark.label, level)
    drawing = svg(title, summary, frame.bottom + 44, parts)
    return Chart(drawing, title, summary, _tabulate(drawn, x_label, y_label))


def _lay_out(
    series: Sequence[Series],
    legend_height: float,
    y_range: tuple[float, float] | None,
    marks: Sequence[Mark],
) -> Frame:
    xs = [x for each in series for x, _ in each.points()]
    ys = [y for each in series for _, y in each.points()]
    if y_range is None:
        low, high = min(ys), max(ys)
        starts_at_zero = 0 <= low < high / 2
        y_range = round_outwards(0 if starts_at_zero else low, high, 5)
    names = name_ticks(round_ticks(*y_range, 5))
    left = max(map(text_width, names)) + 10
    xs += [mark.x for mark in marks if math.isfinite(mark.x)]
    top = legend_height + 30
    x_range = widen(min(xs), max(xs))
    return Frame(left, WIDTH - 12, top, top + _PLOT_HEIGHT, x_range, y_range)


def _draw_x_ticks(frame: Frame, series: Sequence[Series], label: str) -> list[str]:
    xs = [x for each in series for x, _ in each.points()]
    if len(set(xs)) == 1:
        ticks = xs[:1]
    else:
        ticks = round_ticks(*frame.x_range, 6, whole=all(x == round(x) for x in xs))
    return draw_x_axis(frame, ticks, name_ticks(ticks), label)


def _draw_series(frame: Frame, number: int, series: Series) -> Iterator[str]:
    low, high = frame.y_range
    is_named = number < _NAMED
    kind = f"s{number % len(SERIES)}" if is_named else "rest"
    for segment in series.segments():
        places = [(frame.x(x), frame.y(min(max(y, low), high))) for x, y in segment]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        dash = DASHES[number % len(DASHES)] if is_named else None
        if len(places) > 1:
            yield element("path", d=path, class_=f"curve {kind}", stroke_dasharray=dash)
        if not is_named:
            continue
        shown = places if len(series.x) <= _MARKED_POINTS or len(places) == 1 else places[-1:]
        for x, y in shown:
            yield draw_marker(number, x, y)


def draw_marker(number: int, x: float, y: float) -> str:
    """Return the marker of a series, the same in the legend and on its line."""
    shape = MARKERS[number % len(MARKERS)]
    kind = f"point s{number % len(SERIES)}"
    if shape in ("circle", "ring"):
        kind += " open" if shape == "ring" else ""
        return element("circle", cx=round(x, 1), cy=round(y, 1), r=3.2, class_=kind)
    outline = {
        "square": "M-3-3h6v6h-6z",
        "triangle": "M0-4L4 3h-8z",
        "diamond": "M0-4.5L4.5 0 0 4.5-4.5 0z",
        "cross": "M-3-3L3 3M-3 3L3-3",
    }[shape]
    place = f"translate({x:.1f} {y:.1f})"
    return element("path", d=outline, transform=place, class_=kind)


def draw_legend(series: Sequence[Series], *, points_only: int = 0) -> tuple[list[str], float]:
    """Return the names of the lines beside samples of them, in rows, and their height.

    The first ``points_only`` are points without a line; a group without any is not named.
    """
    if len(series) == 1:
        return [], 0
    names = [shorten(each.name, _NAME_LENGTH) for each in series[:_NAMED]]
    if len(series) > _NAMED:
        names.append(f"{len(series) - _NAMED} more")
    parts: list[str] = []
    x, y = 0.0, 12.0
    for number, name in enumerate(names):
        if number < points_only and not series[number].points():
            continue
        width = 34 + text_width(name) + 14
        if x > 0 and x + width > WIDTH:
            x, y = 0.0, y + 20
        is_line = number >= points_only
        parts += _draw_sample(number, x, y - 4) if is_line else [draw_marker(number, x + 14, y - 4)]
        parts.append(words(name, x + 34, y))
        x += width
    return parts, y + 10


def _draw_sample(number: int, x: float, y: float) -> list[str]:
    if number >= _NAMED:
        return [line(x, y, x + 28, y, "curve rest")]
    dash = DASHES[number % len(DASHES)]
    kind = f"curve s{number % len(SERIES)}"
    sample = element("path", d=f"M{x:.1f} {y:.1f}h28", class_=kind, stroke_dasharray=dash)
    return [sample, draw_marker(number, x + 14, y)]


def _summarise(series: Sequence[Series], x_label: str) -> str:
    """Return in words how each of the first lines begins and ends, and where its extremes lie."""
    sentences = [_describe_course(each, x_label) for each in series[:3]]
    if len(series) > 3:
        sentences.append(f"{counted(len(series) - 3, 'more line')} in the chart.")
    return " ".join(sentences)


def _describe_course(series: Series, x_label: str) -> str:
    points = series.points()
    name = series.name
    if len(points) == 1:
        (x, y) = points[0]
        return f"{name}: {describe_number(y)} at {x_label} {describe_number(x)}, the only value."
    low = min(points, key=lambda point: point[1])
    high = max(points, key=lambda point: point[1])
    if low[1] == high[1]:
        return f"{name}: {describe_number(low[1])} throughout."
    first, last = describe_number(points[0][1]), describe_number(points[-1][1])
    extremes = [
        f"{word} {describe_number(y)} at {describe_number(x)}"
        for word, (x, y) in (("lowest", low), ("highest", high))
        if (x, y) not in (points[0], points[-1])
    ]
    return ", ".join([f"{name}: from {first} to {last}", *extremes]) + "."


def _tabulate(series: Sequence[Series], x_label: str, y_label: str) -> Table:
    named = series[:_NAMED]
    values = [dict(zip(each.x, each.y, strict=True)) for each in named]
    xs = sorted({x for column in values for x in column})
    step = -(-len(xs) // _ROWS)
    rows = tuple(
        (describe_number(x, 4), *(_state(column.get(x)) for column in values)) for x in xs[::step]
    )
    names = [each.name or y_label for each in named]
    caption = f"{y_label}; each {step} values one row" if step > 1 else y_label
    return Table((x_label, *names), rows, caption)


def _state(value: float | None) -> str:
    return "-" if value is None else describe_number(value, 4)
