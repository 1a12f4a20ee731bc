"""Images whose pixels are changed when they are read: alpha, CMYK, 16 bits, grey among colours."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.findings import Finding
from yolokit.core.plural import counted
from yolokit.datasets.checks.toolkit import at_image
from yolokit.datasets.facts import DatasetFacts

CODE = "image-mode"
TITLE = "images whose pixels are changed when they are read"
SEVERITY = "warning"
PURPOSES = ("train", "source")
HINT = "save them as RGB of 8 bits, as you want them to be seen; predict reads images alike"
_GREY = "grey"


def find(facts: DatasetFacts) -> Iterator[Finding | str]:
    """Yield each such image; grey ones among others in a sentence."""
    grey = coloured = 0
    for image, path in enumerate(facts.table.images.paths):
        mode = facts.scans[path].mode if path in facts.scans else ""
        grey += mode.startswith(_GREY)
        coloured += mode != "" and not mode.startswith(_GREY)
        change = _describe_change(mode)
        if change is not None:
            yield at_image(facts, CODE, image, f"it is {mode}: {change}")
    if 0 < grey < coloured:
        are = counted(grey, "image is", "images are")
        yield f"{are} grey, among {coloured} with colours: grey is read as three equal channels"


def _describe_change(mode: str) -> str | None:
    """Say what reading does to pixels, None where nothing is lost."""
    if "16 bit" in mode or "12 bit" in mode:
        return "its values are cut to 8 bits"
    if "alpha" in mode or mode == "rgba":
        return "what is transparent shows whatever colour lies beneath"
    return "its inks are turned into RGB" if mode.startswith("cmyk") else None
