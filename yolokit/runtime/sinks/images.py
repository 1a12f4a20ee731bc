"""Annotated copies of images, under the names they have in their source."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.core.types import Frame, FrameError
from yolokit.runtime.draw import draw_detections
from yolokit.runtime.images import writable_name, write_image
from yolokit.runtime.sink import OutputNames

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from yolokit.core.types import Detections
    from yolokit.runtime.source import FrameSource


def takes(_source: FrameSource) -> bool:
    """Every source gives images: a video its frames, in a folder of its name."""
    return True


def open(folder: Path, classes: Sequence[str]) -> AnnotatedImages:  # noqa: A001 - as in every sink
    """Return a sink that writes below ``folder/images``."""
    return AnnotatedImages(folder / "images", classes)


class AnnotatedImages:
    """Writes one picture for every image or frame that could be read."""

    def __init__(self, folder: Path, classes: Sequence[str]) -> None:
        self._names = OutputNames(folder)
        self._classes = classes
        self._source: FrameSource | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        """Every picture is complete once it is written."""

    def begin(self, source: FrameSource) -> None:
        """Names that follow are relative to this source's root."""
        self._source = source

    def write(self, frame: Frame | FrameError, detections: Detections) -> None:
        """Write one annotated picture; a FrameError has none."""
        if isinstance(frame, FrameError):
            return
        path = self._names.claim(self._relative_name(frame))
        write_image(path, draw_detections(frame.bgr, detections, self._classes))

    def _relative_name(self, frame: Frame) -> str:
        path = Path(frame.source)
        if frame.pts_s is not None:
            return f"{path.stem}/{frame.index:06d}.jpg"
        root = self._source.root if self._source else path.parent
        relative = os.path.relpath(os.path.abspath(path), os.path.abspath(root))  # noqa: PTH100 - keeps links
        return writable_name(Path(relative).as_posix())
