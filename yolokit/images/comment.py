"""A line of text in a PNG or JPEG file, by which yolokit knows its own pictures again.

Source: W3C PNG (tEXt: keyword, zero byte, Latin-1 text); ITU-T T.81 B.2.4.5 (COM).
"""

from __future__ import annotations

import struct
import zlib

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_HEADER_BYTES = len(_PNG) + 25  # with the first chunk, of the picture's size
_KEYWORD = b"Software\0"


def add_comment(content: bytes, text: str) -> bytes:
    """Return the content of a PNG or JPEG file with an ASCII text near its beginning."""
    if content.startswith(_PNG):
        chunk = b"tEXt" + _KEYWORD + text.encode("ascii")
        framed = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        return content[:_HEADER_BYTES] + framed + content[_HEADER_BYTES:]
    if content.startswith(_JPEG):
        segment = text.encode("ascii")
        return _JPEG + b"\xff\xfe" + struct.pack(">H", len(segment) + 2) + segment + content[2:]
    raise ValueError("neither PNG nor JPEG")


def has_comment(head: bytes, text: str) -> bool:
    """Tell whether a file that begins like this had the text added by :func:`add_comment`."""
    wanted = text.encode("ascii")
    if head.startswith(_PNG):
        return head[_HEADER_BYTES + 8 :].startswith(_KEYWORD + wanted)
    return head.startswith(_JPEG + b"\xff\xfe") and head[6:].startswith(wanted)
