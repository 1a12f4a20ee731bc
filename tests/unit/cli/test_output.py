"""What people and machines read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from yolokit.cli.output import choose_folder, emit_json, progress, table
from yolokit.errors import ConfigError


def test_json_has_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    emit_json({"a": [float("nan"), 1.5], "b": {"c": float("inf")}, "d": "ä"})
    out = capsys.readouterr().out
    assert json.loads(out) == {"a": [None, 1.5], "b": {"c": None}, "d": "ä"}
    assert out.count("\n") == 1


def test_a_table_aligns_numbers_right() -> None:
    lines = table(("name", "count"), [("a", 5), ("long name", 1234)]).splitlines()
    assert lines == ["name       count", "---------  -----", "a              5", "long name   1234"]


def test_no_bar_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("x", 3) as show:
        show(1)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_folders_for_results() -> None:
    runs = Path("runs")
    assert choose_folder(None, None, runs) is None
    assert choose_folder("a", None, runs) == Path("runs/a")
    assert choose_folder(None, Path("b"), runs) == Path("b")
    with pytest.raises(ConfigError, match="give one"):
        choose_folder("a", Path("b"), runs)


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", "c:"])
def test_names_are_plain(name: str) -> None:
    with pytest.raises(ConfigError, match="no plain folder name"):
        choose_folder(name, None, Path("runs"))
