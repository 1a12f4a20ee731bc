"""The colours of reports, for a light and a dark page.

Series keep apart for people who see no red, no green or no blue, and each has a dash and a marker
of its own as well. ``tests/unit/report/test_palette.py`` computes contrasts and differences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Name of a CSS variable -> its colour on a light page and on a dark one.
COLORS: Mapping[str, tuple[str, str]] = {
    "page": ("#ffffff", "#14171b"),
    "surface": ("#f4f6f8", "#1d2228"),
    "line": ("#d4dae0", "#363d46"),
    "axis": ("#7b8490", "#7f8a96"),
    "text": ("#1b1f24", "#e6e9ec"),
    "muted": ("#57606a", "#a4adb8"),
    "link": ("#0a58b0", "#7db7ff"),
    "good": ("#17713a", "#5fd18a"),
    "neutral": ("#3b5b85", "#9dbbe3"),
    "warning": ("#8a5a00", "#efb94a"),
    "bad": ("#b3261e", "#ff8f86"),
    "heat": ("#7ea9f0", "#2b57a8"),
    "series-0": ("#1457b6", "#4c8bf9"),
    "series-1": ("#7d310c", "#df7c37"),
    "series-2": ("#179b5a", "#62f399"),
    "series-3": ("#c96498", "#a578b3"),
    "series-4": ("#917e00", "#efcc03"),
    "series-5": ("#3d434b", "#c9cfd6"),
}
SERIES = tuple(name for name in COLORS if name.startswith("series-"))

# A dash and a marker for each colour of a series; the first line is whole.
DASHES = (None, "7 3", "2 2.5", "9 3 2 3", "4 2", "12 3")
MARKERS = ("circle", "square", "triangle", "diamond", "cross", "ring")


def variables(index: int) -> str:
    """Return the colours of a light (0) or dark (1) page as declarations of CSS."""
    return "".join(f"--{name}:{colors[index]};" for name, colors in COLORS.items())
