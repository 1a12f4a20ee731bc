"""Unpacks what annotation tools export, zip and tar, without believing anything it claims.

Plain files and folders are unpacked, below one folder and nowhere else. Links, devices, names that
climb out, names that two files have, and more bytes than a limit are refused.

Source: APPNOTE.TXT of PKWARE, 4.4.4 (bit 11: names are UTF-8) and 4.6.9 (Unicode path).
"""

from __future__ import annotations

import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, NamedTuple

from yolokit.core.plural import counted
from yolokit.errors import DataError
from yolokit.files.atomic import inside
from yolokit.files.file_kind import read_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

MAX_UNPACKED_BYTES = 200 << 30
MAX_MEMBERS = 5_000_000
_MAX_RATIO = 200  # annotations as text shrink to a twentieth at best; a bomb to a thousandth
_RATIO_FREE_BYTES = 256 << 20  # below this the ratio does not matter
_UNPACK = "unpack it yourself and give the folder"
_CHUNK_BYTES = 1 << 20
_TAR_ENDS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_IS_UTF8 = 0x800
_UNICODE_PATH = 0x7075
# As zip itself has it, then Windows in Japan and in the west; the first that gives words counts.
_ENCODINGS = ("utf-8", "cp437", "cp932", "cp1252")


class _Member(NamedTuple):
    """One file of an archive: its name as stated, and its content."""

    name: str
    stream: IO[bytes]


def is_archive(path: Path) -> bool:
    """Tell by its name whether a file is a zip or tar archive; a damaged one is one too."""
    return path.name.lower().endswith((".zip", *_TAR_ENDS)) and path.is_file()


def unpack(archive: Path, folder: Path, tell: Callable[[str], None] = lambda _told: None) -> int:
    """Unpack an archive, zip or tar, into an empty folder, and return how many files it held.

    What was concluded about its names is told, if anything was.

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
            names = _read_zip_names(packed.infolist())
            if names.unstated:
                count = counted(names.unstated, "name")
                tell(f"{count} in it in no stated encoding, read as {names.encoding}")
            yield _zip_members(packed, archive, names)


def _tar_members(tar: tarfile.TarFile, archive: Path) -> Iterator[_Member]:
    for info in tar:
        if info.isdir():
            continue
        if not info.isreg():
            raise _refuse_link(info.name, archive)
        stream = tar.extractfile(info)
        assert stream is not None, "a plain file has content"
        with stream:
            yield _Member(info.name, stream)


def _zip_members(packed: zipfile.ZipFile, archive: Path, names: _ZipNames) -> Iterator[_Member]:
    for info in packed.infolist():
        mode = info.external_attr >> 16
        if info.is_dir():
            continue
        if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise _refuse_link(info.filename, archive)
        with packed.open(info) as stream:
            yield _Member(names.name_of(info), stream)


def _refuse_link(name: str, archive: Path) -> DataError:
    message = f"the archive's {name!r} is a link or a device, which is refused"
    return DataError(message, path=archive, hint=_UNPACK)


class _ZipNames(NamedTuple):
    """How the names of an archive are read.

    Attributes:
        encoding: Of names that state none.
        unstated: How many of them have characters for which that matters.
    """

    encoding: str
    unstated: int

    def name_of(self, info: zipfile.ZipInfo) -> str:
        """Return what a file is called."""
        raw = _raw_name(info)
        if raw is None:
            return info.filename
        stated = _unicode_path(info)
        return (stated or raw.decode(self.encoding, "replace")).replace("\x00", "")


def _read_zip_names(infos: Sequence[zipfile.ZipInfo]) -> _ZipNames:
    """Find out from all names of an archive which encoding they have."""
    raw = [name for info in infos if not _unicode_path(info) and (name := _raw_name(info))]
    fits = (encoding for encoding in _ENCODINGS if all(_is_text(name, encoding) for name in raw))
    return _ZipNames(next(fits, "cp437"), len(raw))


def _raw_name(info: zipfile.ZipInfo) -> bytes | None:
    """Return the bytes of a name whose encoding is not stated, None where that does not matter."""
    if info.flag_bits & _IS_UTF8 or info.filename.isascii():
        return None
    return info.filename.encode("cp437")  # as the standard library decodes it


def _unicode_path(info: zipfile.ZipInfo) -> str | None:
    """Return the name in UTF-8 beside the one without an encoding."""
    extra = info.extra
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == _UNICODE_PATH and length > 5:
            try:
                return extra[9 : 4 + length].decode()
            except UnicodeDecodeError:
                return None
        extra = extra[4 + length :]
    return None


def _is_text(raw: bytes, encoding: str) -> bool:
    """Tell whether bytes are words in an encoding: letters, not frames and fractions."""
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return all(one.isascii() or unicodedata.category(one)[0] in "LM" for one in text)
