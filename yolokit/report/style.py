"""The style of all reports: ``page.css``, with the colours of the palette."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from yolokit.report.palette import variables


@cache
def stylesheet() -> str:
    """Return the style sheet of a page, without its comments."""
    rules = Path(__file__).with_name("page.css").read_text("utf-8")
    colors = (
        f":root{{color-scheme:light dark;{variables(0)}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{variables(1)}}}}}\n"
    )
    return colors + re.sub(r"/\*.*?\*/\s*", "", rules, flags=re.DOTALL)
