"""What an ONNX file says of itself is read by its lengths, and no claim of it is believed."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import onnxruntime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yolokit.errors import InferenceError
from yolokit.runtime import onnx_header
from yolokit.runtime.onnx_header import read_header

if TYPE_CHECKING:
    from pathlib import Path


def field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def varint(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


GRAPH = field(7, field(12, field(1, b"output0")) + field(11, field(1, b"images")))


def test_it_is_what_onnxruntime_says(make_model: Any) -> None:
    path = make_model()
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    header = read_header(path)
    assert header.metadata == dict(session.get_modelmeta().custom_metadata_map)
    assert header.metadata["task"] == "detect"
    assert header.inputs == ("images",)
    assert header.outputs == ("output0",)


def test_fields_that_are_not_known_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    unknown = field(100 >> 3, b"x") + b"\x09" + bytes(8) + b"\x0d" + bytes(4) + b"\x08\xff\x01"
    pair = field(14, field(1, "größe".encode()) + field(2, b"7"))
    path.write_bytes(unknown + GRAPH + pair)
    header = read_header(path)
    assert header.metadata == {"größe": "7"}
    assert (header.inputs, header.outputs) == (("images",), ("output0",))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no graph"),
        (field(14, b""), "no graph"),
        (GRAPH[:-3], "ends too early"),
        (GRAPH + b"\x72\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "ends too early"),
        (GRAPH + b"\x73", "is not what an ONNX file has"),
        (GRAPH + b"\x72" + b"\xff" * 12, "a number that is too long"),
        (field(7, b"\x5a\x7fshort"), "ends too early"),
    ],
)
def test_what_is_broken_says_how(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(InferenceError, match=says):
        read_header(path)


def test_it_holds_no_more_than_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(GRAPH + field(14, field(2, bytes(3000))) * 2)
    monkeypatch.setattr(onnx_header, "_MOST_TEXT_BYTES", 5000)
    with pytest.raises(InferenceError, match="metadata takes more than"):
        read_header(path)
    monkeypatch.setattr(onnx_header, "_MOST_FIELDS", 3)
    with pytest.raises(InferenceError, match="more than 3 parts"):
        read_header(path)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_end_in_a_header_or_in_an_error_of_ours(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with contextlib.suppress(InferenceError):
        read_header(path)
