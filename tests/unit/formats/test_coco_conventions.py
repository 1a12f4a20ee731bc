"""COCO files that do not keep to the standard, or add to it: of Azure, CVAT, LVIS, scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.conftest import (
    Convert,
    coco,
    coco_image,
    read_set,
    write_coco,
    write_image,
)
from yolokit.errors import DataError

SQUARE = [0.25, 0.25, 0.75, 0.25, 0.75, 0.75, 0.25, 0.75]
RUNS = {"size": [48, 64], "counts": [0, 48 * 32, 48 * 32]}  # the left half


def annotation(box: Any, image: int = 5, **more: Any) -> dict[str, Any]:
    return {"image_id": image, "category_id": 1, "bbox": box, **more}


def write(root: Path, *annotations: dict[str, Any], **image: Any) -> Path:
    write_image(root / "5.jpg")
    return write_coco(root / "a.json", coco([coco_image(5, **image)], annotations))


@pytest.mark.parametrize("size", [{}, {"width": 0, "height": 0}, {"width": 1, "height": 1}])
@pytest.mark.parametrize("task", ["detect", "segment", "pose"])
def test_boxes_in_fractions_of_the_image(size: dict[str, Any], task: Any, tmp_path: Path) -> None:
    points = [0.25, 0.5, 2, 0, 0, 0]
    one = annotation([0.25, 0.25, 0.5, 0.5], segmentation=[SQUARE], keypoints=points)
    content = coco(
        [coco_image(5, **size)],
        [one],
        [{"id": 1, "name": "cat", "keypoints": ["nose", "tail"]}],
    )
    write_image(tmp_path / "5.jpg")
    found = read_set("coco", write_coco(tmp_path / "a.json", content), task=task)
    assert found.boxes == {"5.jpg": [("cat", [16, 12, 48, 36])]}
    assert "taken as fractions of the image (--assume units" in " ".join(found.dataset.evidence)
    annotations = found.images[0].annotations
    if task == "segment":
        outline = [[16, 12], [48, 12], [48, 36], [16, 36]]
        np.testing.assert_allclose(annotations.shapes[0].rings[0], outline)
    if task == "pose":
        assert annotations.keypoints is not None
        assert annotations.keypoints[0].tolist() == [[16, 24, 2], [0, 0, 0]]


def test_units_can_be_stated(tmp_path: Path) -> None:
    path = write(tmp_path, annotation([0.25, 0.25, 0.5, 0.5]))
    assert read_set("coco", path, assume={"units": "pixels"}).boxes["5.jpg"] == [
        ("cat", [0.25, 0.25, 0.75, 0.75])
    ]
    path = write(tmp_path, annotation([0, 0, 1, 1]))
    assert read_set("coco", path).boxes["5.jpg"] == [("cat", [0, 0, 1, 1])]
    found = read_set("coco", path, assume={"units": "fractions"})
    assert found.boxes["5.jpg"] == [("cat", [0, 0, 64, 48])]


def test_fractions_of_stated_sizes_where_no_image_is_looked_at(tmp_path: Path) -> None:
    path = write(tmp_path, annotation([0.25, 0.25, 0.5, 0.5]), width=100, height=200)
    found = read_set("coco", path, labels_only=True)
    assert found.boxes == {"5.jpg": [("cat", [25, 50, 75, 150])]}
    path = write(tmp_path, annotation([0.25, 0.25, 0.5, 0.5]), width=None, height=None)
    with pytest.raises(DataError, match=r"the size of 5\.jpg is not stated"):
        read_set("coco", path, labels_only=True)


def test_a_file_in_fractions_beside_one_in_pixels(tmp_path: Path) -> None:
    write_image(tmp_path / "5.jpg")
    write_image(tmp_path / "6.jpg")
    px = coco([coco_image(5)], [annotation([4, 6, 16, 24])])
    write_coco(tmp_path / "train.json", px)
    write_coco(tmp_path / "val.json", coco([coco_image(6)], [annotation([0.5, 0.5, 0.5, 0.5], 6)]))
    assert read_set("coco", tmp_path).boxes == {
        "5.jpg": [("cat", [4, 6, 20, 30])],
        "6.jpg": [("cat", [32, 24, 64, 48])],
    }


def test_run_lengths_are_of_pixels_whatever_boxes_are(tmp_path: Path) -> None:
    path = write(tmp_path, annotation([0, 0, 0.5, 1.0], segmentation=RUNS))
    shape = read_set("coco", path, task="segment").images[0].annotations.shapes[0]
    assert shape.xyxy == [0, 0, 32, 48]


@pytest.mark.parametrize(
    ("box", "outline", "words"),
    [
        ([0.25, 0.25, 0.5, 0.5], [16, 12, 48, 12, 48, 36], "in pixels, and its box in fractions"),
        ([16, 12, 32, 24], SQUARE, "in fractions of the image, and its box in pixels"),
    ],
)
def test_an_outline_in_other_units_than_its_box_is_dropped(
    box: list[float], outline: list[float], words: str, tmp_path: Path
) -> None:
    path = write(tmp_path, annotation(box, segmentation=[outline]))
    found = read_set("coco", path, task="segment")
    assert found.entries == [("dropped", "bad-annotation", 0)]
    assert words in found.ledger.entries[0].message


@pytest.mark.parametrize(
    ("box", "truth"), [([30, 20, 60, 44], "xyxy"), ([50, 30, 24, 30], "cxcywh")]
)
def test_boxes_that_are_no_xywh_are_refused(box: list[int], truth: str, tmp_path: Path) -> None:
    path = write(tmp_path, *(annotation(box) for _ in range(4)))
    with pytest.raises(DataError, match="the COCO format calls the boxes corner and size") as error:
        read_set("coco", path)
    assert "--assume box=xywh|xyxy|cxcywh" in str(error.value.hint)
    found = read_set("coco", path, assume={"box": truth}).boxes["5.jpg"]
    assert 0 <= found[0][1][0] < found[0][1][2] <= 64
    read_set("coco", path, assume={"box": "xywh"})


def test_boxes_without_stated_sizes_are_compared_with_the_images(tmp_path: Path) -> None:
    boxes = [annotation([30, 20, 60, 44]) for _ in range(4)]
    path = write(tmp_path, *boxes, width=None, height=None)
    with pytest.raises(DataError, match="4 as corner and size"):
        read_set("coco", path)
    read_set("coco", path, labels_only=True)  # nothing speaks against it


TURNED = {"occluded": False, "rotation": 30.0}


@pytest.mark.parametrize("iscrowd", [0, False])  # the latter is read item by item
def test_cvat_turns_boxes_by_an_attribute(
    iscrowd: Any, tmp_path: Path, run_convert: Convert
) -> None:
    plain = annotation([4, 6, 16, 24], attributes={"occluded": False, "rotation": 0.0})
    one = annotation([20, 18, 20, 4], attributes=TURNED, segmentation=[], iscrowd=iscrowd)
    path = write(tmp_path, one, plain)
    shape = read_set("coco", path, task="obb").images[0].annotations.shapes[0]
    assert shape.kind == "rotated"
    np.testing.assert_allclose(
        shape.rings[0], [[22.34, 13.27], [39.66, 23.27], [37.66, 26.73], [20.34, 16.73]], atol=0.01
    )
    result = run_convert(path)
    assert (result.totals.kept, result.totals.reinterpreted) == (1, 1)
    label = (tmp_path / "out/labels/train/5.txt").read_text().splitlines()[0]
    np.testing.assert_allclose(
        [float(value) for value in label.split()[1:]],
        [30 / 64, 20 / 48, 19.32 / 64, 13.46 / 48],
        atol=1e-3,
    )


@pytest.mark.parametrize(
    "more",
    [
        {"attributes": {"rotation": 360}},
        {"attributes": {"rotation": "north-east 3"}},
        {"attributes": {"rotation": None}},
        {"attributes": {"rotation": 1e300}},
        {"attributes": ["rotation", 30]},
        {"attributes": TURNED, "segmentation": [[20, 18, 40, 18, 40, 22]]},
        {"extra": TURNED},
    ],
)
@pytest.mark.parametrize("task", ["detect", "obb"])
def test_what_is_no_rotation_of_a_box_turns_nothing(
    more: dict[str, Any], task: Any, tmp_path: Path
) -> None:
    turned = annotation([4, 6, 16, 24], attributes={"rotation": 12.5})
    path = write(tmp_path, annotation([20, 18, 20, 4], **more), turned)
    found = read_set("coco", path, task=task)
    assert found.boxes["5.jpg"][0] == ("cat", [20, 18, 40, 22])
    assert found.images[0].annotations.shapes[1].kind == "rotated"


def test_lvis_names_images_by_their_address(tmp_path: Path) -> None:
    address = "http://images.cocodataset.org/{}2017/{:012}.jpg"
    images: list[dict[str, Any]] = [
        {"id": 5, "coco_url": address.format("val", 5), "neg_category_ids": [7]},
        {"id": 6, "coco_url": address.format("train", 6), "not_exhaustive_category_ids": [1]},
        {"id": 7, "coco_url": None, "flickr_url": "http://x.org/3/my%20cat_z.jpg?a=b"},
    ]
    content = coco(images, [annotation([4, 6, 16, 24], number) for number in (5, 6, 7)])
    found = read_set("coco", write_coco(tmp_path / "lvis_v1_val.json", content))
    assert list(found.boxes) == [
        "val2017/000000000005.jpg",
        "train2017/000000000006.jpg",
        "3/my cat_z.jpg",
    ]
    assert found.images[0].image.other_names == ("000000000005.jpg",)
    assert "and in 1 of 3 not for all of their objects" in " ".join(found.dataset.evidence)


def test_a_fragment_beside_a_whole_polygon_is_left_aside(tmp_path: Path) -> None:
    whole = [4, 6, 20, 6, 20, 30]
    path = write(
        tmp_path,
        annotation([4, 6, 16, 24], segmentation=[[1, 2, 3, 4], whole, [], [1, 2]]),
        annotation(None, segmentation=[whole, [1, 2, 3, 4]]),
        annotation([4, 6, 16, 24], segmentation=[[1, 2, 3, 4]]),
    )
    found = read_set("coco", path, task="segment")
    assert [shape.xyxy for shape in found.images[0].annotations.shapes.values()] == [
        [4, 6, 20, 30],
        [4, 6, 20, 30],
    ]
    assert sorted(found.entries) == [
        ("dropped", "bad-annotation", 2),
        ("noted", "fragment-aside", 0),
        ("noted", "fragment-aside", 1),
    ]
    boxes = read_set("coco", path).boxes["5.jpg"]
    assert boxes == [("cat", [4, 6, 20, 30])] * 3
