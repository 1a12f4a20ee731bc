"""Presets and settings reach the training, and a stored config repeats it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import run_yolokit
from yolokit.engine.ultralytics_patches import load_model

pytestmark = pytest.mark.slow
WITH_DROPOUT = """
nc: 2
backbone:
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, Conv, [32, 3, 2]]
  - [-1, 1, nn.Dropout2d, [0.1]]
  - [-1, 1, Conv, [32, 3, 2]]
  - [-1, 1, Conv, [32, 3, 2]]
head:
  - [[3, 4, 5], 1, Detect, [nc]]
"""
SMALL = ("--arch", "yolo11n", "--imgsz", "64", "--epochs", "1", "--device", "cpu", "--batch", "4")


def train(folder: Path, *options: str) -> dict[str, Any]:
    """Train, and return the record of the run."""
    done = run_yolokit("train", *options, "--json", cwd=folder)
    record: dict[str, Any] = json.loads(done.stdout)
    return record


def train_set(data: Path, name: str, *settings: str) -> dict[str, Any]:
    # The box loss of an untrained network is tiny: nothing of it would show in the record.
    given = [word for one in ("box=2000", *settings) for word in ("--set", one)]
    return train(data.parent.parent, "--data", str(data), *SMALL, "--name", name, *given)


def losses(record: dict[str, Any]) -> dict[str, float]:
    return {k: v for k, v in record["epochs"][0]["metrics"].items() if k.startswith("train_")}


def test_each_setting_changes_the_training(data: Path) -> None:
    (data.parent / "labels/train/1.txt").write_text("0 0.1875 0.25 0.25 0.25\n")  # 6 even, 4 odd
    plain = train_set(data, "plain")
    assert losses(train_set(data, "again")) == losses(plain)
    for setting in ("box_loss=giou", "multi_scale=0.5", "repeat_factor=0.9", "class_weights=1"):
        other = train_set(data, setting.replace("=", "-"), setting)
        assert losses(other) != losses(plain), setting
        if setting.startswith("repeat"):
            assert other["used"]["images"] == 13, "6 sqrt(0.9 / 0.6) + 4 sqrt(0.9 / 0.4)"
        else:
            assert other["used"]["images"] == 10


def test_a_stored_config_repeats_the_run(data: Path) -> None:
    folder = data.parent.parent
    first = train_set(data, "first", "mosaic=0.5", "preset=long-tail")
    again = train(folder / "set", "--config", str(folder / "runs/train/first/config.yaml"),
                  "--out", "again")  # fmt: skip
    assert losses(again) == losses(first)
    assert first["origins"]["mosaic"] == "--set"
    assert first["origins"]["mixup"] == "preset long-tail"
    assert again["config"]["mixup"] == first["config"]["mixup"] == 0.1
    assert again["config"]["preset"] is None


@pytest.mark.parametrize("preset", ["default", "small-data", "small-objects", "fast", "long-tail"])
def test_each_preset_trains(data: Path, preset: str) -> None:
    record = train(data.parent.parent, "--data", str(data), *SMALL, "--preset", preset)
    assert record["state"] == "complete"
    assert record["config"]["imgsz"] == 64, "what is stated beside a preset wins"


def test_dropout_is_an_error_where_there_is_none_and_set_where_there_is(
    data: Path,
) -> None:
    folder = data.parent.parent
    options = ("train", "--data", str(data), *SMALL, "--set", "dropout=0.3")
    failed = run_yolokit(*options, cwd=folder, code=2)
    assert "this network has no dropout layer" in failed.stderr
    (folder / "own.yaml").write_text(WITH_DROPOUT)
    own = ("--arch", "own.yaml", "--name", "own")
    run_yolokit(*options, *own, cwd=folder)
    model, _ = load_model(str(folder / "runs/train/own/best.pt"))
    assert [layer.p for layer in model.modules() if isinstance(layer, torch.nn.Dropout2d)] == [0.3]


def test_data_show_follows_presets_and_settings(data: Path) -> None:
    folder = data.parent.parent
    options = ("--set", "multi_scale=0.5", "--set", "mosaic=0", "--preset", "small-data")
    run_yolokit("data", "show", data, "--augmented", *options, "--imgsz", "64", "--out", "x.html",
                cwd=folder)  # fmt: skip
    page = (folder / "x.html").read_text("utf-8")
    assert "degrees 5" in page
    assert "multi_scale 0.5" in page
    assert "without mosaic" in page
    assert "preset small-data, multi_scale=0.5, mosaic=0" in page
