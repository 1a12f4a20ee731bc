"""The images that are dealt: train and val as one, never test, copies and near-copies together."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.unit.conftest import shade_of, write_image, write_text
from yolokit.core.events import ignore
from yolokit.datasets.check import check_dataset
from yolokit.errors import DataError
from yolokit.train.config import TrainConfig
from yolokit.train.folds.images import FoldImages, read_fold_images
from yolokit.train.image_hashes import hash_images

YAML = "train: images/train\nval: images/val\ntest: images/test\nnames: [cat, dog]\n"


def add(root: Path, name: str, label: str = "0 .5 .5 .2 .2\n") -> Path:
    image = write_image(root / "images" / f"{name}.jpg", shade=shade_of(name))
    write_text(root / "labels" / f"{name}.txt", label)
    return image


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in ("train/a", "train/b", "train/c", "val/a", "val/d", "test/e"):
        add(tmp_path, name)
    return write_text(tmp_path / "data.yaml", YAML)


def read(data: Path, **options: Any) -> FoldImages:
    return read_fold_images(TrainConfig(data=str(data), folds=2, **options), ignore)


def groups_of(found: FoldImages) -> set[frozenset[str]]:
    groups: dict[int, set[str]] = {}
    for image, group in zip(found.images, found.group_of, strict=True):
        groups.setdefault(group, set()).add(image.key)
    return {frozenset(group) for group in groups.values() if len(group) > 1}


def test_train_and_val_are_dealt_and_never_test(data: Path) -> None:
    found = read(data)
    assert [image.key for image in found.images] == [
        "train/a.jpg", "train/b.jpg", "train/c.jpg", "val/a.jpg", "val/d.jpg",
    ]  # fmt: skip
    assert found.record.images == {"train": 3, "val": 2}
    assert found.record.boxes == {"train": 3, "val": 2}
    assert groups_of(found) == set()


def test_the_hashes_are_those_of_an_ordinary_run(data: Path) -> None:
    found, ordinary = read(data), check_dataset(data)
    assert found.record.sha256 == ordinary.sha256
    assert found.record.images_sha256 == hash_images(ordinary)


def test_a_set_without_val_will_do(data: Path) -> None:
    data.write_text("train: images/train\nnames: [cat, dog]\n")
    assert len(read(data).images) == 3
    data.write_text("test: images/test\nnames: [cat, dog]\n")
    with pytest.raises(DataError, match="no images in the split train or val"):
        read(data)


def test_a_val_that_is_train_counts_once(data: Path) -> None:
    """As in coco128, whose two splits are one folder."""
    data.write_text("train: images/train\nval: images/train\nnames: [cat, dog]\n")
    assert [image.key for image in read(data).images] == [f"train/{x}.jpg" for x in "abc"]


def test_copies_and_near_copies_stay_together_across_train_and_val(data: Path) -> None:
    images = data.parent / "images"
    rng = np.random.default_rng(0)
    picture = cv2.resize(rng.integers(0, 255, (9, 12, 3), np.uint8), (240, 180))
    cv2.imwrite(str(images / "train/near.png"), picture)
    cv2.imwrite(str(images / "val/near.jpg"), picture[:, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    shutil.copy(images / "train/a.jpg", images / "val/copy.jpg")
    for name in ("train/near", "val/near", "val/copy"):
        write_text(data.parent / f"labels/{name}.txt", "1 .5 .5 .2 .2\n")
    assert groups_of(read(data)) == {
        frozenset({"train/near.png", "val/near.jpg"}),
        frozenset({"train/a.jpg", "val/copy.jpg"}),
    }


def test_fold_group_joins_frames_of_a_video(data: Path) -> None:
    for name in ("train/film_001", "val/film_002", "train/other-1"):
        add(data.parent, name)
    assert groups_of(read(data, fold_group="video")) == {
        frozenset({"train/film_001.jpg", "val/film_002.jpg"}),
        frozenset({"train/a.jpg", "val/a.jpg"}),  # one name without its number
    }
    assert groups_of(read(data, fold_group="re:^(film|other)")) == {
        frozenset({"train/film_001.jpg", "val/film_002.jpg"})
    }


def test_a_fault_is_named_and_a_picture_of_test_is_a_leak(data: Path) -> None:
    shutil.copy(data.parent / "images/val/d.jpg", data.parent / "images/test/copy.jpg")
    write_text(data.parent / "labels/test/copy.txt", "0 .5 .5 .2 .2\n")
    with pytest.raises(DataError, match="leaking-images"):
        read(data)
    assert len(read(data, allow=("leaking-images",)).images) == 5
    write_text(data.parent / "labels/val/d.txt", "7 .5 .5 .2 .2\n")
    with pytest.raises(DataError, match=r"val.d\.txt"):
        read(data, allow=("leaking-images",))
