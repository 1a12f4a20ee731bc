"""DOTA as its data sets and their many converters have it."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.unit.conftest import (
    Convert,
    coco,
    coco_image,
    read_set,
    write_coco,
    write_image,
    write_text,
)
from yolokit.errors import DataError
from yolokit.formats import dota
from yolokit.formats.toolkit.source_tree import SourceTree
from yolokit.labels.shapes import rotated_corners

HEADER = "imagesource:GoogleEarth\ngsd:0.146343\n"
BOX = "10 10 30 10 30 20 10 20"
TURNED = rotated_corners((32, 24), (20, 8), 30)


def row(corners: np.ndarray, rest: str = "plane 0") -> str:
    return " ".join(f"{value:.6f}" for value in corners.ravel()) + f" {rest}\n"


def write_dota(root: Path, labels: dict[str, str]) -> Path:
    for stem, text in labels.items():
        write_image(root / f"images/{stem}.png")
        write_text(root / f"labelTxt/{stem}.txt", text)
    return root


def test_rows_behind_two_header_lines(tmp_path: Path) -> None:
    text = HEADER + f"{BOX} large-vehicle 1\n" + row(TURNED)
    found = read_set("dota", write_dota(tmp_path, {"P0001": text}))
    assert [name for name, _ in found.boxes["P0001.png"]] == ["large-vehicle", "plane"]
    assert found.boxes["P0001.png"][0][1] == [10, 10, 30, 20]
    annotations = found.images[0].annotations
    assert annotations.places.tolist() == [3, 4]
    assert [shape.kind for shape in annotations.shapes.values()] == ["rotated", "rotated"]
    np.testing.assert_allclose(annotations.shapes[1].rings[0], TURNED, atol=1e-5)
    assert found.ledger.totals.annotations_in == 2


@pytest.mark.parametrize("header", ["", "imagesource:x\n", "gsd:null\n", "ImageSource:x\nGSD:\n"])
def test_headers_may_be_missing(header: str, tmp_path: Path) -> None:
    found = read_set("dota", write_dota(tmp_path, {"a": f"{header}{BOX} plane 0\n"}))
    assert found.boxes == {"a.png": [("plane", [10, 10, 30, 20])]}
    assert found.ledger.totals.annotations_in == 1


@pytest.mark.parametrize("angle", [0, 30, -80, 90, 180, 359.5])
def test_every_order_of_the_corners_is_the_same_rotated_box(angle: float, tmp_path: Path) -> None:
    corners = rotated_corners((32, 24), (20, 8), angle)
    orders = list(permutations(range(4)))
    text = "".join(row(corners[list(order)]) for order in orders)
    found = read_set("dota", write_dota(tmp_path, {"a": text}), task="obb")
    annotations = found.images[0].annotations
    wanted = cv2.boxPoints(cv2.minAreaRect(corners.astype(np.float32)))
    for at, order in enumerate(orders):
        shape = annotations.shapes[at]
        assert shape.kind == "rotated"
        ring = shape.rings[0]
        seen = cv2.boxPoints(cv2.minAreaRect(ring.astype(np.float32)))
        assert np.abs(np.sort(seen, axis=0) - np.sort(wanted, axis=0)).max() < 1e-3
        assert cv2.contourArea(ring.astype(np.float32)) == pytest.approx(160, abs=1e-3)
        first = order.index(0)
        goes_around = order[(first + 2) % 4] == 2
        assert (at in annotations.reinterpreted) is not goes_around
        if goes_around:  # the first corner may be an object's front
            np.testing.assert_allclose(ring[0], corners[order[0]], atol=1e-5)


def test_four_points_that_are_no_box_are_an_outline(tmp_path: Path, run_convert: Convert) -> None:
    text = "10 10 40 12 35 30 12 20 plane 0\n10 10 30.4 10.3 30 20 10 19.6 ship 0\n"
    source = write_dota(tmp_path / "in", {"a": text})
    found = read_set("dota", source, task="obb")
    assert [shape.kind for shape in found.images[0].annotations.shapes.values()] == [
        "polygon",
        "rotated",
    ]
    result = run_convert(source, task="obb", split="keep")
    assert result.totals.reinterpreted == result.totals.kept == 1
    assert "reinterpreted: polygon-to-rotated" in result.codes


def test_boxes_are_taken_around_them_where_boxes_are_wanted(
    tmp_path: Path, run_convert: Convert
) -> None:
    source = write_dota(tmp_path / "in", {"a": row(TURNED)})
    result = run_convert(source, split="keep")
    assert result.codes["reinterpreted: rotated-to-box"] == 1
    assert result.from_formats == ("dota",)


def test_negative_and_outside_corners_are_clipped_and_entered(
    tmp_path: Path, run_convert: Convert
) -> None:
    text = f"-5 10 20 10 20 20 -5 20 plane 0\n50 40 70 40 70 60 50 60 plane 0\n{BOX} plane 0\n"
    text += "-20 -20 -10 -20 -10 -10 -20 -10 plane 0\n"
    result = run_convert(write_dota(tmp_path / "in", {"a": text}), task="obb", split="keep")
    totals = result.totals
    assert (totals.clipped, totals.kept, totals.dropped) == (2, 1, 1)
    rows = (tmp_path / "out/labels/train/a.txt").read_text().splitlines()
    assert len(rows) == 3
    assert all(0 <= float(value) <= 1 for line in rows for value in line.split()[1:])


def test_pixels_and_fractions_are_told_from_all_files(tmp_path: Path) -> None:
    fractions = np.array([[0.25, 0.25], [0.75, 0.25], [0.75, 0.5], [0.25, 0.5]])
    found = read_set("dota", write_dota(tmp_path / "a", {"a": row(fractions) * 5}))
    assert found.boxes == {"a.png": [("plane", [16, 12, 48, 24])] * 5}
    assert found.images[0].image.image_wh == (64, 48)
    assert "taken as fractions" in " ".join(found.dataset.evidence)
    found = read_set("dota", write_dota(tmp_path / "b", {"a": row(fractions), "b": row(TURNED)}))
    assert found.boxes["a.png"] == [("plane", [0.25, 0.25, 0.75, 0.5])]
    assert "taken as pixels" in " ".join(found.dataset.evidence)
    whole = "0 0 1 0 1 1 0 1 plane 0\n"
    assert read_set("dota", write_dota(tmp_path / "c", {"a": whole})).boxes == {
        "a.png": [("plane", [0, 0, 1, 1])]
    }
    found = read_set("dota", tmp_path / "c", assume={"units": "fractions"})
    assert found.boxes == {"a.png": [("plane", [0, 0, 64, 48])]}
    found = read_set("dota", tmp_path / "a", assume={"units": "pixels"})
    assert found.boxes == {"a.png": [("plane", [0.25, 0.25, 0.75, 0.5])] * 5}


def test_fractions_need_the_images(tmp_path: Path) -> None:
    write_dota(tmp_path, {"a": ".1 .1 .5 .1 .5 .5 .1 .5001 plane 0\n", "b": "", "c": ""})
    for stem in "ab":
        (tmp_path / f"images/{stem}.png").unlink()
    (tmp_path / "images/c.png").write_bytes(b"no image")
    found = read_set("dota", tmp_path)
    assert found.images == []
    assert found.entries == [
        ("dropped", "missing-image", 1),
        ("noted", "missing-image", None),
        ("noted", "unreadable-image", None),
    ]
    with pytest.raises(DataError, match="--labels-only reads no image"):
        read_set("dota", tmp_path, labels_only=True)


def test_difficult_objects_are_kept_unless_excluded(tmp_path: Path) -> None:
    write_dota(tmp_path, {"a": f"{BOX} plane 1\n{BOX} ship 0\n{BOX} harbor\n{BOX} pool 2\n"})
    found = read_set("dota", tmp_path)
    assert len(found.boxes["a.png"]) == 4
    assert "3 of 4 rows end with a difficulty, 2 of them above 0" in found.dataset.evidence[1]
    found = read_set("dota", tmp_path, assume={"difficult": "exclude"})
    assert [name for name, _ in found.boxes["a.png"]] == ["ship", "harbor"]
    assert found.entries == [("excluded", "difficult", 1), ("excluded", "difficult", 4)]


@pytest.mark.parametrize(
    ("rest", "name"),
    [
        ("swimming pool 0", "swimming pool"),
        ("swimming pool", "swimming pool"),
        ("7 0", "7"),
        ("7", "7"),
        ("gate 12 1", "gate 12"),
        ("Schiff-Ü 0", "Schiff-Ü"),
    ],
)
def test_class_names(rest: str, name: str, tmp_path: Path) -> None:
    found = read_set("dota", write_dota(tmp_path, {"a": f"{BOX} {rest}\n"}))
    assert found.dataset.names == (name,)


@pytest.mark.parametrize(
    "bad", ["1 2 3", f"x{BOX} a 0", BOX, "nan " + BOX[3:] + " a 0", "1e99 " + BOX[3:] + " a 0"]
)
def test_a_broken_row_is_dropped_with_its_line(bad: str, tmp_path: Path) -> None:
    found = read_set("dota", write_dota(tmp_path, {"a": f"\n{BOX} ship 0\r\n{bad}\r\n"}))
    assert len(found.boxes["a.png"]) == 1
    assert found.entries == [("dropped", "bad-row", 3)]
    assert found.ledger.totals.annotations_in == 2


@pytest.mark.parametrize(
    ("label", "image", "split"),
    [
        ("train/labelTxt/{}.txt", "train/images/{}.jpg", "train"),
        ("valid/labelTxt/{}.txt", "valid/images/{}.jpg", "val"),
        ("labelTxt/test/{}.txt", "images/test/{}.jpg", "test"),
        ("labels/train_original/{}.txt", "images/train/{}.jpg", "train"),
        ("val/labelTxt-v1.0/labelTxt/{}.txt", "val/images/{}.jpg", "val"),
        ("trainval/annfiles/{}.txt", "trainval/images/{}.jpg", None),
        ("train/{}.txt", "train/{}.jpg", "train"),
        ("{}.txt", "{}.jpg", None),
    ],
)
@pytest.mark.parametrize("stem", ["P0001", "in a/b.c d"])
def test_layouts(label: str, image: str, split: str | None, stem: str, tmp_path: Path) -> None:
    write_text(tmp_path / label.format(stem), f"{BOX} plane 0\n")
    path = write_image(tmp_path / image.format(stem))
    write_image(path.parent / "unlabelled.jpg")
    found = read_set("dota", tmp_path)
    assert [one.image.file_name for one in found.images] == [f"{stem}.jpg"]
    assert found.images[0].image.split == split
    assert found.images[0].image.source.image_roots[0] == str(tmp_path / Path(image).parent)
    assert found.dataset.has_splits is (split is not None)
    assert found.entries == [("noted", "no-annotation-file", None)]


def test_the_folder_of_labels_itself_and_images_elsewhere(tmp_path: Path) -> None:
    write_dota(tmp_path, {"a": f"{BOX} plane 0\n"})
    for source in (tmp_path / "labelTxt", tmp_path / "labelTxt/a.txt"):
        assert list(read_set("dota", source).boxes) == ["a.png"]
    write_image(tmp_path / "elsewhere/a.jpg")
    found = read_set("dota", tmp_path, images=tmp_path / "elsewhere")
    assert found.images[0].image.file_name == "a.jpg"
    assert found.images[0].image.source.image_roots[0] == str(tmp_path / "elsewhere")


def test_background_images_survive_and_other_texts_are_passed_over(tmp_path: Path) -> None:
    write_dota(tmp_path, {"a": HEADER, "b": ""})
    write_text(tmp_path / "README.txt", "no labels at all\n")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe")
    found = read_set("dota", tmp_path)
    assert found.boxes == {"a.png": [], "b.png": []}
    assert found.ledger.entries == []


def test_broken_files_are_reported_at_once(tmp_path: Path) -> None:
    write_dota(tmp_path, {"a": "", "b": "", "c": ""})
    for stem in "ac":
        (tmp_path / f"labelTxt/{stem}.txt").write_bytes(b"1 2\n\xe4 3\n")
    with pytest.raises(DataError, match="2 broken label files") as caught:
        read_set("dota", tmp_path)
    assert f"{tmp_path / 'labelTxt/a.txt'}:2: this is not UTF-8 text" in str(caught.value)


def test_no_labels_are_an_error(tmp_path: Path) -> None:
    write_image(tmp_path / "images/a.png")
    with pytest.raises(DataError, match="no files with labels"):
        read_set("dota", tmp_path)


@pytest.mark.parametrize(
    "text", [HEADER, f"{BOX} plane 0\n", f"\ufeff{BOX} a b 1", f"gsd:1\n{BOX} a"]
)
def test_recognised_by_its_rows(text: str, tmp_path: Path) -> None:
    write_text(tmp_path / "classes.txt", "plane\n")
    write_text(tmp_path / "labelTxt/a.txt", text)
    match = dota.sniff(SourceTree(tmp_path))
    assert match is not None
    assert "a.txt" in match.evidence


@pytest.mark.parametrize(
    "text",
    [
        "0 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2\n",
        "0 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2 0.3 0.3\n",
        "Car 0 0 1.5 10 10 20 20 1 1 1 1 1 1 1\n",
        "684,8,273,116,0,0,0,0\n",
        "1 -1 1 1 1 1 1 1 1 1\n",
        "gsd: a note about ground sampling\n",
        "no labels\n",
    ],
)
def test_other_texts_are_not_recognised(text: str, tmp_path: Path) -> None:
    write_text(tmp_path / "labels/a.txt", text)
    assert dota.sniff(SourceTree(tmp_path)) is None


def test_a_class_name_that_no_row_can_hold_is_refused(tmp_path: Path, run_convert: Convert) -> None:
    shape = {"image_id": 1, "category_id": 1, "segmentation": [[1, 1, 9, 1, 9, 9]]}
    named = [{"id": 1, "name": "a\nb"}]
    write_image(tmp_path / "in/1.jpg")
    source = write_coco(tmp_path / "in/a.json", coco([coco_image(1)], [shape], named))
    with pytest.raises(DataError, match="DOTA cannot hold the class name"):
        run_convert(source, task="obb", to_format="dota", split="keep")
