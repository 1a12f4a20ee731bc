"""One process at a time trains in a run's folder, and one that was killed holds nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from yolokit.errors import TrainError
from yolokit.train import hold
from yolokit.train.hold import hold_run

PROGRAM = """
import sys
from pathlib import Path
from yolokit.train.hold import hold_run
with hold_run(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_process_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(TrainError, match="still going on"), hold_run(tmp_path):
        pass
    process.kill()
    process.communicate()
    with hold_run(tmp_path):
        assert os.listdir(tmp_path) == [hold.LOCK_NAME]
    assert os.listdir(tmp_path) == []


def test_it_may_remove_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with hold_run(folder):
        (folder / hold.LOCK_NAME).unlink()
        folder.rmdir()
    assert not folder.exists()


def test_where_there_are_no_locks_one_can_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(hold, "take_lock", refuse)
    with hold_run(tmp_path), hold_run(tmp_path):
        pass
