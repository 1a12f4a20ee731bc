"""Suppression: equal to the textbook loop, in whatever blocks it is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yolokit.core import nms
from yolokit.core.boxes import pairwise_iou
from yolokit.core.nms import suppress_overlaps

if TYPE_CHECKING:
    from yolokit.core.types import F32, I64


def textbook(xyxy: F32, scores: F32, class_ids: I64, *, max_iou: float, max_det: int) -> list[int]:
    iou = pairwise_iou(xyxy, xyxy)
    kept: list[int] = []
    for candidate in sorted(range(len(scores)), key=lambda i: (-scores[i], i)):
        clash = any(
            class_ids[candidate] == class_ids[best] and iou[candidate, best] > max_iou
            for best in kept
        )
        if not clash:
            kept.append(candidate)
    return kept[:max_det]


@st.composite
def candidates(draw: st.DrawFn) -> tuple[F32, F32, I64]:
    count = draw(st.integers(0, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    # Few positions and few scores: many overlaps and many ties.
    corner = rng.integers(0, 12, (count, 2)) * 4
    size = rng.integers(0, 4, (count, 2)) * 8
    xyxy = np.concatenate([corner, corner + size], axis=1).astype(np.float32)
    scores = (rng.integers(0, 5, count) / 4).astype(np.float32)
    return xyxy, scores, rng.integers(0, 3, count)


@given(candidates(), st.sampled_from([0.0, 0.3, 0.55, 0.9]), st.integers(0, 12))
def test_equals_the_textbook_loop(
    found: tuple[F32, F32, I64], max_iou: float, max_det: int
) -> None:
    kept = suppress_overlaps(*found, max_iou=max_iou, max_det=max_det)
    assert kept.dtype == np.int64
    assert kept.tolist() == textbook(*found, max_iou=max_iou, max_det=max_det)


@pytest.mark.parametrize("max_det", [20, 60])
@pytest.mark.parametrize("block", [1, 3, 7])
def test_the_block_size_changes_nothing(
    block: int, max_det: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    corner = rng.uniform(0, 40, (60, 2))
    xyxy = np.concatenate([corner, corner + 20], axis=1).astype(np.float32)
    scores = rng.random(60).astype(np.float32)
    class_ids = rng.integers(0, 2, 60)
    whole = suppress_overlaps(xyxy, scores, class_ids, max_iou=0.4, max_det=max_det)
    monkeypatch.setattr(nms, "_BLOCK", block)
    parts = suppress_overlaps(xyxy, scores, class_ids, max_iou=0.4, max_det=max_det)
    assert parts.tolist() == whole.tolist()
    assert 1 < len(whole) < 60


def test_an_overlap_at_the_limit_stays() -> None:
    half = np.array([[0, 0, 2, 1], [1, 0, 2, 1]], np.float32)  # IoU exactly 0.5
    scores, class_ids = np.array([0.9, 0.8], np.float32), np.zeros(2, np.int64)
    assert len(suppress_overlaps(half, scores, class_ids, max_iou=0.5, max_det=9)) == 2
    assert len(suppress_overlaps(half, scores, class_ids, max_iou=0.49, max_det=9)) == 1


def test_classes_never_suppress_each_other() -> None:
    same = np.array([[0, 0, 9, 9]] * 3, np.float32)
    scores = np.array([0.5, 0.9, 0.7], np.float32)
    kept = suppress_overlaps(same, scores, np.array([0, 1, 0]), max_iou=0.5, max_det=9)
    assert kept.tolist() == [1, 2]


def test_of_equal_scores_the_first_is_kept() -> None:
    same = np.array([[0, 0, 9, 9]] * 3, np.float32)
    scores, class_ids = np.full(3, 0.5, np.float32), np.zeros(3, np.int64)
    assert suppress_overlaps(same, scores, class_ids, max_iou=0.5, max_det=9).tolist() == [0]
