"""The check before training finds every mistake at once and changes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.annotations.conftest import write_image, write_text, write_yolo
from yolokit.annotations.check import check_dataset
from yolokit.errors import DataError

YAML = "train: images/train\nval: images/val\nnames: [cat, dog]\n"


@pytest.fixture
def good(tmp_path: Path) -> Path:
    write_yolo(tmp_path / "set", {"v.jpg": "1 .5 .5 .2 .2\n"}, split="val")
    labels = {"a.jpg": "0 .5 .5 .2 .2\n1 .5 .5 1 1\n0 .2 .2 .1 .1\n", "b.jpg": "", "c.png": None}
    return write_yolo(tmp_path / "set", labels, yaml=YAML)


def test_a_report_counts_images_and_boxes(good: Path) -> None:
    report = check_dataset(good)
    assert report.path == good
    assert report.names == ("cat", "dog")
    train = report.splits["train"]
    assert (train.images, train.background_images, train.boxes) == (3, 2, 3)
    assert train.boxes_by_class == (2, 1)
    assert report.splits["val"].boxes_by_class == (0, 1)
    assert report.warnings == ("1 image is without a label file: taken as background",)


def test_the_hash_stays_where_the_set_moves_and_changes_with_labels(
    good: Path, tmp_path: Path
) -> None:
    first = check_dataset(good).sha256
    assert len(first) == 64
    moved = shutil.copytree(good.parent, tmp_path / "elsewhere" / "set")
    assert check_dataset(moved / "data.yaml").sha256 == first
    write_text(moved / "labels/train/a.txt", "0 .5 .5 .2 .2\n1 .5 .5 1 1\n0 .2 .2 .1 .11\n")
    other_label = check_dataset(moved / "data.yaml").sha256
    write_text(good, YAML.replace("cat, dog", "dog, cat"))
    other_names = check_dataset(good).sha256
    (good.parent / "images/train/c.png").unlink()
    other_images = check_dataset(good).sha256
    assert len({first, other_label, other_names, other_images}) == 4


def test_the_hash_does_not_depend_on_an_order(good: Path) -> None:
    hashes = set()
    for names in (("a.jpg", "b.jpg"), ("b.jpg", "a.jpg")):
        write_text(good.parent / "list.txt", "".join(f"images/train/{name}\n" for name in names))
        write_text(good, "train: list.txt\nval: images/val\nnames: [cat, dog]\n")
        hashes.add(check_dataset(good).sha256)
    assert len(hashes) == 1


def test_the_hash_tells_splits_apart(good: Path) -> None:
    first = check_dataset(good).sha256
    write_text(good, YAML.replace("images/train", "x").replace("images/val", "images/train")
               .replace("x", "images/val"))  # fmt: skip
    assert check_dataset(good).sha256 != first


def test_all_problems_are_listed_with_their_places(good: Path) -> None:
    folder = good.parent / "labels" / "train"
    write_text(folder / "a.txt", "0 1.2 .5 .2 .2\n2 .5 .5 .1 .1\n0 .5 .5 .2 .2 .9\n")
    write_text(folder / "b.txt", "0 .5 .5 .2 .2\n0 .1 .1 .2 .1 .2 .2\n")
    (good.parent / "images/val/v.jpg").write_bytes(b"no image")
    with pytest.raises(DataError) as caught:
        check_dataset(good)
    text = str(caught.value)
    assert "5 problems" in text
    assert f"{folder / 'a.txt'}:1: box 1.2" in text
    assert f"{folder / 'a.txt'}:2: class 2 is not one of 0 to 1" in text
    assert f"{folder / 'a.txt'}:3: 6 columns" in text
    assert f"{folder / 'b.txt'}:2: a polygon stands beside boxes" in text
    assert f"{good.parent / 'images/val/v.jpg'}: this is no image" in text


def test_many_problems_are_cut_to_a_count(good: Path) -> None:
    write_text(good.parent / "labels/train/a.txt", "x .5 .5 .2 .2\n" * 50)
    with pytest.raises(DataError, match="50 problems") as caught:
        check_dataset(good)
    assert str(caught.value).count("a.txt:") == 20
    assert "30 more" in str(caught.value)


def test_one_problem_is_the_error_itself(good: Path) -> None:
    write_text(good.parent / "labels/train/a.txt", "\n\nx .5 .5 .2 .2\n")
    with pytest.raises(DataError) as caught:
        check_dataset(good)
    assert caught.value.line == 3


def test_images_that_training_leaves_out_are_problems(good: Path) -> None:
    write_image(good.parent / "images/train/tiny.png", 9, 30)
    with pytest.raises(DataError, match=r"9x30 px; training needs 10 px"):
        check_dataset(good)


def test_an_empty_split_and_a_missing_listed_image_are_problems(good: Path) -> None:
    (good.parent / "empty").mkdir()
    write_text(good.parent / "list.txt", "images/train/a.jpg\nimages/train/gone.jpg\n")
    write_text(good, "train: list.txt\nval: empty\nnames: [cat, dog]\n")
    with pytest.raises(DataError) as caught:
        check_dataset(good)
    assert "the val split has no images" in str(caught.value)
    assert f"{good.parent / 'list.txt'}:2: " in str(caught.value)
    assert "gone.jpg" in str(caught.value)


def test_oddities_are_warnings(good: Path) -> None:
    write_text(good.parent / "labels/train/a.txt", "0 .5 .5 0 .2\n")
    jpeg = good.parent / "images/train/a.jpg"
    jpeg.write_bytes(jpeg.read_bytes()[:-2])
    write_text(good, "train: [images/train, images/val]\ntest: images/val\nnames: [cat, dog]\n")
    assert check_dataset(good).warnings == (
        "1 image is without a label file: taken as background",
        "1 box has no area",
        "1 image is in more than one split",
        f"1 JPEG file is cut short, so ultralytics would write over it: {jpeg}",
        "there is no `val` split, which training needs",
    )


def test_pose_labels_are_checked_by_their_own_layout(good: Path) -> None:
    write_text(good, YAML + "kpt_shape: [2, 3]\n")
    write_text(good.parent / "labels/train/a.txt", "0 .5 .5 .2 .2 .1 .1 2 .3 .3 2\n")
    assert check_dataset(good).splits["train"].boxes == 1


def test_nothing_is_written(good: Path) -> None:
    before = sorted(good.parent.rglob("*"))
    check_dataset(good)
    assert sorted(good.parent.rglob("*")) == before


def test_labels_in_another_unicode_form_are_a_problem(tmp_path: Path) -> None:
    write_image(tmp_path / "images/train/caf\u00e9.jpg")
    write_text(tmp_path / "labels/train/cafe\u0301.txt", "0 .5 .5 .5 .5\n")
    path = write_text(tmp_path / "data.yaml", "names: [cat]\ntrain: images/train\n")
    with pytest.raises(DataError, match="spelled in another Unicode form"):
        check_dataset(path)
