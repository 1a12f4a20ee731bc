"""The size of an image as training and inference see it, read from the file's head.

OpenCV turns a JPEG upright by its EXIF orientation when it decodes, and so does everything that
is built on it; the size here is the one after that. Where a head is not enough (rare formats,
orientation in other containers, such as an AVIF's own) the image is decoded.

Source: ITU-T T.81 (JPEG), CIPA DC-008 (Exif), W3C PNG, RFC 9649 (WebP), TIFF 6.0.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import stat
import struct
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from yolokit.errors import DataError
from yolokit.files.file_kind import BMP, JPEG, PNG, TIFF, WEBP, tell_image, tell_kind
from yolokit.files.regular_file import why_no_file
from yolokit.images.byte_range import Span, read_bytes
from yolokit.images.end import is_cut_short, iter_png_chunks, read_tiff_numbers
from yolokit.images.orientation import UPRIGHT, is_transposed
from yolokit.images.pixels import decode_upright, own_orientation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from yolokit.files.file_kind import FileKind

_HEAD_BYTES = 1 << 16
# A pipe that nobody writes to must not be waited for.
_READ_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
_WIDTH_TAG, _HEIGHT_TAG, _ORIENTATION_TAG = 0x0100, 0x0101, 0x0112
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})


class ImageSize(msgspec.Struct, frozen=True):
    """How large an image is.

    Attributes:
        width_px: As decoded: upright.
        height_px: As decoded: upright.
        orientation: Of EXIF, or an AVIF's own, 1 to 8; 1 is upright as stored.
        cut_short: Its head is whole, but its end is missing.
    """

    width_px: int
    height_px: int
    orientation: int = 1
    cut_short: bool = False

    @property
    def stored_wh(self) -> tuple[int, int]:
        """Width and height before the EXIF orientation is applied."""
        if is_transposed(self.orientation):
            return self.height_px, self.width_px
        return self.width_px, self.height_px


def read_image_size(path: str | Path, span: Span | None = None) -> ImageSize:
    """Read the size of an image file, or of the image in a span of it.

    It is decoded only where its format needs that.

    Raises:
        DataError: The file cannot be read or is not an image.
    """
    head, tail, size_bytes = _read_ends(path, span)
    kind = tell_image(head)
    size = _from_head(kind, head, path, span)
    if size is None:
        size = _decode(path, span)
    if is_cut_short(kind, head, tail, size_bytes, partial(read_bytes, path, span)):
        size = msgspec.structs.replace(size, cut_short=True)
    if size.width_px < 1 or size.height_px < 1:
        raise DataError("the image has no pixels", path=path)
    return size


def _read_ends(path: str | Path, span: Span | None) -> tuple[bytes, bytes, int]:
    """Return the first bytes of an image, its last two, and how many there are."""
    try:
        descriptor = os.open(path, _READ_FLAGS)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ValueError(f"it {why_no_file(path)}")
            if span is None:
                head = os.read(descriptor, _HEAD_BYTES)
                if len(head) < _HEAD_BYTES:
                    return head, head[-2:], len(head)
                size_bytes = os.lseek(descriptor, -2, os.SEEK_END) + 2
            else:
                os.lseek(descriptor, span.offset_bytes, os.SEEK_SET)
                head = os.read(descriptor, min(_HEAD_BYTES, span.length_bytes))
                size_bytes = span.length_bytes
                if size_bytes <= _HEAD_BYTES:
                    return head, head[-2:], len(head)
                os.lseek(descriptor, span.offset_bytes + size_bytes - 2, os.SEEK_SET)
            return head, os.read(descriptor, 2), size_bytes
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(f"cannot read the image: {reason}", path=path) from error


def _from_head(
    kind: FileKind | None, head: bytes, path: str | Path, span: Span | None
) -> ImageSize | None:
    """Return the size, or None where the image has to be decoded."""
    try:
        if kind is JPEG:
            return _from_jpeg(head, path, span)
        if kind is PNG:
            return _from_png(head, path, span)
        parse = _PARSERS.get(kind)
        return None if parse is None else parse(head)
    except (struct.error, IndexError, OSError):
        return None  # the head is cut short or odd: the decoder has the last word


def _from_jpeg(head: bytes, path: str | Path, span: Span | None) -> ImageSize | None:
    orientation, at = 1, 2
    whole = len(head) < _HEAD_BYTES
    while True:
        if at + 9 > len(head):
            if whole:
                return None
            head, whole = read_bytes(path, span), True
            continue
        if head[at] != 0xFF:
            return None
        marker = head[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker in _BARE_MARKERS:
            at += 2
            continue
        if marker in _FRAME_MARKERS:
            height_px, width_px = struct.unpack_from(">HH", head, at + 5)
            return _oriented(width_px, height_px, orientation) if height_px else None
        length = struct.unpack_from(">H", head, at + 2)[0]
        if marker == 0xE1 and head[at + 4 : at + 10] == b"Exif\x00\x00":
            orientation = _orientation(head[at + 10 : at + 2 + length])
        at += 2 + length


def _orientation(tiff: bytes) -> int:
    """Return the orientation in an Exif block, 1 where it states none or nonsense."""
    try:
        tags = _read_tags(tiff)
    except struct.error:
        return 1
    value = tags.get(_ORIENTATION_TAG, 1)
    return value if 1 <= value <= 8 else 1


def _read_tags(tiff: bytes) -> dict[int, int]:
    """Return width, height and orientation, as far as each is one whole number."""
    found = read_tiff_numbers(tiff, (_WIDTH_TAG, _HEIGHT_TAG, _ORIENTATION_TAG))
    return {tag: numbers[0] for tag, numbers in found.items() if len(numbers) == 1}


def _oriented(width_px: int, height_px: int, orientation: int) -> ImageSize:
    if is_transposed(orientation):
        width_px, height_px = height_px, width_px
    return ImageSize(width_px, height_px, orientation)


def _from_png(head: bytes, path: str | Path, span: Span | None) -> ImageSize | None:
    """Return the size if all chunks are there and none has an orientation.

    An Exif chunk counts wherever it is, and a PNG that is cut short is not decoded at all.
    """
    if len(head) < _HEAD_BYTES:
        is_plain = _is_plain_png(head, 0, len(head))
    else:
        with (
            open(path, "rb") as stream,  # noqa: PTH123 - a str or a Path
            mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            start = span.offset_bytes if span else 0
            end = start + span.length_bytes if span else len(content)
            is_plain = _is_plain_png(content, start, end)
    return ImageSize(*struct.unpack_from(">II", head, 16)) if is_plain else None


def _is_plain_png(content: bytes | mmap.mmap, start: int, end: int) -> bool:
    for kind, at, length in iter_png_chunks(content, start, end):
        if kind == b"eXIf":
            return False
        if kind == b"IEND":
            return at + length + 4 <= end and content[start + 12 : start + 16] == b"IHDR"
    return False


def _from_bmp(head: bytes) -> ImageSize | None:
    if struct.unpack_from("<I", head, 14)[0] < 40:
        return None
    width_px, height_px = struct.unpack_from("<ii", head, 18)
    return ImageSize(width_px, abs(height_px))


def _from_webp(head: bytes) -> ImageSize | None:
    kind = head[12:16]
    if kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width_px, height_px = struct.unpack_from("<HH", head, 26)
        return ImageSize(width_px & 0x3FFF, height_px & 0x3FFF)
    if kind == b"VP8L" and head[20] == 0x2F:
        bits = struct.unpack_from("<I", head, 21)[0]
        return ImageSize((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8X" and not head[20] & 0x08:  # no Exif block
        width_px = int.from_bytes(head[24:27], "little") + 1
        return ImageSize(width_px, int.from_bytes(head[27:30], "little") + 1)
    return None


def _from_tiff(head: bytes) -> ImageSize | None:
    tags = _read_tags(head)
    if tags.get(_ORIENTATION_TAG, 1) != 1 or _WIDTH_TAG not in tags or _HEIGHT_TAG not in tags:
        return None
    return ImageSize(tags[_WIDTH_TAG], tags[_HEIGHT_TAG])


_PARSERS: Mapping[FileKind | None, Callable[[bytes], ImageSize | None]] = MappingProxyType(
    {BMP: _from_bmp, WEBP: _from_webp, TIFF: _from_tiff}
)


@contextlib.contextmanager
def quiet_opencv() -> Iterator[None]:
    """Keep OpenCV from writing to stderr what is reported here with the path."""
    import cv2

    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def _decode(path: str | Path, span: Span | None) -> ImageSize:
    import cv2
    import numpy as np

    try:
        data = np.frombuffer(read_bytes(path, span), np.uint8)
        with quiet_opencv():
            image = decode_upright(data, cv2.IMREAD_COLOR) if data.size else None
    except OSError as error:
        raise DataError(f"cannot read the image: {error.strerror}", path=path) from error
    except cv2.error as error:
        raise DataError("the image cannot be decoded", path=path) from error
    if image is None:
        raise _not_an_image(path, data[:512].tobytes())
    return ImageSize(image.shape[1], image.shape[0], own_orientation(data) or UPRIGHT)


def _not_an_image(path: str | Path, head: bytes) -> DataError:
    """Return the error for what does not decode, with what it is where that is known."""
    if not head:
        return DataError("the file is empty", path=path)
    kind = tell_kind(head)
    what = f": it is {kind}" if kind is not None and kind.group != "image" else ""
    return DataError(f"this is not an image that can be decoded{what}", path=path)
