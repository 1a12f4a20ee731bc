"""Where predictions go: what every sink offers, and how those that a user names are opened."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol

from yolokit.core.files import inside
from yolokit.core.plugins import list_plugins, load_plugin

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Self

    from yolokit.core.types import Detections, Frame, FrameError
    from yolokit.runtime.source import FrameSource

PACKAGE = "yolokit.runtime.sinks"


class Sink(Protocol):
    """Takes the predictions of one source after the other; a context manager.

    Leaving it with an exception discards what it has not finished.
    """

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...

    def begin(self, source: FrameSource) -> None:
        """Take note that the frames which follow are those of ``source``."""

    def write(self, frame: Frame | FrameError, detections: Detections) -> None:
        """Take one prediction; what could not be read comes with empty detections."""


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
def open_sinks(names: Sequence[str], folder: Path, classes: Sequence[str]) -> Iterator[list[Sink]]:
    """Open sinks that write into a folder, and close them all.

    Args:
        names: Names of sinks.
        folder: Where their files go; it exists.
        classes: Class names by index.

    Raises:
        ConfigError: There is no such sink.
    """
    with contextlib.ExitStack() as stack:
        plugins = [load_plugin(PACKAGE, name, kind="output") for name in names]
        yield [stack.enter_context(plugin.open(folder, classes)) for plugin in plugins]


class OutputNames:
    """Gives every input a file name of its own below one folder.

    Names stay as they are relative to their source; where two sources bring the same one, the
    later gets ``-2``, ``-3`` ... before its suffix.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._taken: set[str] = set()

    def claim(self, relative: str) -> Path:
        """Return a free path for a relative name and make its folder.

        A name that would climb out of the folder loses its directories.
        """
        path = (
            inside(self._folder, relative)
            or self._folder / relative.replace("\\", "/").rsplit("/", 1)[-1]
        )
        candidate, number = path, 1
        # Compared without case: Windows and macOS hold A.jpg and a.jpg for one file.
        while str(candidate).casefold() in self._taken:
            number += 1
            candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
        self._taken.add(str(candidate).casefold())
        candidate.parent.mkdir(parents=True, exist_ok=True)
        return candidate
