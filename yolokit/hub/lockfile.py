"""``weights.lock`` and ``datasets.lock``: what each file in a store must be from now on.

A file whose hash is published nowhere is trusted when it is first seen, and its hash is
kept here; whatever comes under that name later must be the same. The file is text, sorted, one
block for each file: made to be committed, compared and merged.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from yolokit.errors import FetchError
from yolokit.files.atomic import write_atomic
from yolokit.files.locks import hold_alone
from yolokit.hub.store import WEIGHTS
from yolokit.hub.urls import is_plain_name, is_public_url

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LOCK_NAME = WEIGHTS.lock_name
HashFrom = Literal["catalog", "address", "name", "first use", "bundle"]

_MOST_BYTES = 4 << 20
_HEAD = (
    "# What the files of this store must be: written by yolokit when it first sees a file,\n"
    "# meant to be committed. Removing a block is how another file is accepted under its name.\n"
)


class LockEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known about one file in the store.

    Attributes:
        sha256: 64 hexadecimal digits.
        size_bytes: Its size.
        hash_from: How the hash was known: from the catalog, from ``#sha256=`` after an address,
            in part from the file's published name, from a bundle, or not at all before first use.
        url: Where it came from, without passwords; None where that is not known.
    """

    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    size_bytes: Annotated[int, msgspec.Meta(ge=0)]
    hash_from: HashFrom
    url: str | None = None


def read_lock(store: Path, lock_name: str = LOCK_NAME) -> dict[str, LockEntry]:
    """Read a store's lock file, by file name; empty where there is none.

    Raises:
        FetchError: It is damaged; the message has its path and line.
    """
    path = store / lock_name
    try:
        if not path.is_file():
            return {}
        if path.stat().st_size > _MOST_BYTES:
            raise FetchError(
                f"{path}: is larger than {_MOST_BYTES} bytes, so it is not a lock file"
            )
        text = path.read_text("utf-8")
        content = tomllib.loads(text)
    except OSError as error:
        raise FetchError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _damaged(path, _line_in(str(error)), str(error)) from error
    return {name: _check_block(name, block, path, text) for name, block in content.items()}


def add_to_lock(store: Path, entries: Mapping[str, LockEntry], lock_name: str = LOCK_NAME) -> None:
    """Add files to a store's lock file; what other processes add meanwhile stays.

    Raises:
        FetchError: One of them is there with another hash, or the file cannot be written.
    """
    path = store / lock_name
    with hold_alone(path):
        known = read_lock(store, lock_name)
        for name, entry in entries.items():
            _check_agreement(name, entry.sha256, known.get(name), path)
        added = {name: entry for name, entry in entries.items() if name not in known}
        if not added:
            return
        try:
            write_atomic(path, format_lock(known | added).encode("utf-8"))
        except OSError as error:
            raise FetchError(f"cannot write {path}: {error.strerror}") from error


def _check_agreement(name: str, sha256: str, locked: LockEntry | None, lock: Path) -> None:
    if locked is not None and locked.sha256 != sha256:
        raise FetchError(
            f"{name} is not what it was: sha256 {sha256}, and {locked.sha256} in "
            f"{lock} ({locked.hash_from})",
            hint="if the new file is the right one, remove the block of the old one from the lock",
        )


def format_lock(entries: Mapping[str, LockEntry]) -> str:
    """Write entries as TOML, sorted by name: the same entries are always the same text."""
    return _HEAD + "".join(_format_block(name, entries[name]) for name in sorted(entries))


def _format_block(name: str, entry: LockEntry) -> str:
    lines = [
        f"\n[{_quote(name)}]",
        f"sha256 = {_quote(entry.sha256)}",
        f"size_bytes = {entry.size_bytes}",
        f"hash_from = {_quote(entry.hash_from)}",
    ]
    if entry.url is not None:
        lines.append(f"url = {_quote(entry.url)}")
    return "\n".join(lines) + "\n"


def _quote(text: str) -> str:
    """Write a TOML string; what is not plain ASCII is escaped."""
    return '"' + "".join(_escape(char) for char in text) + '"'


def _escape(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    return char if " " <= char <= "~" else f"\\U{ord(char):08X}"


def _check_block(name: str, block: object, path: Path, text: str) -> LockEntry:
    line = _line_of(name, text)
    if not is_plain_name(name):
        raise _damaged(path, line, f"{name!r} is not a name of a file in this folder")
    try:
        entry = msgspec.convert(block, LockEntry, strict=True)
    except msgspec.ValidationError as error:
        raise _damaged(path, line, f"{name}: {error}") from error
    if entry.url is not None and not is_public_url(entry.url):
        raise _damaged(path, line, f"{name}: {entry.url!r} is not an address")
    return entry


def _line_of(name: str, text: str) -> int | None:
    """Find the line of a block's head, or of whatever else mentions the name."""
    lines = list(enumerate(text.splitlines(), start=1))
    heads = (f"[{_quote(name)}]", f"[{name}]")
    found = [number for number, line in lines if line.strip() in heads]
    return next(iter(found or [number for number, line in lines if name in line]), None)


def _line_in(message: str) -> int | None:
    match = re.search(r"at line (\d+)", message)
    return int(match[1]) if match else None


def _damaged(path: Path, line: int | None, reason: str) -> FetchError:
    place = f"{path}:{line}" if line is not None else str(path)
    return FetchError(
        f"{place}: {reason}",
        hint="fix the lock file, or take back the change to it; without it hashes of files that "
        "are published without one are not known",
    )
