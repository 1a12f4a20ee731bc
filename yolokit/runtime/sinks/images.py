"""Annotated copies of images, under the names they have in their source."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from yolokit.core.types import Frame, FrameError
from yolokit.images.files import encode_image, writable_name, write_content
from yolokit.runtime.sink import OutputNames, Picture, relative_name
from yolokit.runtime.tasks.toolkit import load_task

if TYPE_CHECKING:
    from typing import Self

    from yolokit.core.types import Detections
    from yolokit.runtime.manifest import ModelHead
    from yolokit.runtime.source import FrameSource

_FOLDER = "images"


def takes(_source: FrameSource) -> bool:
    """Every source gives images: a video its frames, in a folder of its name."""
    return True


class AnnotatedImages:
    """Writes one picture for every image or frame that could be read, below ``folder/images``."""

    draws = True

    def __init__(self, folder: Path, head: ModelHead) -> None:
        self._folder = folder
        self._names = OutputNames(folder / _FOLDER)
        self._task = load_task(head.task)
        self._classes = head.names
        self._root: Path | None = None
        self._video_folder: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        """Every picture is complete once it is written."""

    def begin(self, source: FrameSource) -> None:
        """Names that follow are relative to this source's root."""
        self._root = source.root
        self._video_folder = None

    def draw(self, frame: Frame, detections: Detections) -> bytes:
        """Return the content of the annotated picture's file.

        Raises:
            DataError: It cannot be encoded.
        """
        drawn = self._task.draw(frame.bgr, detections, self._classes)
        return encode_image(PurePath(_file_name(frame)).suffix, drawn)

    def write(
        self,
        frame: Frame | FrameError,
        detections: Detections,
        _picture: Picture | None = None,
        drawn: bytes | None = None,
    ) -> Picture | None:
        """Write one annotated picture; a FrameError has none.

        Raises:
            DataError: It cannot be written; the name and the reason are in the message.
        """
        if isinstance(frame, FrameError):
            return None
        content = self.draw(frame, detections) if drawn is None else drawn
        path = self._names.claim(self._relative_name(frame))
        write_content(path, content)
        return Picture(path.relative_to(self._folder).as_posix())

    def _relative_name(self, frame: Frame) -> str:
        name = relative_name(frame.source, self._root)
        if frame.pts_s is None:  # the folder that it goes into is called `images` already
            folder = PurePath(name.removeprefix(f"{_FOLDER}/")).parent.as_posix()
        else:
            if self._video_folder is None:
                self._video_folder = self._names.claim_folder(Path(name).with_suffix("").as_posix())
            folder = self._video_folder
        return f"{folder}/{_file_name(frame)}"


def _file_name(frame: Frame) -> str:
    """Return the name of the file that a picture goes to, without its folder."""
    is_still = frame.pts_s is None
    name = PurePath(frame.source).name if is_still else f"{frame.index:06d}.jpg"
    return writable_name(name, frame.image_wh)


open = AnnotatedImages  # noqa: A001 - as in every sink
