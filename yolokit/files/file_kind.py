"""What a file is by its first bytes, whatever its name says: the one table of signatures.

Messages take the names from it; those who read images take what is known of each kind of image.
"""

from __future__ import annotations

import os
import string
from typing import Literal, NamedTuple

Group = Literal["image", "archive", "text", "markup", "checkpoint", "model", "other"]

_HEAD_BYTES = 512
_TAIL_BYTES = 1 << 16
_SHOWN_CHARACTERS = 60
_FEWEST_CHARACTERS = 3
_ZIP = b"PK\x03\x04"
_TEXT = frozenset(string.printable.encode()) - set(b"\x0b\x0c")
_AGAIN = "fetch the file again: a login or error page came in its place"


class FileKind(NamedTuple):
    """What a file turned out to be.

    Attributes:
        name: With its article, such as ``a web page``.
        group: What it may replace: an image of another format is fine where an image is expected.
        hint: What to do about it whatever was expected, or None.
        suffix: What an image of the kind is called, or None where no name is given to it.
        trains: Whether ultralytics takes an image of the kind for training.
        converter: The program that converts what there is no decoder for, or None.
    """

    name: str
    group: Group = "other"
    hint: str | None = None
    suffix: str | None = None
    trains: bool = False
    converter: str | None = None

    def __str__(self) -> str:
        return f"{self.name} ({self.hint})" if self.hint else self.name


POINTER = FileKind(
    "a git-LFS pointer, and the file itself was not fetched", hint="fetch it with `git lfs pull`"
)
# git-LFS, and what it was called before
POINTER_STARTS = (b"version https://git-lfs", b"version https://hawser")
_EMPTY = FileKind("empty", "text", "fetch it again")
WEB_PAGE = FileKind("a web page", hint=_AGAIN)
_TORCH = FileKind("a PyTorch checkpoint", "checkpoint")
_TORCHSCRIPT = FileKind("a TorchScript archive", "model")
JPEG = FileKind("a JPEG image", "image", suffix=".jpg", trains=True)
PNG = FileKind("a PNG image", "image", suffix=".png", trains=True)
BMP = FileKind("a BMP image", "image", suffix=".bmp", trains=True)
WEBP = FileKind("a WebP image", "image", suffix=".webp", trains=True)
TIFF = FileKind("a TIFF image", "image", suffix=".tif", trains=True)
BIG_TIFF = FileKind("a BigTIFF image", "image", trains=True)
GIF = FileKind("a GIF image", "image")
_JPEG_2000 = FileKind("a JPEG 2000 image", "image", trains=True)
_JPEG_XL = FileKind("a JPEG XL image", "image", converter="djxl")
# offset, signature, kind; the first that fits
_SIGNATURES = (
    *((0, start, POINTER) for start in POINTER_STARTS),
    (0, b"\xff\xd8\xff", JPEG),
    (0, b"\x89PNG\r\n\x1a\n", PNG),
    (8, b"WEBP", WEBP),
    (0, b"II*\x00", TIFF),
    (0, b"MM\x00*", TIFF),
    (0, b"II+\x00", BIG_TIFF),
    (0, b"MM\x00+", BIG_TIFF),
    (0, b"\xff\x4f\xff\x51", _JPEG_2000),
    (0, b"\x00\x00\x00\x0cjP  ", _JPEG_2000),
    (0, b"GIF8", GIF),
    (0, b"\xff\x0a", _JPEG_XL),
    (0, b"\x00\x00\x00\x0cJXL \r\n\x87\n", _JPEG_XL),
    (0, b"8BPS", FileKind("a Photoshop image", "image", converter="ImageMagick")),
    (0, b"%PDF", FileKind("a PDF document", converter="ImageMagick")),
    (0, b"\x89HDF", FileKind("an HDF5 file (Keras)", "model")),
    (0, b"\x1f\x8b", FileKind("a gzip archive", "archive")),
    (0, b"BZh", FileKind("a bzip2 archive", "archive")),
    (0, b"\xfd7zXZ", FileKind("an xz archive", "archive")),
    (0, b"7z\xbc\xaf", FileKind("a 7z archive", hint="unpack it first")),
    (0, b"Rar!", FileKind("a RAR archive", hint="unpack it first")),
    (0, b"\x7fELF", FileKind("a program")),
    (257, b"ustar", FileKind("a tar archive", "archive")),
    (4, b"TFL3", FileKind("a TensorFlow Lite model", "model")),
    (4, b"ORTM", FileKind("a model in onnxruntime's own format", "model")),
    (0, b"ptrt", FileKind("a TensorRT engine", "model")),
    (0, b"ftrt", FileKind("a TensorRT engine", "model")),
    # ultralytics puts its metadata before the engine: four bytes for their length, then JSON.
    (2, b'\x00\x00{"', FileKind("a TensorRT engine (as ultralytics writes it)", "model")),
    (8, b"{", FileKind("a safetensors file", "model")),
    (0, b"7767517\n", FileKind("an ncnn model", "model")),
    (0, b"\x80", FileKind("a bare pickle, which could run anything", "checkpoint")),
)
# What a text or a video may begin with as well: they count where a file is known to be an image.
_WEAK_SIGNATURES = (
    (0, b"BM", BMP),
    (4, b"ftyp", FileKind("an AVIF image", "image", trains=True)),
    (0, b"P", FileKind("a Netpbm picture", "image")),
    (0, b"#?", FileKind("a Radiance picture", "image")),
    (0, b"<svg", FileKind("an SVG image", "image", converter="ImageMagick")),
)
_OF_IMAGES = tuple(
    row for row in (*_SIGNATURES, *_WEAK_SIGNATURES) if row[2].group == "image" or row[2].converter
)


def read_kind(path: str | os.PathLike[str], *, expected: Group | None = None) -> FileKind | None:
    """Say what a regular file is, to explain why it could not be read.

    None where that is not known, where the file cannot be opened, or where it is what is expected.
    """
    try:
        with open(path, "rb") as stream:  # noqa: PTH123 - text serves as well
            kind = tell_kind(stream.read(_HEAD_BYTES))
            if (
                kind is _TORCH
            ):  # TorchScript's are recognised by the names at the end of the archive
                stream.seek(max(0, stream.seek(0, os.SEEK_END) - _TAIL_BYTES))
                kind = _TORCHSCRIPT if b"/constants.pkl" in stream.read() else _TORCH
    except OSError:
        return None
    return None if kind is None or kind.group == expected else kind


def tell_kind(head: bytes) -> FileKind | None:
    """Say what a file is that begins with these bytes; 512 are enough."""
    if not head:
        return _EMPTY
    if head.startswith(_ZIP):
        return _TORCH if b"/data.pkl" in head else FileKind("a zip archive", "archive")
    for offset, signature, kind in _SIGNATURES:
        if head.startswith(signature, offset):
            return kind
    return _tell_text(head)


def tell_image(head: bytes) -> FileKind | None:
    """Say what kind of image a file is that begins with these bytes; 16 are enough.

    Args:
        head: Of what should be an image: a text that begins like one is taken for it.
    """
    for offset, signature, kind in _OF_IMAGES:
        if head.startswith(signature, offset):
            return kind
    return None


def _tell_text(head: bytes) -> FileKind | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    lower = text[:_HEAD_BYTES].lower()
    if lower.startswith((b"<!doctype html", b"<html", b"<head")):
        return WEB_PAGE
    if lower.startswith(b"<"):
        if b"<net " in lower:
            return FileKind("an OpenVINO model's XML", "model")
        return WEB_PAGE if b"<html" in lower else FileKind("an XML file", "markup")
    if len(text) < _FEWEST_CHARACTERS or not set(text) <= _TEXT:
        return None
    first = text.split(b"\n", 1)[0].decode("ascii").strip()
    shown = first if len(first) <= _SHOWN_CHARACTERS else f"{first[:_SHOWN_CHARACTERS]}..."
    return FileKind(f"a text that begins with {shown!r}", "text")
