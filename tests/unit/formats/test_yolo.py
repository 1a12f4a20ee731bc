"""YOLO sets as people have them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from unicodedata import normalize

import pytest

from tests.unit.conftest import Convert, read_set, write_image, write_text, write_yolo
from yolokit.datasets.label_rows import SIXTH
from yolokit.errors import DataError
from yolokit.formats import yolo
from yolokit.formats.toolkit.plugin import recognise
from yolokit.formats.toolkit.source_tree import SourceTree


def test_boxes_and_polygons_in_one_file(tmp_path: Path) -> None:
    path = write_yolo(tmp_path, {"a.jpg": "1 .5 .5 .5 .5\n0 .25 .25 .75 .25 .5 .75\n"})
    found = read_set("yolo", path)
    assert found.boxes == {"a.jpg": [("dog", [16, 12, 48, 36]), ("cat", [16, 12, 48, 36])]}
    annotations = found.images[0].annotations
    assert [(row, shape.kind) for row, shape in annotations.shapes.items()] == [(1, "polygon")]
    assert annotations.places.tolist() == [1, 2]
    assert found.ledger.totals.annotations_in == 2


def test_background_images_survive(tmp_path: Path) -> None:
    path = write_yolo(tmp_path, {"a.jpg": "", "b.jpg": None, "c.jpg": "\ufeff\r\n"})
    found = read_set("yolo", path)
    assert found.boxes == {"a.jpg": [], "b.jpg": [], "c.jpg": []}
    assert found.ledger.entries == []


def test_six_columns_are_ambiguous_unless_declared(tmp_path: Path) -> None:
    path = write_yolo(tmp_path, {"a.jpg": "1 .5 .5 .5 .5 3\n0 .5 .5 .5 .5\n"})
    found = read_set("yolo", path)
    assert found.boxes == {"a.jpg": [("cat", [16, 12, 48, 36])]}
    assert found.entries == [("dropped", "six-columns", 1)]
    assert "ambiguous" in found.ledger.entries[0].message
    found = read_set("yolo", path, assume={"sixth-column": "ignore"})
    assert len(found.boxes["a.jpg"]) == 2
    assert dict(found.images[0].annotations.reinterpreted) == {0: SIXTH}


def test_bad_rows_and_unknown_classes_are_entered_with_their_lines(tmp_path: Path) -> None:
    rows = "0 .5 .5 .5 .5\nx .5 .5 .5 .5\n\n2 .5 .5 .5 .5\n1 .5 .5 .5\n"
    found = read_set("yolo", write_yolo(tmp_path, {"a.jpg": rows}))
    assert len(found.boxes["a.jpg"]) == 1
    assert found.entries == [
        ("dropped", "not-a-number", 2),
        ("dropped", "column-count", 5),
        ("dropped", "unknown-class", 4),
    ]
    assert found.ledger.totals.annotations_in == 4
    assert found.ledger.entries[0].path == str(tmp_path / "labels" / "train" / "a.txt")


def test_classes_go_by_name_where_ids_have_gaps(tmp_path: Path) -> None:
    yaml = "train: images/train\nnames: {5: dog, 2: cat}\n"
    found = read_set("yolo", write_yolo(tmp_path, {"a.jpg": "5 .5 .5 .5 .5\n"}, yaml=yaml))
    assert found.dataset.names == ("cat", "dog")
    assert [category.source_id for category in found.dataset.categories] == [2, 5]
    assert found.boxes == {"a.jpg": [("dog", [16, 12, 48, 36])]}


def test_pose_rows_keep_their_boxes(tmp_path: Path) -> None:
    yaml = "train: images/train\nnames: [cat]\nkpt_shape: [1, 3]\n"
    path = write_yolo(tmp_path, {"a.jpg": "0 .5 .5 .5 .5 .1 .1 2\n"}, yaml=yaml)
    assert read_set("yolo", path).boxes == {"a.jpg": [("cat", [16, 12, 48, 36])]}


@pytest.mark.parametrize(
    ("dims", "row", "written"),
    [
        (2, "0.25 0.75 0 0", "0.250000 0.750000 0.000000 0.000000"),
        (3, "0.25 0.75 1 0 0 0", "0.250000 0.750000 1 0.000000 0.000000 0"),
        (3, "0.25 0.75 2 0.5 0.5 0", "0.250000 0.750000 2 0.000000 0.000000 0"),
    ],
)
def test_keypoints_of_two_or_three_columns_come_back_and_what_is_not_labelled_stays_so(
    dims: int, row: str, written: str, run_convert: Convert, tmp_path: Path
) -> None:
    yaml = f"train: images/train\nnames: [cat]\nkpt_shape: [2, {dims}]\nflip_idx: [1, 0]\n"
    path = write_yolo(tmp_path / "in", {"a.jpg": f"0 .5 .5 .5 .5 {row}\n"}, yaml=yaml)
    result = run_convert(path, task="pose")
    assert result.totals.kept == 1
    rows = (tmp_path / "out/labels/train/a.txt").read_text()
    assert rows == f"0 0.500000 0.500000 0.500000 0.500000 {written}\n"
    text = (tmp_path / "out/data.yaml").read_text()
    assert f"kpt_shape:\n- 2\n- {dims}\nflip_idx:\n- 1\n- 0\n" in text


def test_splits_and_equal_names_in_them(tmp_path: Path) -> None:
    write_yolo(tmp_path, {"a.jpg": "0 .5 .5 .5 .5\n"}, split="val")
    yaml = "train: images/train\nval: images/val\nnames: [cat]\n"
    path = write_yolo(tmp_path, {"a.jpg": ""}, yaml=yaml)
    found = read_set("yolo", path)
    assert [(one.image.split, len(one.annotations)) for one in found.images] == [
        ("train", 0),
        ("val", 1),
    ]
    assert found.dataset.has_splits


def test_roboflow_layout_with_images_in_the_folder_of_the_split(tmp_path: Path) -> None:
    write_image(tmp_path / "train/images/a_jpg.rf.0123.jpg")
    write_text(tmp_path / "train/labels/a_jpg.rf.0123.txt", "0 .5 .5 .5 .5")
    write_text(tmp_path / "README.roboflow.txt", "1 2 3\n")
    write_text(tmp_path / "data.yaml", "train: ../train/images\nnc: 1\nnames: ['cat']\n")
    found = read_set("yolo", tmp_path)
    assert found.boxes == {"a_jpg.rf.0123.jpg": [("cat", [16, 12, 48, 36])]}
    assert len(found.dataset.evidence) == 2


def test_roboflow_names_a_test_folder_that_is_not_there(tmp_path: Path) -> None:
    yaml = "train: ../train/images\ntest: ../test/images\nnames: [cat, dog]\n"
    write_image(tmp_path / "train/images/a.jpg")
    write_text(tmp_path / "train/labels/a.txt", "0 .5 .5 .5 .5\n")
    found = read_set("yolo", write_text(tmp_path / "data.yaml", yaml))
    assert list(found.boxes) == ["a.jpg"]
    assert any("there is no test split" in note for note in found.dataset.evidence)


def test_labels_beside_the_images(tmp_path: Path) -> None:
    write_image(tmp_path / "obj/a.jpg")
    write_text(tmp_path / "obj/a.txt", "0 .5 .5 .5 .5")
    write_text(tmp_path / "obj/notes.txt", "no labels at all\n")
    path = write_text(tmp_path / "data.yaml", "train: obj\nnames: [cat]\n")
    found = read_set("yolo", path)
    assert found.boxes == {"a.jpg": [("cat", [16, 12, 48, 36])]}
    assert found.ledger.entries == []


def test_labels_without_an_image_are_dropped_and_named(tmp_path: Path) -> None:
    path = write_yolo(tmp_path, {"sub/a.jpg": "0 .5 .5 .5 .5\n"})
    orphan = write_text(tmp_path / "labels/train/sub/gone.txt", "0 .5 .5 .5 .5\nx\n")
    write_text(tmp_path / "labels/train/empty.txt", "")
    found = read_set("yolo", path)
    assert found.entries == [("dropped", "missing-image", 1), ("dropped", "missing-image", 2)]
    assert found.ledger.entries[0].path == str(orphan)
    assert found.ledger.totals.annotations_in == 3


def test_labels_of_a_split_without_any_image_are_dropped_and_named(tmp_path: Path) -> None:
    path = write_yolo(tmp_path, {"a.jpg": "0 .5 .5 .5 .5\n"})
    (tmp_path / "images/train/a.jpg").unlink()
    assert read_set("yolo", path).entries == [("dropped", "missing-image", 1)]


def test_an_unreadable_image_takes_its_rows_along(tmp_path: Path) -> None:
    path = write_yolo(tmp_path, {"a.jpg": "0 .5 .5 .5 .5\n", "b.jpg": ""})
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / "images/train" / name).write_bytes(b"")
    found = read_set("yolo", path)
    assert found.images == []
    assert found.entries == [
        ("dropped", "unreadable-image", 1),
        ("noted", "unreadable-image", None),
    ]


def test_images_elsewhere(tmp_path: Path) -> None:
    write_image(tmp_path / "pictures/train/x/a.jpg")
    write_text(tmp_path / "set/labels/train/x/a.txt", "0 .5 .5 .5 .5\n")
    path = write_text(tmp_path / "set/data.yaml", "train: images/train\nnames: [cat]\n")
    found = read_set("yolo", path, images=tmp_path / "pictures")
    assert found.boxes == {"x/a.jpg": [("cat", [16, 12, 48, 36])]}
    assert found.images[0].image.path == str(tmp_path / "pictures/train/x/a.jpg")


@pytest.mark.parametrize("splits", [True, False])
def test_a_list_of_names_in_place_of_a_yaml(splits: bool, tmp_path: Path) -> None:
    split = "train/" if splits else ""
    write_image(tmp_path / f"images/{split}a.jpg")
    write_text(tmp_path / f"labels/{split}a.txt", "1 .5 .5 .5 .5\n")
    write_text(tmp_path / "classes.txt", "\ufeffcat\r\ndog\r\n")
    match = yolo.sniff(SourceTree(tmp_path))
    assert match is not None
    assert "classes.txt" in match.evidence
    found = read_set("yolo", tmp_path)
    assert found.boxes == {"a.jpg": [("dog", [16, 12, 48, 36])]}
    assert found.dataset.has_splits is splits
    assert found.images[0].image.split == ("train" if splits else None)


@pytest.mark.parametrize(
    "names_file",
    [
        "classes.txt",
        "labels/classes.txt",
        "obj.names",
        "_classes.txt",
        "predefined_classes.txt",
        "data.yaml",
    ],
)
@pytest.mark.parametrize("image, labels", [("", ""), ("images/", "labels/"), ("train/", "train/")])
def test_names_of_classes_beside_labels(
    names_file: str, image: str, labels: str, tmp_path: Path
) -> None:
    if names_file.startswith("labels/") and labels != "labels/":
        names_file = labels + "classes.txt"
    write_image(tmp_path / f"{image}a.jpg")
    write_text(tmp_path / f"{labels}a.txt", "1 .5 .5 .5 .5\n")
    text = "names: [cat, dog]\nnc: 2\n" if names_file == "data.yaml" else "cat\ndog\n"
    write_text(tmp_path / names_file, text)
    assert recognise(tmp_path)[0] == "yolo"
    assert read_set("yolo", tmp_path).boxes == {"a.jpg": [("dog", [16, 12, 48, 36])]}


def test_the_folder_of_labels_alone_leads_to_the_images_beside_it(tmp_path: Path) -> None:
    write_image(tmp_path / "images/a.jpg")
    write_text(tmp_path / "labels/a.txt", "0 .5 .5 .5 .5\n")
    write_text(tmp_path / "labels/classes.txt", "cat\n")
    assert recognise(tmp_path / "labels")[0] == "yolo"
    assert list(read_set("yolo", tmp_path / "labels").boxes) == ["a.jpg"]


def test_lists_of_classes_that_differ_are_not_chosen_from(tmp_path: Path) -> None:
    for split, names in (("train", "cat\ndog\n"), ("val", "dog\ncat\n")):
        write_image(tmp_path / f"{split}/a.jpg")
        write_text(tmp_path / f"{split}/a.txt", "0 .5 .5 .5 .5\n")
        write_text(tmp_path / f"{split}/classes.txt", names)
    with pytest.raises(
        DataError, match=r"the classes are not those of .*train/classes.txt"
    ) as error:
        read_set("yolo", tmp_path)
    assert "sources of their own" in (error.value.hint or "")


def test_text_beside_a_list_of_classes_is_no_set_unless_it_has_rows(tmp_path: Path) -> None:
    write_text(tmp_path / "classes.txt", "cat\n")
    write_text(tmp_path / "notes.txt", "1 2 3\nwhat to do\n")
    assert yolo.sniff(SourceTree(tmp_path)) is None
    write_text(tmp_path / "a.txt", "0 .5 .5 .5 .5\n")
    assert yolo.sniff(SourceTree(tmp_path)) is not None
    write_text(tmp_path / "obj.data", "names = obj.names\n")
    assert yolo.sniff(SourceTree(tmp_path)) is None


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_labels_are_found_in_another_unicode_form(
    form: Literal["NFC", "NFD"], tmp_path: Path
) -> None:
    other: Literal["NFC", "NFD"] = "NFD" if form == "NFC" else "NFC"
    name = "\uc0ac\u00e9"
    write_image(tmp_path / f"images/{normalize(form, name)}.jpg")
    write_text(tmp_path / f"labels/{normalize(other, name)}.txt", "0 .5 .5 .5 .5\n")
    write_text(tmp_path / "classes.txt", "cat\n")
    found = read_set("yolo", tmp_path)
    assert [len(boxes) for boxes in found.boxes.values()] == [1]
    assert found.ledger.totals.dropped == 0


def test_recognised_by_its_keys(tmp_path: Path) -> None:
    path = write_yolo(tmp_path, {"a.jpg": ""})
    write_text(tmp_path / "hyp.yaml", "lr0: 0.1\n")
    for source in (path, tmp_path):
        match = yolo.sniff(SourceTree(source))
        assert match is not None
        assert "data.yaml" in match.evidence
    assert yolo.sniff(SourceTree(tmp_path / "hyp.yaml")) is None
    assert yolo.sniff(SourceTree(tmp_path / "images")) is None


def test_a_folder_that_is_no_set_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no data.yaml in it, and no classes.txt"):
        read_set("yolo", tmp_path)
    write_text(tmp_path / "classes.txt", "cat\ncat\n")
    with pytest.raises(DataError, match="not unique"):
        read_set("yolo", tmp_path)
    (tmp_path / "classes.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="cannot read the names"):
        read_set("yolo", tmp_path)


def test_class_numbers_may_count_from_1(tmp_path: Path) -> None:
    path = write_yolo(tmp_path, {"a.jpg": "1 .5 .5 .5 .5\n2 .5 .5 .25 .25\n"})
    found = read_set("yolo", path)
    assert "class 0 is the first of data.yaml and 1 the last" in found.dataset.evidence[-1]
    (entry,) = found.ledger.entries
    assert entry.code == "unknown-class"
    assert "do its labels count from 1 (--assume class-base=1)?" in entry.message
    found = read_set("yolo", path, assume={"class-base": "1"})
    assert [name for name, _ in found.boxes["a.jpg"]] == ["cat", "dog"]
    assert "class 1 is the first of data.yaml and 2 the last" in found.dataset.evidence[-1]
    assert found.ledger.entries == []


@pytest.mark.parametrize(
    "line", ["images/train/a.JPG", "./images/train/a.png", "images\\train\\a.jpg", "/far/a.jpeg"]
)
def test_a_list_that_spells_an_image_otherwise(line: str, tmp_path: Path) -> None:
    write_image(tmp_path / "images/train/a.jpg")
    write_text(tmp_path / "labels/train/a.txt", "0 .5 .5 .5 .5\n")
    write_text(tmp_path / "train.txt", f"{line}\nimages/train/none.jpg\n")
    write_text(tmp_path / "data.yaml", "names: [cat]\ntrain: train.txt\n")
    found = read_set("yolo", tmp_path)
    assert sum(map(len, found.boxes.values())) == 1
    assert ("noted", "missing-image", 2) in found.entries
    assert [entry.image for entry in found.ledger.lost_images()] == [
        str(tmp_path / "images/train/none.jpg")
    ]


def test_a_list_does_not_lead_to_an_image_of_another_split(tmp_path: Path) -> None:
    write_image(tmp_path / "images/val/a.jpg")
    write_text(tmp_path / "train.txt", "images/train/a.jpg\n")
    write_text(tmp_path / "data.yaml", "names: [cat]\ntrain: train.txt\n")
    assert read_set("yolo", tmp_path).boxes == {}
