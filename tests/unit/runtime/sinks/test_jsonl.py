"""Records on a stream that is shared with others."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from yolokit.core.types import Detections, Frame
from yolokit.runtime.manifest import ModelHead
from yolokit.runtime.sinks.jsonl import JsonLines

HEAD = ModelHead(output_name="out", layout="raw", names=("cat",))
FRAME = Frame(np.zeros((4, 6, 3), np.uint8), 0, None, "a.png")


class Stub(io.BytesIO):
    """An unbuffered stream that takes a few bytes at a time, as a pipe does when signals come."""

    def write(self, content: object) -> int:
        return super().write(bytes(content)[:7])  # type: ignore[call-overload]


def test_a_record_is_whole_where_a_stream_takes_parts() -> None:
    stream = Stub()
    JsonLines(stream, HEAD, is_shared=True).write(FRAME, Detections.empty())
    assert json.loads(stream.getvalue())["source"] == "a.png"
    assert stream.getvalue().endswith(b"}\n")


def test_a_stream_that_cannot_wait_is_an_error() -> None:
    class Full(io.BytesIO):
        def write(self, _content: object) -> None:  # type: ignore[override]
            return None

    with pytest.raises(BlockingIOError):
        JsonLines(Full(), HEAD, is_shared=True).write(FRAME, Detections.empty())
