"""JSON as annotation tools write it: byte order marks, NaN, errors with their lines.

What is in it nobody has checked yet: :func:`as_number` and its kin take values out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from yolokit.errors import DataError
from yolokit.files.file_kind import tell_kind
from yolokit.files.size_limits import refuse_pointer

MAX_JSON_BYTES = 4 << 30
"""A larger file is refused: it is held in memory as a whole, several times its size."""

_NOT_FINITE = re.compile(rb"-?(NaN|Infinity)")
_BYTE = re.compile(r"\(byte (\d+)\)")


def read_json(path: Path) -> Any:
    """Read a JSON file into plain dicts, lists, texts and numbers.

    Raises:
        DataError: It cannot be read, is too large, or is not JSON; with the line.
    """
    return decode_json(read_json_bytes(path), path)


def read_json_bytes(path: Path) -> bytes:
    """Return the bytes of a JSON file, without a byte order mark.

    Raises:
        DataError: It cannot be read, is too large, or git-LFS has not fetched it.
    """
    try:
        size = path.stat().st_size
        if size > MAX_JSON_BYTES:
            raise DataError(
                f"the file has {size / 1e9:.1f} GB; at most {MAX_JSON_BYTES / 1e9:.1f} GB of JSON "
                "are read, since they have to be held in memory",
                path=path,
                hint="split it, for instance into a file for each split, and convert the folder",
            )
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=path) from error
    refuse_pointer(data, path)
    return data.removeprefix(b"\xef\xbb\xbf")


def decode_json(data: bytes, path: Path, *, line: int | None = None) -> Any:
    """Decode JSON in UTF-8; ``path`` is for messages, as is the line of a file of many documents.

    Raises:
        DataError: This is not JSON; with the line.
    """
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        if _NOT_FINITE.search(data) is None:
            raise _syntax_error(data, str(error), path, line) from error
        return _decode_with_nan(data, path, line)
    except UnicodeDecodeError as error:
        raise DataError("this is not UTF-8 text", path=path, line=line) from error
    except RecursionError as error:
        raise DataError("the JSON is nested too deep", path=path, line=line) from error


def _decode_with_nan(data: bytes, path: Path, line: int | None) -> Any:
    """Decode JSON that holds NaN or Infinity, which Python and numpy write and no standard has."""
    try:
        return json.loads(data)
    except json.JSONDecodeError as error:
        where = error.lineno if line is None else line
        raise DataError(f"this is not JSON: {error.msg}", path=path, line=where) from error
    except UnicodeDecodeError as error:
        raise DataError("this is not UTF-8 text", path=path, line=line) from error
    except ValueError as error:  # Python limits the digits of a whole number
        raise DataError(
            "the JSON holds a number with too many digits", path=path, line=line
        ) from error
    except RecursionError as error:
        raise DataError("the JSON is nested too deep", path=path, line=line) from error


def _syntax_error(data: bytes, message: str, path: Path, line: int | None) -> DataError:
    kind = tell_kind(data[:512])
    if line is None and kind is not None and kind.group != "text":
        return DataError(f"this is not JSON: it is {kind.name}", path=path, hint=kind.hint)
    found = _BYTE.search(message)
    at = int(found.group(1)) if found else len(data)
    where = data.count(b"\n", 0, at) + 1 if line is None else line
    column = at - (data.rfind(b"\n", 0, at) + 1) + 1
    if "truncated" in message:
        return DataError("the JSON ends before it is complete", path=path, line=where)
    words = message.split(" (byte", 1)[0].replace("JSON is malformed: ", "")
    return DataError(f"this is not JSON: {words} in column {column}", path=path, line=where)


def as_number(value: Any, what: str) -> float:
    """Return a number of JSON, which may be NaN; ``what`` it is, is for the message.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError as error:
            raise ValueError(f"{what} is too large for a number") from error
    raise ValueError(f"{what} is not a number: {str(value)[:60]!r}")


def as_numbers(values: Mapping[str, Any], *keys: str) -> list[float]:
    """Return the numbers under some keys.

    Raises:
        ValueError: One is missing or no number.
    """
    for key in keys:
        if key not in values:
            raise ValueError(f"`{key}` is missing")
    return [as_number(values[key], f"`{key}`") for key in keys]


def as_size(width: Any, height: Any) -> tuple[int, int] | tuple[None, None]:
    """Return width and height in px, or twice None where they are not usable size."""
    try:
        sides = round(as_number(width, "width")), round(as_number(height, "height"))
    except (ValueError, OverflowError):
        return None, None
    return sides if min(sides) > 0 and max(sides) < 1 << 31 else (None, None)


def read_size(value: Any) -> tuple[int, int] | tuple[None, None]:
    """Return the whole numbers under ``width`` and ``height`` in px, or twice None."""
    sizes = as_dict(value)
    width, height = sizes.get("width"), sizes.get("height")
    if not isinstance(width, int) or not isinstance(height, int):
        return None, None
    usable = min(width, height) > 0 and max(width, height) < 1 << 31
    return (width, height) if usable else (None, None)


def as_dict(value: Any) -> dict[str, Any]:
    """Return a dict, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return a list, an empty one for anything else."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """Return a text stripped, whole numbers as text too; empty for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) else ""
