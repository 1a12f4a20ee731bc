"""Boxes end up in the frame that training and inference see."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.unit.conftest import Convert, coco, coco_image, write_coco, write_image
from yolokit.errors import DataError
from yolokit.formats.toolkit.locate import fractions_to_px, locate_images, require_sizes
from yolokit.images.byte_range import Span
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Annotations, ImageRecord, LabelledImage, SourceFile


def labelled(
    root: Path, box: tuple[float, ...] | None, wh: tuple[int | None, int | None], **more: Any
) -> LabelledImage:
    source = SourceFile("a.json", "index", (str(root),))
    name = more.pop("name", "a.jpg")
    record = ImageRecord(name, *wh, None, more.pop("path", None), source, **more)
    if box is None:
        return LabelledImage(record, Annotations.empty())
    boxes = np.array([box], np.float64)
    return LabelledImage(record, Annotations(np.zeros(1, np.int64), boxes, np.array([7])))


def locate(one: LabelledImage) -> tuple[LabelledImage | None, Ledger]:
    ledger = Ledger()
    return next(locate_images([one], ledger), None), ledger


def write_turned(path: Path, orientation: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Write a JPEG of 160x80 px as stored, one bright rectangle in it, and decode it again."""
    image = np.zeros((80, 160, 3), np.uint8)
    image[8:24, 32:80] = 255
    jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    tags = struct.pack("<HHHIHH", 1, 0x0112, 3, 1, orientation, 0) + bytes(4)
    block = b"Exif\x00\x00II*\x00\x08\x00\x00\x00" + tags
    path.write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + jpeg[2:])
    decoded = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert decoded is not None
    return np.asarray(decoded, np.uint8)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_boxes_drawn_on_the_stored_image_turn_with_it(orientation: int, tmp_path: Path) -> None:
    seen = write_turned(tmp_path / "a.jpg", orientation)
    found, ledger = locate(labelled(tmp_path, (32, 8, 80, 24), (160, 80)))
    assert found is not None
    assert found.image.image_wh == (80, 160) == seen.shape[::-1]
    rows, columns = np.nonzero(seen > 128)
    bright = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert found.annotations.xyxy[0].tolist() == pytest.approx(bright, abs=1.0)
    assert found.annotations.reinterpreted[0].startswith("exif-orientation: ")
    assert ledger.entries == []


@pytest.mark.parametrize("orientation", [2, 3, 6])
def test_boxes_drawn_on_the_upright_image_stay_and_that_is_said(
    orientation: int, tmp_path: Path
) -> None:
    height_px, width_px = write_turned(tmp_path / "a.jpg", orientation).shape
    found, ledger = locate(labelled(tmp_path, (1, 2, 3, 4), (width_px, height_px)))
    assert found is not None
    assert found.annotations.xyxy.tolist() == [[1, 2, 3, 4]]
    assert [entry.code for entry in ledger.entries] == ["exif-orientation"]


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("stated", ["stored", "seen", "none", "fractions"])
def test_labels_may_be_said_to_be_drawn_on_the_stored_image(
    stated: str, orientation: int, tmp_path: Path
) -> None:
    seen = write_turned(tmp_path / "a.jpg", orientation)
    seen_wh = (seen.shape[1], seen.shape[0])
    box, path = np.array([32, 8, 80, 24], np.float64), None
    wh: Any = {"stored": (160, 80), "none": (None, None)}.get(stated, seen_wh)
    if stated == "fractions":  # of the image as stored, times the size as it is seen
        box, path = box / (160, 80, 160, 80) * (seen_wh * 2), str(tmp_path / "a.jpg")
    one = labelled(tmp_path, tuple(box), wh, path=path)
    (found,) = locate_images([one], Ledger(), "stored")
    rows, columns = np.nonzero(seen > 128)
    bright = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert found.annotations.xyxy[0].tolist() == pytest.approx(bright, abs=1.0)
    assert found.annotations.reinterpreted[0].startswith("exif-orientation: ")


def test_labels_may_be_said_to_be_drawn_on_the_upright_image(tmp_path: Path) -> None:
    write_turned(tmp_path / "a.jpg", 6)
    ledger = Ledger()
    one = labelled(tmp_path, (20, 10, 60, 30), (160, 80))
    (found,) = locate_images([one], ledger, "upright")
    assert found.annotations.xyxy.tolist() == [[20, 10, 60, 30]]
    assert [entry.code for entry in ledger.entries] == ["exif-orientation"]


def test_the_size_comes_from_the_file_where_none_is_stated(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg", 64, 48)
    found, ledger = locate(labelled(tmp_path, (1, 2, 3, 4), (None, None)))
    assert found is not None
    assert found.image.image_wh == (64, 48)
    assert found.image.path == str(tmp_path / "a.jpg")
    assert ledger.entries == []


@pytest.mark.parametrize(("wh", "factor"), [((128, 96), 0.5), ((32, 24), 2), ((129, 96), 0.5)])
def test_annotations_of_a_resized_copy_are_rescaled(
    wh: tuple[int, int], factor: float, tmp_path: Path
) -> None:
    write_image(tmp_path / "a.jpg", 64, 48)
    found, ledger = locate(labelled(tmp_path, (2, 4, 20, 16), wh))
    assert found is not None
    expected = np.array([2, 4, 20, 16]) * factor
    np.testing.assert_allclose(found.annotations.xyxy[0], expected, rtol=0.01)
    assert found.annotations.reinterpreted[0].startswith("rescaled: a.jpg is 64x48 px, not")
    assert [entry.code for entry in ledger.entries] == ["size-mismatch"]


def test_another_aspect_ratio_keeps_what_fits_and_drops_what_does_not(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg", 64, 48)
    fits, ledger = locate(labelled(tmp_path, (2, 4, 60, 40), (48, 64)))
    assert fits is not None
    assert fits.annotations.xyxy.tolist() == [[2, 4, 60, 40]]
    assert [(entry.action, entry.code) for entry in ledger.entries] == [("noted", "size-mismatch")]
    none, ledger = locate(labelled(tmp_path, (2, 4, 40, 60), (48, 64)))
    assert none is not None
    assert len(none.annotations) == 0
    dropped = [entry for entry in ledger.entries if entry.action == "dropped"]
    assert [(entry.code, entry.index) for entry in dropped] == [("size-mismatch", 7)]
    assert "64x48 px, not 48x64" in dropped[0].message


@pytest.mark.parametrize("name", ["none.jpg", "../a.jpg", "x/../../a.jpg", "a\0.jpg"])
def test_an_image_that_is_not_found_takes_its_annotations_along(name: str, tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg")
    (tmp_path / "root").mkdir()
    found, ledger = locate(labelled(tmp_path / "root", (1, 2, 3, 4), (64, 48), name=name))
    assert found is None
    code = "missing-image" if name == "none.jpg" else "unsafe-name"
    assert [(entry.action, entry.code, entry.index) for entry in ledger.entries] == [
        ("dropped", code, 7)
    ]
    _, ledger = locate(labelled(tmp_path / "root", None, (64, 48), name=name))
    assert [(entry.action, entry.code) for entry in ledger.entries] == [("noted", code)]


def test_an_unreadable_image_takes_its_annotations_along(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff")
    found, ledger = locate(labelled(tmp_path, (1, 2, 3, 4), (64, 48)))
    assert found is None
    assert [entry.code for entry in ledger.entries] == ["unreadable-image"]
    assert str(tmp_path / "a.jpg") in ledger.entries[0].message


def test_a_size_that_the_reader_took_from_the_file_is_not_read_again(tmp_path: Path) -> None:
    source = SourceFile("a.txt")
    record = ImageRecord("a.jpg", 64, 48, None, str(tmp_path / "not there.jpg"), source)
    one = LabelledImage(record, Annotations.empty())
    assert locate(one)[0] is one


def test_without_images_a_size_must_be_stated(tmp_path: Path) -> None:
    one = labelled(tmp_path, (1, 2, 3, 4), (64, 48))
    assert list(require_sizes([one], Ledger())) == [one]
    with pytest.raises(DataError, match="is not stated") as caught:
        list(require_sizes([labelled(tmp_path, None, (None, None))], Ledger()))
    assert caught.value.hint is not None


def test_without_images_names_are_made_safe_too(tmp_path: Path) -> None:
    ledger = Ledger()
    names = ["/home/ann/b.jpg", r"C:\set\c.jpg", "../d.jpg", "e..f.jpg"]
    images = [labelled(tmp_path, (1, 2, 3, 4), (64, 48), name=name) for name in names]
    kept = [one.image.file_name for one in require_sizes(images, ledger)]
    assert kept == ["b.jpg", "c.jpg", "e..f.jpg"]
    assert [(entry.action, entry.code) for entry in ledger.entries] == [("dropped", "unsafe-name")]


def test_fractions_become_pixels_of_the_image_as_it_is_seen(tmp_path: Path) -> None:
    write_turned(tmp_path / "turned.jpg", 6)
    images = [
        labelled(tmp_path, (0.25, 0.5, 0.75, 1), (None, None), name="turned.jpg"),
        labelled(tmp_path, (0, 0, 1, 1), (None, None), name="gone.jpg"),
    ]
    ledger = Ledger()
    (found,) = fractions_to_px(images, ledger)
    assert found.image.image_wh == (80, 160)
    assert found.image.path == str(tmp_path / "turned.jpg")
    assert found.annotations.xyxy.tolist() == [[20, 80, 60, 160]]
    assert [(entry.action, entry.code) for entry in ledger.entries] == [
        ("dropped", "missing-image")
    ]
    assert list(locate_images([found], ledger)) == [found]


def test_an_image_inside_another_file_is_measured_there(tmp_path: Path) -> None:
    write_turned(tmp_path / "turned.jpg", 6)
    data = (tmp_path / "turned.jpg").read_bytes()
    path = tmp_path / "a.record"
    path.write_bytes(b"head" + data + b"tail")
    one = labelled(tmp_path, (32, 8, 80, 24), (160, 80), path=str(path), span=Span(4, len(data)))
    found, _ = locate(one)
    assert found is not None
    assert found.image.image_wh == (80, 160)
    assert found.annotations.reinterpreted[0].startswith("exif-orientation: ")
    broken = labelled(tmp_path, (0, 0, 9, 9), (9, 9), path=str(path), span=Span(0, 9))
    found, ledger = locate(broken)
    assert found is None
    assert [entry.code for entry in ledger.entries] == ["unreadable-image"]


def test_an_image_without_a_suffix_gets_one_by_its_content(tmp_path: Path) -> None:
    for suffix in (".jpg", ".png"):
        write_image(tmp_path / f"x{suffix}").rename(tmp_path / "x")
        found, _ = locate(labelled(tmp_path, (0, 0, 9, 9), (64, 48), name="x"))
        assert found is not None
        assert found.image.file_name == f"x{suffix}"
    write_image(tmp_path / "x.ppm").rename(tmp_path / "x")
    found, ledger = locate(labelled(tmp_path, (0, 0, 9, 9), (64, 48), name="x"))
    assert found is None
    assert "no kind that training reads" in ledger.entries[0].message


def test_how_an_orientation_was_taken_is_told_and_can_be_stated(
    run_convert: Convert, tmp_path: Path
) -> None:
    for name, orientation in (("a.jpg", 6), ("b.jpg", 3)):
        (tmp_path / "in").mkdir(exist_ok=True)
        write_turned(tmp_path / "in" / name, orientation)
    images = [coco_image(at, name, width=160, height=80) for at, name in enumerate("ab")]
    images = [{**image, "file_name": image["file_name"] + ".jpg"} for image in images]
    boxes = [{"image_id": at, "category_id": 1, "bbox": [32, 8, 48, 16]} for at in range(2)]
    write_coco(tmp_path / "in/a.json", coco(images, boxes, [{"id": 1, "name": "cat"}]))
    told = "\n".join(run_convert(tmp_path / "in").evidence)
    assert "1 label was drawn on images as stored" in told
    assert "1 image has an EXIF orientation" in told
    result = run_convert(tmp_path / "in", assume=("exif=stored",), overwrite=True)
    assert result.codes == {"reinterpreted: exif-orientation": 2}
