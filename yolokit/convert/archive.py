"""Unpacks what annotation tools export, zip and tar, without believing anything it claims.

Plain files and folders are unpacked, below one folder and nowhere else. Links, devices, names that
climb out, names that two files have, and more bytes than a limit are refused.
"""

from __future__ import annotations

import stat
import tarfile
import zipfile
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, NamedTuple

from yolokit.convert.zip_names import ZipNames, read_zip_names
from yolokit.core.plural import counted
from yolokit.errors import DataError
from yolokit.files.atomic import inside
from yolokit.files.file_kind import read_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MAX_UNPACKED_BYTES = 200 << 30
MAX_MEMBERS = 5_000_000
_MAX_RATIO = 200  # annotations as text shrink to a twentieth at best; a bomb to a thousandth
_RATIO_FREE_BYTES = 256 << 20  # below this the ratio does not matter
_UNPACK = "unpack it yourself and give the folder"
_CHUNK_BYTES = 1 << 20
_TAR_ENDS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


class _Member(NamedTuple):
    """One file of an archive: its name as stated, and its content."""

    name: str
    stream: IO[bytes]


def is_archive(path: Path) -> bool:
    """Tell by its name whether a file is a zip or tar archive; a damaged one is one too."""
    return path.name.lower().endswith((".zip", *_TAR_ENDS)) and path.is_file()


def unpack(archive: Path, folder: Path, tell: Callable[[str], None] = lambda _told: None) -> int:
    """Unpack an archive into an empty folder.

    Args:
        archive: A zip or tar file, compressed or not.
        folder: Gets its files.
        tell: Called with what was concluded about its names, if anything.

    Returns:
        How many files were unpacked.

    Raises:
        DataError: It is damaged, encrypted or hostile; the member is named.
    """
    limit = max(_RATIO_FREE_BYTES, archive.stat().st_size * _MAX_RATIO)
    budget = _Budget(archive, min(limit, MAX_UNPACKED_BYTES))
    try:
        with _open(archive, tell) as members:
            for member in members:
                _write_member(member, folder, archive, budget)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError) as error:
        kind = read_kind(archive, expected="archive")
        if kind is not None:
            message = f"this is not an archive: it is {kind.name}"
            raise DataError(message, path=archive, hint=kind.hint) from error
        raise DataError(f"the archive is damaged: {error}", path=archive) from error
    except (NotImplementedError, RuntimeError) as error:  # a method unknown, or a password
        reason = "it is encrypted" if "encrypted" in str(error) else str(error)
        message = f"the archive cannot be unpacked: {reason}"
        raise DataError(message, path=archive, hint=_UNPACK) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"the archive cannot be unpacked: {reason}", path=archive) from error
    return budget.members


def content_root(folder: Path) -> Path:
    """Return the folder that has what was unpacked: tools pack one that has everything in it."""
    found = folder
    while True:
        entries = [one for one in found.iterdir() if not one.name.startswith((".", "__MACOSX"))]
        if len(entries) != 1 or not entries[0].is_dir():
            return found
        found = entries[0]


class _Budget:
    """Counts members and bytes, and stops an archive that unpacks into more than it should."""

    def __init__(self, archive: Path, most_bytes: int) -> None:
        self.members = 0
        self._left = most_bytes
        self._most = most_bytes
        self._archive = archive

    def start(self) -> None:
        self.members += 1
        if self.members > MAX_MEMBERS:
            raise DataError(f"the archive has more than {MAX_MEMBERS} files", path=self._archive)

    def spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise DataError(
                f"the archive unpacks into more than {self._most / 1e9:.1f} GB, which no data set "
                "of its size does",
                path=self._archive,
                hint="if it is what it should be, unpack it yourself and convert the folder",
            )


def _write_member(member: _Member, folder: Path, archive: Path, budget: _Budget) -> None:
    budget.start()
    target = inside(folder, member.name)
    if target is None or target == folder:
        raise DataError(f"the archive's file {member.name!r} would climb out", path=archive)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        sink = target.open("xb")
    except FileExistsError as error:
        raise DataError(f"the archive has {member.name!r} twice", path=archive) from error
    with sink:
        while chunk := member.stream.read(_CHUNK_BYTES):
            budget.spend(len(chunk))
            sink.write(chunk)


@contextmanager
def _open(archive: Path, tell: Callable[[str], None]) -> Iterator[Iterator[_Member]]:
    """Open an archive and yield its files; folders are made as their files come."""
    if archive.name.lower().endswith(_TAR_ENDS):
        with tarfile.open(archive, "r:*") as tar:
            yield _tar_members(tar, archive)
    else:
        with zipfile.ZipFile(archive) as packed:
            names = read_zip_names(packed.infolist())
            if names.unstated:
                count = counted(names.unstated, "name")
                tell(f"{count} in it in no stated encoding, read as {names.encoding}")
            yield _zip_members(packed, archive, names)


def _tar_members(tar: tarfile.TarFile, archive: Path) -> Iterator[_Member]:
    for info in tar:
        if info.isdir():
            continue
        if not info.isreg():
            raise DataError(
                f"the archive's {info.name!r} is a link or a device, which is refused",
                path=archive,
                hint=_UNPACK,
            )
        stream = tar.extractfile(info)
        assert stream is not None, "a plain file has content"
        with stream:
            yield _Member(info.name, stream)


def _zip_members(packed: zipfile.ZipFile, archive: Path, names: ZipNames) -> Iterator[_Member]:
    for info in packed.infolist():
        mode = info.external_attr >> 16
        if info.is_dir():
            continue
        if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise DataError(
                f"the archive's {info.filename!r} is a link or a device, which is refused",
                path=archive,
                hint=_UNPACK,
            )
        with packed.open(info) as stream:
            yield _Member(names.name_of(info), stream)
