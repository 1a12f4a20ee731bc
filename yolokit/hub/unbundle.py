"""Importing a bundle: nothing appears in the store unless every file of it verifies.

The archive is read block by block, each head by itself, and not opened with a library that knows
every extension of the format: a bundle has plain files with plain names and nothing else, so that
links, devices, climbing names and compressed or sparse bombs are never even interpreted.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from yolokit.core.events import Notice, Progress, ignore
from yolokit.core.plural import counted
from yolokit.errors import FetchError
from yolokit.files.atomic import publish_file
from yolokit.files.digest import sha256_file
from yolokit.files.file_kind import read_kind
from yolokit.files.locks import hold_alone
from yolokit.hub.bundle import (
    MANIFEST_NAME,
    MOST_MANIFEST_BYTES,
    SCHEMA_VERSION,
    BundledFile,
    Manifest,
)
from yolokit.hub.check import describe_known, no_hash
from yolokit.hub.lockfile import LockEntry, add_to_lock
from yolokit.hub.resolve import target_of_file
from yolokit.hub.store import store_dir
from yolokit.hub.urls import is_plain_name, is_public_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yolokit.core.events import OnEvent
    from yolokit.hub.resolve import Target

_CHUNK_BYTES = 1 << 20
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"PK\x03\x04")
_OCTAL = frozenset(b"01234567 \0")


@dataclass(frozen=True, slots=True)
class Imported:
    """One file of a bundle that is in the store now, or was there already, the same.

    The status says in words what its hash was compared with.
    """

    path: Path
    file: BundledFile
    was_there: bool
    status: str


def import_bundle(
    archive: Path, *, require_hash: bool = False, on_event: OnEvent = ignore
) -> list[Imported]:
    """Put the files of a bundle into the store and lock them: all of them, or none.

    With ``require_hash``, a file whose full hash neither catalog nor lock file has is refused.

    Raises:
        FetchError: The bundle is damaged, hostile or cut short, or a file in it is not what the
            catalog, the lock file or the store have under its name. The store is as it was.
    """
    store = store_dir("weights").absolute()
    kind = read_kind(archive, expected="archive")
    if kind is not None and kind.group != "text":
        raise FetchError(f"{archive} is not a bundle: it is {kind.name}", hint=kind.hint)
    try:
        with archive.open("rb") as stream:
            reader = _Reader(stream, archive)
            manifest = _read_manifest(reader)
            with ExitStack() as locks:
                for name in sorted(file.file for file in manifest.files):
                    waiting = Notice(f"another process is fetching {name}: waiting for it")
                    say_waiting = partial(on_event, waiting)
                    locks.enter_context(hold_alone(store / name, on_wait=say_waiting))
                known = [_check_known(file, store, require_hash) for file in manifest.files]
                _check_room(manifest, store)
                return _import_files(reader, known, on_event)
    except OSError as error:
        other = error.filename not in (None, str(archive))
        place = f"{error.filename}: " if other else ""
        raise FetchError(f"cannot import {archive}: {place}{error.strerror}") from error


def _import_files(
    reader: _Reader, known: list[tuple[BundledFile, Target]], on_event: OnEvent
) -> list[Imported]:
    done: list[Imported] = []
    with ExitStack() as parts:  # publishes at its end, so that a bad file keeps out all others
        for file, target in known:
            was_there = target.path.is_file()
            part = None if was_there else parts.enter_context(publish_file(target.path))
            _copy_member(reader, file, part, on_event)
            done.append(Imported(target.path, file, was_there, describe_known(target)))
        reader.expect_end()
        store = known[0][1].path.parent
        add_to_lock(store, {file.file: _lock_entry(file, target) for file, target in known})
    return done


def _check_room(manifest: Manifest, store: Path) -> None:
    needed = sum(file.size_bytes for file in manifest.files)
    free = shutil.disk_usage(store).free
    if free < needed:
        raise FetchError(f"the disk of {store} is full: {needed} bytes are needed, {free} are free")


def _read_manifest(reader: _Reader) -> Manifest:
    name, size = reader.next_member()
    if name != MANIFEST_NAME or size > MOST_MANIFEST_BYTES:
        raise reader.fault(f"does not begin with {MANIFEST_NAME}, so it is not a bundle of yolokit")
    content = b"".join(reader.read_content(size))
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise reader.fault(f"{MANIFEST_NAME}: {error}") from error
    if manifest.schema_version != SCHEMA_VERSION:
        raise reader.fault(
            f"is of version {manifest.schema_version}; this yolokit reads {SCHEMA_VERSION}"
        )
    _check_files(manifest.files, reader)
    return manifest


def _check_files(files: tuple[BundledFile, ...], reader: _Reader) -> None:
    if not files:
        raise reader.fault("holds no weights")
    names = [file.file for file in files]
    for name in names:
        if not is_plain_name(name) or name.casefold() == MANIFEST_NAME:
            raise reader.fault(f"{MANIFEST_NAME}: {name!r} is not a name of a file in the store")
    if len({name.casefold() for name in names}) < len(names):
        raise reader.fault(f"{MANIFEST_NAME}: names a file more than once")
    for file in files:
        if file.url is not None and not is_public_url(file.url):
            raise reader.fault(f"{MANIFEST_NAME}: {file.url!r} is not an address")


def _copy_member(reader: _Reader, file: BundledFile, part: Path | None, on_event: OnEvent) -> None:
    """Copy the next member to ``part``, or only hash it where there is no ``part``."""
    name, size = reader.next_member()
    if (name, size) != (file.file, file.size_bytes):
        raise reader.fault(
            f"has {name!r} with {counted(size, 'byte')} where {MANIFEST_NAME} has {file.file!r} "
            f"with {file.size_bytes}"
        )
    digest = hashlib.sha256()
    with ExitStack() as stack:
        out = stack.enter_context(part.open("wb")) if part is not None else None
        for chunk in reader.read_content(size):
            digest.update(chunk)
            if out is not None:
                out.write(chunk)
            on_event(reader.progress)
    if digest.hexdigest() != file.sha256:
        raise reader.fault(
            f"{name} is damaged: sha256 {digest.hexdigest()} in place of {file.sha256}"
        )


def _check_known(file: BundledFile, store: Path, require_hash: bool) -> tuple[BundledFile, Target]:
    """Refuse a file that is not what the catalog, the lock file or the store already have."""
    target = target_of_file(store, file.file)
    if require_hash and target.known_sha256 is None:
        raise no_hash(target)
    fault = target.find_disagreement() or target.wanted.find_fault(file.size_bytes, file.sha256)
    if fault is not None:
        raise FetchError(f"the bundle's {file.file} {fault}", hint="nothing was imported")
    if target.path.is_file() and sha256_file(target.path) != file.sha256:
        raise FetchError(
            f"{target.path} is there already and is another file", hint="nothing was imported"
        )
    return file, target


def _lock_entry(file: BundledFile, target: Target) -> LockEntry:
    entry = target.entry
    return LockEntry(
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        hash_from="catalog" if entry is not None and entry.sha256 is not None else "bundle",
        url=file.url,
    )


class _Reader:
    """Reads the plain files of a tar, one after another."""

    def __init__(self, stream: BinaryIO, path: Path) -> None:
        self._stream, self._path = stream, path
        self._size_bytes = os.fstat(stream.fileno()).st_size
        self._offset_bytes = 0

    @property
    def progress(self) -> Progress:
        """How much of the archive has been read."""
        return Progress(self._path.name, self._offset_bytes, self._size_bytes, "bytes")

    def fault(self, reason: str) -> FetchError:
        """Return the error for something wrong at this place of the archive."""
        return FetchError(f"{self._path}: {reason}", hint="nothing was imported")

    def next_member(self) -> tuple[str, int]:
        """Read a head and return the member's name and size in bytes."""
        place, head = self._offset_bytes, self._read(tarfile.BLOCKSIZE)
        is_tar = head[257:262] == b"ustar"
        if head.startswith(_COMPRESSED) and not is_tar:
            raise self.fault("is compressed; bundles are plain tar files: unpack it first")
        if not any(head):
            raise self.fault("ends before its last file")
        damaged = self.fault(f"is not a tar archive, or is damaged at byte {place}")
        if not is_tar:
            raise damaged
        try:
            member = tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise damaged from error
        if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or any(head[345:500]):
            raise self.fault(f"{member.name!r} is not a plain file, and a bundle has nothing else")
        if not set(head[124:136]) <= _OCTAL:  # sizes that only extensions of the format have
            raise self.fault(f"has a damaged head at byte {place}")
        if member.size > self._size_bytes - self._offset_bytes:
            should = counted(member.size, "byte")
            raise self.fault(f"is cut short: {member.name!r} should have {should}")
        return member.name, member.size

    def read_content(self, size: int) -> Iterator[bytes]:
        """Yield a member's content, then read the zeros that fill its last block."""
        left = size
        while left:
            chunk = self._read(min(_CHUNK_BYTES, left))
            left -= len(chunk)
            yield chunk
        if any(self._read(-size % tarfile.BLOCKSIZE)):
            raise self.fault("has something between its files")

    def expect_end(self) -> None:
        """Refuse anything but zeros after the last member."""
        while chunk := self._stream.read(_CHUNK_BYTES):
            if any(chunk):
                raise self.fault("has something after its last file")

    def _read(self, count: int) -> bytes:
        content = self._stream.read(count)
        self._offset_bytes += len(content)
        if len(content) < count:
            raise self.fault("is cut short")
        return content
