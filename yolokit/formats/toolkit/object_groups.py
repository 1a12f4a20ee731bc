"""Which annotations that a tool keeps in one group are parts of one object."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

PartKind: TypeAlias = Literal["box", "rotated", "outline", "pose"]

GROUP = ("join", "separate")
"""What ``--assume group`` may be."""


def is_one_object(kinds: Sequence[PartKind]) -> bool:
    """Tell whether annotations of one label and group are one object.

    They are unless two of them are boxes, or two are poses: a box, its outlines, its keypoints. A
    box that is turned is not a box of outlines.
    """
    count = Counter(kinds)
    boxes = count["box"] + count["rotated"]
    return boxes < 2 and count["pose"] < 2 and not (count["rotated"] and count["outline"])
