"""Matching of boxes: two models' detections of one image, and detections with ground truth."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.boxes import box_areas, pairwise_iou

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import F64, I64, Bool, Detections

_FREE = -1
_BLOCK = 256  # boxes compared at a time, which bounds the memory
_IOU_SLACK = 1e-3  # a hundredth of a pixel moves the overlap of a box of 40 px by as much


@dataclass(frozen=True, slots=True, eq=False)
class Matching:
    """A one-to-one matching of two sets of detections, a and b, of one image.

    Attributes:
        a_index: (K,) int64, ascending; the matched detections of a.
        b_index: (K,) int64, the detection of b that each of them is matched with.
        iou: (K,) float64, overlap of each pair.
        box_diff_px: (K,) float64, largest difference of a coordinate, in source-image px.
        score_diff: (K,) float64, absolute difference of the scores.
        unmatched_a: (.,) int64, the other detections of a, ascending, so best score first.
        unmatched_b: (.,) int64, the other detections of b, likewise.
    """

    a_index: I64
    b_index: I64
    iou: F64
    box_diff_px: F64
    score_diff: F64
    unmatched_a: I64
    unmatched_b: I64

    def __len__(self) -> int:
        return len(self.a_index)


def match_detections(
    a: Detections,
    b: Detections,
    *,
    min_iou: float,
    max_score_diff: float,
) -> Matching:
    """Match two models' detections of one image and of the same class, one to one.

    As many as possible are matched, and on both sides the highest scores first: whenever some
    admissible matching covers all detections above a score on one side, and some other one all
    of those on the other side, this one covers both. So "everything above 0.25 on either side
    has a partner" is exactly "no unmatched index is above 0.25", also where boxes are
    near-duplicates and a greedy choice would go wrong. Among equals the larger overlap wins,
    then the smaller index: the answer never varies.

    Args:
        a: The detections of one model.
        b: The detections of the other, in the same source-image px.
        min_iou: Boxes that overlap less are never a pair; in (0, 1].
        max_score_diff: Scores that differ more are never a pair.
    Source: Mendelsohn and Dulmage 1958, "Some generalizations of the problem of distinct
        representatives"; alternating paths as in Kuhn 1955.
    """
    rows, columns, iou = _overlapping(a, b, min_iou)
    score_diff = np.abs(a.scores[rows].astype(np.float64) - b.scores[columns])
    keep = (a.class_ids[rows] == b.class_ids[columns]) & (score_diff <= max_score_diff)
    partner = _maximum_matching(rows[keep], columns[keep], iou[keep], (len(a), len(b)))
    chosen = keep & (partner[rows] == columns)
    a_index, b_index = rows[chosen], columns[chosen]
    box_diff_px = np.abs(a.xyxy[a_index].astype(np.float64) - b.xyxy[b_index])
    return Matching(
        a_index=a_index,
        b_index=b_index,
        iou=iou[chosen],
        box_diff_px=box_diff_px.max(axis=1, initial=0),
        score_diff=score_diff[chosen],
        unmatched_a=np.flatnonzero(partner == _FREE),
        unmatched_b=np.setdiff1d(np.arange(len(b)), b_index),
    )


def match_to_truth(iou: F64, *, min_iou: float) -> I64:
    """Match detections to true boxes of their class by COCO's rule.

    Detections are visited in order, and each takes the true box that it overlaps most of those
    that are still free; of equal ones the last, as the reference implementation does.

    Args:
        iou: (D, G) float64; a row for each detection, best score first.
        min_iou: Least overlap of a match.

    Returns:
        (D,) int64: the index of each detection's true box, or -1.
    Source: pycocotools ``cocoeval.py:COCOeval.evaluateImg``.
    """
    matched = np.full(iou.shape[0], _FREE, np.int64)
    if iou.shape[1] == 0:
        return matched
    free_iou = iou.copy()
    for row in np.flatnonzero(iou.max(axis=1) >= min_iou):
        best = iou.shape[1] - 1 - int(free_iou[row, ::-1].argmax())
        if free_iou[row, best] >= min_iou:
            matched[row] = best
            free_iou[:, best] = _FREE
    return matched


def find_ties(
    a: Detections,
    b: Detections,
    alone_a: I64,
    alone_b: I64,
    *,
    iou_limit: float,
    score_slack: float,
) -> tuple[Bool, Bool]:
    """Tell which detections of two equal models lack a partner only because of a tie.

    Suppression keeps the better one of two boxes that overlap. Where their scores are equal but for
    rounding, or their overlap is the limit but for rounding, either may stay, and others with it or
    without it. A barely trained model has little else: all its boxes score alike.

    Args:
        a: The detections of one model in an image, after suppression.
        b: Those of the other.
        alone_a: (N,) int64, those of a without a partner.
        alone_b: (M,) int64, those of b without one.
        iou_limit: Overlap above which suppression keeps one box of two.
        score_slack: Scores that differ by no more are equal but for rounding.

    Returns:
        (N,) and (M,) bool.
    """
    by_b, edge_a = _suppressors(a, b, alone_a, iou_limit, score_slack)
    by_a, edge_b = _suppressors(b, a, alone_b, iou_limit, score_slack)
    tied_a, tied_b = edge_a, edge_b
    if len(alone_a) and len(alone_b):
        score_diff = np.abs(a.scores[alone_a, None].astype(np.float64) - b.scores[None, alone_b])
        swapped = by_b[:, alone_b] & by_a[:, alone_a].T & (score_diff <= score_slack)
        tied_a, tied_b = tied_a | swapped.any(axis=1), tied_b | swapped.any(axis=0)
    while True:  # what a tied box suppresses depends on the tie as well
        next_a = tied_a | (by_b[:, alone_b] & tied_b).any(axis=1)
        next_b = tied_b | (by_a[:, alone_a] & next_a).any(axis=1)
        if (next_a == tied_a).all() and (next_b == tied_b).all():
            return tied_a, tied_b
        tied_a, tied_b = next_a, next_b


def _suppressors(
    own: Detections, others: Detections, alone: I64, iou_limit: float, score_slack: float
) -> tuple[Bool, Bool]:
    """Return (N, others) bool, which of them suppress those alone; (N,), whose overlap is a tie."""
    iou = pairwise_iou(own.xyxy[alone].astype(np.float64), others.xyxy.astype(np.float64))
    same = own.class_ids[alone, None] == others.class_ids[None, :]
    scores = own.scores[alone, None].astype(np.float64)
    suppress = same & (iou > iou_limit - _IOU_SLACK) & (others.scores >= scores - score_slack)
    return suppress, (suppress & (iou < iou_limit + _IOU_SLACK)).any(axis=1)


def _overlapping(a: Detections, b: Detections, min_iou: float) -> tuple[I64, I64, F64]:
    """Return all pairs of boxes that overlap enough: indices in a, ascending, and b, and IoU."""
    none = np.zeros(0, np.int64)
    parts: list[tuple[I64, I64, F64]] = [(none, none, np.zeros(0))]
    b_xyxy = b.xyxy.astype(np.float64)
    for start in range(0, len(a), _BLOCK):
        a_xyxy = a.xyxy[start : start + _BLOCK].astype(np.float64)
        iou = pairwise_iou(a_xyxy, b_xyxy)
        # A box without area overlaps nothing, but equals its equal.
        flat = np.flatnonzero(box_areas(a_xyxy) == 0)
        iou[flat] = (a_xyxy[flat, None] == b_xyxy[None, :]).all(axis=2)
        rows, columns = np.nonzero(iou >= min_iou)
        parts.append((rows + start, columns, iou[rows, columns]))
    rows, columns, overlaps = (np.concatenate(part) for part in zip(*parts, strict=True))
    return rows, columns, overlaps


def _maximum_matching(rows: I64, columns: I64, quality: F64, shape: tuple[int, int]) -> I64:
    """Return (N,) int64: the column matched to each of the N rows, or -1.

    Args:
        rows: (E,) one end of each edge.
        columns: (E,) its other end.
        quality: (E,) edges of higher quality are preferred, where that costs no coverage.
        shape: Number of rows and of columns.
    """
    to_column, to_row = (np.full(count, _FREE, np.int64) for count in shape)
    columns_of: list[list[int]] = [[] for _ in range(shape[0])]
    rows_of: list[list[int]] = [[] for _ in range(shape[1])]
    for edge in np.argsort(-quality, kind="stable").tolist():
        row, column = int(rows[edge]), int(columns[edge])
        columns_of[row].append(column)
        rows_of[column].append(row)
        if to_column[row] == _FREE and to_row[column] == _FREE:
            to_column[row], to_row[column] = column, row
    _cover_earliest(columns_of, to_column, to_row)
    _cover_earliest(rows_of, to_row, to_column)
    return to_column


def _cover_earliest(columns_of: Sequence[Sequence[int]], to_column: I64, to_row: I64) -> None:
    """Change a matching in place so that it covers as many and as early rows as possible.

    Each uncovered row, in order, looks along alternating paths for a free column, and else for
    the last of the later rows that it can replace. Neither uncovers a column, so doing the same
    with the sides swapped keeps what was reached here.
    """
    for start in range(len(to_column)):
        if to_column[start] != _FREE:
            continue
        reached_from, end = _search_paths(columns_of, to_row, start)
        if end == _FREE:
            replaced = max((int(to_row[column]) for column in reached_from), default=start)
            if replaced <= start:
                continue
            end, to_column[replaced] = int(to_column[replaced]), _FREE
        _flip_path(end, reached_from, to_column, to_row)


def _search_paths(
    columns_of: Sequence[Sequence[int]], to_row: I64, start: int
) -> tuple[dict[int, int], int]:
    """Walk all alternating paths from an uncovered row, breadth first, up to a free column.

    Returns:
        For each reached column the row that it was reached from; and the free column, or -1.
    """
    reached_from: dict[int, int] = {}
    queue = deque([start])
    while queue:
        row = queue.popleft()
        for column in columns_of[row]:
            if column in reached_from:
                continue
            reached_from[column] = row
            if to_row[column] == _FREE:
                return reached_from, column
            queue.append(int(to_row[column]))
    return reached_from, _FREE


def _flip_path(end: int, reached_from: dict[int, int], to_column: I64, to_row: I64) -> None:
    """Match every row of the alternating path that ends in column ``end`` with its next column."""
    column = end
    while column != _FREE:
        row = reached_from[column]
        previous = int(to_column[row])
        to_column[row], to_row[column] = column, row
        column = previous
