"""What people and machines read: results on stdout, words on stderr."""

from __future__ import annotations

import json
import math
import re
import sys
from typing import TYPE_CHECKING, Any

from yolokit.errors import ConfigError
from yolokit.files.spell import spell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


# Controls but newline and tab, marks that turn the direction of text, and what cannot be seen;
# joiners stay, since words of some languages are written with them.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def say(text: str) -> None:
    """Print words for a person, on stderr."""
    print(make_printable(text), file=sys.stderr, flush=True)


def emit(text: str) -> None:
    """Print a result, on stdout."""
    print(make_printable(text), flush=True)


def emit_json(value: Any) -> None:
    """Print one result for a machine: one line of JSON on stdout; NaN becomes null."""
    line = json.dumps(_plain(value), ensure_ascii=False)
    # Such characters occur only within strings, where JSON has escapes of its own.
    print(_UNPRINTABLE.sub(lambda found: json.dumps(found[0])[1:-1], line), flush=True)


def make_printable(text: str) -> str:
    """Escape what would command a terminal rather than be read.

    Names of classes, files, members of archives and words of servers are chosen by others: all
    that is printed goes through here.
    """
    return _UNPRINTABLE.sub(lambda found: _escape(ord(found[0])), spell(text))


def _escape(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def choose_folder(name: str | None, out: Path | None, parent: Path) -> Path | None:
    """Return the folder that ``--name`` or ``--out`` ask for; None for a fresh one.

    Raises:
        ConfigError: Both are given, or the name is not a plain name.
    """
    from yolokit.core.config import is_plain_name

    if name is not None and out is not None:
        raise ConfigError("--name and --out both say where the results go: give one")
    if name is not None and not is_plain_name(name):
        raise ConfigError(f"--name {name!r} is not a plain folder name", hint="--out takes a path")
    return parent / name if name is not None else out


def choose_dataset_folder(name: str | None, out: Path | None) -> Path:
    """Return the folder of a new data set: ``--out``, or ``--name`` in the store.

    Raises:
        ConfigError: None or both are given, or the name is not a plain name.
    """
    from yolokit.hub.store import store_dir

    folder = choose_folder(name, out, store_dir("datasets"))
    if folder is None:
        raise ConfigError("--out or --name must say where the data set goes")
    return folder


def describe_precision(file_precision: str | None, computed_in: str | None) -> str:
    """Say what a model was computed in, from what its file is in and what FP32 was computed in."""
    if file_precision == "int8":
        return f"in int8 and {computed_in}"
    if file_precision == "fp16":
        return "from a file of fp16" + ("" if computed_in == "fp32" else f", in {computed_in}")
    return f"in {computed_in}"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay out rows under a head; columns that hold only numbers are right-aligned."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(head), *cells]) for i in range(len(head))]
    right = [bool(cells) and all(_is_number(row[i]) for row in cells) for i in range(len(head))]

    def line(row: Sequence[str]) -> str:
        parts = (
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, right, strict=True)
        )
        return "  ".join(parts).rstrip()

    return "\n".join([line(head), line(["-" * width for width in widths]), *map(line, cells)])


def emit_facts(facts: Mapping[str, object]) -> None:
    """Print what is known of something, a line for each fact; a list has one for each item."""
    width = max(map(len, facts))
    for key, value in facts.items():
        for number, line in enumerate(value if isinstance(value, list) else [value]):
            label = "" if number else key.replace("_", " ")
            emit(f"{label:<{width}}  {_in_words(line)}")


def _in_words(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return "; ".join(f"{key.replace('_', ' ')} {_in_words(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return str(value)


def _plain(value: Any) -> Any:
    """Return what JSON can hold: NaN becomes null, and names that are not UTF-8 are spelled."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return spell(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _is_number(text: str) -> bool:
    try:
        float(text.rstrip("%x"))
    except ValueError:
        return text in ("", "-")
    return True
