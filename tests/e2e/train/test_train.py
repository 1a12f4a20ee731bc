"""Training under bad conditions: interrupts, kills, faults in the data and in the weights."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from tests.conftest import run_yolokit
from yolokit.files.digest import sha256_file

pytestmark = pytest.mark.slow
SMALL = ("--arch", "yolo11n", "--imgsz", "32", "--batch", "4", "--device", "cpu")


@pytest.fixture
def data(squares: Path) -> Path:
    return squares


def start(data: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "yolokit", "train", "--data", str(data), *SMALL,
         *map(str, arguments)],
        cwd=data.parent, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def read_until(process: subprocess.Popen[str], words: str) -> list[str]:
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if words in line:
            return lines
    raise AssertionError("".join(lines))


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_ctrl_c_leaves_a_usable_checkpoint_and_resume_goes_on(data: Path) -> None:
    with start(data, "--epochs", 400, "--name", "a") as process:
        read_until(process, "epoch 2/400")
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        rest = process.stderr.read()
    assert process.returncode == 130, rest
    assert "--resume --name a" in rest
    run = data.parent / "runs" / "train" / "a"
    record = json.loads((run / "run.json").read_text())
    assert record["state"] == "interrupted"
    done_epochs = len(record["epochs"])
    assert done_epochs >= 2
    assert record["outputs"]["last.pt"] == sha256_file(run / "last.pt")
    said = run_yolokit("weights", "info", run / "last.pt", "--json", cwd=data.parent)
    assert json.loads(said.stdout)["descends_from"] == [], "it began with fresh weights"
    assert f"run {record['id']}: the run.json" in json.loads(said.stdout)["saved_by"]
    run_yolokit("export", run / "last.pt", cwd=data.parent)

    with subprocess.Popen(
        [sys.executable, "-m", "yolokit", "train", "--resume", "--name", "a"],
        cwd=data.parent, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        lines = read_until(process, f"epoch {done_epochs + 1}/400")
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        process.stderr.read()
    assert not any("epoch 1/400" in line for line in lines), "it went on, and did not start anew"
    record = json.loads((run / "run.json").read_text())
    assert [epoch["epoch"] for epoch in record["epochs"]] == list(
        range(1, len(record["epochs"]) + 1)
    )
    assert len(record["resumed"]) == 1
    assert len(record["launches"]) == 2


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_an_epoch_that_ctrl_c_cut_short_is_not_taken_for_a_whole_one(data: Path) -> None:
    with start(data, "--epochs", 1, "--name", "a") as process:
        read_until(process, "training ...")
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        rest = process.stderr.read()
    assert process.returncode == 130, rest
    assert "last.pt is in" in rest
    run = data.parent / "runs" / "train" / "a"
    assert json.loads((run / "run.json").read_text())["epochs"] == []

    run_yolokit("train", "--resume", "--name", "a", cwd=data.parent)
    record = json.loads((run / "run.json").read_text())
    assert record["state"] == "complete"
    assert [epoch["epoch"] for epoch in record["epochs"]] == [1]


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_kill_9_leaves_no_engine_behind_and_last_pt_is_whole(data: Path) -> None:
    with start(data, "--epochs", 400, "--name", "a") as process:
        read_until(process, "epoch 1/400")
        process.kill()
    deadline = time.monotonic() + 60
    marker = str(data.parent)
    while any(marker in command for command in engine_commands()) and time.monotonic() < deadline:
        time.sleep(0.2)
    run = data.parent / "runs" / "train" / "a"
    assert zipfile.ZipFile(run / "last.pt").testzip() is None
    size = (run / "last.pt").stat().st_mtime_ns
    time.sleep(1.5)
    assert (run / "last.pt").stat().st_mtime_ns == size, "nothing trains any more"


def engine_commands() -> list[str]:
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=False)
    return [line for line in listed.stdout.splitlines() if "yolokit.engine" in line]


def test_faults_in_labels_are_all_named_before_anything_starts(data: Path) -> None:
    labels = data.parent / "labels" / "train"
    (labels / "0.txt").write_text("0 0.5 0.5 0.2 0.2\n0 1.4 0.5 0.2 0.2\n")
    (labels / "1.txt").write_text("3 0.5 0.5 0.2 0.2\n")
    (labels / "2.txt").write_text("0 0.5 0.5 0.2\n")
    done = run_yolokit("train", "--data", data, *SMALL, cwd=data.parent, code=3)
    assert "0.txt:2" in done.stderr
    assert "1.txt:1" in done.stderr
    assert "2.txt:1" in done.stderr
    assert not (data.parent / "runs").exists()


def test_a_malicious_checkpoint_is_refused_and_not_run(data: Path) -> None:
    """A pickle that would run a command: torch must not even look at it."""

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {data.parent / 'pwned'}",)

    weights = data.parent / "evil.pt"
    with zipfile.ZipFile(weights, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"model": Evil()}))
        archive.writestr("archive/version", "3\n")
    for command in (
        ("train", "--data", data, "--weights", weights, "--epochs", 1),
        ("export", weights),
    ):
        done = run_yolokit(*command, cwd=data.parent, code=4)
        assert "weights only" in done.stderr
    assert not (data.parent / "pwned").exists()
    assert not weights.with_suffix(".onnx").exists()


def test_a_foreign_label_cache_is_never_opened(data: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {data.parent / 'pwned'}",)

    for split in ("train", "val"):
        cache = data.parent / "labels" / f"{split}.cache"
        cache.write_bytes(pickle.dumps({"labels": Evil()}))
    run_yolokit("train", "--data", data, *SMALL, "--epochs", 1, cwd=data.parent)
    assert not (data.parent / "pwned").exists()


def test_a_download_entry_is_never_run(data: Path) -> None:
    pwned = data.parent / "pwned"
    data.write_text(data.read_text() + f"download: |\n  open({str(pwned)!r}, 'w')\n")
    run_yolokit("train", "--data", data, *SMALL, "--epochs", 1, cwd=data.parent)
    assert not pwned.exists()


def test_an_end_to_end_head_exports_with_parity(data: Path) -> None:
    """YOLOv10 has an end-to-end head and no other one after fusing."""
    run_yolokit(
        "train", "--data", data, "--arch", "yolov10n", "--imgsz", 64, "--batch", 4,
        "--device", "cpu", "--epochs", 1, "--name", "v10", cwd=data.parent,
    )  # fmt: skip
    best = data.parent / "runs" / "train" / "v10" / "best.pt"
    run_yolokit("export", best, cwd=data.parent)
    proof = json.loads(best.with_suffix(".parity.json").read_text())
    assert proof["verdict"] in ("equal", "tensors only")
