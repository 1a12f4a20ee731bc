"""The engine killed with ``kill -9`` at exact moments: what is left, whence it comes, going on."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import START, run_yolokit
from tests.e2e.train.test_starts import compare, run_engine
from yolokit.files.digest import sha256_file

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="kill -9 is POSIX")]
SMALL = ("--imgsz", 32, "--batch", 4, "--device", "cpu")
# Python runs this at every start; it ends the engine at the n-th call of a kind for a file.
KILLER = """
import os, signal, sys
EVENT, NAME, COUNT = os.environ["KILL_AT"].split()
seen = 0

def watch(event, args):
    global seen
    if event != EVENT or os.path.basename(str(args[1])) != NAME and f".{NAME}." not in str(args[1]):
        return
    seen += 1
    if seen == int(COUNT):
        if event == "shutil.copyfile":  # in the middle of it
            with open(args[1], "wb") as half, open(args[0], "rb") as whole:
                half.write(whole.read(100_000))
        os.kill(os.getpid(), signal.SIGKILL)

if "yolokit.engine.train" in sys.orig_argv:
    sys.addaudithook(watch)
"""


@pytest.fixture
def killer(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path_factory.mktemp("killer")
    (folder / "sitecustomize.py").write_text(KILLER)
    monkeypatch.setenv("PYTHONPATH", str(folder))


def train_killed(data: Path, moment: str, *options: object) -> Path:
    """Train until the moment comes, and return the folder of the run."""
    os.environ["KILL_AT"] = moment
    try:
        killed = run_yolokit(
            "train", "--data", data, "--name", "a", *SMALL, *options, cwd=data.parent, code=1
        )
    finally:
        del os.environ["KILL_AT"]
    assert "signal 9" in killed.stderr
    return data.parent / "runs" / "train" / "a"


def resume(data: Path, monkeypatch: pytest.MonkeyPatch, code: int = 0) -> str:
    monkeypatch.delenv("PYTHONPATH")
    return run_yolokit("train", "--resume", "--name", "a", cwd=data.parent, code=code).stderr


def info(path: Path) -> dict[str, Any]:
    done = run_yolokit("weights", "info", path, "--json", cwd=path.parent)
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


@pytest.mark.usefixtures("killer")
def test_before_the_first_epoch_is_saved_there_is_nothing_and_it_says_so(
    squares: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train_killed(squares, "os.rename last.pt 1", "--arch", "yolo11n", "--epochs", 2)
    assert not (run / "last.pt").exists()
    assert not (run / "best.pt").exists()
    assert "its first epoch was not completed" in resume(squares, monkeypatch, code=1)


@pytest.mark.usefixtures("killer")
@pytest.mark.parametrize(
    ("moment", "epochs", "left", "recorded"),
    [
        ("os.rename best.pt 1", 2, {"state.pt", "last.pt"}, [1, 2]),
        ("os.rename last.pt 3", 2, {"state.pt", "last.pt", "best.pt"}, [1, 2]),  # at the end
        ("os.rename best.pt 2", 1, {"state.pt", "last.pt", "best.pt"}, [1]),  # last.pt is stripped
    ],
)
def test_a_run_goes_on_from_whatever_was_saved(
    squares: Path, monkeypatch: pytest.MonkeyPatch,
    moment: str, epochs: int, left: set[str], recorded: list[int],
) -> None:  # fmt: skip
    run = train_killed(squares, moment, "--arch", "yolo11n", "--epochs", epochs)
    assert {path.name for path in run.glob("*.pt")} - {".start.pt"} == left | set(parts(run))
    resume(squares, monkeypatch)
    record = json.loads((run / "run.json").read_text())
    assert record["state"] == "complete"
    # Also an epoch that was saved while nobody could be told any more.
    assert [epoch["epoch"] for epoch in record["epochs"]] == recorded
    assert parts(run) == []
    for name in ("best.pt", "last.pt"):
        assert record["outputs"][name] == sha256_file(run / name)
        assert b"best_fitness" not in (run / name).read_bytes(), "it is stripped"


def parts(run: Path) -> list[str]:
    return [path.name for path in run.iterdir() if ".yolokit-part-" in path.name]


@pytest.mark.usefixtures("killer")
def test_a_frozen_run_that_is_killed_keeps_its_chain_and_its_frozen_layers(
    squares: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--weights", START, "--freeze", "neck", "--epochs", 2)
    run = train_killed(squares, "shutil.copyfile last.pt 2", *options)
    last = run / "last.pt"
    assert len(parts(run)) == 1, "half of it, under a hidden name"
    copied = Path(shutil.copy(last, squares.parent / "elsewhere.pt"))
    own, record = sha256_file(last), json.loads((run / "run.json").read_text())
    for path in (last, copied, strip_as_upstream_does(copied)):
        assert info(path)["descends_from"] == [sha256_file(START)]
        assert f"run {record['id']}" in info(path)["saved_by"]
    assert "the file itself says so" in info(copied)["saved_by"]

    resume(squares, monkeypatch)
    record = json.loads((run / "run.json").read_text())
    assert [epoch["epoch"] for epoch in record["epochs"]] == [1, 2]
    changed = compare(START, run / "best.pt")
    assert changed
    assert all(name.startswith("model.23.") for name in changed), "the head alone"
    assert info(run / "best.pt")["descends_from"] == [sha256_file(START)]
    assert "the run.json beside it" in info(run / "best.pt")["saved_by"]

    child = ("--weights", copied, "--epochs", 1, "--name", "child")
    run_yolokit("train", "--data", squares, *SMALL, *child, cwd=squares.parent)
    child_record = json.loads((run.parent / "child" / "run.json").read_text())
    assert child_record["weights"]["chain"] == [sha256_file(START), own]
    assert child_record["weights"]["chain_from"] == "checkpoint"


def strip_as_upstream_does(path: Path) -> Path:
    """Return a copy that went through plain ultralytics."""
    out = path.with_name("stripped.pt")
    program = (
        "import sys\n"
        "from ultralytics import YOLO\n"
        "from ultralytics.utils.torch_utils import strip_optimizer\n"
        "strip_optimizer(sys.argv[1], sys.argv[2])\n"
        "assert len(YOLO(sys.argv[2]).names) == 1\n"
    )
    run_engine(program, path, out)
    assert sha256_file(out) != sha256_file(path)
    return out


@pytest.mark.usefixtures("killer")
def test_a_torn_run_json_is_named_and_nothing_is_touched(
    squares: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = squares.parent / "runs" / "train" / "a"
    run.mkdir(parents=True)
    shutil.copy(START, run / "last.pt")
    (run / "run.json").write_text('{"schema_version":1,"state":"runn')
    said = resume(squares, monkeypatch, code=1)
    assert "run.json is not readable" in said
    assert f"--weights {Path('runs/train/a/last.pt')}" in said
    assert sorted(path.name for path in run.iterdir()) == ["last.pt", "run.json"]
