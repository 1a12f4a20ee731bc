"""The reference prepares images as its framework does, and the runtime does the same."""

from __future__ import annotations

import numpy as np
import pytest

from yolokit.engine.infer import letterbox
from yolokit.runtime.manifest import ModelIO
from yolokit.runtime.model_input import make_input, plan_letterbox

# Rounding a side of the last three makes a rectangle that would ask for another scale.
SIZES_WH = [(480, 360), (640, 640), (37, 640), (321, 241), (401, 301), (333, 500)]


@pytest.mark.parametrize("image_wh", SIZES_WH)
@pytest.mark.parametrize("shape_hw", [(640, 640), (320, 640), (None, None)])
def test_both_letterboxes_give_the_same_pixels(
    image_wh: tuple[int, int], shape_hw: tuple[int | None, int | None]
) -> None:
    image = np.random.default_rng(3).integers(0, 256, (*image_wh[::-1], 3), np.uint8)
    input_wh = (shape_hw[1] or 640, shape_hw[0] or 640)
    io = ModelIO(input_name="x", shape=(1, 3, *shape_hw), input_wh=input_wh, stride_px=32)
    own = make_input(image, plan_letterbox(image_wh, io), io)
    stride_px = 32 if shape_hw[0] is None else None
    assert np.array_equal(letterbox(image, input_wh, stride_px), own)
