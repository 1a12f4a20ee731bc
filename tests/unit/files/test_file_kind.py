"""What stands in place of a file is named as what it is, wherever it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from yolokit.convert.archive import unpack
from yolokit.datasets.data_yaml import load_data_yaml
from yolokit.datasets.label_rows import read_labels
from yolokit.errors import DataError
from yolokit.files.file_kind import read_kind, tell_image, tell_kind
from yolokit.files.size_limits import read_bounded
from yolokit.formats.toolkit.json_file import read_json
from yolokit.formats.toolkit.plugin import recognise
from yolokit.images.files import read_image
from yolokit.images.size import read_image_size
from yolokit.runtime.video.file import VideoFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("a.jpg", read_image),
        ("a.png", read_image_size),
        ("a.mp4", lambda path: VideoFile.open(str(path))),
        ("a.json", read_json),
        ("a.json", recognise),
        ("a.xml", recognise),
        ("a.xml", read_bounded),
        ("a.txt", read_labels),
        ("data.yaml", load_data_yaml),
        ("a.zip", lambda path: unpack(path, path.parent)),
        ("a.tar.gz", lambda path: unpack(path, path.parent)),
    ],
)
def test_a_pointer_is_named_with_what_fetches_it(
    tmp_path: Path, name: str, read: Callable[[Path], Any]
) -> None:
    (tmp_path / name).write_bytes(POINTER)
    with pytest.raises(DataError, match="a git-LFS pointer") as caught:
        read(tmp_path / name)
    assert "git lfs pull" in f"{caught.value} {caught.value.hint}"


def test_a_folder_of_pointers(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.xml").write_bytes(POINTER)
    with pytest.raises(DataError, match=r"0\.xml: this is a git-LFS pointer"):
        recognise(tmp_path)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"", "empty"),
        (b"version https://hawser.github.com/spec/v1\n", "a git-LFS pointer"),
        (b"\xef\xbb\xbf\r\n<!doctype html>", "a web page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied", "an XML file"),
        (b'{"message": "Not Found"}', "a text that begins with"),
        (b"ftrt" + bytes(20), "a TensorRT engine"),
        (b"PK\x03\x04" + bytes(40), "a zip archive"),
        (b"\x1f\x8b" + bytes(40), "a gzip archive"),
    ],
)
def test_others_are_told(head: bytes, name: str) -> None:
    kind = tell_kind(head)
    assert kind is not None
    assert kind.name.startswith(name)


@pytest.mark.parametrize("head", [b"\x08\x0a\x12\x07pytorch\x1a\x052.1.0", bytes(4) + b"\x02" * 12])
def test_a_model_is_nothing_else(head: bytes) -> None:
    assert tell_kind(head) is None


def test_what_is_expected_is_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert read_kind(path, expected="image") is None
    assert read_kind(path) is not None
    assert read_kind(tmp_path / "none") is None


@pytest.mark.parametrize(
    ("head", "suffix", "trains"),
    [
        (b"\xff\xd8\xff\xe0", ".jpg", True),
        (b"\x89PNG\r\n\x1a\n", ".png", True),
        (b"RIFF\x10\0\0\0WEBPVP8 ", ".webp", True),
        (b"II*\0", ".tif", True),
        (b"MM\0*", ".tif", True),
        (b"MM\0+", None, True),
        (b"BM\x10\0\0\0", ".bmp", True),
        (b"\0\0\0\x20ftypavif", None, True),
        (b"\0\0\0\x0cjP  \r\n\x87\n", None, True),
        (b"GIF89a", None, False),
        (b"P6\n8 8\n255\n", None, False),
        (b"\xff\x0a", None, False),
    ],
)
def test_a_kind_of_image_says_what_its_readers_need(
    head: bytes, suffix: str | None, trains: bool
) -> None:
    kind = tell_image(head)
    assert kind is not None
    assert (kind.group, kind.suffix, kind.trains) == ("image", suffix, trains)


@pytest.mark.parametrize("head", [b"BMW, Audi\n", b"Parts 1 to 9\n", b"#? a question\n"])
def test_a_text_that_begins_like_an_image_is_a_text(head: bytes) -> None:
    kind = tell_kind(head)
    assert kind is not None
    assert kind.group == "text"
