"""WIDER Face as it is published, and as Datumaro writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.conftest import Convert, read_set, write_image, write_text
from yolokit.errors import DataError
from yolokit.formats import widerface
from yolokit.formats.toolkit.plugin import recognise
from yolokit.formats.toolkit.source_tree import SourceTree

TEXT = (
    "0--Parade/0_Parade_1.jpg\n1\n4 6 16 24 0 0 0 0 0 0 \n"
    "0--Parade/0_Parade_2.jpg\n0\n0 0 0 0 0 0 0 0 0 0 \n"
    "1--Handshaking/1_H_3.jpg\n2\n1 2 3 4 2 0 0 1 2 0 \n7 8 9 10 1 0 0 0 0 0 \n"
)
LIST = "wider_face_split/wider_face_train_bbx_gt.txt"


def test_faces_are_x_y_width_height(tmp_path: Path) -> None:
    found = read_set("widerface", write_text(tmp_path / LIST, TEXT.replace("\n", "\r\n")))
    assert found.boxes == {
        "0--Parade/0_Parade_1.jpg": [("face", [4, 6, 20, 30])],
        "0--Parade/0_Parade_2.jpg": [],
        "1--Handshaking/1_H_3.jpg": [("face", [7, 8, 16, 18])],
    }
    assert {one.image.split for one in found.images} == {"train"}
    assert found.images[2].annotations.places.tolist() == [10]


def test_the_row_of_zeros_of_an_image_without_faces_is_no_face(tmp_path: Path) -> None:
    found = read_set("widerface", write_text(tmp_path / LIST, TEXT))
    assert found.ledger.totals.annotations_in == 3
    assert [entry[:2] for entry in found.entries] == [("excluded", "invalid")]


def test_without_that_row_it_is_the_same(tmp_path: Path) -> None:
    text = TEXT.replace("0\n0 0 0 0 0 0 0 0 0 0 \n", "0\n")
    found = read_set("widerface", write_text(tmp_path / LIST, text))
    assert [len(boxes) for boxes in found.boxes.values()] == [1, 0, 1]


def test_invalid_faces_are_excluded_unless_wanted(tmp_path: Path) -> None:
    path = write_text(tmp_path / LIST, TEXT)
    found = read_set("widerface", path)
    assert found.entries == [("excluded", "invalid", 9)]
    assert "--assume invalid" in found.dataset.evidence[0]
    kept = read_set("widerface", path, assume={"invalid": "keep"})
    assert len(kept.boxes["1--Handshaking/1_H_3.jpg"]) == 2


def test_boxes_of_size_zero_are_dropped(tmp_path: Path, run_convert: Convert) -> None:
    text = "a/b.jpg\n2\n5 5 0 9 0 0 0 0 0 0\n1 2 3 4 0 0 0 0 0 0\n"
    write_text(tmp_path / "set" / LIST, text)
    write_image(tmp_path / "set/WIDER_train/images/a/b.jpg")
    result = run_convert(tmp_path / "set", to_format="yolo")
    assert result.from_formats == ("widerface",)
    assert (result.totals.kept, result.codes) == (1, {"dropped: empty-box": 1})


def test_lists_of_all_splits_with_equal_names(tmp_path: Path, run_convert: Convert) -> None:
    for split in ("train", "val"):
        text = "a/b.jpg\n1\n1 2 3 4 0 0 0 0 0 0\n"
        write_text(tmp_path / f"set/wider_face_split/wider_face_{split}_bbx_gt.txt", text)
        write_image(tmp_path / f"set/WIDER_{split}/images/a/b.jpg")
    write_text(tmp_path / "set/wider_face_split/wider_face_test_filelist.txt", "a/c.jpg\na/d.jpg\n")
    write_text(tmp_path / "set/wider_face_split/readme.txt", "Attached the mappings\n")
    result = run_convert(tmp_path / "set", to_format="yolo")
    assert {split: counts.images for split, counts in result.splits.items()} == {
        "train": 1,
        "val": 1,
    }
    assert result.totals.notes == 0


def test_as_datumaro_writes_it(tmp_path: Path) -> None:
    text = "no_label/a.jpg\nno_label/b.jpg\n2\n1 2 3 4 \n1.5 2 3 4 - - - - - - cat\n"
    path = write_text(tmp_path / LIST, text)
    assert recognise(path)[0] == "widerface"
    found = read_set("widerface", path)
    assert found.boxes == {
        "no_label/a.jpg": [],
        "no_label/b.jpg": [("face", [1, 2, 4, 6]), ("cat", [1.5, 2, 4.5, 6])],
    }


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ("1 2 3\n", "does not name an image", 1),
        ("a/b.jpg\nx\n", "number of faces", 2),
        ("a/b.jpg\n2\n1 2 3 4\na/c.jpg\n0\n", "2 faces are stated, and 1 row follows", 2),
        ("a/b.jpg\n0\n1 2 3 4\n", "0 faces are stated, and 1 row follows", 2),
        ("a/b.jpg\n99999999999\n1 2 3 4\n", "number of faces", 2),
    ],
)
def test_a_list_that_does_not_add_up(text: str, words: str, line: int, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read_set("widerface", write_text(tmp_path / LIST, text))
    assert caught.value.line == line


def test_faulty_rows_and_images_listed_twice(tmp_path: Path) -> None:
    text = "a.jpg\n2\n1 2 3\n1 2 x 4 0 0 0 0 0 0\na.jpg\n1\n1 2 3 4 0 0 0 0 0 0\n"
    found = read_set("widerface", write_text(tmp_path / LIST, text))
    assert found.boxes == {"a.jpg": [("face", [1, 2, 4, 6])]}
    assert found.entries == [
        ("dropped", "bad-row", 3),
        ("dropped", "bad-row", 4),
        ("noted", "duplicate-image", 5),
    ]


def test_sniffing(tmp_path: Path) -> None:
    assert recognise(write_text(tmp_path / LIST, "\ufeff" + TEXT))[0] == "widerface"
    assert recognise(tmp_path)[0] == "widerface"
    for name, text in {
        "darknet": "data/a.jpg\ndata/b.jpg\ndata/c.jpg\n",
        "retinanet": "a.jpg,1,2,3,4,cat\na.jpg,1,2,3,4,cat\n",
        "notes": "a.jpg\n1\nis the best of them\n",
    }.items():
        write_text(tmp_path / name / "a.txt", text)
        assert widerface.sniff(SourceTree(tmp_path / name)) is None, name


def test_sniffing_looks_at_a_few_files(tmp_path: Path) -> None:
    for number in range(50):
        write_text(tmp_path / f"{number}.txt", "0 1 2 3 4")
    tree = SourceTree(tmp_path)
    assert widerface.sniff(tree) is None
    assert len(tree._heads) <= 20
