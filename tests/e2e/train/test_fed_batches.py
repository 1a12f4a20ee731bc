"""What ``data show --augmented`` shows is what a training feeds the network, to the pixel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from tests.conftest import run_yolokit
from yolokit.core.types import U8
from yolokit.errors import ConfigError
from yolokit.train.config import TrainConfig
from yolokit.train.preview import Fed, feed

pytestmark = pytest.mark.slow
OPTIONS: dict[str, Any] = {
    "arch": "yolo11n", "imgsz": 64, "batch": 4, "device": "cpu", "epochs": 3, "seed": 5,
    "close_mosaic": 1, "degrees": 10, "mixup": 0.3, "flipud": 0.3, "warmup_epochs": 0,
}  # fmt: skip
STILL: dict[str, Any] = {
    "mosaic": 0, "mixup": 0, "hsv_h": 0, "hsv_s": 0, "hsv_v": 0, "degrees": 0, "translate": 0,
    "scale": 0, "fliplr": 0, "flipud": 0, "close_mosaic": 0,
}  # fmt: skip
# Python runs this at every start; in a training it keeps what the network is given.
SPY = """
import os, sys

if "yolokit.engine.train" in sys.orig_argv:
    import numpy
    from yolokit.engine.tasks.detect import Trainer

    seen = []
    prepare = Trainer.preprocess_batch

    def keep(self, batch):
        given = prepare(self, batch)
        if self.model.training:
            numpy.savez(
                os.path.join(os.environ["SPY"], f"{len(seen)}.npz"),
                images=given["img"].numpy(), boxes=given["bboxes"].numpy(),
                classes=given["cls"].numpy(), owners=given["batch_idx"].numpy(),
            )
            seen.append(batch)
        return given

    Trainer.preprocess_batch = keep
"""


def feed_images(data: Path, folder: Path, count: int, *, last: bool = False, **options: Any) -> Fed:
    folder.mkdir()
    config = TrainConfig.build({**OPTIONS, **options, "data": str(data)})
    return feed(config, folder, count=count, last_epochs=last)


def train_spied(data: Path, name: str, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Path:
    """Train, and return the folder with the batches that the network was given."""
    folder = data.parent.parent
    spy = folder / f"spy-{name}"
    spy.mkdir()
    (spy / "sitecustomize.py").write_text(SPY)
    (folder / "options.yaml").write_text(yaml.safe_dump({**OPTIONS, **options}))
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", str(spy))
        patch.setenv("SPY", str(spy))
        command = ("train", "--data", data, "--config", "options.yaml", "--name", name)
        run_yolokit(*command, cwd=folder)
    return spy


def compare(spy: Path, batches: list[int], fed: Fed) -> None:
    """Compare batches of a training with images that were fed, in their order."""
    kept = [np.load(spy / f"{number}.npz") for number in batches]
    images = [image for batch in kept for image in batch["images"]]
    owned = [
        (batch["boxes"][batch["owners"] == at], batch["classes"][batch["owners"] == at].ravel())
        for batch in kept
        for at in range(len(batch["images"]))
    ]
    shown = list(fed)
    assert len(shown) == len(images) > 3
    for (pixels, image), trained, (boxes, classes) in zip(shown, images, owned, strict=True):
        given = np.round(trained * 255).astype(np.uint8).transpose(1, 2, 0)[..., ::-1]
        np.testing.assert_array_equal(pixels, given)
        assert image.class_ids == classes.astype(int).tolist()
        xyxy = np.array(image.xyxy).reshape(-1, 4) / 64
        np.testing.assert_allclose(xyxy[:, 2:] - xyxy[:, :2], boxes[:, 2:], atol=1e-6)
        np.testing.assert_allclose((xyxy[:, 2:] + xyxy[:, :2]) / 2, boxes[:, :2], atol=1e-6)


def test_pixels_and_boxes_are_those_of_the_training(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = train_spied(data, "a", monkeypatch)
    fed = feed_images(data, tmp_path / "whole", 50)
    compare(spy, [0, 1, 2], fed)
    other = feed_images(data, tmp_path / "other", 4, seed=6)
    with pytest.raises(AssertionError):
        compare(spy, [0], other)
    # What a training starts from does not matter, even where the start is measured first.
    best = data.parent.parent / "runs/train/a/best.pt"
    again = train_spied(data, "b", monkeypatch, weights=str(best), arch=None)
    run = json.loads((data.parent.parent / "runs/train/b/run.json").read_text())
    assert run["start"]["knows_classes"]
    compare(again, [0, 1, 2], fed)


def find_source(pixels: U8, data: Path) -> list[int]:
    """Return the pictures of the set that are exactly these pixels."""
    images = data.parent / "images" / "train"
    return [n for n in range(10) if (pixels == cv2.imread(str(images / f"{n}.png"))).all()]


def test_options_have_the_effects_that_they_name(data: Path, tmp_path: Path) -> None:
    still = list(feed_images(data, tmp_path / "still", 6, **STILL))
    for pixels, image in still:
        assert find_source(pixels, data) == [int(Path(image.image).stem)]
        assert image.xyxy == [pytest.approx([4, 8, 20, 24], abs=1e-4)]
    for pixels, image in feed_images(data, tmp_path / "left", 6, **{**STILL, "fliplr": 1}):
        assert find_source(pixels[:, ::-1], data) == [int(Path(image.image).stem)]
        assert image.xyxy == [pytest.approx([44, 8, 60, 24], abs=1e-4)]
    mosaic = list(feed_images(data, tmp_path / "mosaic", 6, **{**STILL, "mosaic": 1}))
    assert all(not find_source(pixels, data) for pixels, _ in mosaic)
    assert max(len(image.class_ids) for _, image in mosaic) > 1


def test_the_last_epochs_have_no_mosaic(data: Path, tmp_path: Path) -> None:
    options = {**STILL, "mosaic": 1, "close_mosaic": 1}
    last = feed_images(data, tmp_path / "last", 4, last=True, **options)
    assert last.batches.epoch == 3
    for pixels, image in last:
        assert find_source(pixels, data) == [int(Path(image.image).stem)]
    with pytest.raises(ConfigError, match="close_mosaic is 0"):
        feed_images(data, tmp_path / "none", 4, last=True, close_mosaic=0)


def test_the_command_shows_them_and_leaves_nothing_else(data: Path, tmp_path: Path) -> None:
    (tmp_path / "options.yaml").write_text(yaml.safe_dump({**OPTIONS, "imgsz": 32, "batch": 2}))
    before = {path: path.read_bytes() for path in data.parent.rglob("*.*")}
    options = ("--config", "options.yaml", "--imgsz", "64", "--batch", "4", "--count", "5")
    done = run_yolokit(
        "data", "show", data, "--augmented", *options, "--json", "--out", "x.html", cwd=tmp_path
    )
    shown = json.loads(done.stdout)
    assert len(shown["shown"]) == 5
    page = (tmp_path / "x.html").read_text("utf-8")
    assert "5 images of epoch 1, in batches of 4, 64 px; a mosaic is called after" in page
    assert "mixup 0.3" in page
    assert {path: path.read_bytes() for path in data.parent.rglob("*.*")} == before
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"set", "options.yaml", "x.html"}
