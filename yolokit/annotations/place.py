"""Puts image files into a written set: copied, or linked."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Literal, TypeAlias

from yolokit.annotations.embedded import read_bytes
from yolokit.errors import ConfigError, DataError

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.annotations.embedded import Span

LinkMode: TypeAlias = Literal["copy", "hardlink", "symlink"]


def place_image(source: str, target: Path, mode: LinkMode, span: Span | None = None) -> None:
    """Make ``target`` the image ``source``; its folder exists.

    Args:
        source: The file.
        target: What becomes a file of its own, or a link.
        mode: How.
        span: Where in ``source`` the image stands, if it is not the whole of it.

    Raises:
        DataError: The image cannot be copied.
        ConfigError: This file system cannot link it, or it is part of a file.
    """
    if span is not None and mode != "copy":
        raise ConfigError(
            f"{source} holds images inside it, and no {mode} leads to a part of a file",
            hint="use --link copy",
        )
    try:
        if span is not None:
            data = read_bytes(source, span)
            if len(data) < span.length_bytes:
                raise DataError("it ends before an image in it does", path=source)
            target.write_bytes(data)
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
