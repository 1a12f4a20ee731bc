"""Labels of any format are drawn where they are stated, and what cannot be shown is named."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from tests.samples.formats import list_samples, put_files
from tests.unit.conftest import coco, coco_image, write_coco, write_image, write_yolo
from yolokit.errors import ConfigError, DataError
from yolokit.formats.toolkit.plugin import list_formats
from yolokit.images.draw import class_color
from yolokit.jobs.show.config import ShowConfig
from yolokit.jobs.show.labels import show_labels

if TYPE_CHECKING:
    from yolokit.core.types import U8
    from yolokit.jobs.show.look import Look

FIT_WH = (640, 480)
YAML = "train: images/train\nval: images/val\nnames: [cat, dog, owl]\n"


def look(source: Path, scratch: Path, **options: Any) -> Look:
    scratch = scratch / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    return show_labels(ShowConfig.build({"source": source, **options}), scratch, FIT_WH)


def has_color(image: U8, class_id: int) -> bool:
    return bool((image == class_color(class_id)).all(axis=2).any())


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Four images of two splits: cats, a dog, and one that shows nothing."""
    root = tmp_path / "pets"
    write_yolo(root, {"a.png": "0 0.5 0.5 0.5 0.5\n", "b.png": "1 0.25 0.5 0.2 0.2\n"}, yaml=YAML)
    labels = {"c.png": "0 0.5 0.5 0.2 0.2\n1 0.8 0.8 0.1 0.1\n", "d.png": ""}
    write_yolo(root, labels, yaml=YAML, split="val")
    return root


@pytest.mark.parametrize("name", list_formats())
def test_every_sample_of_a_format_is_shown(name: str, tmp_path: Path) -> None:
    for number, files in enumerate(list_samples(name)):
        found = look(put_files(files, tmp_path / str(number)), tmp_path, from_format=name)
        assert found.views
        assert found.format == name
        labels = sum(sum(view.labels.values()) for view in found.views)
        assert labels > 0
        for view in found.views:
            ids = [found.names.index(label) for label in view.labels]
            assert not ids or any(has_color(view.drawn, class_id) for class_id in ids)


def write_grey(path: Path) -> None:
    cv2.imwrite(str(path), np.full((48, 64, 3), 90, np.uint8))


def test_a_box_is_drawn_where_it_is_stated(pets: Path, tmp_path: Path) -> None:
    write_grey(pets / "images/train/a.png")
    found = look(pets, tmp_path, split="train")
    view = next(view for view in found.views if view.name == "a.png")
    assert view.drawn.shape == (480, 640, 3)
    left = view.drawn[240, 150:170]
    assert (left == class_color(0)).all(axis=1).any()
    assert (view.drawn[200:280, 300:340] == 90).all()


def test_options_choose_the_images(pets: Path, tmp_path: Path) -> None:
    assert [view.name for view in look(pets, tmp_path).views] == [
        "a.png",
        "b.png",
        "c.png",
        "d.png",
    ]
    assert {view.split for view in look(pets, tmp_path, split="val").views} == {"val"}
    assert {view.name for view in look(pets, tmp_path, classes="dog").views} == {"b.png", "c.png"}
    both = look(pets, tmp_path, classes="dog", split="val")
    assert [view.labels for view in both.views] == [{"cat": 1, "dog": 1}]
    few = look(pets, tmp_path, count=2)
    assert {view.split for view in few.views} == {"train", "val"}
    assert few.images == 4


def test_the_class_that_is_asked_for_stands_out(pets: Path, tmp_path: Path) -> None:
    (view,) = look(pets, tmp_path, classes="dog", split="val").views
    assert has_color(view.drawn, 1)
    assert not has_color(view.drawn, 0)
    (view,) = look(pets, tmp_path, classes=["dog", "cat"], split="val", count=1).views
    assert has_color(view.drawn, 1)
    assert has_color(view.drawn, 0)


def test_the_whole_set_is_counted(pets: Path, tmp_path: Path) -> None:
    found = look(pets, tmp_path, count=1)
    assert found.counts == (("cat", 2, 2), ("dog", 2, 2), ("owl", 0, 0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": "dgo"}, "unknown class 'dgo': did you mean 'dog'?"),
        ({"split": "vall"}, "unknown split 'vall': did you mean 'val'?"),
        ({"assume": "x=y"}, "unknown convention of yolo 'x'"),
    ],
)
def test_what_is_not_there_is_suggested(
    pets: Path, tmp_path: Path, options: dict[str, str], message: str
) -> None:
    with pytest.raises((ConfigError, DataError)) as caught:
        look(pets, tmp_path, **options)
    assert message in str(caught.value)


def test_a_source_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file or folder"):
        look(tmp_path / "nowhere", tmp_path)
    with pytest.raises(DataError, match="there is no such file or folder") as caught:
        look(Path("coco128"), tmp_path)
    assert caught.value.hint == "`yolokit data get coco128` fetches it"


def test_a_task_that_a_format_does_not_hold_is_refused(tmp_path: Path) -> None:
    source = put_files(list_samples("csv")[0], tmp_path / "in")
    with pytest.raises(ConfigError, match="task: csv holds nothing for pose, only for detect"):
        look(source, tmp_path, task="pose")


def test_the_task_may_be_stated(tmp_path: Path) -> None:
    outlines = "0 0.2 0.2 0.8 0.2 0.8 0.8 0.5 0.9 0.2 0.8\n"
    root = write_yolo(tmp_path / "in", {"a.png": outlines}).parent
    write_grey(root / "images/train/a.png")
    assert look(root, tmp_path).task == "segment"
    (view,) = look(root, tmp_path).views
    assert (view.drawn[240, 320] != 90).any()


def test_no_image_of_a_class_is_an_error(pets: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no image has split train and class owl"):
        look(pets, tmp_path, classes="owl", split="train")


def test_unreadable_images_are_named_and_others_take_their_place(
    pets: Path, tmp_path: Path
) -> None:
    (pets / "images/train/a.png").write_bytes(b"no picture")
    (pets / "images/train/b.png").unlink()
    whole = pets / "images/val/c.png"
    whole.write_bytes(whole.read_bytes()[:60])  # its head is right
    found = look(pets, tmp_path, count=1)
    assert [view.name for view in found.views] == ["d.png"]
    assert any("c.png" in text for text in found.left_out)
    (pets / "images/val/d.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"none of its images can be shown: .*c\.png"):
        look(pets, tmp_path)


def test_missing_images_hint_at_where_they_may_be(tmp_path: Path) -> None:
    content = coco([coco_image(1)], [{"image_id": 1, "category_id": 1, "bbox": [4, 6, 10, 10]}])
    source = write_coco(tmp_path / "in" / "a.json", content)
    with pytest.raises(DataError, match=r"the image 1\.jpg was not found") as caught:
        look(source, tmp_path)
    assert caught.value.hint == "--images says where the images are"
    write_image(tmp_path / "there" / "1.jpg")
    assert len(look(source, tmp_path, images=tmp_path / "there").views) == 1


def test_a_photo_is_shown_upright_with_its_labels(tmp_path: Path) -> None:
    root = tmp_path / "phone"
    write_yolo(root, {"a.jpg": "0 0.5 0.125 0.5 0.125\n"})
    stored = np.full((48, 64, 3), 90, np.uint8)
    stored[:, :16] = 200  # what is at the left is at the top of the upright picture
    _, encoded = cv2.imencode(".jpg", stored)
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<HHHIHH", 1, 0x112, 3, 1, 6, 0) + b"\0\0\0\0"
    body = b"Exif\0\0" + tiff
    jpeg = encoded.tobytes()
    exif = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    (root / "images/train/a.jpg").write_bytes(jpeg[:2] + exif + jpeg[2:])
    (view,) = look(root, tmp_path).views
    assert view.drawn.shape[:2] == (480, 360)
    assert view.drawn[10, 10].min() > 180
    assert view.drawn[400, 180].max() < 110
    assert has_color(view.drawn[:120], 0)
    assert not has_color(view.drawn[120:], 0)


def test_what_a_check_found_stands_out_with_its_words(pets: Path, tmp_path: Path) -> None:
    (pets / "labels/train/a.txt").write_text("0 0.5 0.5 0.5 0.5\n1 0.5 0.5 0.01 0.5\n")
    found = look(pets, tmp_path, code="tiny-boxes")
    (view,) = found.views
    assert view.name == "a.png"
    assert "the box of this dog is" in view.note
    assert has_color(view.drawn, 1)
    assert not has_color(view.drawn, 0)
    with pytest.raises(DataError, match="two-classes is not found in it"):
        look(pets, tmp_path, code="two-classes")
    with pytest.raises(ConfigError, match="did you mean 'tiny-boxes'"):
        look(pets, tmp_path, code="tiny-box")


def test_a_finding_about_the_set_cannot_be_shown(pets: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no image that can be shown has empty-classes"):
        look(pets, tmp_path, code="empty-classes")


def test_findings_in_an_archive_are_shown_too(
    pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pets / "labels/train/b.txt").write_text("1 0.5 0.5 0.01 0.5\n")
    archive = Path(shutil.make_archive(str(tmp_path / "pets"), "zip", pets))
    monkeypatch.chdir(tmp_path)
    for source in (archive, Path("pets.zip")):
        (view,) = look(source, tmp_path, code="tiny-boxes").views
        assert view.name == "b.png"
        assert has_color(view.drawn, 1)


def test_what_an_archive_lacks_is_named_as_it_is_there(pets: Path, tmp_path: Path) -> None:
    (pets / "images/val/c.png").write_bytes(b"no picture")
    archive = Path(shutil.make_archive(str(tmp_path / "pets"), "zip", pets))
    found = look(archive, tmp_path)
    assert all(str(tmp_path / "scratch") not in text for text in found.left_out)
    assert any("pets.zip/images/val/c.png" in text for text in found.left_out)
