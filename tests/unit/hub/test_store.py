"""Where things land, and how weights are found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from yolokit.errors import FetchError
from yolokit.hub.store import locate_weights, no_weights, store_dir


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("YOLOKIT_HOME", raising=False)
    return tmp_path


def test_home_decides(working_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (working_folder / "weights").mkdir()
    monkeypatch.setenv("YOLOKIT_HOME", str(working_folder / "home"))
    assert store_dir("weights") == working_folder / "home" / "weights"


def test_then_the_working_folder_then_the_platforms(working_folder: Path) -> None:
    assert "yolokit" in store_dir("weights").parts
    assert working_folder not in store_dir("weights").parents
    (working_folder / "weights").mkdir()
    assert store_dir("weights") == working_folder / "weights"


def test_weights_are_found_by_path_and_by_name(working_folder: Path) -> None:
    (working_folder / "weights").mkdir()
    (working_folder / "weights" / "mine.pt").touch()
    (working_folder / "here.pt").touch()
    mine = working_folder / "weights" / "mine.pt"
    assert locate_weights("mine") == locate_weights("mine.pt") == mine
    assert locate_weights("here.pt") == working_folder / "here.pt"
    assert locate_weights("there.pt") is None


def test_missing_weights_say_where_was_looked(working_folder: Path) -> None:
    (working_folder / "weights").mkdir()
    (working_folder / "weights" / "yolo26n.pt").touch()
    error = no_weights("yolo26m")
    assert str(working_folder / "weights" / "yolo26m.pt") in str(error)
    assert error.hint == "`yolokit weights pull yolo26m` fetches it"
    error = no_weights("yolo26n1.pt")
    assert "yolo26n.pt" in str(error.hint)
    assert error.exit_code == 4
    assert "put the checkpoint there" in str(no_weights("missing/yolo26n.pt").hint)


def test_a_folder_is_not_weights_and_a_name_may_be_too_long(working_folder: Path) -> None:
    (working_folder / "runs").mkdir()
    assert locate_weights("runs") is None
    assert re.search(r"runs \(which is not a file\), .*runs\.pt$", str(no_weights("runs")))
    with pytest.raises(FetchError, match="File name too long"):
        locate_weights("a" * 300)
