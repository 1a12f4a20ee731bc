"""KITTI as the benchmark and its many users have it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.conftest import (
    Convert,
    read_set,
    write_image,
    write_text,
    write_yolo,
)
from yolokit.errors import DataError
from yolokit.formats import kitti
from yolokit.formats.toolkit.source_tree import SourceTree

CAR = "Car 0.00 0 -1.58 4.00 6.00 20.50 30.25 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59"
DONT_CARE = "DontCare -1 -1 -10 50.19 9.95 51.11 25.93 -1 -1 -1 -1000 -1000 -1000 -10"
BOX = [4, 6, 20.5, 30.25]


def write_kitti(root: Path, labels: dict[str, str], folder: str = "training") -> Path:
    for stem, text in labels.items():
        write_image(root / folder / f"image_2/{stem}.png")
        write_text(root / folder / f"label_2/{stem}.txt", text)
    return root


def test_the_layout_of_the_benchmark(tmp_path: Path) -> None:
    write_kitti(tmp_path, {"000000": f"{CAR}\n", "000001": ""})
    write_image(tmp_path / "testing/image_2/000000.png")
    found = read_set("kitti", tmp_path)
    assert found.boxes == {"000000.png": [("Car", BOX)], "000001.png": []}
    assert [one.image.split for one in found.images] == ["train", "train"]
    roots = found.images[0].image.source.image_roots
    assert roots[0] == str(tmp_path / "training/image_2")
    assert found.ledger.entries == []


def test_rows_of_15_and_of_16_columns(tmp_path: Path) -> None:
    write_kitti(tmp_path, {"a": f"{CAR}\n{CAR} 0.97\n"})
    found = read_set("kitti", tmp_path)
    assert found.boxes == {"a.png": [("Car", BOX)] * 2}
    assert "1 of 2 rows ends with a score" in found.dataset.evidence[0]


def test_dont_care_regions_are_excluded(tmp_path: Path) -> None:
    write_kitti(
        tmp_path, {"a": f"{DONT_CARE}\n{CAR}\n{DONT_CARE.replace('DontCare', 'dontcare')}\n"}
    )
    found = read_set("kitti", tmp_path)
    assert found.boxes == {"a.png": [("Car", BOX)]}
    assert found.entries == [("excluded", "dont-care", 1), ("excluded", "dont-care", 3)]
    assert found.dataset.names == ("Car",)
    assert found.ledger.totals.annotations_in == 3


@pytest.mark.parametrize(
    "name", ["Person sitting", "Car 2", "Car 0", "Car -1", "2", "a  b", "Ü 1 2"]
)
@pytest.mark.parametrize("score", ["", " 0.5", " 17"])
def test_spaces_and_numbers_in_class_names(name: str, score: str, tmp_path: Path) -> None:
    filled = DONT_CARE.replace("DontCare", name)
    write_kitti(tmp_path, {"a": f"{filled}{score}\n" + CAR.replace("Car", name) + score})
    assert read_set("kitti", tmp_path).dataset.names == (name,)


def test_fillers_are_no_numbers_of_a_box(tmp_path: Path) -> None:
    filled = "Car -1 -1 -10 4 6 20.5 30.25 -1 -1 -1 -1000 -1000 -1000 -10\n"
    unseen = "Van -1 -1 -10 -1 -1 -1 -1 1.6 1.6 3.9 1.0 1.7 46.0 -1.5\n"
    found = read_set("kitti", write_kitti(tmp_path, {"a": filled + unseen}))
    assert found.boxes == {"a.png": [("Car", BOX)]}
    assert found.entries == [("excluded", "no-box", 2)]


def test_writing_fills_the_other_columns(tmp_path: Path, run_convert: Convert) -> None:
    source = write_yolo(tmp_path / "in", {"a.jpg": "1 .5 .5 .5 .5\n", "b.jpg": ""})
    run_convert(source, to_format="kitti")
    text = (tmp_path / "out/train/label_2/a.txt").read_text()
    assert text == "dog -1 -1 -10 16 12 48 36 -1 -1 -1 -1000 -1000 -1000 -10\n"
    assert len(text.split()) == 15
    assert (tmp_path / "out/train/image_2/b.jpg").is_file()
    assert (tmp_path / "out/train/label_2/b.txt").read_text() == ""


@pytest.mark.parametrize("name", ["DontCare", "a\nb"])
def test_class_names_that_would_not_come_back(
    name: str, tmp_path: Path, run_convert: Convert
) -> None:
    yaml = f"train: images/train\nnames: [{name!r}]\n".replace("'", '"')
    source = write_yolo(tmp_path / "in", {"a.jpg": "0 .5 .5 .5 .5\n"}, yaml=yaml)
    with pytest.raises(DataError, match="KITTI cannot hold the class name"):
        run_convert(source, to_format="kitti")


@pytest.mark.parametrize("main", [True, False])
def test_splits_of_imagesets(main: bool, tmp_path: Path) -> None:
    write_kitti(tmp_path, dict.fromkeys(("000000", "000001", "000002"), f"{CAR}\n"))
    write_text(tmp_path / "ImageSets/train.txt", "000000\n")
    write_text(tmp_path / "ImageSets/val.txt", "000001\n")
    write_text(tmp_path / "ImageSets/test.txt", "000000\n000002\n")
    source = tmp_path if main else tmp_path / "training"
    found = read_set("kitti", source)
    assert [one.image.split for one in found.images] == ["train", "val", None]
    assert found.dataset.has_splits
    assert found.ledger.entries == []


@pytest.mark.parametrize(
    ("label", "image", "split"),
    [
        ("labels/{}.txt", "images/{}.jpg", None),
        ("labels/{}.txt", "data/{}.jpg", None),
        ("val/labels/{}.txt", "val/images/{}.jpg", "val"),
        ("default/label_2/{}.txt", "default/image_2/{}.jpg", None),
        ("testing/label_2/{}.txt", "testing/image_2/{}.jpg", "test"),
    ],
)
def test_layouts_of_other_tools(label: str, image: str, split: str | None, tmp_path: Path) -> None:
    write_text(tmp_path / label.format("in/a.b"), f"{CAR}\n")
    write_image(tmp_path / image.format("in/a.b"))
    write_image(tmp_path / image.format("c"))
    found = read_set("kitti", tmp_path)
    assert [(one.image.file_name, one.image.split) for one in found.images] == [
        ("in/a.b.jpg", split)
    ]
    assert found.entries == [("noted", "no-annotation-file", None)]
    assert "1 image without a label file left out" in found.ledger.entries[0].message


@pytest.mark.parametrize(
    "bad", ["Car", CAR.rsplit(" ", 1)[0], CAR.replace("4.00", "x"), CAR.replace("4.00", "nan"),
            CAR.split(" ", 1)[1], CAR.replace("4.00", "1e99")],
)  # fmt: skip
def test_a_broken_row_is_dropped_with_its_line(bad: str, tmp_path: Path) -> None:
    found = read_set("kitti", write_kitti(tmp_path, {"a": f"{CAR}\n\n{bad}\n"}))
    assert found.boxes == {"a.png": [("Car", BOX)]}
    assert found.entries == [("dropped", "bad-row", 3)]


def test_broken_files_are_reported_at_once(tmp_path: Path) -> None:
    write_kitti(tmp_path, {"a": "", "b": f"{CAR}\n"})
    (tmp_path / "training/label_2/a.txt").write_bytes(b"\n\xff")
    with pytest.raises(DataError, match="not UTF-8 text") as caught:
        read_set("kitti", tmp_path)
    assert caught.value.line == 2
    (tmp_path / "training/label_2/b.txt").write_bytes(b"\xff")
    with pytest.raises(DataError, match="2 broken label files"):
        read_set("kitti", tmp_path)


def test_other_texts_are_passed_over(tmp_path: Path) -> None:
    write_kitti(tmp_path, {"a": f"{CAR}\n"})
    write_text(tmp_path / "label_colors.txt", "# r g b name\n1 2 3 Car\n")
    (tmp_path / "binary.txt").write_bytes(b"\xff")
    assert read_set("kitti", tmp_path).boxes == {"a.png": [("Car", BOX)]}
    (tmp_path / "training/label_2/a.txt").unlink()
    with pytest.raises(DataError, match="no files with labels"):
        read_set("kitti", tmp_path)


@pytest.mark.parametrize("text", [f"{CAR}\n", f"\ufeff\n{DONT_CARE} 0.5\r\n"])
def test_recognised_by_its_rows(text: str, tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "000000\n000001\n")
    write_text(tmp_path / "label_2/b.txt", text)
    match = kitti.sniff(SourceTree(tmp_path))
    assert match is not None
    assert "b.txt" in match.evidence


@pytest.mark.parametrize(
    "text",
    [
        "0 .5 .5 .5 .5\n",
        "0 " + ".5 " * 14 + "\n",
        "10 10 30 10 30 20 10 20 plane 0\n",
        "684,8,273,116,0,0,0,0\n",
        "Car 1 2 3\n",
        "1 -1 " + "1 " * 20,
    ],
)
def test_other_texts_are_not_recognised(text: str, tmp_path: Path) -> None:
    write_text(tmp_path / "labels/a.txt", text)
    assert kitti.sniff(SourceTree(tmp_path)) is None


def test_labels_in_another_unicode_form_have_their_image(tmp_path: Path) -> None:
    write_image(tmp_path / "training/image_2/caf\u00e9.png")
    row = "Car 0 0 0 4 6 20 30 1 1 1 0 1 40 0\n"
    write_text(tmp_path / "training/label_2/cafe\u0301.txt", row)
    found = read_set("kitti", tmp_path)
    assert list(found.boxes) == ["caf\u00e9.png"]
    assert found.ledger.entries == []
