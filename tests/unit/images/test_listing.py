"""Finding images by the names that annotations give them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from yolokit.errors import DataError
from yolokit.images.listing import (
    is_absolute_anywhere,
    is_image_name,
    walk_images,
)


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
    (tmp_path / "a/again").symlink_to(tmp_path / "a", target_is_directory=True)
    (tmp_path / "a/up").symlink_to("/", target_is_directory=True)
    (tmp_path / "a/self.jpg").symlink_to(tmp_path / "a/self.jpg")
    (tmp_path / "a/linked.jpg").symlink_to(tmp_path / "a/b.jpg")
    assert list(walk_images(tmp_path)) == ["a/b.jpg", "a/linked.jpg", "a/self.jpg"]


def test_linked_folders_are_followed_once(tmp_path: Path) -> None:
    root = tmp_path / "root"
    touch(root / "z/a.jpg", tmp_path / "far/b.jpg", tmp_path / "far/in/c.jpg", root / ".kept/d.jpg")
    for link, target in (
        ("far", tmp_path / "far"),
        ("far again", tmp_path / "far"),
        ("inside", root / "z"),
        ("of a hidden folder", root / ".kept"),
        ("nowhere", tmp_path / "none"),
    ):
        (root / link).symlink_to(target, target_is_directory=True)
    (tmp_path / "far/in/back").symlink_to(tmp_path / "far", target_is_directory=True)
    (tmp_path / "far/in/home").symlink_to(root, target_is_directory=True)
    found = ["z/a.jpg", "far/b.jpg", "far/in/c.jpg", "of a hidden folder/d.jpg"]
    assert list(walk_images(root)) == found
    (tmp_path / "link").symlink_to(root, target_is_directory=True)
    assert list(walk_images(tmp_path / "link")) == found


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


def test_absolute_names_of_any_system() -> None:
    assert all(map(is_absolute_anywhere, ("/a", "\\a", "C:\\a", "c:/a")))
    assert not any(map(is_absolute_anywhere, ("a", "a/b", "ab:c", "", "1:2")))
