"""What a task leaves aside of annotations, told once for each file and not for each annotation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import SourceFile

OUTLINES_ASIDE = (
    "outline-aside",
    "annotations have an outline beside their box, left aside (--task segment or obb takes it)",
)
KEYPOINTS_ASIDE = (
    "keypoints-aside",
    "annotations have keypoints, left aside (--task pose takes them)",
)


def note_aside(aside: Mapping[tuple[str, str], int], source: SourceFile, ledger: Ledger) -> None:
    """Enter how many annotations have something that is left aside, by code and message."""
    for (code, message), count in sorted(aside.items()):
        if count:
            ledger.note(source, None, code, f"{count} {message}")
