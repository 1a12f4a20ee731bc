"""Label files of YOLO sets that lie elsewhere: read where certain, else never passed over."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.conftest import (
    Convert,
    Read,
    read_set,
    write_image,
    write_text,
    write_yolo,
)
from yolokit.errors import DataError

ROW = "0 .5 .5 .5 .5\n"
BOX = [("cat", [16, 12, 48, 36])]
DOTA = "10.0 10.0 40.0 10.0 40.0 30.0 10.0 30.0 cat 0\n"


def write_set(root: Path, labels: str, text: str = ROW, images: str = "images/train") -> Path:
    """Write two images, and their labels as a pattern says: ``{}`` stands for the stem."""
    for stem in "ab":
        write_image(root / images / f"{stem}.jpg")
        write_text(root / labels.format(stem), text)
    return write_text(root / "data.yaml", f"train: {images}\nnames: [cat]\n")


def codes(found: Read) -> list[str]:
    return [finding.code for finding in found.ledger.findings]


@pytest.mark.parametrize(
    "labels",
    ["Labels/train/{}.txt", "LABELS/train/{}.txt", "labels/train/{}.TXT", "images/train/{}.txt"],
)
def test_labels_that_are_found_without_doubt(labels: str, tmp_path: Path) -> None:
    found = read_set("yolo", write_set(tmp_path, labels))
    assert found.boxes == {"a.jpg": BOX, "b.jpg": BOX}
    assert codes(found) == []
    assert {code for _, code, _ in found.entries} <= {"labels-elsewhere"}


@pytest.mark.parametrize("labels", ["labels", "Labels"])
def test_images_in_a_folder_of_another_case(labels: str, tmp_path: Path) -> None:
    path = write_set(tmp_path, f"{labels}/{{}}.txt", images="Images")
    found = read_set("yolo", path)
    assert found.boxes == {"a.jpg": BOX, "b.jpg": BOX}
    assert codes(found) == []


def test_labels_by_split_of_images_that_lie_flat_elsewhere(tmp_path: Path) -> None:
    for split, stem in (("train", "a"), ("val", "b")):
        write_text(tmp_path / f"set/labels/{split}/{stem}.txt", ROW)
        write_text(tmp_path / f"set/{split}.txt", f"data/images/{split}/{stem}.jpg\n")
        write_image(tmp_path / f"photos/{stem}.jpg")
    text = "train: train.txt\nval: val.txt\nnames: [cat]\n"
    path = write_text(tmp_path / "set/data.yaml", text)
    found = read_set("yolo", path, images=tmp_path / "photos")
    assert found.boxes == {"train/a.jpg": BOX, "val/b.jpg": BOX}
    assert codes(found) == []


def test_images_that_share_a_file_of_labels_are_told(tmp_path: Path) -> None:
    path = write_set(tmp_path, "labels/train/{}.txt")
    assert not [e for e in read_set("yolo", path).ledger.entries if e.code == "shared-labels"]
    write_image(tmp_path / "images/train/a.png")
    [note] = [e for e in read_set("yolo", path).ledger.entries if e.code == "shared-labels"]
    assert note.message.startswith("1 image shares the labels of another: ")
    assert note.message.endswith("a.png")


def test_a_confidence_behind_the_box_names_its_option(run_convert: Convert, tmp_path: Path) -> None:
    path = write_set(tmp_path / "src", "labels/train/{}.txt", ROW.strip() + " 0.9\n")
    with pytest.raises(DataError, match="6 columns are ambiguous") as caught:
        run_convert(path, max_drop="0%")
    assert "--assume sixth-column=ignore" in (caught.value.hint or "")


def test_labels_without_names_of_classes(tmp_path: Path) -> None:
    write_set(tmp_path, "labels/train/{}.txt").unlink()
    with pytest.raises(DataError, match=r"no classes\.txt") as caught:
        read_set("yolo", tmp_path)
    assert "put a classes.txt into it" in (caught.value.hint or "")


def test_a_val_that_is_not_there(tmp_path: Path) -> None:
    path = write_set(tmp_path, "labels/train/{}.txt")
    path.write_text(path.read_text() + "val: ../valid/images\n")
    with pytest.raises(DataError, match="does not exist below") as caught:
        read_set("yolo", path)
    assert "take the line out if there is no val split" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ("annotations/train/{}.txt", ROW),
        ("label/train/{}.txt", ROW),
        ("labels/{}.txt", ROW),
        ("labels/train/{}/{}.txt", ROW),
        ("labels/train2017/{}.txt", ROW),
        ("train/labels/{}.txt", ROW),
        ("labelTxt/{}.txt", "imagesource:GoogleEarth\ngsd:0.1\n" + DOTA),
        ("labelTxt/{}.txt", DOTA),
        ("labels/train/x_{}.txt", ROW),
    ],
)
def test_labels_that_no_image_leads_to_are_refused(
    labels: str, text: str, run_convert: Convert, tmp_path: Path
) -> None:
    path = write_set(tmp_path / "src", labels.replace("{}/{}", "sub/{}"), text)
    found = read_set("yolo", path)
    assert found.boxes == {"a.jpg": [], "b.jpg": []}
    assert codes(found) == ["no-labels"]
    message = str(found.ledger.findings[0])
    assert str(tmp_path / "src/labels/train/a.txt") in message
    if not labels.startswith("labels/train/"):
        assert str((tmp_path / "src" / labels.format("a")).parent) + " (2)" in message
    with pytest.raises(DataError) as caught:
        run_convert(path, max_drop="0")
    assert caught.value.exit_code == 3
    allowed = run_convert(path, allow=("no-labels", "nothing-kept"))
    assert allowed.splits["train"].background_images == 2


def test_folders_of_images_by_another_name(tmp_path: Path) -> None:
    found = read_set("yolo", write_set(tmp_path, "labels/{}.txt", images="JPEGImages"))
    assert codes(found) == ["no-labels"]
    assert f"{tmp_path / 'labels'} (2)" in str(found.ledger.findings[0])


def test_a_list_of_images_and_suffixes_in_capitals(tmp_path: Path) -> None:
    write_set(tmp_path, "labels/train/{}.txt")
    shutil.move(tmp_path / "images/train/a.jpg", tmp_path / "images/train/a.JPG")
    write_text(tmp_path / "train.txt", "./images/train/a.JPG\n./images/train/b.jpg\n")
    path = write_text(tmp_path / "data.yaml", "train: train.txt\nnames: [cat]\n")
    assert read_set("yolo", path).boxes == {"train/a.JPG": BOX, "train/b.jpg": BOX}
    shutil.move(tmp_path / "labels", tmp_path / "annotations")
    assert codes(read_set("yolo", path)) == ["no-labels"]


@pytest.mark.parametrize("decoy", [True, False])
def test_a_folder_called_images_above_the_set_is_no_part_of_it(decoy: bool, tmp_path: Path) -> None:
    root = tmp_path / "images/set"
    write_image(root / "a.jpg")
    write_image(root / "b.jpg")
    write_text(root / "classes.txt", "cat\n")
    write_text(tmp_path / "labels/set/b.txt", ROW)
    if decoy:
        write_text(root / "a.txt", ROW)
        assert read_set("yolo", root).boxes == {"a.jpg": BOX, "b.jpg": []}
    else:  # where it has no labels of its own, they are where YOLO looks
        assert read_set("yolo", root).boxes == {"a.jpg": [], "b.jpg": BOX}


def test_an_archive_is_read_alike_wherever_it_is_unpacked(
    run_convert: Convert, tmp_path: Path
) -> None:
    root = tmp_path / "set"
    for stem in "ab":
        write_image(root / f"{stem}.jpg", shade=ord(stem))
        write_text(root / f"{stem}.txt", ROW)
    write_text(root / "data.yaml", "train: .\nnames: [cat]\n")
    archive = Path(shutil.make_archive(str(tmp_path / "set"), "zip", root))
    out = tmp_path / "images" / "new"
    assert run_convert(archive, out=out).totals.kept == 2


@pytest.mark.parametrize("labels", ["labels", "Labels", "annotations"])
def test_a_yaml_that_leads_to_a_set_elsewhere(labels: str, tmp_path: Path) -> None:
    write_set(tmp_path / "images/set", f"{labels}/train/{{}}.txt")
    path = write_text(
        tmp_path / "config/data.yaml", "path: ../images/set\ntrain: images/train\nnames: [cat]\n"
    )
    found = read_set("yolo", path)
    if labels == "annotations":
        assert codes(found) == ["no-labels"]
        seen = tmp_path / "images/set/annotations/train"
        assert f"{seen} (2)" in str(found.ledger.findings[0])
    else:
        assert found.boxes == {"a.jpg": BOX, "b.jpg": BOX}


def test_texts_beside_images_that_are_no_labels(tmp_path: Path) -> None:
    path = write_set(tmp_path, "images/train/{}.txt", "a photo of 2 cats\n")
    found = read_set("yolo", path)
    assert found.ledger.totals.annotations_in == 0
    assert codes(found) == ["no-labels"]


def test_empty_label_files_say_that_there_is_nothing(run_convert: Convert, tmp_path: Path) -> None:
    result = run_convert(write_set(tmp_path / "src", "labels/train/{}.txt", ""))
    assert result.splits["train"].background_images == 2
    assert any("no box at all" in one for one in result.warnings)


def write_val(root: Path, labels: str, split: str = "val") -> Path:
    write_set(root, labels.format("{}"), images=f"images/{split}")
    write_set(root, "labels/train/{}.txt")
    yaml = f"train: images/train\n{split}: images/{split}\nnames: [cat]\n"
    return write_text(root / "data.yaml", yaml)


@pytest.mark.parametrize("labels", ["labels/valid/{}.txt", "annotations/{}.txt"])
def test_labels_of_one_split_that_no_image_leads_to_are_dropped(
    labels: str, tmp_path: Path
) -> None:
    found = read_set("yolo", write_val(tmp_path, labels))
    assert found.entries == [("dropped", "missing-image", 1)] * 2
    assert found.ledger.entries[0].path == str(tmp_path / labels.format("a"))
    assert codes(found) == ["no-labels"]
    assert "no label file for the 2 images of val" in str(found.ledger.findings[0])


def test_a_test_split_is_often_without_labels(tmp_path: Path) -> None:
    found = read_set("yolo", write_val(tmp_path, "labels/test/{}.md", "test"))
    assert found.entries == [("noted", "no-labels", None)]
    assert codes(found) == []


@pytest.mark.parametrize(
    ("labels", "image"),
    [
        ("labels/other/{}.txt", "images/other/{}.jpg"),  # a split that the YAML leaves out
        ("old/{}.txt", None),
        ("runs/detect/predict/labels/{}.txt", None),
    ],
)
def test_rows_of_something_else_are_noted(labels: str, image: str | None, tmp_path: Path) -> None:
    path = write_set(tmp_path, "labels/train/{}.txt")
    for stem in "ab":
        write_text(tmp_path / labels.format(stem), ROW)
        if image is not None:
            write_image(tmp_path / image.format(stem))
    found = read_set("yolo", path)
    assert found.entries == [("noted", "not-read", None)]
    assert "2 text files of rows" in found.ledger.entries[0].message
    assert found.ledger.entries[0].path == str((tmp_path / labels).parent)


@pytest.mark.parametrize("images", [1, 2])
def test_labels_that_no_image_elsewhere_has_are_refused(
    images: int, run_convert: Convert, tmp_path: Path
) -> None:
    for stem in "ab"[:images]:
        write_image(tmp_path / f"mine/{stem}.jpg")
    write_text(tmp_path / "exp/labels/x-a.txt", ROW)
    write_text(tmp_path / "exp/classes.txt", "cat\n")
    with pytest.raises(DataError) as caught:
        run_convert(tmp_path / "exp", images=tmp_path / "mine", max_drop="0")
    assert str(tmp_path / "exp/labels") in str(caught.value)


def test_label_studio_puts_a_number_before_the_names(tmp_path: Path) -> None:
    root = tmp_path / "exp"
    for name in ("a.jpg", "0f6142fb-b.jpg", "b.jpg"):
        write_image(tmp_path / "mine" / name)
    write_text(root / "labels/0f6142fb-a.txt", ROW)
    write_text(root / "labels/0f6142fb-b.txt", ROW)
    write_text(root / "classes.txt", "cat\n")
    write_text(root / "notes.json", "{}")
    found = read_set("yolo", root, images=tmp_path / "mine")
    assert found.boxes == {"a.jpg": BOX, "0f6142fb-b.jpg": BOX, "b.jpg": []}


def test_names_that_differ_in_case_keep_their_labels(tmp_path: Path) -> None:
    for name in ("A.jpg", "a.jpg"):
        write_image(tmp_path / "images/train" / name)
    labels: dict[str, str | None] = {"B.jpg": ""}
    path = write_yolo(tmp_path, labels)
    write_text(tmp_path / "labels/train/A.txt", ROW)
    found = read_set("yolo", path)
    assert found.boxes == {"A.jpg": [("cat", [16, 12, 48, 36])], "B.jpg": [], "a.jpg": []}
