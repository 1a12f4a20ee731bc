"""Pictures of a page: what is cut out, what is drawn, and what cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.unit.conftest import write_image
from yolokit.core.types import F32, U8
from yolokit.datasets.label_table import ImageColumns, LabelTable
from yolokit.jobs.check.page.pictures import annotations_of, draw_around, draw_image, draw_plain


def a_table(
    path: Path,
    boxes: list[list[float]],
    *,
    shapes: Mapping[int, tuple[F32, ...]] | None = None,
    keypoints: Mapping[int, F32] | None = None,
) -> LabelTable:
    """Return labels of an image of which nothing is known, and of one that lies at a path."""
    images = ImageColumns(
        ["", str(path)], ["lost.png", path.name], ["", ""], ["", ""], np.zeros((2, 2), np.int64)
    )
    count = len(boxes)
    return LabelTable(
        names=("cat", "dog"),
        images=images,
        image_of=np.ones(count, np.int64),
        class_ids=np.arange(count) % 2,
        xyxy=np.array(boxes, np.float64).reshape(-1, 4),
        lines=np.arange(1, count + 1),
        shapes=shapes or {},
        keypoints=keypoints or {},
    )


def decode(jpeg: bytes) -> U8:
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image.astype(np.uint8)


def test_a_label_is_cut_out_with_what_lies_around_it(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.png", 2000, 1000)
    table = a_table(path, [[0.1, 0.1, 0.12, 0.14], [0.8, 0.8, 0.9, 0.9]])
    picture = draw_around(table, 1, "where", row=0)
    assert picture is not None
    assert picture.caption == "where"
    assert picture.alt == "a label cat in a.png, cut out"
    drawn = decode(picture.jpeg).astype(int)
    assert drawn.shape == (480, 480, 3)
    colored = np.ptp(drawn, axis=2) > 60  # the image is grey, the box is not
    rows, columns = np.flatnonzero(colored.any(axis=1)), np.flatnonzero(colored.any(axis=0))
    assert 30 < columns[0] < columns[-1] < 330, "40 of the 350 px that are shown, with its name"
    assert 30 < rows[0] < rows[-1] < 330


def test_what_a_model_found_is_drawn_white(tmp_path: Path) -> None:
    table = a_table(write_image(tmp_path / "a.png", 2000, 1000), [[0.8, 0.8, 0.9, 0.9]])
    picture = draw_around(table, 1, "", found=(200, 100, 240, 140))
    assert picture is not None
    assert picture.alt == "a part of a.png, cut out"
    white = decode(picture.jpeg).min(axis=2) > 200
    rows, columns = np.flatnonzero(white.any(axis=1)), np.flatnonzero(white.any(axis=0))
    assert 180 < columns[0] < columns[-1] < 320, "in the middle, 40 of 350 px wide, with a name"
    assert 100 < rows[0] < rows[-1] < 260, "near the upper edge of the image"


@pytest.mark.parametrize("box", [[1.2, 1.2, 1.4, 1.4], [0.5, 0.5, 0.5, 0.5], [-1, -1, 3, 3]])
def test_any_box_can_be_cut_out(box: list[float], tmp_path: Path) -> None:
    table = a_table(write_image(tmp_path / "a.png"), [box])
    assert draw_around(table, 1, "", row=0) is not None


def test_what_cannot_be_read_is_not_drawn(tmp_path: Path) -> None:
    broken = tmp_path / "a.png"
    broken.write_bytes(b"not an image")
    table = a_table(broken, [[0.1, 0.1, 0.2, 0.2]])
    assert draw_around(table, 1, "", row=0) is None
    assert draw_image(table, 1, "") is None
    assert draw_plain(table, 0, "") is None


def test_an_image_is_described_by_its_labels(tmp_path: Path) -> None:
    table = a_table(write_image(tmp_path / "a.png"), [[0.1, 0.1, 0.2, 0.2]] * 3)
    picture = draw_image(table, 1, "")
    assert picture is not None
    assert picture.alt == "a.png with 2 cat, 1 dog"


def test_pictures_are_small_whatever_the_image(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (2400, 3200, 3), np.uint8)
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), noise)
    picture = draw_image(a_table(path, []), 1, "")
    assert picture is not None
    assert max(decode(picture.jpeg).shape) == 480
    assert len(picture.jpeg) < 150_000, "this one is noise, which no JPEG makes small"


def test_shapes_and_keypoints_are_drawn_too(tmp_path: Path) -> None:
    ring = np.array([[0, 0], [0.5, 0], [0.5, 0.5]], np.float32)
    points = np.array([[0.5, 0.25, 2]], np.float32)
    boxes = [[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]]
    table = a_table(tmp_path / "a.png", boxes, shapes={0: (ring,)}, keypoints={1: points})
    annotations = annotations_of(table, 1, (200, 100))
    assert annotations.xyxy.tolist() == [[0, 0, 100, 50], [100, 50, 200, 100]]
    assert annotations.shapes[0].rings[0].tolist() == [[0, 0], [100, 0], [100, 50]]
    assert annotations.keypoints is not None
    assert annotations.keypoints.tolist() == [[[0, 0, 0]], [[100, 25, 2]]]
