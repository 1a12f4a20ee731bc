"""Darknet sets as darknet's users, CVAT and Roboflow have them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from unicodedata import normalize

import pytest

from tests.unit.conftest import (
    Convert,
    read_set,
    write_image,
    write_text,
    write_yolo,
)
from yolokit.errors import DataError
from yolokit.formats import darknet
from yolokit.formats.toolkit.plugin import recognise
from yolokit.formats.toolkit.source_tree import SourceTree

DATA = "classes = 2\ntrain  = data/train.txt\nnames = data/obj.names\nbackup = backup/\n"
BOX = [16, 12, 48, 36]
ROW = "1 .5 .5 .5 .5\n"


def write_darknet(
    root: Path,
    labels: dict[str, str | None],
    *,
    data: str = DATA,
    names: str = "cat\ndog\n",
    prefix: str = "data/obj_train_data/",
) -> Path:
    """Write a set as CVAT does: its paths begin with a folder that is not there."""
    for name, text in labels.items():
        write_image(root / "obj_train_data" / name)
        if text is not None:
            write_text(root / "obj_train_data" / f"{name.rpartition('.')[0]}.txt", text)
    write_text(root / "train.txt", "".join(f"{prefix}{name}\n" for name in labels))
    write_text(root / "obj.names", names)
    return write_text(root / "obj.data", data)


@pytest.mark.parametrize(
    "prefix",
    [
        "data/obj_train_data/",
        "obj_train_data/",
        "./obj_train_data/",
        "../x/obj_train_data/",
        "/home/ann/darknet/build/x64/data/obj_train_data/",
        "C:\\darknet\\data\\obj_train_data\\",
        "data/images/elsewhere/obj_train_data/",
        "",
    ],
)
def test_prefixes_that_do_not_resolve(prefix: str, tmp_path: Path) -> None:
    write_darknet(tmp_path, {"a.jpg": ROW, "in b/c.d.jpg": ""}, prefix=prefix)
    if not prefix:
        for name in ("a", "in b/c.d"):
            for suffix in (".jpg", ".txt"):
                target = tmp_path / f"{name}{suffix}"
                target.parent.mkdir(exist_ok=True)
                (tmp_path / f"obj_train_data/{name}{suffix}").rename(target)
    found = read_set("darknet", tmp_path)
    assert found.boxes == {"a.jpg": [("dog", BOX)], "in b/c.d.jpg": []}
    assert [one.image.split for one in found.images] == ["train", "train"]
    assert found.ledger.entries == []
    moved = prefix not in ("obj_train_data/", "./obj_train_data/", "")
    assert ("did not exist as written" in " ".join(found.dataset.evidence)) is moved


def test_paths_from_the_folder_above_as_darknet_is_started_there(tmp_path: Path) -> None:
    write_darknet(tmp_path / "data", {"a.jpg": ROW})
    found = read_set("darknet", tmp_path / "data/obj.data")
    assert found.boxes == {"a.jpg": [("dog", BOX)]}
    (sentence,) = found.dataset.evidence
    assert sentence.startswith("class 0 is the first of obj.names")


def test_a_path_outside_is_not_followed(tmp_path: Path) -> None:
    outside = write_image(tmp_path / "outside/x.jpg")
    write_image(tmp_path / "b.jpg")
    write_darknet(tmp_path / "set/data", {"a.jpg": ROW})
    write_text(
        tmp_path / "set/data/train.txt", f"{outside}\n../../outside/x.jpg\n../../b.jpg\n\x00\n"
    )
    found = read_set("darknet", tmp_path / "set/data")
    assert found.images == []
    assert [(action, line) for action, code, line in found.entries if code == "missing-image"] == [
        ("noted", 1),
        ("noted", 2),
        ("noted", 3),
        ("noted", 4),
    ]
    secret = write_text(tmp_path / "secret.txt", "a\n")
    data = DATA.replace("data/obj.names", str(secret))
    write_text(tmp_path / "set/data/obj.data", data)
    with pytest.raises(DataError, match="points to no file") as caught:
        read_set("darknet", tmp_path / "set/data")
    assert caught.value.line == 3


def test_the_line_of_a_name_is_its_id_blank_lines_counted(tmp_path: Path) -> None:
    rows = "0 .5 .5 .5 .5\n1 .5 .5 .5 .5\n2 .5 .5 .5 .5\n3 .5 .5 .5 .5\n"
    write_darknet(tmp_path, {"a.jpg": rows}, names="\ufeffzebra\r\n\r\na cat\r\n\r\n")
    found = read_set("darknet", tmp_path)
    assert found.dataset.names == ("zebra", "a cat")
    assert [category.source_id for category in found.dataset.categories] == [0, 2]
    assert found.boxes == {"a.jpg": [("zebra", BOX), ("a cat", BOX)]}
    assert found.entries == [("dropped", "unknown-class", 2), ("dropped", "unknown-class", 4)]
    assert found.ledger.totals.annotations_in == 4


def test_a_name_that_stands_there_twice_is_one_class(tmp_path: Path) -> None:
    write_darknet(
        tmp_path, {"a.jpg": f"{ROW}0 .5 .5 .5 .5\n2 .5 .5 .5 .5\n"}, names="cat\ndog\ncat\n"
    )
    found = read_set("darknet", tmp_path)
    assert [name for name, _ in found.boxes["a.jpg"]] == ["dog", "cat", "cat"]
    assert found.entries == [("noted", "class-count", 1), ("noted", "name-twice", 3)]


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("obj/a.jpg", "obj/a.txt"),
        ("images/a.jpg", "labels/a.txt"),
        ("coco/images/train2017/a.jpg", "coco/labels/train2017/a.txt"),
        ("VOC2007/JPEGImages/a.jpg", "VOC2007/labels/a.txt"),
    ],
)
def test_labels_beside_the_image_or_in_labels(image: str, label: str, tmp_path: Path) -> None:
    write_darknet(tmp_path, {})
    write_image(tmp_path / image)
    write_text(tmp_path / label, ROW)
    write_text(tmp_path / "train.txt", f"{image}\n")
    found = read_set("darknet", tmp_path)
    assert found.boxes == {"a.jpg": [("dog", BOX)]}
    assert found.images[0].annotations.places.tolist() == [1]
    assert recognise(tmp_path)[0] == "darknet"


def test_splits_and_images_that_are_listed_twice(tmp_path: Path) -> None:
    data = DATA + "valid = data/valid.txt\ntest = data/valid.txt\n"
    write_darknet(tmp_path, {"a.jpg": ROW, "b.jpg": ROW, "c.jpg": ROW}, data=data)
    lines = "obj_train_data/a.jpg\nobj_train_data/b.jpg\ndata/obj_train_data/a.jpg\n"
    write_text(tmp_path / "train.txt", lines)
    write_text(tmp_path / "valid.txt", "obj_train_data/b.jpg\n")
    found = read_set("darknet", tmp_path)
    assert {one.image.file_name: one.image.split for one in found.images} == {
        "a.jpg": "train",
        "b.jpg": "train",
    }
    assert found.entries == [
        ("noted", "list-twice", 6),
        ("noted", "image-twice", None),
        ("noted", "in-two-splits", 1),
        ("noted", "not-listed", None),
    ]
    assert "1 image is in no list and left out: obj_train_data/c.jpg" in str(
        found.ledger.entries[-1].message
    )


def test_missing_and_broken_images_take_their_rows_along(tmp_path: Path) -> None:
    write_darknet(tmp_path, {"a.jpg": ROW, "b.jpg": ROW, "c.jpg": "", "d.jpg": ROW})
    for name in ("a.jpg", "c.jpg"):
        (tmp_path / "obj_train_data" / name).unlink()
    (tmp_path / "obj_train_data/b.jpg").write_bytes(b"no image")
    found = read_set("darknet", tmp_path)
    assert list(found.boxes) == ["d.jpg"]
    assert found.entries == [
        ("dropped", "missing-image", 1),
        ("dropped", "unreadable-image", 1),
        ("noted", "missing-image", 3),
    ]


def test_an_image_without_a_label_file_is_background_and_named(tmp_path: Path) -> None:
    write_darknet(tmp_path, {"a.jpg": "", "b.jpg": None})
    found = read_set("darknet", tmp_path)
    assert found.boxes == {"a.jpg": [], "b.jpg": []}
    assert found.entries == [("noted", "no-label-file", 2)]


def test_bad_rows_are_dropped_with_their_lines(tmp_path: Path) -> None:
    write_darknet(tmp_path, {"a.jpg": f"{ROW}x\n\n1 .5 .5 .5 .5 7\n"})
    found = read_set("darknet", tmp_path)
    assert found.entries == [("dropped", "not-a-number", 2), ("dropped", "six-columns", 4)]
    found = read_set("darknet", tmp_path, assume={"sixth-column": "ignore"})
    assert len(found.boxes["a.jpg"]) == 2


def test_roboflow_without_lists(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        write_image(tmp_path / split / f"{split}_jpg.rf.1.jpg")
        write_text(tmp_path / split / f"{split}_jpg.rf.1.txt", ROW)
        write_text(tmp_path / split / "_darknet.labels", "cat\ndog")
    write_text(tmp_path / "README.roboflow.txt", "1 2 3\n")
    assert recognise(tmp_path)[0] == "darknet"
    found = read_set("darknet", tmp_path)
    assert found.boxes == {
        "train_jpg.rf.1.jpg": [("dog", BOX)],
        "valid_jpg.rf.1.jpg": [("dog", BOX)],
    }
    assert [one.image.split for one in found.images] == ["train", "val"]
    single = read_set("darknet", tmp_path / "train/_darknet.labels")
    assert list(single.boxes) == ["train_jpg.rf.1.jpg"]
    write_text(tmp_path / "valid/_darknet.labels", "dog\ncat")
    with pytest.raises(DataError, match="the names are not those of"):
        read_set("darknet", tmp_path)


def test_images_elsewhere(tmp_path: Path, run_convert: Convert) -> None:
    write_darknet(tmp_path / "set", {"in/a.jpg": ROW})
    (tmp_path / "set/obj_train_data/in/a.jpg").unlink()
    write_image(tmp_path / "pictures/in/a.jpg", 640, 480)
    found = read_set("darknet", tmp_path / "set", images=tmp_path / "pictures")
    assert found.images[0].image.image_wh == (640, 480)
    assert len(found.boxes["a.jpg"]) == 1
    result = run_convert(tmp_path / "set", images=tmp_path / "pictures")
    assert result.totals.kept == 1


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        ("train = data/train.txt\n", None, "no `names = `"),
        ("names = data/obj.names\n", None, "neither `train = ` nor `valid = `"),
        ("names = gone.names\ntrain = train.txt\n", 1, "points to no file"),
        ("names = obj.names\n# x\ntrain = gone.txt\n", 3, "points to no file"),
        ("names =\ntrain = train.txt\n", 1, "points to no file"),
        ("names = empty.names\ntrain = train.txt\n", None, "no names of classes"),
    ],
)
def test_a_broken_data_file_is_an_error(
    data: str, line: int | None, words: str, tmp_path: Path
) -> None:
    path = write_darknet(tmp_path, {"a.jpg": ROW}, data=data)
    write_text(tmp_path / "empty.names", "\n")
    with pytest.raises(DataError, match=words) as caught:
        read_set("darknet", path)
    assert caught.value.line == line


def test_no_set_at_all_and_labels_without_images(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no obj\.data"):
        read_set("darknet", tmp_path)
    write_darknet(tmp_path, {"a.jpg": ROW})
    with pytest.raises(DataError, match="--labels-only reads no image"):
        read_set("darknet", tmp_path, labels_only=True)


def test_a_set_with_a_data_yaml_is_a_yolo_set(tmp_path: Path) -> None:
    write_darknet(tmp_path, {"a.jpg": ROW})
    (tmp_path / "labels").mkdir()
    assert recognise(tmp_path)[0] == "darknet"
    write_yolo(tmp_path, {"a.jpg": ROW})
    assert recognise(tmp_path)[0] == "yolo"


@pytest.mark.parametrize("text", ["names here\n", "names = x\n", "\x00names\x00", "train = 1\n"])
def test_other_data_files_are_not_recognised(text: str, tmp_path: Path) -> None:
    write_text(tmp_path / "obj.data", text)
    write_text(tmp_path / "my_darknet.labels", "cat\n")
    assert darknet.sniff(SourceTree(tmp_path)) is None


def test_nothing_beside_the_source_is_taken(tmp_path: Path) -> None:
    """Darknet starts in the folder above: paths lead from there back into the source alone."""
    write_image(tmp_path / "private.jpg")
    write_image(tmp_path / "photos/b.jpg")
    rows = "private.jpg\n../private.jpg\nphotos/b.jpg\ndata/obj_train_data/a.jpg\n"
    write_darknet(tmp_path / "data", {"a.jpg": ROW})
    write_text(tmp_path / "data/train.txt", rows)
    for source in (tmp_path / "data", tmp_path / "data/obj.data"):
        found = read_set("darknet", source)
        assert found.boxes == {"a.jpg": [("dog", BOX)]}
        missing = [line for _, code, line in found.entries if code == "missing-image"]
        assert missing == [1, 3]  # the second line is the first again
    assert len(read_set("darknet", tmp_path).boxes) == 3


def test_class_numbers_may_count_from_1(tmp_path: Path) -> None:
    write_darknet(tmp_path, {"a.jpg": ROW.replace("1 ", "2 ", 1)})
    assert "class-base=1" in read_set("darknet", tmp_path).ledger.entries[0].message
    found = read_set("darknet", tmp_path, assume={"class-base": "1"})
    assert found.boxes == {"a.jpg": [("dog", BOX)]}


def test_labels_that_no_listed_image_leads_to(tmp_path: Path) -> None:
    write_darknet(tmp_path, {"a.jpg": ROW})
    orphan = write_text(tmp_path / "obj_train_data/gone.txt", ROW)
    found = read_set("darknet", tmp_path)
    assert found.entries == [("dropped", "missing-image", 1)]
    assert found.ledger.entries[0].path == str(orphan)


def test_a_set_without_a_label_file_is_in_doubt(tmp_path: Path) -> None:
    write_darknet(tmp_path, {"a.jpg": ROW, "b.jpg": ROW})
    (tmp_path / "annos").mkdir()
    for stem in "ab":
        (tmp_path / f"obj_train_data/{stem}.txt").rename(tmp_path / f"annos/{stem}.txt")
    (finding,) = read_set("darknet", tmp_path).ledger.findings
    assert finding.code == "no-labels"
    assert f"{tmp_path / 'annos'} (2)" in finding.message


@pytest.mark.parametrize(
    "line", ["data/obj/b.JPG", "data/obj/b.png", "data\\obj\\b.jpg", "obj/b%2Ejpg"]
)
def test_a_list_that_spells_an_image_otherwise(line: str, tmp_path: Path) -> None:
    write_image(tmp_path / "obj/b.jpg")
    write_text(tmp_path / "obj/b.txt", "0 .5 .5 .5 .5\n")
    write_text(tmp_path / "obj.names", "cat\n")
    write_text(tmp_path / "train.txt", f"{line}\n")
    write_text(tmp_path / "obj.data", "names = obj.names\ntrain = train.txt\n")
    found = read_set("darknet", tmp_path)
    assert [len(boxes) for boxes in found.boxes.values()] == [1]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_in_another_unicode_form(form: Literal["NFC", "NFD"], tmp_path: Path) -> None:
    other: Literal["NFC", "NFD"] = "NFD" if form == "NFC" else "NFC"
    name = "\u00e9\uc0ac"
    write_image(tmp_path / f"obj/{normalize(form, name)}.jpg")
    write_text(tmp_path / f"obj/{normalize(other, name)}.txt", "0 .5 .5 .5 .5\n")
    write_text(tmp_path / "obj.names", "cat\n")
    write_text(tmp_path / "train.txt", f"obj/{normalize(other, name)}.jpg\n")
    write_text(tmp_path / "obj.data", "names = obj.names\ntrain = train.txt\n")
    found = read_set("darknet", tmp_path)
    assert [len(boxes) for boxes in found.boxes.values()] == [1]
