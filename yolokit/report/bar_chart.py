"""Horizontal bars, such as the boxes of each class."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from yolokit.core.plural import counted
from yolokit.core.units import describe_number
from yolokit.report.axes import WIDTH, line, shorten, svg, text_width, words
from yolokit.report.markup import element, escape
from yolokit.report.page import Chart, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

_BARS = 24  # at most; the rest is one bar
_ROW_HEIGHT = 22
_NAME_LENGTH = 20


def bar_chart(
    title: str,
    labels: Sequence[str],
    values: Sequence[float],
    *,
    value_label: str,
    add_up: bool = True,
) -> Chart:
    """Return horizontal bars, in the order given.

    Args:
        title: The heading.
        labels: The name of each bar.
        values: Its length; NaN where it is not known.
        value_label: What is measured, with its unit.
        add_up: Whether a sum means something, as it does of counts. Of too many bars the longest
            are drawn and one for all others; of scores, which do not add up, the first.
    """
    pairs = list(zip(labels, values, strict=True))
    table = Table(("", value_label), tuple((name, describe_number(v, 4)) for name, v in pairs))
    known = [(name, value) for name, value in pairs if math.isfinite(value)]
    if not known:
        return Chart("", title, f"Nothing to draw: there is no value of {value_label}.")
    shown, rest = _choose(known, add_up=add_up)
    summary = _summarise(known, value_label)
    if rest and add_up:
        total = sum(value for _, value in rest)
        shown.append((f"{len(rest)} others", total))
    elif rest:
        summary += f" {counted(len(rest), 'more is', 'more are')} in the table."
    parts = _draw_bars(shown, has_others=bool(rest) and add_up)
    drawing = svg(title, summary, len(shown) * _ROW_HEIGHT + 4, parts)
    return Chart(drawing, title, summary, table)


def _choose(
    pairs: list[tuple[str, float]], *, add_up: bool
) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
    """Return the bars to draw and those that are left over."""
    if len(pairs) <= _BARS:
        return list(pairs), []
    ordered = sorted(pairs, key=lambda pair: -abs(pair[1])) if add_up else pairs
    return ordered[: _BARS - 1], ordered[_BARS - 1 :]


def _draw_bars(shown: Sequence[tuple[str, float]], *, has_others: bool) -> list[str]:
    names = [shorten(name, _NAME_LENGTH) for name, _ in shown]
    numbers = [describe_number(value) for _, value in shown]
    left = max(map(text_width, names)) + 8
    right = WIDTH - max(map(text_width, numbers)) - 8
    low, high = min(0.0, *(v for _, v in shown)), max(0.0, *(v for _, v in shown))
    scale = (right - left) / (high - low or 1.0)
    zero = left - low * scale
    parts: list[str] = []
    for row, ((full, value), name, number) in enumerate(zip(shown, names, numbers, strict=True)):
        top = row * _ROW_HEIGHT + 2
        is_others = has_others and row == len(shown) - 1
        kind = "bar others" if is_others else ("bar" if value >= 0 else "bar below")
        start, length = zero + min(value, 0) * scale, abs(value) * scale
        tip = element("title", escape(f"{full}: {number}"))
        bar = element(
            "rect", x=start, y=top + 3, width=max(length, 0.75), height=14, rx=2, class_=kind
        )
        label = words(name, left - 8, top + 14, anchor="end")
        end = words(number, start + length + 6, top + 14, kind="quiet")
        parts.append(element("g", tip, label, bar, end))
    parts.append(line(zero, 0, zero, len(shown) * _ROW_HEIGHT + 4, "axis"))
    return parts


def _summarise(pairs: Sequence[tuple[str, float]], value_label: str) -> str:
    """Return in words which bars are longest and shortest."""
    low = min(pairs, key=lambda pair: pair[1])
    high = max(pairs, key=lambda pair: pair[1])
    most = f"{high[0]} ({describe_number(high[1])})"
    value_label = value_label[:1].upper() + value_label[1:]
    if len(pairs) == 1:
        return f"{value_label}: {most} alone."
    if low[1] == high[1]:
        return f"{value_label}: {describe_number(high[1])} for each of {len(pairs)}."
    return f"{value_label}: most for {most}, least for {low[0]} ({describe_number(low[1])})."
