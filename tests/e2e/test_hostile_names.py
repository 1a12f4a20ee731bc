"""Names that others chose command no terminal: whatever a person or a program reads is escaped."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from tests.conftest import run_yolokit
from tests.loopback.server import Reply, Site, serve
from tests.unit.hub.conftest import make_store

TITLE = "\x1b]0;pwned\x07"
TURNED = "\u202egnp.exe\x9b2J\x7f"


def read(*arguments: object, cwd: Path, code: int = 0) -> str:
    """Return all that a command prints, and require that none of it is a command itself."""
    done = run_yolokit(*arguments, cwd=cwd, code=code)
    text = done.stdout + done.stderr
    for character in text:
        assert character == "\n" or character.isprintable(), repr(text)
    return text


def test_a_class_in_a_pickle(tmp_path: Path) -> None:
    names = [b"\x8c" + bytes([len(name.encode())]) + name.encode() for name in (TITLE, TURNED)]
    content = b"\x80\x04" + b"".join(names) + b"\x93."
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        archive.writestr("archive/data.pkl", content)
    text = read("export", "x.pt", cwd=tmp_path, code=4)
    assert r"\x1b]0;pwned\x07.\u202egnp.exe\x9b2J\x7f" in text
    assert "--trust" not in text


def test_a_member_of_an_archive_and_the_file_itself(tmp_path: Path) -> None:
    path = tmp_path / f"a{TITLE}.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"N.")
        archive.writestr(f"../{TITLE}", b"")
    text = read("export", path, cwd=tmp_path, code=4)
    assert r"a\x1b]0;pwned\x07.pt" in text
    assert r"../\x1b]0;pwned\x07 lies outside" in text
    read("export", path, "--debug", cwd=tmp_path, code=4)


@pytest.fixture
def coco_json(tmp_path: Path, squares: Path) -> Path:
    """A data set in COCO's format, whose class has a hostile name."""
    content = {
        "images": [
            {"id": index, "file_name": f"{index}.png", "width": 64, "height": 64}
            for index in range(4)
        ],
        "categories": [{"id": 1, "name": TITLE + TURNED}],
        "annotations": [
            {"id": index, "image_id": index, "category_id": 1, "bbox": [20, 20, 24, 24],
             "area": 576, "iscrowd": 0}
            for index in range(4)
        ],
    }  # fmt: skip
    path = squares.parent / "images" / "val" / "annotations.json"
    path.write_text(json.dumps(content))
    return path


def test_a_class_of_a_data_set(coco_json: Path, tmp_path: Path) -> None:
    options = ("data", "convert", coco_json, "--out")
    assert r"\x1b]0;pwned\x07\u202egnp.exe" in read(*options, "a", cwd=tmp_path)
    done = run_yolokit(*options, TURNED, "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["out"] == TURNED
    assert done.stdout.strip().isprintable()


def test_an_option_that_there_is_not(tmp_path: Path) -> None:
    assert r"--\x1b]0;pwned" in read("predict", f"--{TITLE}", cwd=tmp_path, code=2)


def test_words_of_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_store(tmp_path, monkeypatch)

    def answer(reply: Reply) -> None:
        reply.head(200, {"Content-Encoding": "\x9b2J\x9d0;pwned\x9c", "Content-Length": "0"})

    site = Site(files={"/net.pt": b"x"})
    site.fail("/net.pt", always=answer)
    with serve(site) as address:
        text = read("weights", "pull", f"{address}/net.pt", cwd=tmp_path, code=4)
    assert r"sends \x9b2j\x9d0;pwned\x9c" in text
