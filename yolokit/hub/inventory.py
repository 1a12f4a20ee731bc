"""What the catalog and the store hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from yolokit.core.suggest import unknown_name
from yolokit.core.task import Task
from yolokit.errors import FetchError
from yolokit.hub.catalog import WeightsEntry, list_entries
from yolokit.hub.check import FileCheck, check_file
from yolokit.hub.lockfile import LockEntry, read_lock
from yolokit.hub.resolve import Target, resolve
from yolokit.hub.store import no_weights, store_dir
from yolokit.hub.urls import is_plain_name

if TYPE_CHECKING:
    from pathlib import Path

HashState = Literal["full", "locked", "prefix", "none"]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One file of weights, in the catalog or in the store.

    Attributes:
        name: Its name in the catalog; of a file that is not there, the file's.
        file: Its name in the store.
        task: What the network does as published; None for a file of the user's.
        family: Its architecture; None likewise.
        trained_on: ``coco``, ``dota``, ``imagenet``, or ``backbone``; None likewise.
        license: SPDX identifier; None likewise.
        size_bytes: Its size, where that is known.
        hash: ``full`` in the catalog, ``locked`` in the lock file, ``prefix`` where only the
            first digits are published, ``none``.
        installed: The store has the file.
    """

    name: str
    file: str
    task: Task | None = None
    family: str | None = None
    trained_on: str | None = None
    license: str | None = None
    size_bytes: int | None
    hash: HashState
    installed: bool


def list_weights(
    *, task: str | None = None, family: str | None = None, installed: bool = False
) -> list[Row]:
    """List the catalog, then the files of the store that are not in it; or only some of both.

    Raises:
        ConfigError: There is no such task or family; the message suggests the nearest.
        FetchError: The lock file is damaged.
    """
    store = store_dir("weights")
    entries, locked = list_entries(), read_lock(store)
    families = sorted({entry.family for entry in entries})
    if task is not None and task not in list(Task):
        raise unknown_name("task", task, Task)
    if family is not None and family not in families:
        raise unknown_name("family", family, families)
    present = {path.name: path for path in _installed_files(store)}
    rows = [_row_of_entry(entry, present, locked) for entry in entries]
    known = {entry.file for entry in entries}
    others = [path for path in present.values() if path.name not in known]
    rows += [_row_of_file(path, locked.get(path.name)) for path in others]
    return [
        row
        for row in rows
        if (task is None or row.task == task)
        and (family is None or row.family == family)
        and (row.installed or not installed)
    ]


def verify_weights(name: str | None = None) -> list[FileCheck]:
    """Hash what is installed, or one file of it, and compare with catalog and lock file.

    Nothing is changed: what is unverified stays so.

    Raises:
        FetchError: The file is not there or cannot be read, or the lock file is damaged.
    """
    if name is None:
        paths = _installed_files(store_dir("weights"))
        targets = [resolve(str(path)) for path in paths]
    else:
        targets = [resolve(name)]
        if not targets[0].path.is_file():
            raise no_weights(name)
    return [check_file(target) for target in targets]


def list_missing() -> list[str]:
    """Return the names of files that the lock file of the store speaks of, but that are not here.

    Raises:
        FetchError: The lock file is damaged.
    """
    store = store_dir("weights")
    return sorted(file for file in read_lock(store) if not (store / file).is_file())


def describe_weights(name: str) -> tuple[Target, FileCheck | None]:
    """Return what is known about weights, and how the file is, if it is there.

    Raises:
        FetchError: There is no such name, or the file cannot be read.
    """
    target = resolve(name)
    return target, check_file(target) if target.path.is_file() else None


def _installed_files(store: Path) -> list[Path]:
    """Return the files of weights in the store, by name."""
    try:
        return sorted(
            path for path in store.iterdir() if is_plain_name(path.name) and path.is_file()
        )
    except FileNotFoundError:
        return []
    except OSError as error:
        raise FetchError(f"cannot read {store}: {error.strerror}") from error


def _row_of_entry(
    entry: WeightsEntry, present: dict[str, Path], locked: dict[str, LockEntry]
) -> Row:
    lock, path = locked.get(entry.file), present.get(entry.file)
    size = entry.size_bytes
    if size is None and (path is not None or lock is not None):
        size = path.stat().st_size if path is not None else lock.size_bytes if lock else None
    return Row(
        name=entry.name,
        file=entry.file,
        task=entry.task,
        family=entry.family,
        trained_on=entry.kind,
        license=entry.license,
        size_bytes=size,
        hash=_hash_state(entry, lock),
        installed=path is not None,
    )


def _row_of_file(path: Path, lock: LockEntry | None) -> Row:
    return Row(
        name=path.name,
        file=path.name,
        size_bytes=path.stat().st_size,
        hash="locked" if lock is not None else "none",
        installed=True,
    )


def _hash_state(entry: WeightsEntry, lock: LockEntry | None) -> HashState:
    if entry.sha256 is not None:
        return "full"
    if lock is not None:
        return "locked"
    return "prefix" if entry.sha256_prefix is not None else "none"
