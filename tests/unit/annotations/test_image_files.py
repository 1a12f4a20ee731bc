"""Finding images by the names that annotations give them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from yolokit.annotations.image_files import (
    ImageLocator,
    climbs_out,
    is_absolute_anywhere,
    is_image_name,
    walk_images,
)
from yolokit.errors import DataError


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_images_are_known_by_their_suffix_in_any_case() -> None:
    assert all(map(is_image_name, ("a.jpg", "b/c.JPEG", "a.b.PnG", "x.webp")))
    assert not any(map(is_image_name, ("a.txt", "jpg", ".jpg", "a.jpg.txt", "a.gif")))


def test_walking_is_sorted_and_leaves_hidden_files_out(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("b.jpg", "a.txt", "z/a.png", ".h/a.jpg", ".h.jpg")))
    assert list(walk_images(tmp_path)) == ["b.jpg", "z/a.png"]
    assert list(walk_images(tmp_path / "none")) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_walking_leaves_pipes_out_and_goes_in_no_circles(tmp_path: Path) -> None:
    touch(tmp_path / "a/b.jpg")
    os.mkfifo(tmp_path / "a/pipe.jpg")
    (tmp_path / "a/linked pipe.jpg").symlink_to(tmp_path / "a/pipe.jpg")
    (tmp_path / "a/circle").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a/self.jpg").symlink_to(tmp_path / "a/self.jpg")
    (tmp_path / "a/linked.jpg").symlink_to(tmp_path / "a/b.jpg")
    assert list(walk_images(tmp_path)) == ["a/b.jpg", "a/linked.jpg", "a/self.jpg"]


def test_a_folder_that_is_closed_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "a.jpg", tmp_path / "closed/b.jpg")
    listed = os.scandir

    def deny(path: str) -> Any:
        if path.rstrip(os.sep).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", deny)  # root, who runs tests in containers, may read all
    with pytest.raises(DataError, match="closed/: cannot list the folder: Permission denied"):
        list(walk_images(tmp_path))


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


def test_absolute_names_of_any_system() -> None:
    assert all(map(is_absolute_anywhere, ("/a", "\\a", "C:\\a", "c:/a")))
    assert not any(map(is_absolute_anywhere, ("a", "a/b", "ab:c", "", "1:2")))
