"""Where predictions go: what every sink offers, and how those that a user names are opened."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from yolokit.core.plugins import list_plugins, load_plugin
from yolokit.errors import DataError
from yolokit.files.atomic import inside
from yolokit.files.spell import spell
from yolokit.images.files import is_lasting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet
    from typing import Self

    from yolokit.core.types import Detections, Frame, FrameError
    from yolokit.runtime.manifest import ModelHead
    from yolokit.runtime.source import FrameSource

PACKAGE = "yolokit.runtime.sinks"

_MOST_BYTES = 255  # in one name, on nearly every file system
_LONGEST_SUFFIX = 16


@dataclass(frozen=True, slots=True)
class Picture:
    """The picture of one image or frame, or why there is none.

    Attributes:
        name: The file that shows it, below the folder of the results; None where none does.
        problem: Why there is none although there should be, or what is unlike the source.
    """

    name: str | None = None
    problem: str | None = None


class Sink(Protocol):
    """Takes the predictions of one source after the other; a context manager.

    Leaving it with an exception discards what it has not finished.

    Attributes:
        draws: Whether ``draw`` has anything to do.
    """

    draws: bool

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...

    def begin(self, source: FrameSource) -> None:
        """Take note that the frames which follow are those of ``source``."""

    def draw(self, frame: Frame, detections: Detections) -> Any:
        """Do for one prediction what takes time and needs no order; ``write`` gets the result.

        It is called in any thread, for several frames at once, before or after ``begin``.

        Raises:
            DataError: There can be no picture of this frame.
        """

    def write(
        self,
        frame: Frame | FrameError,
        detections: Detections,
        picture: Picture | None = None,
        drawn: Any = None,
    ) -> Picture | None:
        """Take one prediction, in order; what could not be read comes with empty detections.

        Args:
            frame: What was read.
            detections: What was found in it.
            picture: What an earlier sink made.
            drawn: What ``draw`` returned; None to draw now.

        Returns:
            What this sink makes, if it does.

        Raises:
            DataError: The picture cannot be written; others may be.
        """


def sink_takes(name: str, source: FrameSource) -> bool:
    """Tell whether a sink has anything to write for a source.

    Raises:
        ConfigError: There is no such sink.
    """
    takes: bool = load_plugin(PACKAGE, name, kind="output").takes(source)
    return takes


def list_sinks() -> tuple[str, ...]:
    """Return the names of all sinks."""
    return list_plugins(PACKAGE)


@contextlib.contextmanager
def open_sinks(names: Sequence[str], folder: Path, head: ModelHead) -> Iterator[list[Sink]]:
    """Open sinks that write into a folder, which exists, and close them all.

    Raises:
        ConfigError: There is no such sink.
    """
    with contextlib.ExitStack() as stack:
        plugins = [load_plugin(PACKAGE, name, kind="output") for name in names]
        yield [stack.enter_context(plugin.open(folder, head)) for plugin in plugins]


def relative_name(source: str, root: Path | None) -> str:
    """Return the name of an input below its source's root, with ``/``; links are not followed."""
    path = Path(source)
    start = root or path.parent
    try:
        relative = os.path.relpath(os.path.abspath(path), os.path.abspath(start))  # noqa: PTH100 - keeps links
    except ValueError:  # on two drives of Windows
        return path.name
    return Path(relative).as_posix()


class OutputNames:
    """Gives every input a file name of its own below one folder.

    Names stay as they are relative to their source; where two sources bring the same one, or one
    a file and the other a folder of a name, the later gets ``-2``, ``-3`` ... before its suffix.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def claim(self, relative: str) -> Path:
        """Return a free path for a relative name and make its folder.

        A name that would climb out of the folder loses its directories, one that is not UTF-8 is
        spelled, and one that is too long for a file system loses its end, not its suffix.

        Raises:
            DataError: The folder cannot be made.
            OSError: Nothing more can be written at all.
        """
        *folders, name = self._split(relative)
        path = self._folder
        for part in folders:
            path = _free(path / part, self._files)
            self._folders.add(_key(path))
        path = _free(path / name, self._files | self._folders)
        self._files.add(_key(path))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if is_lasting(error):
                raise
            reason = f"the folder cannot be made: {error.strerror}"
            raise DataError(reason, path=path.parent) from error
        return path

    def claim_folder(self, relative: str) -> str:
        """Return the relative name of a folder that is one input's alone; it is not made yet."""
        path = _free(self._folder.joinpath(*self._split(relative)), self._files | self._folders)
        self._folders.add(_key(path))
        return path.relative_to(self._folder).as_posix()

    def _split(self, relative: str) -> list[str]:
        is_inside = inside(self._folder, relative) is not None
        spelled = spell(relative if is_inside else relative.replace("\\", "/").rsplit("/", 1)[-1])
        return [part for part in spelled.split("/") if part not in ("", ".", "..")] or ["image"]


def _free(path: Path, taken: AbstractSet[str]) -> Path:
    """Return a path that is not taken yet, numbered if need be."""
    candidate, number = path.with_name(_fit(path, "")), 1
    while _key(candidate) in taken:
        number += 1
        candidate = path.with_name(_fit(path, f"-{number}"))
    return candidate


def _fit(path: Path, number: str) -> str:
    """Return a numbered name of no more bytes than file systems allow; the suffix stays."""
    is_suffix = len(path.suffix) <= _LONGEST_SUFFIX
    stem, suffix = (path.stem, path.suffix) if is_suffix else (path.name, "")
    end = number + suffix
    return stem.encode()[: _MOST_BYTES - len(end.encode())].decode(errors="ignore") + end


def _key(path: Path) -> str:
    """Return the key of a name; Windows and macOS take A.jpg and a.jpg for one."""
    return str(path).casefold()
