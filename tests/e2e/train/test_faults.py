"""Trainings that meet what goes wrong in life: no memory, NaN, lost images, a kill, a full disk."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import run_yolokit
from tests.e2e.train.faults import plant

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
SMALL = ("--imgsz", 64, "--arch", "yolo11n", "--batch", 4, "--device", "cpu", "--epochs", 3)


def train(data: Path, *options: object, code: int = 0) -> tuple[Path, dict[str, Any], str]:
    """Train, and return the run's folder, its record, and what was said."""
    done = run_yolokit(
        "train", "--data", data, "--name", "a", *SMALL, *options, cwd=data.parent, code=code
    )
    run = data.parent / "runs" / "train" / "a"
    return run, json.loads((run / "run.json").read_text()), done.stderr + done.stdout


@pytest.mark.parametrize("epoch", [1, 3])
def test_a_training_without_memory_goes_on_with_half_the_batch(
    squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epoch: int
) -> None:
    """On a CPU, and after the first epoch, upstream would end."""
    plant(monkeypatch, tmp_path / "planted", f"memory {epoch} 2")
    _run, record, said = train(squares)
    assert f"memory ran out in epoch {epoch} with batch 4 at imgsz 64" in said
    assert "with batch 2; a step of the optimizer still has 64 images (nbs)" in said
    assert record["state"] == "complete"
    assert [one["epoch"] for one in record["epochs"]] == [1, 2, 3]
    assert (record["batch"], record["used"]["batch"], record["used"]["batches"]) == (2, 2, 4)


def test_where_one_image_does_not_fit_there_is_one_sentence(
    squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, tmp_path / "planted", "memory 2 0")
    _run, record, said = train(squares, code=1)
    assert "with batch 1 at imgsz 64, and there is no smaller one" in said
    assert "Traceback" not in said
    assert len(record["epochs"]) == 1
    assert "go on with: yolokit train --resume" in said


def test_a_validation_without_memory_is_made_again_with_fewer_images(
    squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, tmp_path / "planted", "validation 1")
    _run, record, said = train(squares)
    assert said.count("memory ran out in the validation") == 2, "4 images, then 2"
    assert "it is made again with 1 image" in said
    assert all("mAP50-95" in one["metrics"] for one in record["epochs"])
    assert record["used"]["batch"] == 4, "that of the training stays"


def test_a_loss_that_is_not_a_number_is_told_with_its_images(
    squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, tmp_path / "planted", "nan 2 1 1")
    run, record, said = train(squares)
    assert "epoch 2, batch 1 of 2: the loss is NaN (box_loss, cls_loss, dfl_loss)" in said
    assert said.count("the loss is NaN") == 1, "what follows from it is not told"
    assert "epoch 2 ended in NaN or infinity: it is trained once more" in said
    assert record["epochs"][1]["retries"] == 1
    log = (run / "train.log").read_text()
    assert str(squares.parent / "images" / "train") in log.partition("the images of the batch")[2]


def test_in_the_first_epoch_such_a_loss_ends_the_run_at_once(
    squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, tmp_path / "planted", "nan 1 1 1")
    _run, record, said = train(squares, code=1)
    assert "epoch 1, batch 1 of 2: the loss is NaN" in said
    assert "the weights are lost with it" in said
    assert "a smaller --lr, or `--set precision=fp32`" in said
    assert record["epochs"] == []


def test_an_image_that_disappears_is_named_in_one_line(
    squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, tmp_path / "planted", "lost 2")
    config = tmp_path / "c.yaml"
    config.write_text("mosaic: 0\n")
    _run, record, said = train(squares, "--config", config, code=3)
    assert ".png: the image is not there any more, though it was when training began" in said
    assert "Traceback" not in said
    assert record["state"] == "failed"
    assert "go on with: yolokit train --resume" in said


def test_a_killed_engine_is_told_with_a_batch_that_fits(
    squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, tmp_path / "planted", "killed 2")
    _run, record, said = train(squares, code=1)
    assert "the system ended the engine (signal 9)" in said
    assert "--batch" in said
    assert len(record["epochs"]) == 1


def test_a_full_disk_leaves_a_run_that_can_be_resumed(
    squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, tmp_path / "planted", "full 2")
    run, record, said = train(squares, code=1)
    assert f"the disk of {run} is full" in said
    assert len(record["epochs"]) == 1
    monkeypatch.delenv("FAULT")
    run_yolokit("train", "--resume", "--name", "a", cwd=squares.parent)
    record = json.loads((run / "run.json").read_text())
    assert (record["state"], len(record["epochs"])) == ("complete", 3)
    assert all(one["memory_bytes"] > 100_000_000 for one in record["epochs"])
