"""(B, K, 6): the rows of an end-to-end head, of a graph that is told what to report.

In the file these are outputs of their own, ``boxes``, ``scores``, ``classes`` and ``count``, and
the thresholds are inputs; :mod:`yolokit.runtime.box_ports` makes rows of them. Boxes are in pixels
of the image where the graph takes the image itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.runtime.heads.end2end import (
    BOX_AXIS,
    SUPPRESSES_OVERLAPS,
    count_values,
    describe_shape,
    read_rows,
    split_comparable,
)

if TYPE_CHECKING:
    from yolokit.core.types import F32
    from yolokit.runtime.heads.toolkit import Candidates

TAKES_LIMITS = True

__all__ = [
    "BOX_AXIS",
    "SUPPRESSES_OVERLAPS",
    "TAKES_LIMITS",
    "count_values",
    "decode",
    "describe_shape",
    "split_comparable",
]


def decode(
    output: F32,
    *,
    class_count: int,
    extra_count: int = 0,
    min_score: float,
    multi_label: bool = False,
) -> Candidates:
    """Return the rows (K, 6 + E) that reach the score, by descending score.

    ``multi_label`` changes nothing: the graph was told.
    """
    del multi_label
    return read_rows(output, class_count=class_count, extra_count=extra_count, min_score=min_score)
