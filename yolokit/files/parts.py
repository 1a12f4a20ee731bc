"""Hidden names for outputs under construction, and what killed processes left there.

Beside the final ``NAME`` a process has ``.NAME.yolokit-part-TOKEN`` and, as long as it lives, the
lock of ``.NAME.yolokit-lock-TOKEN``. What stood under the name and is being replaced is
``.NAME.yolokit-old-TOKEN`` for a moment. The next process that publishes to the name removes all
that has a lock which nobody holds, and touches nothing else: see :mod:`yolokit.files.locks` for
how far that can be seen. Without a lock, on a file system that has none or from a version that
wrote none, it is a leftover once nothing in it has changed for a day.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import time
import uuid
from typing import TYPE_CHECKING

from yolokit.errors import ConfigError
from yolokit.files.locks import drop_lock, take_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from filelock import BaseFileLock

_PART, _LOCK, _OLD = "part", "lock", "old"
# A part has the suffix of the final name after its token.
_HIDDEN = re.compile(
    r"\.(?P<name>.+)\.yolokit-(?P<kind>part|lock|old)-(?P<token>[^.]+)(\..*)?", re.DOTALL
)
_TRIES = 20
_FULL = (errno.ENOSPC, errno.EDQUOT)
_UNTOUCHED_S = 24 * 3600


@contextlib.contextmanager
def hidden_part(path: Path) -> Iterator[Path]:
    """Yield a hidden name beside ``path`` for this process alone; nothing exists there yet.

    What is there in the end is removed. The suffix is that of ``path``: encoders choose a
    container or an image format by it.

    Raises:
        ConfigError: The folder of ``path`` cannot be made.
    """
    make_parent(path)
    remove_leftovers(path)
    token, lock = _take_token(path)
    part = _place(path, _PART, token + path.suffix)
    try:
        yield part
    except OSError as error:
        if (
            error.errno in _FULL and error.filename is None
        ):  # Python knows what was written only here
            error.filename = str(path)
        raise
    finally:
        remove(part)
        if lock is not None:
            drop_lock(lock)


def make_parent(path: Path) -> Path:
    """Make the folder of a path, and return it.

    Raises:
        ConfigError: It cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make the folder {path.parent}: {error.strerror}") from error
    return path.parent


def swap_in(part: Path, path: Path) -> None:
    """Rename a folder to its final name; what was there comes back if that fails."""
    if not os.path.lexists(path):
        part.rename(path)
        return
    named = _HIDDEN.fullmatch(part.name)
    assert named is not None, "it is one of hidden_part"
    old = _place(path, _OLD, named["token"])
    try:
        path.rename(old)
        part.rename(path)
    except BaseException:  # an interrupt as well: nobody else would bring it back for a day
        _bring_back(old, path)
        raise
    remove(old)


def remove_leftovers(path: Path) -> None:
    """Remove what killed processes left for this name; a living one keeps its part.

    A process that was killed between its two renames left the former output under a hidden
    name, and nothing under the final one: that output comes back.
    """
    for token in _list_tokens(path):
        place = _place(path, _LOCK, token)
        if not place.exists():
            if _is_untouched(_list_of(path, token)):
                _clear(path, token)
            continue
        try:
            lock = take_lock(place)
        except OSError:  # it is another user's: whether that process lives is unknown
            continue
        if lock is not None:
            _clear(path, token)
            drop_lock(lock)


def remove_all_leftovers(folder: Path, names: re.Pattern[str]) -> None:
    """Do so for all final names in a folder that a pattern fits."""
    for name in {found["name"] for found in _parse_all(folder)}:
        if names.fullmatch(name):
            remove_leftovers(folder / name)


def final_path(path: Path) -> Path:
    """Return a path as it will be: without the hidden names under which things are built."""
    places = ((place, _HIDDEN.fullmatch(place)) for place in path.parts)
    return type(path)(*(found["name"] if found else place for place, found in places))


def is_claimed(path: Path) -> bool:
    """Tell whether a process that may be alive is going to publish under a name."""
    return path.parent.is_dir() and bool(_list_tokens(path))


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with all that is in it, as far as that can be done."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _take_token(path: Path) -> tuple[str, BaseFileLock | None]:
    """Return a token that nobody else has, with its lock; None where there are no locks."""
    token = ""
    for _ in range(_TRIES):
        token = uuid.uuid4().hex[:12]
        place = _place(path, _LOCK, token)
        try:
            lock = take_lock(place)
        except OSError:
            # What stays would look like the lock of a process that is gone.
            place.unlink(missing_ok=True)
            return token, None
        if lock is not None:  # else a process that tidies up was quicker, and removed it
            return token, lock
    return token, None  # as in /proc, where no file can be made


def _clear(path: Path, token: str) -> None:
    _bring_back(_place(path, _OLD, token), path)
    for entry in _list_of(path, token):
        remove(entry)


def _bring_back(old: Path, path: Path) -> None:
    """Give what was to be replaced its name again, if nothing has it."""
    if os.path.lexists(old) and not os.path.lexists(path):
        old.rename(path)


def _place(path: Path, kind: str, token: str) -> Path:
    return path.parent / f".{path.name}.yolokit-{kind}-{token}"


def _parse_all(folder: Path) -> list[re.Match[str]]:
    return [found for one in folder.iterdir() if (found := _HIDDEN.fullmatch(one.name))]


def _list_tokens(path: Path) -> list[str]:
    found = {found["token"] for found in _parse_all(path.parent) if found["name"] == path.name}
    return sorted(found)


def _list_of(path: Path, token: str) -> list[Path]:
    """Return what exists with a token, except its lock."""
    return [
        path.parent / found[0]
        for found in _parse_all(path.parent)
        if found["kind"] != _LOCK and (found["name"], found["token"]) == (path.name, token)
    ]


def _is_untouched(entries: list[Path]) -> bool:
    """Tell whether nothing among some files and folders has changed for a day."""
    newest_s = 0.0
    for entry in entries:
        for place in (entry, *(entry.rglob("*") if entry.is_dir() else ())):
            with contextlib.suppress(FileNotFoundError):  # its owner has just finished
                newest_s = max(newest_s, place.lstat().st_mtime)
    return bool(entries) and time.time() - newest_s > _UNTOUCHED_S
