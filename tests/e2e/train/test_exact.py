"""One seed gives one result, bit for bit: twice, after a kill at any moment, and in two halves."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import START, run_yolokit
from tests.e2e.train.test_killed import killer  # noqa: F401 - a fixture

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="kill -9 is POSIX")]
SMALL = ("--imgsz", 64, "--batch", 4, "--device", "cpu", "--seed", 5)
OPTIONS = ("--arch", "yolo11n", *SMALL)
# Its head has two losses, whose weights change from epoch to epoch.
ADDING = ("--weights", START, "--add-classes", *SMALL)
# The warm-up ends within the second epoch, and mosaics with it.
CONFIG = "{optimizer: AdamW, lr0: 0.002, warmup_epochs: 1.5, close_mosaic: 2, precision: fp32}\n"


@pytest.fixture
def data(squares: Path) -> Path:
    (squares.parent / "c.yaml").write_text(CONFIG)
    return squares


def train(
    data: Path, name: str, *, options: tuple[object, ...] = OPTIONS, epochs: int = 4, code: int = 0
) -> Path:
    run_yolokit(
        "train", "--data", data, "--config", "c.yaml", "--name", name, "--epochs", epochs,
        *options, cwd=data.parent, code=code,
    )  # fmt: skip
    return data.parent / "runs" / "train" / name


def resume(data: Path, name: str, *more: object) -> str:
    return run_yolokit("train", "--resume", "--name", name, *more, cwd=data.parent).stderr


def read_epochs(run: Path) -> list[dict[str, Any]]:
    record = json.loads((run / "run.json").read_text())
    return [{"epoch": epoch["epoch"], **epoch["metrics"]} for epoch in record["epochs"]]


def assert_equal(one: Path, other: Path) -> None:
    """Compare the curves, and the weights of the model, of its average and of the optimizer."""
    import torch

    assert read_epochs(one) == read_epochs(other)
    states = [torch.load(run / "state.pt", weights_only=True) for run in (one, other)]
    for part in ("model", "ema"):
        assert list(states[0][part]) == list(states[1][part])
        for name, tensor in states[0][part].items():
            assert torch.equal(tensor, states[1][part][name]), f"{part}.{name}"
    momenta = [state["optimizer"]["state"] for state in states]
    assert len(momenta[0]) > 100
    for number, kept in momenta[0].items():
        assert torch.equal(kept["exp_avg"], momenta[1][number]["exp_avg"])


def test_two_runs_of_one_seed_are_equal_and_another_seed_is_not(data: Path) -> None:
    one, other = train(data, "one"), train(data, "other")
    assert_equal(one, other)
    run_yolokit(
        "train", "--data", data, "--config", "c.yaml", "--name", "third", "--epochs", 4,
        *OPTIONS[:-1], 6, cwd=data.parent,
    )  # fmt: skip
    assert read_epochs(data.parent / "runs/train/third") != read_epochs(one)


@pytest.mark.usefixtures("killer")
@pytest.mark.parametrize(
    ("moment", "left"),
    [
        ("os.rename state.pt 2", 1),  # in the warm-up, before the second epoch counts
        ("os.rename last.pt 2", 2),  # when it counts, and only the state says so
        ("os.rename best.pt 3", 3),  # after mosaics were ended
        ("os.rename last.pt 5", 4),  # while the end is made
    ],
)
def test_a_run_that_is_killed_goes_on_as_if_it_had_not_been(
    moment: str, left: int, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setenv("KILL_AT", moment)
    killed = train(data, "killed", code=1)
    assert torch.load(killed / "state.pt", weights_only=True)["epoch"] + 1 == left
    monkeypatch.delenv("KILL_AT")
    monkeypatch.delenv("PYTHONPATH")
    resume(data, "killed")
    assert [epoch["epoch"] for epoch in read_epochs(killed)] == [1, 2, 3, 4]
    assert_equal(killed, train(data, "whole"))
    names = [
        sorted(path.name for path in run.iterdir()) for run in (killed, killed.parent / "whole")
    ]
    assert names[0] == names[1], "nothing else is left behind"


@pytest.mark.usefixtures("killer")
def test_a_run_that_adds_a_class_is_exact_as_well(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KILL_AT", "os.rename state.pt 3")
    killed = train(data, "killed", options=ADDING, code=1)
    monkeypatch.delenv("KILL_AT")
    monkeypatch.delenv("PYTHONPATH")
    resume(data, "killed")
    assert_equal(killed, train(data, "whole", options=ADDING))


def test_a_finished_run_goes_on(data: Path) -> None:
    run = train(data, "a", epochs=2)
    before = (run / "best.pt").read_bytes()
    refused = run_yolokit("train", "--resume", "--name", "a", cwd=data.parent, code=1).stderr
    assert "--epochs +N trains N more epochs" in refused
    refused = run_yolokit(
        "train", "--resume", "--name", "a", "--epochs", 2, cwd=data.parent, code=2
    ).stderr
    assert "must be more than the 2 epochs that are done" in refused
    assert (run / "best.pt").read_bytes() == before
    told = resume(data, "a", "--epochs", "+1")
    assert "the learning rate goes on as in a run of 3 epochs, of which 2 are done" in told
    assert "mosaics end with the last 2 epochs of it" in told
    assert [epoch["epoch"] for epoch in read_epochs(run)] == [1, 2, 3]
    resume(data, "a", "--epochs", 4)
    record = json.loads((run / "run.json").read_text())
    assert (record["state"], record["config"]["epochs"]) == ("complete", 4)
    assert [change["after"] for change in record["changes"]] == [3, 4]


@pytest.mark.usefixtures("killer")
@pytest.mark.parametrize("moment", ["os.rename last.pt 1", "os.rename best.pt 1"])
def test_a_finished_run_that_is_killed_while_it_goes_on_has_the_weights_of_its_last_epoch(
    moment: str, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its ``last.pt`` is stripped and does not say of which epoch it is."""
    import torch

    path = os.environ["PYTHONPATH"]
    monkeypatch.delenv("PYTHONPATH")
    runs = [train(data, name, epochs=2) for name in ("killed", "whole")]
    more = ("train", "--resume", "--epochs", "+1", "--name")
    with monkeypatch.context() as killing:
        killing.setenv("PYTHONPATH", path)
        killing.setenv("KILL_AT", moment)
        assert "signal 9" in run_yolokit(*more, "killed", cwd=data.parent, code=1).stderr
    assert torch.load(runs[0] / "state.pt", weights_only=True)["epoch"] == 2
    resume(data, "killed")
    resume(data, "whole", "--epochs", "+1")
    assert_equal(*runs)
    for name in ("last.pt", "best.pt"):
        assert read_tensors(runs[0] / name) == read_tensors(runs[1] / name)


def read_tensors(path: Path) -> list[bytes]:
    """Return the bytes of the tensors of a checkpoint, which is a zip file."""
    with zipfile.ZipFile(path) as archive:
        return [archive.read(name) for name in archive.namelist() if "/data/" in name]


@pytest.mark.usefixtures("killer")
def test_a_kill_before_last_pt_is_there_does_not_block_the_same_command(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KILL_AT", "os.rename last.pt 1")
    run = train(data, "a", epochs=1, code=1)
    assert (run / "state.pt").exists()
    monkeypatch.delenv("KILL_AT")
    train(data, "a", epochs=1)
    assert [epoch["epoch"] for epoch in read_epochs(run)] == [1]


def test_a_run_of_an_earlier_version_goes_on_and_says_that_it_is_not_exact(
    data: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("killer")
    monkeypatch.setenv("KILL_AT", "os.rename state.pt 3")
    run = train(data, "old", code=1)
    monkeypatch.delenv("KILL_AT")
    monkeypatch.delenv("PYTHONPATH")
    (run / "state.pt").unlink()
    assert "not bit for bit" in resume(data, "old")
    assert [epoch["epoch"] for epoch in read_epochs(run)] == [1, 2, 3, 4]


def test_a_damaged_state_is_named_and_nothing_is_lost(data: Path) -> None:
    run = train(data, "a", epochs=1)
    (run / "state.pt").write_bytes((run / "state.pt").read_bytes()[:1000])
    kept = shutil.copytree(run, data.parent / "kept")
    failed = run_yolokit(
        "train", "--resume", "--name", "a", "--epochs", "+1", cwd=data.parent, code=1
    ).stderr
    assert "state.pt is damaged" in failed
    assert (run / "best.pt").read_bytes() == (kept / "best.pt").read_bytes()


def test_more_epochs_need_a_run_to_add_them_to(data: Path) -> None:
    refused = run_yolokit("train", "--data", data, "--epochs", "+3", cwd=data.parent, code=2).stderr
    assert "adds to a run that is resumed" in refused
