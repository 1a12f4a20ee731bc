"""Atomic publishing: nothing half-made ever has a final name.

A file or folder is built under a hidden name beside its final one and renamed when it is
complete. What a killed process leaves behind is such a hidden leftover, and the next run that
publishes to the same name removes it: see :mod:`yolokit.files.parts`. What may be replaced is the
business of :mod:`yolokit.files.outputs`.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from typing import TYPE_CHECKING

from yolokit.errors import ConfigError
from yolokit.files.locks import drop_lock, take_lock
from yolokit.files.outputs import check_output
from yolokit.files.parts import (
    hidden_part,
    is_claimed,
    make_parent,
    remove_all_leftovers,
    swap_in,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from yolokit.files.outputs import Replacing


def open_at_once(path: str, flags: int) -> int:
    """Serve ``open`` as an opener that does not wait, as for a pipe that nobody writes to.

    The caller looks at what was opened, and refuses what is not a regular file.
    """
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


@contextlib.contextmanager
def publish_file(path: Path, replacing: Replacing | None = None) -> Iterator[Path]:
    """Yield a temporary path; on success it becomes ``path``, on any error it is removed.

    Raises:
        OutputExistsError: ``path`` exists and is not to be replaced.
        ConfigError: The folder of ``path`` cannot be made.
    """
    with hidden_part(path) as part:
        check_output(path, replacing)
        yield part
        _sync(part)
        check_output(path, replacing)  # another process may have made it meanwhile
        part.replace(path)


def publish_together(files: Mapping[Path, bytes], replacing: Mapping[Path, Replacing]) -> None:
    """Give several files their final names, in their order, when all of them are complete.

    If one of them cannot have its name, all that was there before is there again. A process that
    is killed in between leaves files that are whole each; whoever states another's hash shows it.

    Args:
        files: The content of each.
        replacing: For each, what it may replace.

    Raises:
        OutputExistsError: One of them exists and is not to be replaced.
        ConfigError: The folder of one cannot be made.
    """
    with contextlib.ExitStack() as hidden, contextlib.ExitStack() as undo:
        parts = {path: hidden.enter_context(hidden_part(path)) for path in files}
        for path, part in parts.items():
            part.write_bytes(files[path])
            _sync(part)
        earlier = {path: hidden.enter_context(hidden_part(path)) for path in files}
        for path, copy in earlier.items():
            check_output(path, replacing[path])
            if path.exists():
                shutil.copy2(path, copy)
        for path, part in parts.items():
            undo.callback(_bring_back, earlier[path], path)
            part.replace(path)
        undo.pop_all()


def _bring_back(earlier: Path, path: Path) -> None:
    """Let a file be what it was, or not be there if it was not."""
    if earlier.exists():
        earlier.replace(path)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Do as :func:`publish_file` for a file of yolokit's own, which is replaced if it exists."""
    with hidden_part(path) as part:
        yield part
        _sync(part)
        part.replace(path)


@contextlib.contextmanager
def publish_folder(path: Path, replacing: Replacing | None = None) -> Iterator[Path]:
    """Yield a temporary folder; on success it becomes ``path``, on any error it is removed.

    An existing folder that is replaced stays whole until the new one is complete.

    Raises:
        OutputExistsError: ``path`` exists and is not to be replaced.
        ConfigError: The folder of ``path`` cannot be made.
    """
    with hidden_part(path) as part:
        check_output(path, replacing)
        part.mkdir()
        yield part
        check_output(path, replacing)  # another process may have made it meanwhile
        swap_in(part, path)


@contextlib.contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Yield a hidden folder beside ``path`` that is removed in the end, whatever happens.

    Raises:
        ConfigError: The folder of ``path`` cannot be made.
    """
    with hidden_part(path) as scratch:
        scratch.mkdir()
        yield scratch


def write_atomic(path: Path, content: bytes) -> None:
    """Replace a file's content in one step: a reader sees the old or the new one, whole."""
    with replace_file(path) as part:
        part.write_bytes(content)


def rename_complete(part: Path, path: Path) -> None:
    """Give a complete file its final name, in the same folder, so that a power cut undoes neither.

    Raises:
        OSError: It cannot be renamed.
    """
    _sync(part)
    part.replace(path)
    if os.name != "nt":  # folders cannot be opened there, and renaming is synchronous
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextlib.contextmanager
def publish_fresh(parent: Path, stem: str) -> Iterator[tuple[Path, Path]]:
    """Do as :func:`publish_folder` under the first name that is free; yield both paths.

    The names are ``stem``, ``stem-2``, ``stem-3``, ...; from here on the one that is chosen is
    taken for every other process.

    Yields:
        The folder that will appear, and the temporary one.

    Raises:
        ConfigError: ``parent`` cannot be made.
    """
    with contextlib.ExitStack() as stack:
        with _alone(make_parent(parent / stem) / f".{stem}.yolokit-names"):
            path = fresh_path(parent, stem)
            part = stack.enter_context(publish_folder(path))
        yield path, part


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock where there are any: without, two that choose at once may choose the same."""
    try:
        lock = take_lock(path, wait=True)
    except OSError:
        lock = None
    try:
        yield
    finally:
        if lock is not None:
            drop_lock(lock)


def fresh_path(parent: Path, stem: str) -> Path:
    """Return ``parent / stem``, or with ``-2``, ``-3``, ... the first that is free.

    A name is free if nothing has it and no living process is about to publish under it.
    """
    if parent.is_dir():
        remove_all_leftovers(parent, re.compile(rf"{re.escape(stem)}(-\d+)?"))
    number, path = 1, parent / stem
    while os.path.lexists(path) or is_claimed(path):
        number += 1
        path = parent / f"{stem}-{number}"
    return path


def claim_folder(folder: Path | None, *, parent: Path, stem: str) -> Path:
    """Make a folder for this process alone: the given one, or a fresh one below ``parent``.

    A given one that is there and empty is taken as it is.

    Raises:
        OutputExistsError: ``folder`` is given and exists.
        ConfigError: It cannot be made.
    """
    while True:
        path = folder or fresh_path(parent, stem)
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            if folder is None:  # another process was quicker
                continue
            check_output(folder)
        except OSError as error:
            raise ConfigError(f"cannot make the folder {path}: {error.strerror}") from error
        return path


def inside(folder: Path, name: str) -> Path | None:
    """Return ``folder / name`` if that lies inside ``folder``, else None.

    Absolute names, drive letters and ``..`` that climb out are all outside. Backslashes count
    as separators on every system, so that a set made on Windows cannot climb out elsewhere.
    """
    if "\x00" in name:
        return None
    parts = name.replace("\\", "/").split("/")
    drive = parts[0][1:2] == ":" and (len(parts[0]) == 2 or os.name == "nt")
    if drive or not parts[0]:
        return None
    depth = 0
    for part in parts:
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0:
            return None
    return folder.joinpath(*parts)


def _sync(path: Path) -> None:
    """Bring a file's bytes to the disk before its name, so that a power cut leaves no hole."""
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())
