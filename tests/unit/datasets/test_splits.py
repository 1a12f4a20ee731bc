"""What a path in a data set may mean."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal
from unicodedata import normalize

import pytest

from tests.unit.conftest import write_text
from yolokit.datasets.splits import list_images, resolve_path
from yolokit.errors import DataError


def test_a_path_that_exists_is_taken_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert resolve_path("a/b", (tmp_path,)) == tmp_path / "a" / "b"
    assert resolve_path("a/../a/b", (tmp_path,)) == tmp_path / "a" / "b"
    assert resolve_path(str(tmp_path / "a"), (Path("/none"),)) == tmp_path / "a"


def test_the_first_base_wins(tmp_path: Path) -> None:
    for name in ("one/x", "two/x", "two/y"):
        (tmp_path / name).mkdir(parents=True)
    bases = (tmp_path / "one", tmp_path / "two")
    assert resolve_path("x", bases) == tmp_path / "one" / "x"
    assert resolve_path("y", bases) == tmp_path / "two" / "y"


def test_a_folder_keeps_its_parts(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "val" / "images").mkdir(parents=True)
    assert resolve_path("../../val/images", (tmp_path,), is_file=False) == tmp_path / "val/images"
    assert resolve_path("test/images", (tmp_path,), is_file=False) is None
    assert resolve_path("/x/y/test/images", (tmp_path,), is_file=False) is None
    assert resolve_path("/x/y/val/images", (tmp_path,), is_file=False) == tmp_path / "val/images"


@pytest.mark.parametrize("text", ["", "  ", "a\0b", "..", "x" * 6000])
def test_what_leads_nowhere(text: str, tmp_path: Path) -> None:
    assert resolve_path(text, (tmp_path / "none",)) is None


def test_a_list_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_bytes(b"\xff\xfea.jpg")
    with pytest.raises(DataError, match="not UTF-8 text"):
        list(list_images(tmp_path / "train.txt", tmp_path))


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes")
def test_a_list_that_is_a_pipe_is_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "train.txt")
    with pytest.raises(DataError, match="it is a pipe, not a file"):
        list(list_images(tmp_path / "train.txt", tmp_path))


def test_names_in_a_set_are_below_its_images_folder(tmp_path: Path) -> None:
    lines = "images/train/a.jpg\nother/b.jpg\nx/images/y/images/c.jpg\nreadme.md\n"
    listed = list(list_images(write_text(tmp_path / "all.txt", lines), tmp_path))
    assert [image.name for image in listed] == ["train/a.jpg", "b.jpg", "c.jpg"]


@pytest.mark.parametrize("stated, there", [("NFC", "NFD"), ("NFD", "NFC")])
def test_paths_are_compared_in_one_unicode_form(
    stated: Literal["NFC", "NFD"], there: Literal["NFC", "NFD"], tmp_path: Path
) -> None:
    name = "\u00e9/\uc0ac.jpg"
    path = tmp_path / normalize(there, name)
    path.parent.mkdir()
    path.write_bytes(b"")
    assert resolve_path(normalize(stated, name), (tmp_path,)) == path
    listed = write_text(
        tmp_path / "all.txt", f"{normalize(stated, name)}\n/far/{normalize(stated, name)}\n"
    )
    assert [image.path for image in list_images(listed, tmp_path)] == [str(path)] * 2
    assert resolve_path(normalize(stated, "\u00e9/\uc0bd.jpg"), (tmp_path,)) is None
    assert resolve_path("\u00e9/b.jpg", (tmp_path / "none",)) is None
