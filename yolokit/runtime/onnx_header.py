"""What an ONNX file says of itself, read without onnx or onnxruntime.

A ``ModelProto`` (onnx/onnx.proto) is a sequence of fields in protobuf's encoding; each states how
long it is. Weights and nodes are skipped by their length, so that nothing of the graph is held in
memory, and no statement of the file makes this read more than a few MiB.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from yolokit.errors import InferenceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MOST_VARINT_BYTES = 10
# Numbers of fields: of a ModelProto, of its GraphProto, of a pair and of a ValueInfoProto.
_GRAPH, _METADATA = 7, 14
_INPUT, _OUTPUT = 11, 12
_KEY, _VALUE = 1, 2
_NAME = 1
_MOST_FIELDS = 100_000  # a large detector has some thousand
_MOST_TEXT_BYTES = 64 << 20  # of all names and metadata together; usual are some KiB


class OnnxHeader(msgspec.Struct, frozen=True):
    """What is known of a model before anything runs it.

    Attributes:
        metadata: The key-value pairs stored in the file.
        inputs: Names of the graph's inputs, initializers of older files among them.
        outputs: Names of its outputs, in order.
    """

    metadata: dict[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def read_header(path: Path) -> OnnxHeader:
    """Read what an ONNX file says of itself.

    Raises:
        InferenceError: It is not an ONNX file, or not a whole one; the message is the reason alone.
    """
    try:
        with path.open("rb") as file:
            return _Reader(file).read_model()
    except OSError as error:
        raise InferenceError(f"it cannot be read: {error.strerror}") from error


class _Reader:
    """Walks over one file; ``budget`` is what it may still hold in memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._fields = 0
        self._budget_bytes = _MOST_TEXT_BYTES

    def read_model(self) -> OnnxHeader:
        end = os.fstat(self._file.fileno()).st_size
        metadata: dict[str, str] = {}
        names: dict[int, list[str]] = {_INPUT: [], _OUTPUT: []}
        has_graph = False
        for number, wire, stop in self._iter_fields(end):
            if (number, wire) == (_GRAPH, _BYTES):
                has_graph = True
                self._read_graph(stop, names)
            elif (number, wire) == (_METADATA, _BYTES):
                pair = self._read_texts(stop, {_KEY, _VALUE})
                metadata[pair.get(_KEY, "")] = pair.get(_VALUE, "")
        if not has_graph:
            raise InferenceError("it holds no graph")
        return OnnxHeader(metadata, tuple(names[_INPUT]), tuple(names[_OUTPUT]))

    def _read_graph(self, end: int, names: dict[int, list[str]]) -> None:
        for number, wire, stop in self._iter_fields(end):
            if number in names and wire == _BYTES:
                names[number].append(self._read_texts(stop, {_NAME}).get(_NAME, ""))

    def _read_texts(self, end: int, wanted: set[int]) -> dict[int, str]:
        """Return the wanted fields of a message of texts, by their numbers."""
        found: dict[int, str] = {}
        for number, wire, stop in self._iter_fields(end):
            if number in wanted and wire == _BYTES:
                found[number] = self._read_text(stop)
        return found

    def _read_text(self, end: int) -> str:
        length = end - self._file.tell()
        self._budget_bytes -= length
        if self._budget_bytes < 0:
            raise InferenceError(f"its metadata takes more than {_MOST_TEXT_BYTES >> 20} MiB")
        return self._file.read(length).decode("utf-8", "replace")

    def _iter_fields(self, end: int) -> Iterator[tuple[int, int, int]]:
        """Yield number, wire type and end of each field; what is not read of one is skipped."""
        while (at := self._file.tell()) < end:
            self._fields += 1
            if self._fields > _MOST_FIELDS:
                raise InferenceError(f"it has more than {_MOST_FIELDS:,} parts")
            tag = self._read_varint(end)
            number, wire = tag >> 3, tag & 7
            if wire == _BYTES:
                length = self._read_varint(end)
                stop = self._file.tell() + length
            elif wire == _VARINT:
                self._read_varint(end)
                stop = self._file.tell()
            elif wire in (_FIXED32, _FIXED64):
                stop = self._file.tell() + (4 if wire == _FIXED32 else 8)
            else:
                raise InferenceError(f"byte {at} is not what an ONNX file has there")
            if number == 0 or stop > end:
                raise InferenceError(
                    f"it ends too early, or byte {at} is not what an ONNX file has there"
                )
            yield number, wire, stop
            self._file.seek(stop)

    def _read_varint(self, end: int) -> int:
        value = 0
        for place in range(_MOST_VARINT_BYTES):
            byte = self._file.read(1) if self._file.tell() < end else b""
            if not byte:
                raise InferenceError("it ends too early")
            value |= (byte[0] & 0x7F) << (7 * place)
            if byte[0] < 0x80:
                return value
        raise InferenceError("it has a number that is too long")
