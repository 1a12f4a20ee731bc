"""What a person sees of the events of a job."""

from __future__ import annotations

import sys

import pytest

from yolokit.cli.progress import show_events
from yolokit.core.events import Notice, Phase, Progress

ODD = "[/odd] \x1b]0;pwned\x07"


def test_words_and_no_bar_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with show_events() as show:
        show(Phase("tracing"))
        show(Progress("converting", 1, 3))
        show(Notice("note: odd"))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "tracing ...\nnote: odd\n"


def test_one_bar_after_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with show_events() as show:
        show(Progress("reading", 0, None))
        show(Progress("converting", 2, 3))
        show(Progress(ODD, 1, 2, "bytes"))
        show(Progress(ODD, 2, None, "bytes"))
    drawn = capsys.readouterr().err
    assert [drawn.index(what) for what in ("reading", "converting", "[/odd]")] == sorted(
        drawn.index(what) for what in ("reading", "converting", "[/odd]")
    )
    assert "2/3" in drawn
    assert "\x1b]0" not in drawn
