"""The style of all reports."""

from __future__ import annotations


def stylesheet() -> str:
    """Return the style sheet of a page."""
    return "body{font-family:system-ui,sans-serif;margin:2rem auto;max-width:60rem}"
