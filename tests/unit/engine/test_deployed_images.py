"""Validation images are prepared as the runtime prepares them, whatever their shape."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from yolokit.engine.deployed_images import build_deployed_images
from yolokit.engine.failures import explain
from yolokit.runtime.manifest import ModelIO
from yolokit.runtime.model_input import make_input, plan_letterbox

from ultralytics.cfg import get_cfg  # isort: skip - after our edits

if TYPE_CHECKING:
    from pathlib import Path

SIDE_PX = 64


def build(folder: Path, image: np.ndarray) -> tuple[Any, Path]:
    """Return the data set of one image, and its file."""
    for kind in ("images", "labels"):
        (folder / kind).mkdir()
    path = folder / "images" / "a.png"
    cv2.imwrite(str(path), image)
    (folder / "labels" / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    (folder / "val.txt").write_text(f"{path}\n")
    trainer = SimpleNamespace(
        args=get_cfg(overrides={"imgsz": SIDE_PX, "task": "detect"}),
        data={"names": {0: "nut"}, "nc": 1, "channels": 3},
    )
    return build_deployed_images(trainer, str(folder / "val.txt"), 1), path


def test_an_image_that_is_gone_is_told_by_its_name(tmp_path: Path) -> None:
    dataset, path = build(tmp_path, np.zeros((16, 16, 3), np.uint8))
    path.unlink()
    with pytest.raises(FileNotFoundError) as caught:
        _ = dataset[0]
    said = explain(caught.value, "TrainError").message
    assert said == f"{path}: the image is not there any more, though it was when training began"


@pytest.mark.parametrize("wh", [(200, 100), (97, 131), (33, 20), (64, 64), (301, 12)])
def test_the_input_is_the_runtimes_bit_for_bit(wh: tuple[int, int], tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (wh[1], wh[0], 3), dtype=np.uint8)
    dataset, _path = build(tmp_path, image)
    io = ModelIO(input_name="images", shape=(1, 3, SIDE_PX, SIDE_PX), input_wh=(SIDE_PX, SIDE_PX))
    letterbox = plan_letterbox(wh, io)
    shown = dataset[0]
    expected = make_input(image, letterbox, io)[0]
    np.testing.assert_array_equal(shown["img"].numpy().astype(np.float32) / 255, expected)
    (gain_y, gain_x), pad = shown["ratio_pad"]
    assert (round(wh[0] * gain_x), round(wh[1] * gain_y)) == letterbox.resized_wh
    assert tuple(pad) == letterbox.pad_xy
