"""Charts from numbers; each says in words what it shows, and holds its numbers as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from yolokit.report.page import Chart, Table

if TYPE_CHECKING:
    from collections.abc import Sequence


class Series(msgspec.Struct, frozen=True):
    """A line: equally many ``x`` and ``y``; where ``y`` is NaN, the line has a gap."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


class Mark(msgspec.Struct, frozen=True):
    """A vertical line at ``x`` with its label, such as the best epoch."""

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
    """Return lines over a common axis."""
    del y_range, marks
    rows = [
        (one.name, f"{x:g}", f"{y:g}") for one in series for x, y in zip(one.x, one.y, strict=True)
    ]
    return Chart(
        "", title, f"{y_label} over {x_label}.", Table(("Line", x_label, y_label), tuple(rows))
    )


def bar_chart(
    title: str, labels: Sequence[str], values: Sequence[float], *, value_label: str
) -> Chart:
    """Return horizontal bars, in the order given."""
    rows = [(label, f"{value:g}") for label, value in zip(labels, values, strict=True)]
    return Chart("", title, f"{value_label}.", Table(("", value_label), tuple(rows)))


def histogram(
    title: str,
    edges: Sequence[float],
    counts: Sequence[int],
    *,
    x_label: str,
    y_label: str,
    mark: Mark | None = None,
) -> Chart:
    """Return counts between edges (one more than counts), with a threshold marked."""
    del mark
    rows = [
        (f"{low:g} to {high:g}", str(count))
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
    ]
    return Chart("", title, f"{y_label} by {x_label}.", Table((x_label, y_label), tuple(rows)))


def heat_map(
    title: str,
    matrix: Sequence[Sequence[float]],
    row_names: Sequence[str],
    column_names: Sequence[str],
    *,
    row_label: str,
    column_label: str,
) -> Chart:
    """Return numbers in cells (rows, columns), each row shaded by its share: a confusion matrix."""
    rows = [
        (name, *(f"{value:g}" for value in row))
        for name, row in zip(row_names, matrix, strict=True)
    ]
    table = Table((f"{row_label} / {column_label}", *column_names), tuple(rows))
    return Chart("", title, f"{row_label} by {column_label}.", table)
