"""What charts with axes share: round numbers along them, and where a value lies in the picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from yolokit.core.units import describe_number
from yolokit.report.markup import element, escape

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 520  # of every chart, in units of its own; the style sheet scales it
CHARACTER = 9.8  # the width of a character where text is set largest, on a phone
_LABEL_LENGTH = 44
_MARK_LENGTH = 24
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


class Frame(msgspec.Struct, frozen=True):
    """The rectangle of a chart in which values are drawn, and the values at its edges."""

    left: float
    right: float
    top: float
    bottom: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, value: float) -> float:
        """Return where a value lies from left to right."""
        low, high = self.x_range
        return self.left + (value - low) / (high - low) * (self.right - self.left)

    def y(self, value: float) -> float:
        """Return where a value lies from top to bottom."""
        low, high = self.y_range
        return self.bottom - (value - low) / (high - low) * (self.bottom - self.top)


def widen(low: float, high: float) -> tuple[float, float]:
    """Return a range that is not empty: one value alone gets room on both sides."""
    if high > low and math.isfinite(high - low):
        return low, high
    room = abs(low) * 0.1 or 1.0
    return low - room, low + room


def round_ticks(low: float, high: float, count: int, *, whole: bool = False) -> list[float]:
    """Return about ``count`` round numbers within a range; no fractions if ``whole``."""
    rough = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * each for each in _STEPS if power * each >= rough * (1 - 1e-9))
    if whole:
        step = max(1.0, math.ceil(step))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def round_outwards(low: float, high: float, count: int) -> tuple[float, float]:
    """Return the smallest range between ticks that holds another one."""
    low, high = widen(low, high)
    ticks = round_ticks(low, high, count)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else high - low
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def name_ticks(ticks: Sequence[float]) -> list[str]:
    """Return the ticks as text, with as many digits as tell them apart."""
    for digits in range(3, 12):
        names = [describe_number(tick, digits) for tick in ticks]
        exact = all(
            math.isclose(float(f"{tick:.{digits - 1}e}"), tick, rel_tol=1e-9) for tick in ticks
        )
        if exact and len(set(names)) == len(ticks):
            break
    return names


def text_width(text: str) -> float:
    """Return the room that a text takes where it is set largest."""
    return len(text) * CHARACTER


def shorten(text: str, length: int) -> str:
    """Return a text of a length at most; its middle is left out."""
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f"{text[: length - 1 - tail]}…{text[len(text) - tail :]}"


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Return a straight line; ``kind`` is its class in the style sheet."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=kind)


def words(
    text: str, x: float, y: float, *, anchor: str | None = None, kind: str | None = None
) -> str:
    """Return a line of text; ``anchor`` is `middle` or `end` where it does not start at ``x``."""
    return element("text", escape(text), x=x, y=y, text_anchor=anchor, class_=kind)


def draw_y_axis(frame: Frame, ticks: Sequence[float], label: str) -> list[str]:
    """Return grid lines with their numbers, and what they count above them."""
    parts = [words(shorten(label, _LABEL_LENGTH), 0, frame.top - 16, kind="quiet")]
    for tick, name in zip(ticks, name_ticks(ticks), strict=True):
        y = frame.y(tick)
        parts.append(line(frame.left, y, frame.right, y, "grid"))
        parts.append(words(name, frame.left - 7, y + 4, anchor="end", kind="quiet"))
    return parts


def draw_x_axis(
    frame: Frame, places: Sequence[float], names: Sequence[str], label: str
) -> list[str]:
    """Return the lower axis with names at some places (values of x), and its label."""
    parts = [line(frame.left, frame.bottom, frame.right, frame.bottom, "axis")]
    for place, name in zip(places, names, strict=True):
        x = frame.x(place)
        parts.append(line(x, frame.bottom, x, frame.bottom + 4, "axis"))
        parts.append(words(name, x, frame.bottom + 18, anchor="middle", kind="quiet"))
    middle = (frame.left + frame.right) / 2
    name = shorten(label, _LABEL_LENGTH)
    parts.append(words(name, middle, frame.bottom + 38, anchor="middle", kind="quiet"))
    return parts


def draw_mark(frame: Frame, x: float, label: str, level: int = 0) -> list[str]:
    """Return a vertical line from the top of a chart, and its label on the side with more room."""
    place = frame.x(x)
    is_left = place < (frame.left + frame.right) / 2
    side, anchor = (5, None) if is_left else (-5, "end")
    y = frame.top + 10 + 16 * level
    return [
        line(place, frame.top, place, frame.bottom, "mark"),
        words(shorten(label, _MARK_LENGTH), place + side, y, anchor=anchor, kind="label"),
    ]


def svg(title: str, summary: str, height: float, parts: Sequence[str]) -> str:
    """Return a whole drawing, which a screen reader reads as one picture."""
    return element(
        "svg",
        element("title", escape(title)),
        element("desc", escape(summary)),
        *parts,
        viewBox=f"0 0 {WIDTH} {height:.0f}",
        role="img",
    )
