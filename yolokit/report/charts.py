"""Charts from numbers; each says in words what it shows, and holds its numbers as a table."""

from __future__ import annotations

from yolokit.report.bar_chart import bar_chart
from yolokit.report.heat_map import heat_map
from yolokit.report.histogram import histogram
from yolokit.report.line_chart import Mark, Series, line_chart
from yolokit.report.scatter_chart import Axis, Note, scatter_chart

__all__ = [
    "Axis",
    "Mark",
    "Note",
    "Series",
    "bar_chart",
    "heat_map",
    "histogram",
    "line_chart",
    "scatter_chart",
]
