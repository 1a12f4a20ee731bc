"""Where frames come from: what every frame source offers, and how one is found for a name."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from yolokit.core.plugins import list_plugins
from yolokit.core.suggest import nearest
from yolokit.core.types import Frame, FrameError
from yolokit.errors import DataError
from yolokit.runtime.images import is_image_name, read_image

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from fractions import Fraction

_PACKAGE = "yolokit.runtime.sources"
_VIDEO_NAME = re.compile(
    r".\.(3gp|asf|avi|flv|gif|m2ts|m4v|mkv|mov|mp4|mpe?g|mts|ogv|ts|webm|wmv)$", re.IGNORECASE
)


class FrameSource(Protocol):
    """Yields decoded frames in order; iterating again starts again.

    Attributes:
        uri: What the user named.
        root: Folder that the names of its files are relative to.
        count: How many frames there are, or None where that is not known.
        fps: Mean frames per second of a video; None for still images.
        time_base: Unit in s of a video's time stamps; None for still images.
        is_live: It never ends by itself, and a frame that is not taken in time is lost.
    """

    @property
    def uri(self) -> str:
        """What the user named."""

    @property
    def root(self) -> Path:
        """Folder that the names of its files are relative to."""

    @property
    def count(self) -> int | None:
        """How many frames there are."""

    @property
    def fps(self) -> Fraction | None:
        """Mean frames per second of a video."""

    @property
    def time_base(self) -> Fraction | None:
        """Unit in s of a video's time stamps."""

    @property
    def is_live(self) -> bool:
        """Whether it never ends by itself."""

    def __iter__(self) -> Generator[Frame | FrameError]:
        """Yield one item for every image or frame; what cannot be read is a FrameError.

        Closing the generator releases what it has opened.
        """
        ...


@dataclass(frozen=True, slots=True)
class StillImages:
    """Image files as a frame source; see :class:`FrameSource` for the attributes."""

    uri: str
    root: Path
    paths: tuple[Path, ...]
    fps: None = None
    time_base: None = None
    is_live: bool = False

    @property
    def count(self) -> int:
        """How many images there are."""
        return len(self.paths)

    def __iter__(self) -> Generator[Frame | FrameError]:
        """Yield every image in order; one that cannot be read is a FrameError in its place."""
        for index, path in enumerate(self.paths):
            try:
                yield Frame(read_image(path), index, None, str(path))
            except DataError as error:
                yield FrameError(index, str(path), error.message)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that cannot be opened keeps its place; see :class:`FrameSource`."""

    uri: str
    root: Path
    message: str
    count: int = 1
    fps: None = None
    time_base: None = None
    is_live: bool = False

    def __iter__(self) -> Generator[Frame | FrameError]:
        """Yield the one failure."""
        yield FrameError(0, self.uri, self.message)


def open_source(uri: str) -> list[FrameSource]:
    """Find the frame sources for what a user named, and check that there is something.

    Args:
        uri: An image, a video, a folder or a glob pattern of either, or a list of images.

    Returns:
        At least one: all still images that ``uri`` names together, and one for each video.

    Raises:
        DataError: There is nothing of that name, it is of no known kind, or it is empty.
    """
    for name in list_plugins(_PACKAGE):
        plugin = importlib.import_module(f"{_PACKAGE}.{name}")
        if plugin.matches(uri):
            sources: list[FrameSource] = plugin.open(uri)
            return sources
    if "://" in uri:
        raise DataError("only files are read, no cameras and no streams", path=uri)
    if Path(uri).exists():
        raise DataError("not a known kind of image or video", path=uri)
    raise no_such_path(uri)


def open_files(uri: str, root: Path, paths: Iterable[Path]) -> list[FrameSource]:
    """Return the sources for the images and videos among some files, in natural order.

    Args:
        uri: What the user named.
        root: Folder that the names of outputs are relative to.
        paths: Any files; those that are neither are left out.
    """
    ordered = sorted(paths, key=natural_order)
    images = tuple(path for path in ordered if is_image_name(path))
    stills: list[FrameSource] = [StillImages(uri, root, images)] if images else []
    return [*stills, *(open_video(str(path)) for path in ordered if is_video_name(path))]


def open_video(uri: str) -> FrameSource:
    """Return a video file as a source; one that cannot be opened becomes a failure record."""
    from yolokit.runtime.video_file import VideoFile

    try:
        return VideoFile.open(uri)
    except DataError as error:
        return Unreadable(uri, Path(uri).parent, error.message)


def is_video_name(path: Path) -> bool:
    """Tell by its suffix whether a file is a video."""
    return _VIDEO_NAME.search(path.name) is not None


def has_wildcard(uri: str) -> bool:
    """Tell whether ``uri`` is a glob pattern, and no path that really has such a name."""
    return any(sign in uri for sign in "*?[") and not Path(uri).exists()


def no_such_path(uri: str) -> DataError:
    """Return the error for a source that does not exist, with the nearest name that does."""
    path = Path(uri)
    siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    guess = nearest(path.name, siblings)
    return DataError(
        "there is no such file or folder",
        path=uri,
        hint=f"did you mean {path.with_name(guess)}?" if guess else None,
    )


def natural_order(path: Path) -> tuple[list[int | str], str]:
    """Sort key under which ``frame_2`` comes before ``frame_10``, on every system alike."""
    text = path.as_posix()
    # Words and numbers alternate, so that like is only ever compared with like.
    words = re.split(r"([0-9]+)", text)
    return [int(word) if i % 2 else word for i, word in enumerate(words)], text
