"""Quantities as people read them: counts, shares, durations, rates, and numbers of any size."""

from __future__ import annotations

import math


def describe_seconds(seconds: float) -> str:
    """Return a duration in two units at most: ``0.4 s``, ``1 min 05 s``, ``1 h 12 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s" if round(seconds, 1) % 1 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def describe_rate(per_s: float, things: str) -> str:
    """Return a rate with two figures at least: ``54 images/s``, ``0.4 images/s``."""
    digits = f"{per_s:,.0f}" if per_s >= 9.95 else describe_number(per_s, digits=2)
    return f"{digits} {things}/s"


def describe_share(part: float, whole: float) -> str:
    """Return a part of a whole in percent; what is neither nothing nor all never reads as such."""
    if not whole:
        return "-"
    percent = 100 * part / whole
    if 0 < percent < 1:
        return "<1%"
    if 99 < percent < 100:
        return ">99%"
    return f"{percent:.0f}%"


def describe_number(value: float, digits: int = 3) -> str:
    """Return a number with some significant digits: ``0.546``, ``1,234``, ``3.4M``, ``1e-7``.

    Integers below a million are whole.
    """
    if not math.isfinite(value):
        return "-" if math.isnan(value) else ("∞" if value > 0 else "-∞")
    size = abs(value)
    if size < 1e6 and (value == round(value) or size >= 10 ** (digits - 1)):
        return f"{value:,.0f}" if value else "0"
    rounded = float(f"{value:.{digits - 1}e}")
    for factor, prefix in ((1e9, "G"), (1e6, "M")):
        if factor <= abs(rounded) < 1e12:
            return f"{rounded / factor:.{digits}g}{prefix}"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    is_plain = -5 < int(exponent) < digits
    return f"{value:.{digits}g}" if is_plain else f"{float(mantissa):g}e{int(exponent)}"


def describe_change(number: float) -> str:
    """Return a change of mAP: ``-0.0123``, and ``0.0000`` without a sign where nothing changes."""
    text = f"{number:+.4f}"
    return "0.0000" if float(text) == 0 else text
