"""Names that are not UTF-8 have one spelling, in records and in messages."""

from __future__ import annotations

import json
import os
import sys

import pytest

from yolokit.cli.output import emit_json, make_printable
from yolokit.files.spell import encode_json, spell


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("größe 螺母", "größe 螺母"),
        ("caf\udce9.jpg", r"caf\xe9.jpg"),
        ("\udc80\ud800", r"\x80\ud800"),
    ],
)
def test_only_what_utf8_cannot_hold_is_spelled(
    text: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert spell(text) == make_printable(text) == expected
    assert json.loads(encode_json({text: [text, 1]})) == {expected: [expected, 1]}
    emit_json({"name": [text]})
    assert json.loads(capsys.readouterr().out) == {"name": [expected]}


@pytest.mark.skipif(sys.platform == "win32", reason="names are UTF-16 there")
def test_a_name_in_another_encoding() -> None:
    assert spell(os.fsdecode("Größe.jpg".encode("latin-1"))) == r"Gr\xf6\xdfe.jpg"
