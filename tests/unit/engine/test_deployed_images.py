"""Validation images are prepared as the runtime prepares them, whatever their shape."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from yolokit.engine.deployed_images import build_deployed_images
from yolokit.runtime.detector import make_input, plan_letterbox
from yolokit.runtime.manifest import ModelIO

from ultralytics.cfg import get_cfg  # isort: skip - after our edits

if TYPE_CHECKING:
    from pathlib import Path

SIDE_PX = 64


@pytest.mark.parametrize("wh", [(200, 100), (97, 131), (33, 20), (64, 64), (301, 12)])
def test_the_input_is_the_runtimes_bit_for_bit(wh: tuple[int, int], tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (wh[1], wh[0], 3), dtype=np.uint8)
    for kind in ("images", "labels"):
        (tmp_path / kind).mkdir()
    path = tmp_path / "images" / "a.png"
    cv2.imwrite(str(path), image)
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    (tmp_path / "val.txt").write_text(f"{path}\n")
    trainer = SimpleNamespace(
        args=get_cfg(overrides={"imgsz": SIDE_PX, "task": "detect"}),
        data={"names": {0: "nut"}, "nc": 1, "channels": 3},
    )
    dataset = build_deployed_images(trainer, str(tmp_path / "val.txt"), 1)
    io = ModelIO(input_name="images", shape=(1, 3, SIDE_PX, SIDE_PX), input_wh=(SIDE_PX, SIDE_PX))
    letterbox = plan_letterbox(wh, io)
    shown = dataset[0]
    expected = make_input(image, letterbox, io)[0]
    np.testing.assert_array_equal(shown["img"].numpy().astype(np.float32) / 255, expected)
    (gain_y, gain_x), pad = shown["ratio_pad"]
    assert (round(wh[0] * gain_x), round(wh[1] * gain_y)) == letterbox.resized_wh
    assert tuple(pad) == letterbox.pad_xy
