"""Masks, which some formats hold in place of outlines: run lengths, and tracing their edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.plural import counted
from yolokit.labels.shapes import Shape, ring_area

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import F64, I64, Bool

MAX_MASK_PIXELS = 1 << 28
"""Larger masks are refused: nobody draws one, and a few bytes of run lengths can claim it."""


def mask_to_shape(mask: Bool, origin_xy: tuple[float, float] = (0.0, 0.0)) -> Shape | None:
    """Bring a mask into the form of outlines that run along the edges of its pixels.

    Args:
        mask: (H, W) bool.
        origin_xy: Where its top-left corner lies in the image, in px.

    Returns:
        A polygon that covers exactly the pixels of the mask and those of its holes; None if it
        covers nothing.
    """
    rings = trace_mask(mask)
    outlines = [ring + np.array(origin_xy, np.float64) for ring in rings if ring_area(ring) > 0]
    if not outlines:
        return None
    holes = len(rings) - len(outlines)
    filled = f"; {counted(holes, 'hole')} filled" if holes else ""
    return Shape(tuple(outlines), remark=f"mask-to-polygon: traced along its pixels{filled}")


def trace_mask(mask: Bool) -> list[F64]:
    """Return the outlines of a mask's regions along the edges of its pixels.

    Args:
        mask: (H, W) bool.

    Returns:
        Outlines, (P, 2) float64 px, corners only. Regions run clockwise as seen and have a
        positive area, holes the other way round. Pixels that touch at a corner alone belong to
        different regions.
    """
    steps = _edge_steps(mask)
    rings = []
    while steps:
        start, step = next(iter(steps.items()))
        ring = [start]
        at, came = _take_step(steps, start, step[0])
        while at != start:
            # Turning right first parts pixels that touch at a corner only.
            ways = steps[at]
            way = min(ways, key=lambda way: (way - came - 1) % 4)
            if way != came:
                ring.append(at)
            at, came = _take_step(steps, at, way)
        rings.append(_without_start_on_edge(np.array(ring, np.float64)))
    return rings


# Directions in the order of right turns: east, south, west, north.
_MOVES = ((1, 0), (0, 1), (-1, 0), (0, -1))


def _edge_steps(mask: Bool) -> dict[tuple[int, int], list[int]]:
    """Return for each pixel corner on an edge the directions in which edges leave it.

    Each edge has its region on the right.
    """
    padded = np.pad(mask, 1)
    down = padded[1:, 1:-1].astype(np.int8) - padded[:-1, 1:-1]  # edges above pixels
    right = padded[1:-1, 1:].astype(np.int8) - padded[1:-1, :-1]  # edges left of pixels
    steps: dict[tuple[int, int], list[int]] = {}
    for direction, (rows, columns), shift in (
        (0, np.nonzero(down > 0), (0, 0)),
        (2, np.nonzero(down < 0), (1, 0)),
        (3, np.nonzero(right > 0), (0, 1)),
        (1, np.nonzero(right < 0), (0, 0)),
    ):
        for x, y in zip((columns + shift[0]).tolist(), (rows + shift[1]).tolist(), strict=True):
            steps.setdefault((x, y), []).append(direction)
    return steps


def _take_step(
    steps: dict[tuple[int, int], list[int]], at: tuple[int, int], way: int
) -> tuple[tuple[int, int], int]:
    steps[at].remove(way)
    if not steps[at]:
        del steps[at]
    return (at[0] + _MOVES[way][0], at[1] + _MOVES[way][1]), way


def _without_start_on_edge(ring: F64) -> F64:
    """Leave out the first point where it lies in the middle of an edge."""
    before, first, after = ring[-1], ring[0], ring[1]
    straight = bool(((before == first) & (first == after)).any())
    return ring[1:] if straight else ring


def decode_runs(runs: Sequence[int] | I64, shape: tuple[int, int], *, by: str = "columns") -> Bool:
    """Decode run lengths, background first, into a mask.

    Args:
        runs: Lengths of runs in px, taking turns.
        shape: (H, W).
        by: ``columns`` as COCO counts, or ``rows``.

    Raises:
        ValueError: They do not add up to the mask's size, or the mask is too large.
    """
    height, width = shape
    lengths = np.array(runs, np.int64)
    if not 0 < height * width <= MAX_MASK_PIXELS:
        raise ValueError(f"a mask of {width}x{height} px is not decoded")
    if (lengths < 0).any() or (lengths > height * width).any():
        raise ValueError("a mask's run lengths are negative or beyond its size")
    if int(lengths.sum()) != height * width:
        raise ValueError(f"a mask's run lengths do not add up to {width}x{height} px")
    values = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    mask: Bool = values.reshape(width, height).T if by == "columns" else values.reshape(shape)
    return mask


def decompress_runs(text: str) -> list[int]:
    """Read COCO's compressed run lengths.

    Five bits a character; from the fourth run on, each is the difference to the one two before.

    Raises:
        ValueError: It ends too early or holds an unexpected character.

    Source: cocoapi ``common/maskApi.c:rleFrString``.
    """
    runs: list[int] = []
    at = 0
    while at < len(text):
        value = shift = 0
        more = True
        while more:
            if at >= len(text):
                raise ValueError("a mask's compressed `counts` end too early")
            bits = ord(text[at]) - 48
            if not 0 <= bits < 64 or shift > 60:
                raise ValueError("a mask's compressed `counts` hold an unexpected character")
            value |= (bits & 0x1F) << shift
            more = bool(bits & 0x20)
            at, shift = at + 1, shift + 5
            if not more and bits & 0x10:
                value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
    return runs
