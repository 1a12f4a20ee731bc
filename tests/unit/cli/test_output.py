"""What people and machines read."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from yolokit.cli.output import (
    choose_folder,
    describe_precision,
    emit,
    emit_json,
    make_printable,
    say,
    table,
)
from yolokit.errors import ConfigError


def test_json_has_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    emit_json({"a": [float("nan"), 1.5], "b": {"c": float("inf")}, "d": "ä"})
    out = capsys.readouterr().out
    assert json.loads(out) == {"a": [None, 1.5], "b": {"c": None}, "d": "ä"}
    assert out.count("\n") == 1


def test_a_table_aligns_numbers_right() -> None:
    lines = table(("name", "count"), [("a", 5), ("long name", 1234)]).splitlines()
    assert lines == ["name       count", "---------  -----", "a              5", "long name   1234"]


def test_folders_for_results() -> None:
    runs = Path("runs")
    assert choose_folder(None, None, runs) is None
    assert choose_folder("a", None, runs) == Path("runs/a")
    assert choose_folder(None, Path("b"), runs) == Path("b")
    with pytest.raises(ConfigError, match="give one"):
        choose_folder("a", Path("b"), runs)


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", "c:"])
def test_names_are_plain(name: str) -> None:
    with pytest.raises(ConfigError, match="not a plain folder name"):
        choose_folder(name, None, Path("runs"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b[31mred\x1b]0;title\x07", r"\x1b[31mred\x1b]0;title\x07"),
        ("over\rwritten\x08\x00", r"over\x0dwritten\x08\x00"),
        ("\x9b31m\x7f\x85", r"\x9b31m\x7f\x85"),
        ("\u202egnp.exe\u2066\u200f", r"\u202egnp.exe\u2066\u200f"),
        ("\ufeffa\u200bb\u2028c\U000e0041", r"\ufeffa\u200bb\u2028c\U000e0041"),
        ("Größe 猫 क्\u200dष 👩\u200d🔬", "Größe 猫 क्\u200dष 👩\u200d🔬"),
    ],
)
def test_what_would_command_a_terminal_is_escaped(
    capsys: pytest.CaptureFixture[str], text: str, shown: str
) -> None:
    say(text)
    emit(text)
    captured = capsys.readouterr()
    assert captured.err == captured.out == shown + "\n"
    emit_json({text: [text]})
    line = capsys.readouterr().out
    assert json.loads(line) == {text: [text]}
    assert not any(one in line for one in "\x1b\x7f\x9b\u202e\u2028\U000e0041")


def test_every_control_is_escaped() -> None:
    """By Unicode's own categories, joiners aside."""
    kept = {"\n", "\t", "\u200c", "\u200d"}
    signs = {"\u0600", "\u0601", "\u0602", "\u0603", "\u0604", "\u0605", "\u06dd", "\u070f"}
    for code in range(0x10000):
        character = chr(code)
        if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp"):
            passes = character in kept | signs or character in "\u0890\u0891\u08e2"
            assert (make_printable(character) == character) == passes, hex(code)


@pytest.mark.parametrize(
    ("file_precision", "computed_in", "words"),
    [
        ("fp32", "fp32", "in fp32"),
        ("fp32", "bf16", "in bf16"),
        ("int8", "fp32", "in int8 and fp32"),
        ("int8", "bf16", "in int8 and bf16"),
        ("fp16", "fp32", "from a file of fp16"),
        ("fp16", "bf16", "from a file of fp16, in bf16"),
    ],
)
def test_the_precision_of_a_file_is_not_that_of_fp32(
    file_precision: str, computed_in: str, words: str
) -> None:
    assert describe_precision(file_precision, computed_in) == words
