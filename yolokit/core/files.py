"""Hashes and atomic publishing: nothing half-made ever stands under a final name.

A file or folder is built under a hidden name beside its final one and renamed when it is
complete. What a killed process leaves behind is such a hidden leftover, and the next run that
publishes to the same name removes it.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import shutil
import uuid
from typing import TYPE_CHECKING

from yolokit.errors import ConfigError, OutputExistsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MARK = ".yolokit-part-"
_OLD_MARK = ".yolokit-old-"


def sha256_file(path: Path) -> str:
    """Return the sha256 of a file as 64 hexadecimal digits.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def open_at_once(path: str, flags: int) -> int:
    """Serve ``open`` as an opener that does not wait, as for a pipe that nobody writes to.

    The caller looks at what was opened, and refuses what is no regular file.
    """
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def check_output(path: Path, *, overwrite: bool) -> None:
    """Refuse an output that exists, before any work is done.

    Raises:
        OutputExistsError: ``path`` exists and ``overwrite`` is false.
    """
    if os.path.lexists(path) and not overwrite:
        raise OutputExistsError(
            f"{path} already exists", hint="choose another --out, or replace it with --overwrite"
        )


@contextlib.contextmanager
def publish_file(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary path; on success it becomes ``path``, on any error it is removed.

    Raises:
        OutputExistsError: ``path`` exists and ``overwrite`` is false.
        ConfigError: The folder of ``path`` cannot be made.
    """
    part = _new_part(path)
    check_output(path, overwrite=overwrite)
    # The suffix stays: encoders choose a container or an image format by it.
    part = part.with_name(part.name + path.suffix)
    try:
        yield part
        _sync(part)
        check_output(path, overwrite=overwrite)  # another process may have made it meanwhile
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def publish_folder(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary folder; on success it becomes ``path``, on any error it is removed.

    With ``overwrite`` an existing folder stays whole until the new one is complete.

    Raises:
        OutputExistsError: ``path`` exists and ``overwrite`` is false.
        ConfigError: The folder of ``path`` cannot be made.
    """
    part = _new_part(path)
    check_output(path, overwrite=overwrite)
    part.mkdir()
    try:
        yield part
        check_output(path, overwrite=overwrite)  # another process may have made it meanwhile
        _swap_in(part, path)
    finally:
        if part.exists():
            shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Yield a hidden folder beside ``path`` that is removed in the end, whatever happens.

    Raises:
        ConfigError: The folder of ``path`` cannot be made.
    """
    scratch = _new_part(path)
    scratch.mkdir()
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def write_atomic(path: Path, content: bytes) -> None:
    """Replace a file's content in one step: a reader sees the old or the new one, whole."""
    with publish_file(path, overwrite=True) as part:
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


def fresh_path(parent: Path, stem: str) -> Path:
    """Return ``parent / stem``, or with ``-2``, ``-3``, ... the first that is free.

    A name is free if nothing has it and no living process is about to publish under it.
    """
    number = 1
    while not _is_free(path := parent / (stem if number == 1 else f"{stem}-{number}")):
        number += 1
    return path


def _is_free(path: Path) -> bool:
    if os.path.lexists(path):
        return False
    if path.parent.is_dir():
        _remove_leftovers(path)
    return not any(path.parent.glob(f".{glob.escape(path.name)}{_MARK}*"))


def claim_folder(folder: Path | None, *, parent: Path, stem: str) -> Path:
    """Make a folder that is nobody else's: the given one, or a fresh one below ``parent``.

    Raises:
        OutputExistsError: ``folder`` is given and exists.
        ConfigError: It cannot be made.
    """
    while True:
        path = folder or fresh_path(parent, stem)
        try:
            path.mkdir(parents=True)
        except FileExistsError as error:
            if folder is not None:
                raise OutputExistsError(
                    f"{path} already exists", hint="choose another --name or --out"
                ) from error
        except OSError as error:
            raise ConfigError(f"cannot make the folder {path}: {error.strerror}") from error
        else:
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


def _swap_in(part: Path, path: Path) -> None:
    """Rename a folder to its final name; what stood there comes back if that fails."""
    if not os.path.lexists(path):
        part.rename(path)
        return
    old = path.parent / f".{path.name}{_OLD_MARK}{os.getpid()}-{uuid.uuid4().hex[:8]}"
    path.rename(old)
    try:
        part.rename(path)
    except OSError:
        old.rename(path)
        raise
    _remove(old)


def _new_part(path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make the folder {path.parent}: {error.strerror}") from error
    _remove_leftovers(path)
    return path.parent / f".{path.name}{_MARK}{os.getpid()}-{uuid.uuid4().hex[:8]}"


def _remove_leftovers(path: Path) -> None:
    """Remove what a killed process left behind for this name; a living one keeps its part.

    A process that was killed between its two renames left the former output under a hidden
    name, and nothing under the final one: that output comes back.
    """
    for entry in _leftovers(path, _OLD_MARK):
        if os.path.lexists(path):
            _remove(entry)
        else:
            entry.rename(path)
    for entry in _leftovers(path, _MARK):
        _remove(entry)


def _leftovers(path: Path, mark: str) -> list[Path]:
    prefix = f".{path.name}{mark}"
    named = [entry for entry in path.parent.iterdir() if entry.name.startswith(prefix)]
    pids = (entry.name[len(prefix) :].split("-", 1)[0] for entry in named)
    return [
        entry
        for entry, pid in zip(named, pids, strict=True)
        if pid.isdigit() and not is_alive(int(pid))
    ]


def is_alive(pid: int) -> bool:
    """Tell whether a process of this number runs on this machine."""
    if pid == os.getpid():
        return True
    if os.name == "nt":  # os.kill would end the process there
        return _is_alive_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_alive_windows(pid: int) -> bool:
    import ctypes

    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return False
    code = ctypes.c_ulong()
    kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return code.value == 259  # STILL_ACTIVE


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Bring a file's bytes to the disk before its name, so that a power cut leaves no hole."""
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())
