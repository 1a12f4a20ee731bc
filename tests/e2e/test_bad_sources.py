"""Bad sources as a user meets them: exit code 3, words that say where, and nothing left behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import run_yolokit
from tests.unit.conftest import voc_object, voc_xml, write_image, write_text

LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>\n'


def _pipe(path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no named pipes")
    os.mkfifo(path)


def _loop(path: Path) -> None:
    path.mkdir()
    (path / "loop").symlink_to(path, target_is_directory=True)
    write_text(path / "train.json", '{"images": [],\n"annotations": [1,], "categories": []}')


def _bomb(path: Path) -> None:
    write_text(path / "a.xml", LAUGHS + voc_xml(voc_object("&b;")))


def _wide(path: Path) -> None:
    text = '{"images": [], "annotations": [], "categories": []}'
    write_text(path / "train.json", text, "utf-16")


def _prodigy(path: Path) -> None:
    write_text(path / "a.jsonl", '{"image": "a.jpg", "spans": [], "_task_hash": 1}')


def _corners(path: Path) -> None:
    write_image(path / "a.jpg")
    write_text(path / "a.csv", "filename,x,y,w,h,class\n" + "a.jpg,32,20,60,44,cat\n" * 4)


SOURCES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pipe": (_pipe, "source: this is a pipe or a device"),
    "an empty folder": (lambda path: path.mkdir(), "none of the known formats"),
    "an image": (lambda path: write_image(path.with_name("source.png")).rename(path), "none of"),
    "a folder in a loop": (_loop, "train.json:2: this is not JSON"),
    "a billion laughs": (_bomb, "a.xml:1: the XML declares entities"),
    "a format that is not read": (_prodigy, "this looks like Prodigy JSONL, which is not read"),
    "corners called sizes": (_corners, "say it with --assume box=xyxy"),
    "UTF-16": (_wide, "this looks like text in UTF-16"),
}


@pytest.mark.parametrize("what", SOURCES)
def test_a_bad_source(what: str, tmp_path: Path) -> None:
    make, words = SOURCES[what]
    make(tmp_path / "source")
    done = run_yolokit(
        "data", "convert", "source", "--out", "out", cwd=tmp_path, code=3, timeout=60
    )
    assert words in done.stderr.replace("\n", " ").replace("  ", " ")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
