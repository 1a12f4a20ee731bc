"""The names of the files in a zip archive, whose encoding many programs do not state.

Source: APPNOTE.TXT of PKWARE, 4.4.4 (bit 11: names are UTF-8) and 4.6.9 (Unicode path).
"""

from __future__ import annotations

import struct
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zipfile import ZipInfo

_IS_UTF8 = 0x800
_UNICODE_PATH = 0x7075
# As zip itself has it, then Windows in Japan and in the west; the first that gives words counts.
_ENCODINGS = ("utf-8", "cp437", "cp932", "cp1252")


class ZipNames(NamedTuple):
    """How the names of an archive are read.

    Attributes:
        encoding: Of names that state none.
        unstated: How many of them have characters for which that matters.
    """

    encoding: str
    unstated: int

    def name_of(self, info: ZipInfo) -> str:
        """Return what a file is called."""
        raw = _raw_name(info)
        if raw is None:
            return info.filename
        stated = _unicode_path(info)
        return (stated or raw.decode(self.encoding, "replace")).replace("\x00", "")


def read_zip_names(infos: Sequence[ZipInfo]) -> ZipNames:
    """Find out from all names of an archive which encoding they have."""
    raw = [name for info in infos if not _unicode_path(info) and (name := _raw_name(info))]
    fits = (encoding for encoding in _ENCODINGS if all(_is_text(name, encoding) for name in raw))
    return ZipNames(next(fits, "cp437"), len(raw))


def _raw_name(info: ZipInfo) -> bytes | None:
    """Return the bytes of a name whose encoding is not stated, None where that does not matter."""
    if info.flag_bits & _IS_UTF8 or info.filename.isascii():
        return None
    return info.filename.encode("cp437")  # as the standard library decodes it


def _unicode_path(info: ZipInfo) -> str | None:
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
