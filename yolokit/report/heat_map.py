"""Numbers in cells, each row shaded by its shares, such as a confusion matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.core.units import describe_number, describe_share
from yolokit.report.axes import WIDTH, shorten, svg, text_width, words
from yolokit.report.markup import element, escape
from yolokit.report.page import Chart, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

_NUMBERED = 10  # columns in which a number is readable on a phone
_NAMED = 30  # rows and columns that can be named
_FULL_TABLE = 30
_LISTED = 50
_NAME_LENGTH = 16


def heat_map(
    title: str,
    matrix: Sequence[Sequence[float]],
    row_names: Sequence[str],
    column_names: Sequence[str],
    *,
    row_label: str,
    column_label: str,
    wholes: Sequence[float] | None = None,
    joined: str = "as",
) -> Chart:
    """Return numbers in cells, each row shaded by its shares.

    Small ones have their numbers in the cells. Of large ones the picture shows the pattern, and
    the largest cells between different names (the confusions) are listed.

    Args:
        title: The heading.
        matrix: Numbers that are not negative, (rows, columns).
        row_names: The name of each row.
        column_names: The name of each column.
        row_label: What the rows are, such as `truth`.
        column_label: What the columns are, such as `found`.
        wholes: What the numbers of each row are parts of; the sum of the row by default.
        joined: The word between the names of a row and a column.
    """
    if wholes is None:
        wholes = [sum(row) for row in matrix]
    if not any(value for row in matrix for value in row):
        return Chart("", title, f"Nothing to draw: no {row_label} has any {column_label}.")
    confusions = _list_confusions(matrix, row_names, column_names, wholes)
    summary = _summarise(confusions, row_label, column_label, joined)
    corner = f"{row_label} / {column_label}"
    if max(len(row_names), len(column_names)) <= _FULL_TABLE:
        rows = zip(row_names, matrix, strict=True)
        cells = tuple((name, *(describe_number(v, 4) for v in row)) for name, row in rows)
        table = Table((corner, *column_names), cells)
    else:
        columns = (row_label, column_label, "count", f"share of the {row_label}")
        table = Table(columns, tuple(confusions[:_LISTED]), "The largest confusions")
    shares = [
        [value / (whole or 1.0) for value in row] for row, whole in zip(matrix, wholes, strict=True)
    ]
    parts, height = _draw(matrix, shares, row_names, column_names, row_label, column_label)
    return Chart(svg(title, summary, height, parts), title, summary, table)


def _list_confusions(
    matrix: Sequence[Sequence[float]],
    row_names: Sequence[str],
    column_names: Sequence[str],
    wholes: Sequence[float],
) -> list[tuple[str, str, str, str]]:
    """Return row, column, number and share of each cell between different names, largest first."""
    cells = [
        (value, row_name, column_name, whole)
        for row_name, row, whole in zip(row_names, matrix, wholes, strict=True)
        for column_name, value in zip(column_names, row, strict=True)
        if value and row_name != column_name
    ]
    cells.sort(key=lambda cell: -cell[0])
    return [
        (row, column, describe_number(value, 4), describe_share(value, total))
        for value, row, column, total in cells
    ]


def _summarise(
    confusions: Sequence[tuple[str, str, str, str]],
    row_label: str,
    column_label: str,
    joined: str,
) -> str:
    if not confusions:
        return f"Each {row_label} has its own {column_label} alone."
    listed = "; ".join(
        f"{row} {joined} {column}: {count} ({share})"
        for row, column, count, share in confusions[:3]
    )
    return f"Each row is shaded by its shares. Largest off the diagonal: {listed}."


def _draw(
    matrix: Sequence[Sequence[float]],
    shares: Sequence[Sequence[float]],
    row_names: Sequence[str],
    column_names: Sequence[str],
    row_label: str,
    column_label: str,
) -> tuple[list[str], float]:
    """Return the cells with what is written beside them, and the height of it all."""
    rows, columns = len(row_names), len(column_names)
    is_named = max(rows, columns) <= _NAMED
    sides = [shorten(name, _NAME_LENGTH) for name in row_names] if is_named else [""]
    heads = [shorten(name, _NAME_LENGTH) for name in column_names] if is_named else [""]
    left = max(*map(text_width, sides), 20) + 8
    is_flat = max(map(text_width, heads)) < (WIDTH - left) / columns - 4
    right = WIDTH if is_flat else WIDTH - 40  # the last of the turned names ends beyond its column
    width = (right - left) / columns
    top = (44.0 if is_named else 22.0) if is_flat else max(map(text_width, heads)) * 0.8 + 34
    height = min(width, 44.0) if columns <= _NUMBERED else width
    parts = [
        words(f"{row_label} ↓", 0, 12, kind="quiet"),
        words(f"{column_label} →", max(left, text_width(row_label) + 40), 12, kind="quiet"),
        element("rect", x=left, y=top, width=right - left, height=rows * height, class_="edge"),
    ]
    if is_named:
        parts += _draw_names(sides, heads, left, top, width, height, is_flat=is_flat)
    for row, (name, values) in enumerate(zip(row_names, matrix, strict=True)):
        for column, value in enumerate(values):
            tip = f"{name} / {column_names[column]}: {describe_number(value, 4)}"
            place = (left + column * width, top + row * height, width, height)
            number = describe_number(value) if columns <= _NUMBERED else ""
            parts.append(_draw_cell(place, shares[row][column], number, tip))
    return parts, top + rows * height + 2


def _draw_names(
    sides: Sequence[str],
    heads: Sequence[str],
    left: float,
    top: float,
    width: float,
    height: float,
    *,
    is_flat: bool,
) -> list[str]:
    parts = [
        words(name, left - 8, top + (row + 0.5) * height + 4, anchor="end")
        for row, name in enumerate(sides)
    ]
    for column, name in enumerate(heads):
        x = left + (column + 0.5) * width
        if is_flat:
            parts.append(words(name, x, top - 8, anchor="middle"))
        else:
            turned = f"rotate(-50 {x + 4:.1f} {top - 6:.1f})"
            parts.append(element("text", escape(name), x=x + 4, y=top - 6, transform=turned))
    return parts


def _draw_cell(
    place: tuple[float, float, float, float], share: float, number: str, tip: str
) -> str:
    x, y, width, height = place
    gap = 1.0 if width > 8 else 0.2
    cell = element(
        "rect",
        element("title", escape(tip)),
        x=x,
        y=y,
        width=width - gap,
        height=height - gap,
        class_="cell" if number else "cell deep",  # a number must stay readable
        fill_opacity=round(share, 3),
    )
    if not number:
        return cell
    return cell + words(number, x + width / 2, y + height / 2 + 4, anchor="middle")
