"""Runs that were killed go on: what a start brought along is still there after the reload."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, run_yolokit
from tests.darknet import networks
from yolokit.engine_protocol.child import child_environment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="signals are POSIX"),
]
SMALL = ("--imgsz", 64, "--batch", 4, "--device", "cpu", "--epochs", 3, "--name", "a")
DESCRIBE = """
import json, sys, torch
from ultralytics.nn.modules import Conv
from yolokit.engine import ultralytics_patches
found = {}
for path in sys.argv[1:]:
    layers = ultralytics_patches.load_model(path)[0].model
    norms = [[(m.eps, m.momentum) for m in layer.modules() if isinstance(m, torch.nn.BatchNorm2d)]
             for layer in layers]
    found[path] = {
        "norms": [sorted(set(part)) for part in (sum(norms[:-1], []), norms[0], norms[-1])],
        "activations": sorted({
            f"{type(m.act).__name__} {getattr(m.act, 'negative_slope', '')}".strip()
            for layer in layers[:-1] for m in layer.modules() if isinstance(m, Conv)
        }),
        "pads": [m.value for m in layers.modules() if isinstance(m, torch.nn.ConstantPad2d)],
        "first": type(layers[0]).__name__,
        "sum": float(sum(p.sum() for p in layers[0].parameters())),
    }
print("FOUND" + json.dumps(found))
"""


def kill_and_resume(data: Path, *options: object) -> dict[str, Any]:
    """Kill a run behind its first epoch, go on with it, and describe its checkpoints.

    Returns:
        What ``last.pt`` was when the run was killed, and what it is in the end.
    """
    command = [sys.executable, "-m", "yolokit", "train", "--data", data, *SMALL, *options]
    with subprocess.Popen(
        list(map(str, command)), cwd=data.parent, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "epoch 1/3" in line:
                break
        else:
            raise AssertionError("".join(lines))
        process.kill()
    run = data.parent / "runs" / "train" / "a"
    killed = data.parent / "killed.pt"
    killed.write_bytes((run / "last.pt").read_bytes())
    run_yolokit("train", "--resume", "--name", "a", cwd=data.parent)
    record = json.loads((run / "run.json").read_text())
    assert record["state"] == "complete"
    assert [epoch["epoch"] for epoch in record["epochs"]] == [1, 2, 3]
    assert len(record["resumed"]) == 1
    assert len(record["launches"]) == 2
    return describe(killed, run / "last.pt")


def describe(killed: Path, last: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", DESCRIBE, killed, last],
        capture_output=True, text=True, check=True,
        env=child_environment(last.parent) | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    found = json.loads(done.stdout.rsplit("FOUND", 1)[1])
    return {"killed": found[str(killed)], "last": found[str(last)]}


def test_a_darknet_run(squares: Path, test_data: Path) -> None:
    """Epsilon, leaky ReLU and the pad of minus infinity stay Darknet's."""
    weights = squares.parent / "yolov3-tiny.weights"
    weights.write_bytes((test_data / "darknet" / weights.name).read_bytes())
    found = kill_and_resume(squares, "--weights", weights)
    assert found["killed"]["sum"] != found["last"]["sum"], "it trained on"
    for checkpoint in found.values():
        assert {eps for eps, _ in checkpoint["norms"][0]} == {1e-6}
        assert checkpoint["activations"] == ["LeakyReLU 0.1"]
        assert checkpoint["pads"] == [float("-inf")]


def test_a_run_with_mish(squares: Path) -> None:
    """A network of YOLOv4's kind, from nothing: each layer keeps its own activation."""
    cfg = squares.parent / "mixed.cfg"
    cfg.write_text(networks.mixed().text)
    found = kill_and_resume(squares, "--weights", "none", "--arch", cfg)
    assert found["killed"]["sum"] != found["last"]["sum"]
    for checkpoint in found.values():
        assert {eps for eps, _ in checkpoint["norms"][0]} == {1e-6}
        assert checkpoint["activations"] == ["LeakyReLU 0.1", "Mish"]


def test_a_torchvision_run(squares: Path) -> None:
    """The backbone is rebuilt as it was cut, with its own batch norm."""
    backbone = ("--backbone", "torchvision:shufflenet_v2_x0_5", "--arch", "yolo11n")
    found = kill_and_resume(squares, *backbone)
    assert found["killed"]["sum"] != found["last"]["sum"]
    for checkpoint in found.values():
        assert checkpoint["first"] == "TorchVision"
        assert checkpoint["norms"][1:] == [[[1e-5, 0.1]], [[1e-3, 0.03]]]
