"""Puts image files into a written set: copied, or linked."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Literal, TypeAlias

from yolokit.errors import ConfigError, DataError

if TYPE_CHECKING:
    from pathlib import Path

LinkMode: TypeAlias = Literal["copy", "hardlink", "symlink"]


def place_image(source: str, target: Path, mode: LinkMode) -> None:
    """Make ``target`` the image ``source``; its folder exists.

    Raises:
        DataError: The image cannot be copied.
        ConfigError: This file system cannot link it.
    """
    try:
        if mode == "copy":
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
