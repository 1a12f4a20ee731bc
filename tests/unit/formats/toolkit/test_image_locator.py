"""Finding images by the names that annotations give them."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from yolokit.errors import DataError
from yolokit.formats.toolkit.image_index import ImageIndex
from yolokit.formats.toolkit.image_locator import Found, ImageLocator, SourceImages, fill_image
from yolokit.images.listing import climbs_out, is_absolute_anywhere
from yolokit.images.size import ImageSize
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import ImageRecord, SourceFile

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "\uc0ac\u00e9.jpg") for form in ("NFC", "NFD"))


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_roots_are_tried_in_order(tmp_path: Path) -> None:
    touch(tmp_path / "one/a.jpg", tmp_path / "two/a.jpg", tmp_path / "two/b.jpg")
    locator = ImageLocator([str(tmp_path / "none"), str(tmp_path / "one"), str(tmp_path / "two")])
    for name, folder in (("b.jpg", "two"), ("a.jpg", "one"), ("b.jpg", "two"), ("a.jpg", "one")):
        found = locator.find(name)
        assert found is not None
        assert found.path == str(tmp_path / folder / name)
        assert found.remark is None


def test_a_name_that_climbs_out_is_never_followed(tmp_path: Path) -> None:
    touch(tmp_path / "secret.jpg", tmp_path / "root/a.jpg")
    locator = ImageLocator([str(tmp_path / "root")])
    for name in ("../secret.jpg", "x/../../secret.jpg", "..\\secret.jpg", "a\0.jpg"):
        assert locator.find(name) is None
        assert climbs_out(name)
    assert locator.find(str(tmp_path / "secret.jpg")) is None
    inner = locator.find("x/../a.jpg")
    assert inner is not None
    assert inner.name == "a.jpg"
    assert not climbs_out("x/../a.jpg")
    assert not climbs_out("a..b.jpg")


def test_a_path_of_another_machine_is_found_by_its_tail(tmp_path: Path) -> None:
    touch(tmp_path / "train/a.jpg", tmp_path / "val/a.jpg", tmp_path / "deep/er/b.jpg")
    locator = ImageLocator([str(tmp_path)])
    for name in ("/home/ann/set/val/a.jpg", r"C:\set\val\a.jpg", "set/val/a.jpg"):
        found = locator.find(name)
        assert found is not None
        assert found.path == str(tmp_path / "val" / "a.jpg")
        assert found.remark is not None
        assert name in found.remark
        assert not is_absolute_anywhere(found.name)
    found = locator.find("b.jpg")
    assert found is not None
    assert found.name == "b.jpg"


def test_two_files_that_fit_are_none(tmp_path: Path) -> None:
    touch(tmp_path / "one/x/a.jpg", tmp_path / "two/x/a.jpg")
    assert ImageLocator([str(tmp_path)]).find("/far/x/a.jpg") is None
    assert ImageLocator([str(tmp_path)]).find("a.jpg") is None


def test_a_name_without_suffix_is_found_by_its_stem(tmp_path: Path) -> None:
    touch(tmp_path / "a.b.png", tmp_path / "2.jpg", tmp_path / "2.png")
    locator = ImageLocator([str(tmp_path)])
    found = locator.find("a.b")
    assert found is not None
    assert found.name == "a.b.png"
    assert found.remark is None
    assert locator.find("2") is None


def test_other_names_are_tried_and_said(tmp_path: Path) -> None:
    touch(tmp_path / "xml_stem.jpg")
    found = ImageLocator([str(tmp_path)]).find("renamed.jpg", ("xml_stem.jpg",))
    assert found is not None
    assert found.name == "xml_stem.jpg"
    assert found.remark is not None
    assert "renamed.jpg is not there" in found.remark


def test_a_name_that_is_too_long_is_not_found(tmp_path: Path) -> None:
    assert ImageLocator([str(tmp_path)]).find("a" * 5000 + ".jpg") is None


@pytest.mark.skipif(os.name == "nt", reason="needs case-sensitive names")
def test_names_are_taken_as_they_are_written(tmp_path: Path) -> None:
    touch(tmp_path / "A.JPG")
    assert ImageLocator([str(tmp_path)]).find("A.JPG") is not None


@pytest.mark.parametrize(
    "stated, there, name",
    [
        (COMPOSED, f"imgs/{DECOMPOSED}", DECOMPOSED),
        (DECOMPOSED, f"imgs/{COMPOSED}", COMPOSED),
        (f"{COMPOSED}/a.jpg", f"{DECOMPOSED}/a.jpg", f"{DECOMPOSED}/a.jpg"),
        ("my%20photo%231.jpg", "my photo#1.jpg", "my photo#1.jpg"),
        ("my photo.jpg", "my%20photo.jpg", "my%20photo.jpg"),
        ("https://host/set/a%20b.jpg?width=3", "set/a b.jpg", "set/a b.jpg"),
        ("s3://bucket/set/a.jpg", "a.jpg", "a.jpg"),
        ("a.JPG", "images/a.jpg", "a.jpg"),
        ("A.jpg", "images/a.JPEG", "a.JPEG"),
        ("a.png", "images/a.jpg", "a.jpg"),
        ("a.gif", "images/a.png", "a.png"),
        ("sub\\a.jpg", "images/sub/a.jpg", "sub/a.jpg"),
        ("..\\..\\images\\a.jpg", "images/a.jpg", "images/a.jpg"),
        ("./a.jpg", "x/a.jpg", "a.jpg"),
        ("D:\\work\\..\\set\\a.jpg", "x/set/a.jpg", "set/a.jpg"),
        ("file:///home/me/a.jpg", "x/a.jpg", "a.jpg"),
    ],
)
def test_names_are_compared_as_people_mean_them(
    stated: str, there: str, name: str, tmp_path: Path
) -> None:
    touch(tmp_path / there, tmp_path / "images/b.jpg")
    found = ImageLocator([str(tmp_path)]).find(stated)
    assert found is not None
    assert (found.path, found.name) == (str(tmp_path / there), name)
    assert (found.remark is None) == (stated in ("./a.jpg", "sub\\a.jpg"))


def test_what_fits_best_is_taken_and_nothing_where_it_is_not_clear(tmp_path: Path) -> None:
    touch(tmp_path / "images/a.jpg", tmp_path / "masks/a.png", tmp_path / "thumbs/b.jpg")
    touch(tmp_path / "raw/c.jpg", tmp_path / "set/c.png")
    locator = ImageLocator([str(tmp_path)])
    found = locator.find("a.jpg")
    assert found is not None
    assert found.path == str(tmp_path / "images/a.jpg")
    assert locator.find("a") is None
    said = f"{tmp_path}/images/a.jpg or {tmp_path}/masks/a.png"
    assert locator.explain("a") == f"the image a was not found: it may be {said}"
    assert locator.find("set/c.jpg") is None  # one lies in that folder, one has that name
    assert locator.explain("d.jpg") == f"the image d.jpg was not found below {tmp_path}"


def test_an_earlier_root_decides_between_equals(tmp_path: Path) -> None:
    touch(tmp_path / "train/photos/a.jpg", tmp_path / "val/photos/a.jpg")
    for split in ("train", "val"):
        found = ImageLocator([str(tmp_path / split), str(tmp_path)]).find("a.jpg")
        assert found is not None
        assert found.path == str(tmp_path / split / "photos/a.jpg")


def test_an_image_of_another_split_is_not_taken_instead(tmp_path: Path) -> None:
    touch(tmp_path / "val/0001.jpg")
    locator = ImageLocator([str(tmp_path)])
    assert locator.find("0001.jpg", split="train") is None
    assert "val/0001.jpg is of another split" in locator.explain("0001.jpg", split="train")
    assert locator.find("val/0001.jpg", split="train") is not None
    for split in ("val", None):
        assert locator.find("0001.jpg", split=split) is not None


def test_the_nearest_folder_tells_of_which_split_an_image_is(tmp_path: Path) -> None:
    touch(tmp_path / "training_data/test/a.jpg")
    locator = ImageLocator([str(tmp_path)])
    assert locator.find("a", split="train") is None
    assert locator.find("a", split="test") is not None
    assert locator.find("test/a", split="train") is not None


def test_folders_of_the_annotation_file_itself_are_not_of_another_split(tmp_path: Path) -> None:
    touch(tmp_path / "test/a.jpg", tmp_path / "val/b.jpg")
    locator = ImageLocator([str(tmp_path)])
    file = str(tmp_path / "test/train.csv")
    assert locator.find("a", split="train") is None
    assert locator.find("a", split="train", file=file) is not None
    assert locator.find("b", split="train", file=file) is None


def test_no_file_is_taken_for_two_names(tmp_path: Path) -> None:
    touch(tmp_path / "images/cam2/a.jpg")
    source = SourceFile("a.json", "index", (str(tmp_path / "images"), str(tmp_path)))
    first, second = (
        ImageRecord(f"{name}/a.jpg", None, None, None, None, source) for name in ("cam1", "cam2")
    )
    files = SourceImages()
    assert files.find(second) is not None
    assert files.find(first) is None
    assert "is taken for cam2/a.jpg" in files.explain(first)
    files = SourceImages()
    assert files.find(first) is not None
    assert files.find(first) is not None
    with pytest.raises(DataError, match=r"cam1/a.jpg is not there, .* it may be is cam2/a.jpg"):
        files.find(second)


def test_a_source_is_listed_once_for_all_folders_of_annotations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(*(tmp_path / f"set{at}/deep/a{at}.jpg" for at in range(5)))
    listed: list[str] = []

    class Counted(ImageIndex):
        def __init__(self, folder: str) -> None:
            listed.append(folder)
            super().__init__(folder)

    monkeypatch.setattr("yolokit.formats.toolkit.image_locator.ImageIndex", Counted)
    files = SourceImages()
    for at in range(5):
        source = SourceFile("a.json", "index", (str(tmp_path / f"set{at}"), str(tmp_path)))
        found = files.find(ImageRecord(f"a{at}.jpg", None, None, None, None, source))
        assert found is not None
    assert listed == [str(tmp_path)]


def test_what_is_odd_about_a_file_is_noted_once_it_is_taken(tmp_path: Path) -> None:
    touch(tmp_path / "images/a.JPG", tmp_path / "images/b.jpg")
    source = SourceFile("a.json", "index", (str(tmp_path / "images"),))
    ledger = Ledger()
    files = SourceImages()
    for name in ("a.png", "b.jpg"):
        assert files.find(ImageRecord(name, None, None, None, None, source), ledger) is not None
    assert ledger.codes() == {"noted: image-elsewhere": 1}


def test_an_image_is_filled_in_with_its_file_and_size() -> None:
    source = SourceFile("a.json")
    image = ImageRecord("a", 1, 1, "val", None, source)
    size = ImageSize(4, 3, 1, cut_short=True)
    filled = fill_image(image, Found("/set/a.jpg", "a.jpg"), size)
    assert filled == ImageRecord("a.jpg", 4, 3, "val", "/set/a.jpg", source, cut_short=True)
