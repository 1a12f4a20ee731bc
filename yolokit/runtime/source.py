"""Where frames come from: what every frame source offers, and how one is found for a name."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from yolokit.core.plugins import list_plugins
from yolokit.core.plural import counted
from yolokit.core.suggest import nearest
from yolokit.core.types import Frame, FrameError, ReadFrame
from yolokit.errors import DataError
from yolokit.files.regular_file import is_folder, is_there, why_no_file
from yolokit.images.files import (
    converter_for,
    decode_image,
    describe_left_out,
    describe_named,
    is_image_name,
    read_content,
)
from yolokit.images.parts import describe_rest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from fractions import Fraction

    from yolokit.runtime.video.file import VideoFile

_PACKAGE = "yolokit.runtime.sources"
_MODELS = (".onnx", ".pt")
_VIDEO_NAME = re.compile(
    r".\.(264|265|3g2|3gp|amv|asf|avc|avi|dav|divx|dv|f4v|flv|gif|h264|h265|hevc|insv|ivf|lrv|m1v"
    r"|m2t|m2ts|m2v|m4v|mjpe?g|mkv|mod|mov|mp4|mpe?g|mpv|mts|mxf|nut|obu|ogm|ogv|qt|rm|rmvb|tod|trp"
    r"|ts|vob|webm|wmv|wtv|y4m)$",
    re.IGNORECASE,
)


class FrameSource(Protocol):
    """Yields decoded frames in order; iterating again starts again."""

    @property
    def uri(self) -> str:
        """What the user named."""

    @property
    def root(self) -> Path:
        """Folder that the names of its files are relative to."""

    @property
    def count(self) -> int | None:
        """How many frames there are; None where that is not known."""

    @property
    def fps(self) -> Fraction | None:
        """Mean frames per second of a video; None for still images."""

    @property
    def time_base(self) -> Fraction | None:
        """Unit in s of a video's time stamps; None for still images."""

    @property
    def is_live(self) -> bool:
        """Whether it never ends by itself; a frame that is not taken in time is lost then."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person must know of it beforehand, such as files that are left out."""

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
    remarks: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many images there are."""
        return len(self.paths)

    def __iter__(self) -> Generator[Frame | FrameError]:
        """Yield every image in order; one that cannot be read is a FrameError in its place."""
        for read in self.readers():
            yield read()

    def readers(self) -> Generator[ReadFrame]:
        """Yield for every image in order what reads it, in any thread."""
        for index, path in enumerate(self.paths):
            yield partial(_read, index, path)


def _read(index: int, path: Path) -> Frame | FrameError:
    try:
        content = read_content(path)
        image = decode_image(content, path)
    except DataError as error:
        return FrameError(index, str(path), error.message)
    return Frame(image, index, None, str(path), describe_rest(content))


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
    remarks: tuple[str, ...] = ()

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
    if "://" in uri or (uri.isdecimal() and not is_there(uri)):  # as cameras are numbered
        raise DataError("only files are read, no cameras and no streams", path=uri)
    path = require_path(uri)
    reason = why_no_file(path)
    if reason is None and converter_for(path) is None:
        is_model = path.suffix.lower() in _MODELS
        raise DataError(
            "not a known kind of image or video",
            path=uri,
            hint="the model comes first: `yolokit predict MODEL SOURCE...`" if is_model else None,
        )
    return [Unreadable(uri, path.parent, reason or describe_named(path))]


def open_files(
    uri: str, root: Path, paths: Iterable[Path], *, what: str, remarks: Iterable[str] = ()
) -> list[FrameSource]:
    """Return the sources for the images and videos among some files, in natural order.

    Args:
        uri: What the user named.
        root: Folder that the names of outputs are relative to.
        paths: Any files; those that are neither are left out, and named where that is a loss.
        what: What holds them, for the message, e.g. ``folder``.
        remarks: What else is to be reported about them.

    Raises:
        DataError: There is neither an image nor a video.
    """
    ordered = sorted(paths, key=natural_order)
    images = tuple(path for path in ordered if is_image_name(path))
    videos = tuple(path for path in ordered if is_video_name(path))
    left_out = [*remarks, *describe_left_out(ordered)]
    if not images and not videos:
        files = counted(len(ordered), "file")
        reason = f"no image or video among the {what}'s {files}"
        raise DataError("; ".join([reason, *left_out]), path=uri)
    stills = StillImages(uri, root, images, remarks=tuple(left_out))
    if images:
        return [stills, *(open_video(str(path), root) for path in videos)]
    first, *rest = (open_video(str(path), root) for path in videos)
    return [replace(first, remarks=(*left_out, *first.remarks)), *rest]


def open_video(uri: str, root: Path | None = None) -> VideoFile | Unreadable:
    """Return a video file as a source; one that cannot be opened becomes a failure record.

    Args:
        uri: The file.
        root: Folder that the names of outputs are relative to; None for its own.
    """
    from yolokit.runtime.video.file import VideoFile

    root = root or Path(uri).parent
    try:
        return VideoFile.open(uri, root)
    except DataError as error:
        return Unreadable(uri, root, error.message)


def is_video_name(path: Path) -> bool:
    """Tell by its suffix whether a file is a video."""
    return _VIDEO_NAME.search(path.name) is not None


def names_file(uri: str) -> bool:
    """Tell whether ``uri`` can be the name of a file, which need not exist."""
    return "://" not in uri and not is_folder(uri) and not has_wildcard(uri)


def has_wildcard(uri: str) -> bool:
    """Tell whether ``uri`` is a glob pattern, and no path that really has such a name."""
    return any(sign in uri for sign in "*?[") and not is_there(uri)


def require_path(uri: str) -> Path:
    """Return the path that a user named, if there is anything, be it a pipe or a link to nothing.

    Raises:
        DataError: There is nothing; the hint is the nearest name that there is.
    """
    path = Path(uri)
    if is_there(path):
        return path
    raise DataError("there is no such file or folder", path=uri, hint=_suggest(path))


def _suggest(path: Path) -> str | None:
    try:
        siblings = [entry.name for entry in path.parent.iterdir()]
    except OSError:  # no folder either, or one that is closed: nothing to suggest
        return None
    guess = nearest(path.name, siblings)
    return f"did you mean {path.with_name(guess)}?" if guess else None


def natural_order(path: Path) -> tuple[list[int | str], str]:
    """Sort key under which ``frame_2`` comes before ``frame_10``, on every system alike."""
    text = path.as_posix()
    # Words and numbers alternate, so that like is only ever compared with like.
    words = re.split(r"([0-9]+)", text)
    return [int(word) if i % 2 else word for i, word in enumerate(words)], text
