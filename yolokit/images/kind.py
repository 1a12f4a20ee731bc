"""What kind of image a file is by its first bytes, where its name does not say so."""

from __future__ import annotations

from yolokit.images.byte_range import Span, read_bytes

_MAGIC = (
    (b"\xff\xd8\xff", ".jpg"),
    (b"\x89PNG", ".png"),
    (b"BM", ".bmp"),
    (b"RIFF", ".webp"),
    (b"II*\x00", ".tif"),
    (b"MM\x00*", ".tif"),
)


def suffix_of(head: bytes) -> str | None:
    """Return the suffix for an image that begins so, None if it is of no kind that is known."""
    return next((suffix for start, suffix in _MAGIC if head.startswith(start)), None)


def suffix_of_file(path: str, span: Span | None = None) -> str | None:
    """Return the suffix for an image file, or for a part of one.

    Raises:
        OSError: It cannot be read.
    """
    return suffix_of(read_bytes(path, Span(span.offset_bytes if span else 0, 8)))
