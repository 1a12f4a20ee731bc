"""Puts image files into a written set: copied, or linked."""

from __future__ import annotations

import os
import shutil
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from yolokit.errors import ConfigError, DataError
from yolokit.images.byte_range import read_bytes
from yolokit.images.pixels import decode_upright

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.core.types import U8
    from yolokit.images.byte_range import Span

LinkMode: TypeAlias = Literal["copy", "hardlink", "symlink"]


def place_image(
    source: str,
    target: Path,
    mode: LinkMode,
    span: Span | None = None,
    crop: tuple[int, int, int, int] | None = None,
) -> None:
    """Make ``target`` the image ``source``; its folder exists.

    Args:
        source: The file.
        target: What becomes a file of its own, or a link.
        mode: How.
        span: Where in ``source`` the image is, if it is not the whole of it.
        crop: The part of the image that is wanted, xyxy in px; None for all of it.

    Raises:
        DataError: The image cannot be copied.
        ConfigError: This file system cannot link it, or it is part of a file.
    """
    if span is not None and mode != "copy":
        raise ConfigError(
            f"{source} holds images inside it, and no {mode} can point to a part of a file",
            hint="use --link copy",
        )
    try:
        if crop is not None:
            target.write_bytes(_cut_out(source, span, crop, target.suffix.lower()))
        elif span is not None:
            target.write_bytes(_read_whole(source, span))
        elif mode == "copy":
            shutil.copyfile(source, target)
        elif mode == "hardlink":
            os.link(os.path.realpath(source), target)
        else:
            target.symlink_to(os.path.realpath(source))
    except OSError as error:
        if mode == "copy":
            raise DataError(
                f"cannot copy the image to {target}: {error.strerror}", path=source
            ) from error
        raise ConfigError(
            f"cannot {mode} {source} to {target}: {error.strerror}",
            hint="use --link copy",
        ) from error


def _read_whole(source: str, span: Span | None) -> bytes:
    data = read_bytes(source, span)
    if span is not None and len(data) < span.length_bytes:
        raise DataError("it ends before an image in it does", path=source)
    return data


@lru_cache(maxsize=1)  # the tiles of an image come one after the other
def _decode(source: str, span: Span | None) -> U8:
    """Return the pixels of an image, upright, with as many channels and bits as it has."""
    import cv2

    data = np.frombuffer(_read_whole(source, span), np.uint8)
    # Unchanged would keep an alpha channel, and leave EXIF orientation aside.
    pixels = decode_upright(data, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR)
    if pixels is None:
        raise DataError("the image cannot be decoded", path=source)
    return pixels


def _cut_out(source: str, span: Span | None, crop: tuple[int, int, int, int], suffix: str) -> bytes:
    """Return the encoded part of an image; JPEG at a quality whose loss is not seen."""
    import cv2

    x1, y1, x2, y2 = crop
    pixels = _decode(source, span)[y1:y2, x1:x2]
    options = [cv2.IMWRITE_JPEG_QUALITY, 97] if suffix in (".jpg", ".jpeg") else []
    try:
        done, data = cv2.imencode(suffix, pixels, options)
    except cv2.error as error:
        raise DataError(f"no tile can be written as {suffix}", path=source) from error
    if not done:
        raise DataError(f"no tile can be written as {suffix}", path=source)
    return data.tobytes()
