"""Images that are lost: which, why, and what helps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.conftest import Convert, coco, coco_image, write_coco, write_image
from yolokit.errors import DataError

CATEGORIES: list[dict[str, Any]] = [{"id": 1, "name": "cat"}]
OUTLINE = {"bbox": [1, 2, 30, 20], "segmentation": [[1, 2, 30, 4, 20, 20]]}


def write_set(folder: Path, count: int) -> Path:
    """Write a COCO file of images without any image, their boxes with an outline beside."""
    boxes = [{"image_id": at, "category_id": 1, **OUTLINE} for at in range(count)]
    write_coco(folder / "a.json", coco([coco_image(at) for at in range(count)], boxes, CATEGORIES))
    return folder


def test_the_reason_that_is_named_is_an_image_that_was_not_found(
    tmp_path: Path, run_convert: Convert
) -> None:
    source = write_set(tmp_path / "in", 3)
    with pytest.raises(DataError) as error:
        run_convert(source)
    assert str(error.value).endswith(
        f"no image was found in it (the image 0.jpg was not found below {source}; 2 more)"
    )
    assert error.value.hint == "say with --images where the images are"
    with pytest.raises(DataError) as error:
        run_convert(source, max_drop="0.5%")
    assert error.value.hint == "say with --images where the images are"


def test_a_partial_loss_is_told_with_names_and_what_helps(
    tmp_path: Path, run_convert: Convert
) -> None:
    source = write_set(tmp_path / "in", 6)
    write_image(source / "5.jpg")
    (source / "4.jpg").write_bytes(b"no image")
    done = run_convert(source, split="keep")
    told = "\n".join(done.warnings)
    assert "4 images were not found: 0.jpg, 1.jpg, 2.jpg, ... (say with --images where" in told
    assert "1 image was left out as unusable: 4.jpg" in told
    with pytest.raises(DataError, match="5 of 6 annotations") as error:
        run_convert(source, split="keep", max_drop="10%", overwrite=True)
    assert (error.value.hint or "").startswith("say with --images where the images are, fix")


def test_a_missing_background_image_is_told_too(tmp_path: Path, run_convert: Convert) -> None:
    images = [coco_image(at) for at in range(2)]
    box = {"image_id": 0, "category_id": 1, "bbox": [1, 2, 30, 20]}
    write_coco(tmp_path / "in/a.json", coco(images, [box], CATEGORIES))
    write_image(tmp_path / "in/0.jpg")
    done = run_convert(tmp_path / "in", split="keep", max_drop="0")
    assert "1 image was not found: 1.jpg (say with --images" in "\n".join(done.warnings)
