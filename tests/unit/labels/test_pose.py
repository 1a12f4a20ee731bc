"""The keypoints that all classes of a source have."""

from __future__ import annotations

from pathlib import Path

import pytest

from yolokit.errors import DataError
from yolokit.labels.pose import describe_only_pose


def test_one_layout_is_described_and_none_is_none() -> None:
    pose = describe_only_pose({("left", "right"): "cat"}, "labels", Path("a"))
    assert pose is not None
    assert (pose.names, pose.flip_indices) == (("left", "right"), (1, 0))
    assert describe_only_pose({}, "labels", Path("a")) is None


def test_two_layouts_are_refused_by_the_names_of_their_classes() -> None:
    described: dict[tuple[str, ...], str] = {("a",): "cat", ("b",): "dog"}
    with pytest.raises(DataError, match="the skeletons 'cat' and 'dog' have different points"):
        describe_only_pose(described, "skeletons", Path("a"))
