"""Names of files that are not UTF-8, spelled so that JSON, a terminal and UTF-8 can hold them."""

from __future__ import annotations

import re
from typing import Any

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def spell(text: str) -> str:
    r"""Return text without what UTF-8 cannot hold: a byte of a name becomes ``\xe9``, say.

    Python keeps such a byte of a file's name as a lone surrogate, so that the file can be opened
    by the original text, not by the spelled one.
    """
    return text if text.isascii() else _LONE_SURROGATE.sub(lambda found: _escape(found[0]), text)


def encode_json(value: Any) -> bytes:
    """Return a value as JSON in UTF-8; what UTF-8 cannot hold in it is spelled."""
    import msgspec

    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_spell_all(msgspec.to_builtins(value)))


def _spell_all(value: Any) -> Any:
    if isinstance(value, str):
        return spell(value)
    if isinstance(value, dict):
        return {_spell_all(key): _spell_all(item) for key, item in value.items()}
    return [_spell_all(item) for item in value] if isinstance(value, (list, tuple)) else value


def _escape(surrogate: str) -> str:
    code = ord(surrogate)
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
