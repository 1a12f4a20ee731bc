"""The model refuses what cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from yolokit.errors import DataError
from yolokit.labels.model import (
    Annotations,
    Category,
    Dataset,
    ImageRecord,
    LabelledImage,
    SourceFile,
    describe_only_pose,
    make_categories,
)

SOURCE = SourceFile("a.json")


def record(width_px: int | None = 64, height_px: int | None = 48, name: str = "a") -> ImageRecord:
    return ImageRecord(name, width_px, height_px, None, None, SOURCE)


def test_annotations_of_the_wrong_shape_or_type_are_refused() -> None:
    classes, boxes, places = np.zeros(2, np.int64), np.zeros((2, 4)), np.zeros(2, np.int64)
    assert len(Annotations(classes, boxes, places)) == 2
    with pytest.raises(ValueError, match=r"category_indices must be .* int64, not .* float64"):
        Annotations(classes.astype(float), boxes, places)
    with pytest.raises(ValueError, match=r"xyxy must be \(2, 4\)"):
        Annotations(classes, boxes[:1], places)
    with pytest.raises(ValueError, match="xyxy must be"):
        Annotations(classes, boxes.astype(np.float32), places)
    with pytest.raises(ValueError, match="places must be"):
        Annotations(classes, boxes, places[:1])


@pytest.mark.parametrize("wh", [(0, 48), (64, -1), (None, 48), (64, None)])
def test_an_image_of_no_or_half_a_size_is_refused(wh: tuple[int | None, int | None]) -> None:
    with pytest.raises(ValueError, match="image"):
        record(*wh)


def test_an_image_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="name"):
        record(name="")


def test_an_unknown_size_cannot_be_taken_for_a_size() -> None:
    assert record().image_wh == (64, 48)
    with pytest.raises(ValueError, match="not known"):
        _ = record(None, None).image_wh


def test_categories_are_contiguous_and_have_different_names() -> None:
    with pytest.raises(ValueError, match="without gaps"):
        Dataset((Category(1, "cat"),), lambda: iter(()))
    with pytest.raises(ValueError, match="one name"):
        Dataset(make_categories(["cat", "cat"]), lambda: iter(()))
    with pytest.raises(ValueError, match="not negative"):
        Category(-1, "cat")
    with pytest.raises(ValueError, match="name"):
        Category(0, "")


def test_a_data_set_can_be_gone_through_again() -> None:
    images = [LabelledImage(record(), Annotations.empty())]
    dataset = Dataset(make_categories(["cat"]), lambda: iter(images))
    assert list(dataset.iter_images()) == list(dataset.iter_images()) == images
    assert dataset.names == ("cat",)


def test_one_layout_is_described_and_none_is_none() -> None:
    pose = describe_only_pose({("left", "right"): "cat"}, "labels", Path("a"))
    assert pose is not None
    assert (pose.names, pose.flip_indices) == (("left", "right"), (1, 0))
    assert describe_only_pose({}, "labels", Path("a")) is None


def test_two_layouts_are_refused_by_the_names_of_their_classes() -> None:
    described: dict[tuple[str, ...], str] = {("a",): "cat", ("b",): "dog"}
    with pytest.raises(DataError, match="the skeletons 'cat' and 'dog' have different points"):
        describe_only_pose(described, "skeletons", Path("a"))
