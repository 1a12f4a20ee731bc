"""A training on several processes: real ones, on the CPU, that talk by gloo.

On GPUs only what a device is differs: NCCL takes the place of gloo.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import START, run_yolokit
from tests.e2e.train.faults import plant
from tests.e2e.train.test_starts import compare
from tests.processes import find_running, list_descendants, list_listening, wait_for_end
from yolokit.engine_protocol.validations import BEST_VALIDATION, read_validation
from yolokit.files.digest import sha256_file

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="/proc tells of processes on Linux alone"),
]
WORKER, ENGINE = "yolokit.engine.distributed.worker", "yolokit.engine.train"
# Nothing random but the order of images, which all processes share; steps of 4 images.
PLAIN = """
precision: fp32
optimizer: SGD
lr0: 0.01
nbs: 4
""" + "".join(
    f"{name}: 0\n" for name in ("mosaic", "hsv_h", "hsv_s", "hsv_v", "translate", "scale", "fliplr")
)
SMALL = ("--weights", START, "--imgsz", 64, "--batch", 4)
# Python runs this at every start. The statistics of a batch of 4 are not those of two batches of
# 2, and torch can share them on GPUs alone: so batch norm computes with what it has learnt.
STILL = """
import importlib.machinery, sys

class Still:
    def find_spec(self, name, path=None, target=None):
        if name != "torch.nn.modules.batchnorm":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module
        def exec_module(module):
            execute(module)
            train = module.Module.train
            module._BatchNorm.train = lambda norm, mode=True: train(norm, False)
        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, Still())
"""


@pytest.fixture
def uneven(squares: Path) -> Path:
    """Seven images, so that the last step of an epoch has three, and some with two objects."""
    images, labels = squares.parent / "images" / "train", squares.parent / "labels" / "train"
    (images / "7.png").unlink()
    (labels / "7.txt").unlink()
    for index in (1, 2, 5):
        with (labels / f"{index}.txt").open("a") as file:
            file.write(f"0 0.3 0.3 0.{index}5 0.25\n")
    (squares.parent / "config.yaml").write_text(PLAIN)
    return squares


@pytest.fixture
def still(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path_factory.mktemp("still")
    (folder / "sitecustomize.py").write_text(STILL)
    monkeypatch.setenv("PYTHONPATH", str(folder))


def options_for(data: Path, name: str, *more: object) -> list[str]:
    config = data.parent / "config.yaml"
    options = ("--data", data, *SMALL, "--config", config, "--name", name, *more)
    return ["train", *map(str, options)]


def run_dir(data: Path, name: str) -> Path:
    return data.parent / "runs" / "train" / name


def read_record(data: Path, name: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((run_dir(data, name) / "run.json").read_text())
    return record


def read_losses(data: Path, name: str) -> list[float]:
    names = ("train_box_loss", "train_cls_loss", "train_l1_loss")
    epochs = read_record(data, name)["epochs"]
    return [epoch["metrics"][loss] for epoch in epochs for loss in names]


@contextlib.contextmanager
def started(options: list[str], cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """A command that goes on while the block runs; nothing of it is left afterwards."""
    command = [sys.executable, "-m", "yolokit", *options]
    with subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        pids: list[int] = []
        try:
            yield process
        finally:
            pids = [process.pid, *list_descendants(process.pid)]
            for pid in pids if process.poll() is None else []:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def wait_for(path: Path, process: subprocess.Popen[str], timeout_s: float = 300) -> None:
    until = time.monotonic() + timeout_s
    while not path.is_file():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, f"{path} did not appear"
        time.sleep(0.1)


def wait_for_listening(first: subprocess.Popen[str], timeout_s: float = 120) -> None:
    """Wait until the first machine waits for the others."""
    until = time.monotonic() + timeout_s
    while "0100007F" not in list_listening(list_descendants(first.pid)):
        assert time.monotonic() < until
        time.sleep(0.2)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_two_processes_reach_the_losses_of_one(uneven: Path, still: None) -> None:
    for name, device in (("one", "cpu"), ("two", "cpu,cpu")):
        options = options_for(uneven, name, "--epochs", 4, "--device", device)
        run_yolokit(*options, cwd=uneven.parent)
    one, two = read_record(uneven, "one"), read_record(uneven, "two")
    assert [epoch["steps"] for epoch in one["epochs"]] == [2, 2, 2, 2]
    assert [epoch["steps"] for epoch in two["epochs"]] == [2, 2, 2, 2]
    assert two["used"]["batch"] == one["used"]["batch"] == 4
    losses = read_losses(uneven, "one")
    assert read_losses(uneven, "two") == pytest.approx(losses, rel=2e-4)
    assert losses[0] != pytest.approx(losses[-3], rel=1e-2), "it has learnt something"


def test_two_processes_train_from_the_start_and_say_so_in_the_checkpoint(squares: Path) -> None:
    (squares.parent / "config.yaml").write_text("precision: fp32\n")
    options = options_for(
        squares, "two", "--epochs", 1, "--freeze", "neck", "--device", "cpu,cpu", "--json"
    )
    done = run_yolokit(*options, cwd=squares.parent)
    run, record = run_dir(squares, "two"), read_record(squares, "two")
    assert json.loads(done.stdout)["state"] == record["state"] == "complete"
    assert "2 processes, one a device" in done.stderr
    assert "for 30 minutes ends the run" in done.stderr
    assert (record["device"], record["precision"]) == ("cpu,cpu", "fp32")
    assert [epoch["epoch"] for epoch in record["epochs"]] == [1]
    assert "mAP50-95" in record["epochs"][0]["metrics"]
    kept = [Path(image.path).name for image in read_validation(run / BEST_VALIDATION).images]
    assert sorted(kept) == [f"{index}.png" for index in range(4)], "of both, each once"
    assert record["outputs"]["best.pt"] == sha256_file(run / "best.pt")
    assert not (run / ".start.pt").exists()
    assert not (run / "engine").exists()
    said = run_yolokit("weights", "info", run / "best.pt", "--json", cwd=squares.parent)
    assert json.loads(said.stdout)["descends_from"] == [sha256_file(START)]
    changed = compare(START, run / "best.pt")
    assert changed
    assert all(name.startswith("model.23.") for name in changed), "the start was that, and frozen"


def test_a_killed_worker_ends_the_run_with_one_message_and_it_can_be_resumed(
    squares: Path,
) -> None:
    (squares.parent / "config.yaml").write_text("precision: fp32\npatience: 0\n")
    options = options_for(squares, "a", "--epochs", 3000, "--device", "cpu,cpu")
    with started(options, squares.parent) as process:
        wait_for(run_dir(squares, "a") / "last.pt", process)
        family = list_descendants(process.pid)
        workers = find_running(family, WORKER)
        assert len(workers) == 2
        assert list_listening([process.pid, *family]) == {"0100007F"}, "127.0.0.1 alone"
        os.kill(workers[1], signal.SIGKILL)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert wait_for_end(family, 10) == []
    error = said[said.index("error:") :]
    assert "worker 2 of 2 was killed (SIGKILL); the others were ended" in error
    assert "go on with: yolokit train --resume --name a" in error
    assert "Traceback" not in said
    record = read_record(squares, "a")
    assert record["state"] == "failed"
    before = len(record["epochs"])
    assert before
    options = ["train", "--resume", "--name", "a", "--device", "cpu,cpu"]
    with started(options, squares.parent) as process:
        deadline = time.monotonic() + 300  # as long as any start may take beside other work
        while len(read_record(squares, "a")["epochs"]) <= before:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=90)
    assert process.returncode == 130
    after = read_record(squares, "a")
    assert after["state"] == "interrupted"
    numbers = [epoch["epoch"] for epoch in after["epochs"]]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("whom", ["the command", "the engine"])
def test_no_process_outlives_a_kill(squares: Path, whom: str) -> None:
    (squares.parent / "config.yaml").write_text("precision: fp32\npatience: 0\n")
    options = options_for(squares, "a", "--epochs", 3000, "--device", "cpu,cpu")
    with started(options, squares.parent) as process:
        wait_for(run_dir(squares, "a") / "last.pt", process)
        family = list_descendants(process.pid)
        victim = process.pid if whom == "the command" else find_running(family, ENGINE)[0]
        os.kill(victim, signal.SIGKILL)
        assert wait_for_end(family, 45) == []


def test_two_machines_reach_the_losses_of_one_and_only_the_first_has_the_run(
    uneven: Path, still: None
) -> None:
    alone = options_for(uneven, "one", "--epochs", 2, "--device", "cpu")
    run_yolokit(*alone, cwd=uneven.parent)
    where = f"127.0.0.1:{free_port()}"
    meeting = ("--epochs", 2, "--device", "cpu", "--nnodes", 2, "--rdzv", where)
    with started(options_for(uneven, "first", *meeting), uneven.parent) as first:
        wait_for_listening(first)
        second = run_yolokit(*options_for(uneven, "second", *meeting), cwd=uneven.parent)
        _, said = first.communicate(timeout=120)
    assert first.returncode == 0, said
    assert f"waiting for 1 other machine at {where}, 10 minutes at most" in said
    assert f"done; the run is in its folder on the first machine, {where}" in second.stderr
    assert second.stdout == ""
    assert not run_dir(uneven, "second").exists()
    assert read_record(uneven, "first")["state"] == "complete"
    assert read_losses(uneven, "first") == pytest.approx(read_losses(uneven, "one"), rel=2e-4)


def test_where_an_epoch_is_lost_all_machines_go_back_with_the_first(
    uneven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one has no state.pt; it loses an epoch, and with it the first one does."""
    where = f"127.0.0.1:{free_port()}"
    meeting = ("--epochs", 3, "--device", "cpu", "--nnodes", 2, "--rdzv", where)
    with started(options_for(uneven, "first", *meeting), uneven.parent) as first:
        wait_for_listening(first)
        plant(monkeypatch, tmp_path / "planted", "nan 2 1 1")
        run_yolokit(*options_for(uneven, "second", *meeting), cwd=uneven.parent)
        _, said = first.communicate(timeout=120)
    assert first.returncode == 0, said
    assert "epoch 2 ended in NaN or infinity: it is trained once more" in said
    record = read_record(uneven, "first")
    assert [epoch["retries"] for epoch in record["epochs"]] == [0, 1, 0]


def test_machines_that_were_given_different_commands_say_so(uneven: Path) -> None:
    where = f"127.0.0.1:{free_port()}"
    meeting = ("--device", "cpu", "--nnodes", 2, "--rdzv", where)
    with started(options_for(uneven, "a", "--epochs", 2, *meeting), uneven.parent) as first:
        wait_for_listening(first)
        options = options_for(uneven, "b", "--epochs", 3, *meeting)
        second = run_yolokit(*options, cwd=uneven.parent, code=2)
        _, said = first.communicate(timeout=120)
    assert first.returncode == 2
    for text in (said, second.stderr):
        assert "the machines do not do the same" in text
    assert not run_dir(uneven, "a").exists(), "it had not begun"
