"""What several views of an image find becomes one list in the pixels of the image."""

from __future__ import annotations

import numpy as np

from yolokit.core.types import Detections, Letterbox
from yolokit.runtime.views import View, merge_views, whole_image

LETTERBOX = Letterbox.fit((8, 8), (64, 64))
TILES = [View((0, 0), LETTERBOX), View((8, 4), LETTERBOX)]


def find(score: float, class_id: int = 0) -> Detections:
    """One object in the corner of a view of 8x8 px, with every part that there can be."""
    mask = np.zeros((1, 8, 8), np.bool_)
    mask[0, :2, :3] = True
    return Detections(
        np.array([[0, 0, 3, 2]], np.float32),
        np.array([score], np.float32),
        np.array([class_id], np.int64),
        masks=mask,
        keypoints=np.array([[[1, 1, 0.5]]], np.float32),
        rotated=np.array([[1.5, 1, 3, 2, 0.25]], np.float32),
    )


def merge(*found: Detections, max_det: int = 300) -> Detections:
    return merge_views(TILES, found, (16, 12), max_iou=0.5, max_det=max_det)


def test_the_whole_image_is_passed_on_as_it_is() -> None:
    assert list(whole_image((16, 12))) == [(0, 0, 16, 12)]
    found = find(0.5)
    assert merge_views(TILES[:1], [found], (8, 8), max_iou=0.5, max_det=300) is found


def test_every_part_moves_with_its_view() -> None:
    merged = merge(find(0.5), find(0.75))
    assert merged.scores.tolist() == [0.75, 0.5]
    assert merged.xyxy.tolist() == [[8, 4, 11, 6], [0, 0, 3, 2]]
    assert merged.keypoints is not None
    assert merged.keypoints.tolist() == [[[9, 5, 0.5]], [[1, 1, 0.5]]]
    assert merged.rotated is not None
    assert merged.rotated.tolist() == [[9.5, 5, 3, 2, 0.25], [1.5, 1, 3, 2, 0.25]]
    assert merged.masks is not None
    assert merged.masks.shape == (2, 12, 16)
    assert merged.masks[0, 4:6, 8:11].all()
    assert merged.masks[1, :2, :3].all()
    assert merged.masks.sum() == 12
    assert merged.track_ids is None


def test_what_two_views_find_of_one_object_counts_once() -> None:
    seen = find(0.5)
    overlapping = Detections(np.array([[8, 4, 11, 6]], np.float32), seen.scores, seen.class_ids)
    alone = Detections(seen.xyxy, np.array([0.75], np.float32), seen.class_ids)
    assert merge(overlapping, alone).scores.tolist() == [0.75]
    other_class = Detections(seen.xyxy, alone.scores, np.array([1], np.int64))
    assert merge(overlapping, other_class).class_ids.tolist() == [1, 0]


def test_the_limit_is_that_of_the_image() -> None:
    assert merge(find(0.5), find(0.75), max_det=1).scores.tolist() == [0.75]


def test_nothing_found_is_nothing() -> None:
    assert len(merge(Detections.empty(), Detections.empty())) == 0
