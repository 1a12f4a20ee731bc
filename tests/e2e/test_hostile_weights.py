"""What a person may be given in place of weights: every command refuses it in one sentence."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import run_yolokit
from tests.unit.checkpoints.test_hostile_files import PICKLES
from tests.unit.hub.conftest import make_store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX files")


def make_evil(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", PICKLES["pty"])


def make_empty(path: Path) -> None:
    path.touch()


def make_folder(path: Path) -> None:
    path.mkdir()


def make_loop(path: Path) -> None:
    path.symlink_to(path.name)


def make_dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def make_huge(path: Path) -> None:
    """Make a file of 1 TB that takes no room."""
    with path.open("wb") as stream:
        stream.truncate(1 << 40)


@pytest.mark.parametrize(
    "make",
    [
        make_evil, make_empty, make_folder, make_loop, make_dangling, make_pipe, make_endless,
        make_huge,
    ],
)  # fmt: skip
def test_each_ends_in_one_sentence_and_nothing_is_left(
    tmp_path: Path, squares: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None]
) -> None:
    make_store(tmp_path, monkeypatch)
    weights = tmp_path / "x.pt"
    try:
        make(weights)
    except OSError as error:
        pytest.skip(f"this file system has no such file: {error}")
    for command in (("export", weights), ("train", "--data", squares, "--weights", weights)):
        done = run_yolokit(*command, cwd=tmp_path, code=4, timeout=60)
        lines = done.stderr.strip().splitlines()
        errors = [line for line in lines if line.startswith("error: ")]
        assert len(errors) == 1, done.stderr
        assert str(weights) in errors[0]
        assert "Traceback" not in done.stderr
        assert "--trust" not in done.stderr
    assert not (tmp_path / "runs").exists()
    assert not (tmp_path / "pwned").exists()
    assert not weights.with_suffix(".onnx").exists()


def test_a_trusted_file_that_is_a_loop(tmp_path: Path, squares: Path) -> None:
    make_loop(tmp_path / "x.pt")
    run_yolokit("export", "x.pt", "--trust", "x.pt", cwd=tmp_path, code=4)
    options = ("--data", squares, "--weights", "x.pt", "--trust", "x.pt")
    run_yolokit("train", *options, cwd=tmp_path, code=4)
