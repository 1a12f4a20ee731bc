"""``tf.train.Example`` messages and label maps, read by hand with every length checked.

Source: tensorflow ``core/example/example.proto`` and ``feature.proto``; the wire format at
https://protobuf.dev/programming-guides/encoding; ``object_detection/protos``
``string_int_label_map.proto`` for label maps.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from yolokit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_LABEL_MAP_BYTES = 16 << 20


class Piece(NamedTuple):
    """Bytes within a message: where they begin and end."""

    start: int
    end: int


Feature: TypeAlias = "list[Piece] | list[float] | list[int]"


def parse_example(data: bytes, wanted: frozenset[str]) -> dict[str, Feature]:
    """Return the wanted features of an Example; texts as pieces of ``data``, never copied.

    Raises:
        ValueError: It is not such a message; the error says at which byte.
    """
    features: dict[str, Feature] = {}
    for number, value in _fields(data, Piece(0, len(data))):
        if number != 1:
            continue
        for inner, entry in _fields(data, _piece(value)):
            if inner == 1:
                key, feature = _read_entry(data, _piece(entry), wanted)
                if feature is not None:
                    features[key] = feature
    return features


def _read_entry(data: bytes, entry: Piece, wanted: frozenset[str]) -> tuple[str, Feature | None]:
    key, feature = "", None
    for number, value in _fields(data, entry):
        if number == 1:
            key = data[slice(*_piece(value))].decode("utf-8", "replace")
        elif number == 2:
            feature = _piece(value)
    if key not in wanted or feature is None:
        return key, None
    return key, _read_feature(data, feature)


def _read_feature(data: bytes, feature: Piece) -> Feature | None:
    values: Feature | None = None
    for number, value in _fields(data, feature):
        if number == 1:
            values = [_piece(item) for at, item in _fields(data, _piece(value)) if at == 1]
        elif number == 2:
            values = _floats(data, _piece(value))
        elif number == 3:
            values = _integers(data, _piece(value))
    return values


def _floats(data: bytes, message: Piece) -> list[float]:
    values: list[float] = []
    for number, value in _fields(data, message):
        if number != 1:
            continue
        piece = _piece(value)  # packed, or one alone: the same bytes
        if (piece.end - piece.start) % 4:
            raise ValueError(f"a list of floats at byte {piece.start} ends within one")
        values += struct.unpack_from(f"<{(piece.end - piece.start) // 4}f", data, piece.start)
    return values


def _integers(data: bytes, message: Piece) -> list[int]:
    values: list[int] = []
    for number, value in _fields(data, message):
        if number != 1:
            continue
        if isinstance(value, int):
            values.append(_signed(value))
            continue
        at = value.start
        while at < value.end:
            item, at = _varint(data, at, value.end)
            values.append(_signed(item))
    return values


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _piece(value: Piece | int) -> Piece:
    if isinstance(value, int):
        raise ValueError(  # noqa: TRY004 - of the file, not of an argument
            "there is a number where a message or a text is expected"
        )
    return value


def _fields(data: bytes, message: Piece) -> Iterator[tuple[int, Piece | int]]:
    """Yield the fields of a message: their number with their bytes, or with their varint.

    Raises:
        ValueError: A field does not end within the message.
    """
    at, end = message
    while at < end:
        tag, at = _varint(data, at, end)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _varint(data, at, end)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            length, at = _varint(data, at, end)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"an unknown kind of field, {kind}, ends at byte {at}")
        if length > end - at:
            raise ValueError(f"the field at byte {at} reaches beyond its message")
        yield tag >> 3, Piece(at, at + length)
        at += length


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            raise ValueError(f"the message ends within a number, at byte {at}")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
    raise ValueError(f"a number has more than ten bytes, up to byte {at}")


_TOKEN = re.compile(
    r"""\s+|\#[^\n]*|(?P<token>[{}<>:,;\[\]]|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[\w.+\-/]+)"""
)
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|(.))")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
_ITEM = re.compile(r"^\s*item\s*:?\s*[{<]", re.MULTILINE)


class LabelMapItem(NamedTuple):
    """One class of a label map."""

    name: str
    display_name: str

    @property
    def shown(self) -> str:
        """The name for people where the other is a machine id, as in the maps of COCO and OID."""
        return self.display_name if self.name.startswith("/") or not self.name else self.name


def read_label_map(path: Path) -> dict[int, LabelMapItem] | None:
    """Read a label map, id to class; None where the file is something else.

    Raises:
        DataError: It cannot be read, or is broken; with the line.
    """
    try:
        if path.stat().st_size > _MAX_LABEL_MAP_BYTES:
            return None
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise DataError("this is not UTF-8 text", path=path) from error
    if _ITEM.search(text) is None:
        return None
    items: dict[int, LabelMapItem] = {}
    for fields, line in _iter_items(text, path):
        try:
            class_id = int(fields["id"])
        except (KeyError, ValueError) as error:
            raise DataError("an item of the label map has no id", path=path, line=line) from error
        item = LabelMapItem(fields.get("name", ""), fields.get("display_name", ""))
        if not item.shown:
            raise DataError(f"the item with id {class_id} has no name", path=path, line=line)
        if items.setdefault(class_id, item) != item:
            raise DataError(f"two items have the id {class_id}", path=path, line=line)
    return items


def _iter_items(text: str, path: Path) -> Iterator[tuple[dict[str, str], int]]:
    """Yield each item's own fields, those of messages inside it left out, with its line."""
    depth, line, key = 0, 1, ""
    fields: dict[str, str] = {}
    for word, at in _tokens(text, path):
        if word in ("{", "<"):
            depth += 1
            if depth == 1:
                fields, line = {}, at
        elif word in ("}", ">"):
            depth -= 1
            if depth == 0:
                yield fields, line
        elif depth == 1 and word == ":":
            fields[key] = ""
        elif depth == 1 and fields.get(key) == "" and word not in ",;[]":
            fields[key], key = _unquote(word), ""
        else:
            key = word
    if depth:
        raise DataError("the label map ends within an item", path=path, line=line)


def _tokens(text: str, path: Path) -> Iterator[tuple[str, int]]:
    at, line = 0, 1
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            message = f"the label map has an unexpected character: {text[at : at + 20]!r}"
            raise DataError(message, path=path, line=line)
        if found["token"] is not None:
            yield found["token"], line
        line += found[0].count("\n")
        at = found.end()


def _unquote(token: str) -> str:
    if token[0] not in "\"'":
        return token
    raw = _ESCAPE.sub(_unescape, token[1:-1])
    try:  # octal escapes are the bytes of UTF-8
        return raw.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return raw


def _unescape(found: re.Match[str]) -> str:
    octal, hexadecimal, character = found.groups()
    if octal is not None:
        return chr(int(octal, 8) & 0xFF)
    if hexadecimal is not None:
        return chr(int(hexadecimal, 16))
    return _ESCAPED.get(character, character)
