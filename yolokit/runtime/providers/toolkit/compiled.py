"""Compiled models, kept for the next start, of providers that take long to compile.

An entry is named by the hash of all that it depends on, so none is ever out of date. It is a file
whose content begins with its own hash, or a folder that a provider manages itself. Entries appear
whole; what cannot be read or has changed is as good as absent. A process that finds more than
``LIMIT_BYTES`` after it has added one removes those that were used longest ago.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import shutil
import time
from typing import TYPE_CHECKING

from yolokit.errors import ConfigError, InferenceError
from yolokit.files.atomic import write_atomic
from yolokit.files.digest import sha256_file
from yolokit.files.own_folders import HOME_VARIABLE, NO_CACHE_VARIABLE
from yolokit.runtime.providers.toolkit import load_provider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from yolokit.runtime.providers.toolkit import Engine, EngineOptions

LIMIT_BYTES = 2 << 30  # some fifty small models, or eight of the largest detector
_LEFTOVER_S = 24 * 3600
_HASH_BYTES = 32
# The key of an entry of TensorProto.external_data, as every file has it that keeps its weights in
# another one: a string of eight bytes in field 1.
_EXTERNAL = b"\x0a\x08location"


def name_entry(model: Path, *parts: str) -> str | None:
    """Return the name of the entry of a model, with whatever else it depends on.

    None where it cannot be named, since the model keeps weights in other files.
    """
    with model.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find(_EXTERNAL) >= 0:
            return None
    depends = "\0".join((sha256_file(model), *parts))
    return hashlib.sha256(depends.encode()).hexdigest()


def read_entry(folder: Path, name: str) -> bytes | None:
    """Return what was kept under a name, unchanged; None where there is no such thing."""
    path = folder / name
    try:
        kept = path.read_bytes()
    except OSError:  # absent, or not ours to read
        return None
    with contextlib.suppress(OSError):  # a folder that is only read is of use as well
        os.utime(path)
    content = kept[_HASH_BYTES:]
    return content if hashlib.sha256(content).digest() == kept[:_HASH_BYTES] else None


def write_entry(folder: Path, name: str, content: bytes) -> tuple[str, ...]:
    """Keep something under a name; where that fails, return what is to be told of it."""
    try:
        write_atomic(folder / name, hashlib.sha256(content).digest() + content)
    except ConfigError as error:  # a folder that cannot be made
        return (_tell_unkept(folder, error.message),)
    except OSError as error:  # a full disk, a folder of somebody else
        return (_tell_unkept(folder, error.strerror or str(error)),)
    trim(folder, keep=name)
    return ()


def _tell_unkept(folder: Path, reason: str) -> str:
    return (
        f"the compiled model cannot be kept in {folder} ({reason}), so every start compiles it; "
        f"{HOME_VARIABLE} names another place, and {NO_CACHE_VARIABLE}=1 keeps nothing"
    )


def claim_folder_for(provider: str, model: Path, options: EngineOptions) -> Path | None:
    """Return the folder of a model's engines, which a provider makes and fills by itself.

    It tells those of another GPU by itself. None where nothing is to be kept, or can be.
    """
    if options.cache is None or _find_obstacle(options.cache) is not None:
        return None
    version = load_provider(provider).version() or ""
    name = name_entry(model, provider, version, options.precision)
    if name is None:
        return None
    with contextlib.suppress(OSError):  # there is none yet
        os.utime(options.cache / name)
    trim(options.cache, keep=name)
    return options.cache / name


def _find_obstacle(folder: Path) -> str | None:
    """Say why nothing can be kept in a folder, which is made if it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return error.strerror or str(error)
    return None if os.access(folder, os.W_OK) else "it cannot be written"


def open_with_kept(
    provider: str,
    open_engine: Callable[[Path, EngineOptions], Engine],
    model: Path,
    options: EngineOptions,
) -> Engine:
    """Open a model; where that fails, once more without what earlier starts left for it.

    Raises:
        InferenceError: It fails without that too.
    """
    try:
        engine = open_engine(model, options)
    except InferenceError:
        folder = claim_folder_for(provider, model, options)
        if folder is None or not drop_entry(folder.parent, folder.name):
            raise
        engine = open_engine(model, options)
    obstacle = None if options.cache is None else _find_obstacle(options.cache)
    if options.cache is not None and obstacle is not None:
        engine.notes = (_tell_unkept(options.cache, obstacle),)
    return engine


def drop_entry(folder: Path, name: str) -> bool:
    """Remove an entry that is there, and tell whether there was one that could be removed."""
    path = folder / name
    was_there = path.exists()
    _remove(path)
    return was_there and not path.exists()


def trim(folder: Path, *, keep: str) -> None:
    """Remove what was used longest ago, until the rest is within the limit; never ``keep``.

    What a killed process left under a hidden name goes too, after a day.
    """
    entries = sorted(_list_entries(folder), key=lambda entry: entry[1])
    total = sum(size for _, _, size in entries)
    for path, used_s, size in entries:
        is_leftover = path.name.startswith(".") and used_s < time.time() - _LEFTOVER_S
        if is_leftover or (total > LIMIT_BYTES and path.name != keep and path.name[0] != "."):
            _remove(path)
            total -= size


def measure(folder: Path) -> tuple[int, int]:
    """Return how many entries there are, and how many bytes they take."""
    entries = [entry for entry in _list_entries(folder) if not entry[0].name.startswith(".")]
    return len(entries), sum(size for _, _, size in entries)


def _list_entries(folder: Path) -> Iterator[tuple[Path, float, int]]:
    """Yield each entry with the time of its last use and its size in bytes."""
    try:
        paths = list(folder.iterdir())
    except OSError:  # there is none yet
        return
    for path in paths:
        with contextlib.suppress(OSError):  # removed by another process meanwhile
            status = path.stat()
            files = path.rglob("*") if path.is_dir() else ()
            yield path, status.st_mtime, status.st_size + sum(f.stat().st_size for f in files)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):  # in use, on systems that then refuse; or already gone
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
