"""TFRecord files, read by hand with every length checked: records, and the messages in them.

A record is its length (8 bytes), the masked checksum of that (4), its bytes, and their masked
checksum (4), all little-endian; the checksum is CRC-32C. Its bytes are a ``tf.train.Example``.

Source: tensorflow/tsl ``lib/io/record_writer.h``; RFC 3720, appendix B.4, for CRC-32C; tensorflow
``core/example/example.proto`` and ``feature.proto``; the wire format at
https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import struct
import zlib
from functools import cache
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from yolokit.core.plural import counted
from yolokit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    U32 = npt.NDArray[np.uint32]

HEAD_BYTES = 12
_MAX_RECORD_BYTES = 1 << 30
"""A larger record is refused: it is held in memory, and Protocol Buffers end at 2 GiB."""

_POLYNOMIAL = 0x82F63B78
_CHUNK_BYTES = 1 << 20
_SHORT_BYTES = 64
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def iter_records(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the records of a file, each with the offset of its bytes.

    Raises:
        DataError: The file cannot be read, ends within a record, or a checksum is wrong; with
            the offset.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            offset = 0
            while offset < size:
                data = _read_record(stream, offset, size, path)
                yield offset + HEAD_BYTES, data
                offset += HEAD_BYTES + len(data) + 4
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=path) from error


def _read_record(stream: BinaryIO, offset: int, size: int, path: Path) -> bytes:
    head = stream.read(HEAD_BYTES)
    if offset == 0 and is_gzip(head):
        raise DataError(
            "the records are compressed with GZIP",
            path=path,
            hint=f"decompress the file first: gunzip -c {path.name} > NAME.tfrecord",
        )
    length = record_length(head)
    if length is None:
        what = "ends within the head of a record" if len(head) < HEAD_BYTES else "is damaged"
        also = "; it may not be a TFRecord file, or may be compressed" if offset == 0 else ""
        raise DataError(f"the file {what} at byte {offset}{also}", path=path)
    if offset + HEAD_BYTES + length + 4 > size:
        raise DataError(
            f"the file ends at byte {size}, within the record of {counted(length, 'byte')} "
            f"at byte {offset}",
            path=path,
        )
    if length > _MAX_RECORD_BYTES:
        raise DataError(f"the record at byte {offset} has {counted(length, 'byte')}", path=path)
    data = stream.read(length)
    if masked_crc32c(data) != struct.unpack("<I", stream.read(4))[0]:
        raise DataError(f"the checksum of the record at byte {offset} is wrong", path=path)
    return data


def record_length(head: bytes) -> int | None:
    """Return the length that the first 12 bytes of a record state; None if they state none."""
    if len(head) < HEAD_BYTES:
        return None
    length, checksum = struct.unpack_from("<QI", head)
    return int(length) if masked_crc32c(head[:8]) == checksum else None


def is_gzip(head: bytes) -> bool:
    """Tell whether bytes begin as GZIP does."""
    return head.startswith(b"\x1f\x8b\x08")


def gzip_head(head: bytes) -> bytes:
    """Return the first 12 bytes of what is compressed, or fewer where it cannot be read."""
    try:
        return zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
    except zlib.error:
        return b""


def masked_crc32c(data: bytes) -> int:
    """Return the checksum of bytes as TFRecord files state it."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """Return the CRC-32C of bytes."""
    register = 0xFFFFFFFF
    for start in range(0, len(data), _CHUNK_BYTES):
        chunk = data[start : start + _CHUNK_BYTES]
        register = (_update_short if len(chunk) < _SHORT_BYTES else _update)(register, chunk)
    return register ^ 0xFFFFFFFF


def _update_short(register: int, data: bytes) -> int:
    table = _byte_table().tolist()
    for byte in data:
        register = table[(register ^ byte) & 0xFF] ^ register >> 8
    return register


def _update(register: int, data: bytes) -> int:
    """Do the same with whole arrays: the checksums of neighbours are joined, pair by pair.

    A checksum is linear: that of two pieces is the first's, moved on by as many zero bytes as the
    second has, xor the second's. Zero bytes in front of everything change nothing.
    """
    content = bytearray(data if not len(data) % 2 else b"\x00" + data)
    at = len(data) % 2
    content[at : at + 4] = (int.from_bytes(data[:4], "little") ^ register).to_bytes(4, "little")
    parts = _pair_table()[np.frombuffer(content, "<u2")]
    level = 1
    while len(parts) > 1:
        if len(parts) % 2:
            parts = np.concatenate([np.zeros(1, np.uint32), parts])
        parts = _move(parts[::2], level) ^ parts[1::2]
        level += 1
    return int(parts[0])


def _move(parts: U32, level: int) -> U32:
    """Move checksums on by ``2 ** level`` zero bytes."""
    tables = _move_tables(level)
    moved: U32 = tables[0][parts & 0xFF]
    for byte in (1, 2, 3):
        moved ^= tables[byte][parts >> np.uint32(8 * byte) & 0xFF]
    return moved


@cache
def _byte_table() -> U32:
    """Return the checksum of each byte, (256,) uint32."""
    values: U32 = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        values = values >> np.uint32(1) ^ (values & np.uint32(1)) * np.uint32(_POLYNOMIAL)
    return values


@cache
def _pair_table() -> U32:
    """Return the checksum of each two bytes, by their value as a little-endian number."""
    pairs = np.arange(1 << 16, dtype=np.uint32)
    table: U32 = _move(_byte_table()[pairs & 0xFF], 0) ^ _byte_table()[pairs >> np.uint32(8)]
    return table


@cache
def _move_tables(level: int) -> U32:
    """Return what moving on by ``2 ** level`` zero bytes makes of each byte of a checksum.

    (4, 256) uint32, the lowest byte first.
    """
    each: U32 = np.arange(256, dtype=np.uint32) << np.arange(0, 32, 8, dtype=np.uint32)[:, None]
    if level == 0:
        table: U32 = _byte_table()[each & 0xFF] ^ each >> np.uint32(8)
        return table
    return _move(_move(each, level - 1), level - 1)


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
