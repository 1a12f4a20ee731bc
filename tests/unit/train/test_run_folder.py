"""Which folders a new run can take, and that one process at a time trains in one."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.train.test_run import make_record
from yolokit.engine_protocol.requests import START_FILE
from yolokit.errors import OutputExistsError, TrainError
from yolokit.files.parts import hidden_part
from yolokit.train import run_folder
from yolokit.train.record import EpochRecord, write_record
from yolokit.train.run_folder import (
    DEALING_NAME,
    LOCK_NAME,
    RUNS_DIR,
    check_run_folder,
    clear_failed_run,
    hold_run,
    resume_command,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "mine"
    made.mkdir()
    return made


def fill(folder: Path, state: Any, *names: str, epochs: int = 0) -> None:
    record = make_record()
    record.state = state
    record.epochs = [
        EpochRecord(epoch=number, seconds=1.0, metrics={}) for number in range(1, epochs + 1)
    ]
    write_record(record, folder)
    for name in names:
        (folder / name).write_bytes(b"x")


@pytest.mark.parametrize("state", ["failed", "interrupted", "running"])
def test_a_run_that_never_trained_makes_way(folder: Path, state: str) -> None:
    """One that was killed still says `running`; nobody holds it."""
    fill(folder, state, "train.log", "data.yaml", "train.txt", START_FILE)
    (folder / "engine" / "weights").mkdir(parents=True)
    (folder / "engine" / "args.yaml").touch()
    (folder / "engine" / "weights" / "last.pt").touch()
    check_run_folder(folder)
    assert clear_failed_run(folder)
    assert not list(folder.iterdir())


def test_parts_of_files_that_a_kill_left_are_not_in_the_way(folder: Path) -> None:
    fill(folder, "running")
    with contextlib.ExitStack() as stack:
        parts = [
            stack.enter_context(hidden_part(folder / name)) for name in ("run.json", "last.pt")
        ]
        for part in parts:
            part.write_bytes(b"half")
        assert clear_failed_run(folder)


def test_a_run_that_was_killed_before_its_first_record_makes_way(folder: Path) -> None:
    for name in (LOCK_NAME, ".run.json.yolokit-part-1.json", ".run.json.yolokit-lock-1"):
        (folder / name).touch()
    (folder / DEALING_NAME).write_text("image,fold,group,sha256\na.jpg,1,,00\n")
    check_run_folder(folder)
    assert clear_failed_run(folder)
    assert not list(folder.iterdir())


@pytest.mark.parametrize("names", [(DEALING_NAME,), (LOCK_NAME, "thesis.docx")])
def test_but_nothing_that_may_be_a_users(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (folder / name).touch()
    with pytest.raises(OutputExistsError):
        clear_failed_run(folder)
    assert {entry.name for entry in folder.iterdir()} == set(names)


def test_one_that_is_about_to_write_its_first_record_stays(folder: Path) -> None:
    with hold_run(folder), pytest.raises(TrainError, match="still going on"):
        check_run_folder(folder)


def test_an_empty_folder_or_none_is_taken_as_it_is(folder: Path) -> None:
    assert not clear_failed_run(folder)
    assert not clear_failed_run(folder / "new")
    assert folder.is_dir()


@pytest.mark.parametrize(
    ("state", "names", "epochs", "resumes"),
    [
        ("complete", ("best.pt", "last.pt"), 2, False),
        ("interrupted", ("last.pt",), 1, True),
        ("failed", ("last.pt", "best.pt"), 0, True),
        ("failed", (), 1, False),
    ],
)
def test_a_run_that_trained_stays_and_the_hint_says_what_goes(
    folder: Path, state: str, names: tuple[str, ...], epochs: int, resumes: bool
) -> None:
    fill(folder, state, *names, epochs=epochs)
    with pytest.raises(OutputExistsError, match="already holds a run") as caught:
        clear_failed_run(folder)
    hint = caught.value.hint or ""
    assert hint.endswith("choose another --name or --out")
    assert ("yolokit train --resume --out" in hint) == resumes
    assert (folder / "run.json").is_file()


def test_a_users_file_beside_a_failed_run_stays(folder: Path) -> None:
    fill(folder, "failed", "thesis.docx")
    with pytest.raises(OutputExistsError, match=r"holds thesis\.docx"):
        clear_failed_run(folder)
    assert (folder / "thesis.docx").is_file()


def test_what_is_no_run_stays(folder: Path) -> None:
    (folder / "photo.jpg").touch()
    with pytest.raises(OutputExistsError) as caught:
        clear_failed_run(folder)
    assert caught.value.hint == "choose another name"


def test_a_run_that_is_going_on_stays(folder: Path) -> None:
    fill(folder, "running")
    with hold_run(folder), pytest.raises(TrainError, match="still going on"):
        clear_failed_run(folder)
    assert (folder / "run.json").is_file()


def test_the_command_that_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert resume_command(RUNS_DIR / "mine") == "yolokit train --resume --name mine"
    assert resume_command(Path("my runs")) == "yolokit train --resume --out 'my runs'"


PROGRAM = """
import sys
from pathlib import Path
from yolokit.train.run_folder import hold_run
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
        assert os.listdir(tmp_path) == [LOCK_NAME]
    assert os.listdir(tmp_path) == []


def test_it_may_remove_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with hold_run(folder):
        (folder / LOCK_NAME).unlink()
        folder.rmdir()
    assert not folder.exists()


def test_where_there_are_no_locks_one_can_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(run_folder, "take_lock", refuse)
    with hold_run(tmp_path), hold_run(tmp_path):
        pass
