"""The picture of feature maps."""

from __future__ import annotations

import numpy as np

from yolokit.engine_protocol.inspection import Layer, Network
from yolokit.jobs.inspect.maps import draw_maps

LAYER = Layer(name="deep", type="Conv", shape=(1, 20, 8, 8), stride_px=8)
NETWORK = Network(layers=(LAYER,), input_shape=(1, 3, 64, 64))
GREY = np.full((32, 64, 3), 128, np.uint8)


def test_a_layer_is_one_block_and_another_comes_below() -> None:
    maps = {"deep": np.random.default_rng(0).random((20, 8, 8), np.float32)}
    one = draw_maps(GREY, maps, NETWORK)
    two = draw_maps(GREY, maps | {"other": maps["deep"][:3]}, NETWORK)
    assert (two.shape[0], two.shape[1]) == (2 * one.shape[0], one.shape[1])
    np.testing.assert_array_equal(two[: len(one)], one)


def test_bright_is_where_a_channel_is_strong_and_the_border_is_left_out() -> None:
    """The image takes the middle half of the input; there the map is dark but for one place."""
    values = np.full((1, 8, 8), 9, np.float32)
    values[0, 2:6] = 0
    values[0, 3, 1] = 1
    drawn = draw_maps(GREY, {"deep": values}, NETWORK).astype(int)
    yellow = (drawn[..., 1] > 200) & (drawn[..., 0] < 100)
    tile = yellow[:, 330:480]
    assert 0.5 / 32 < tile.sum() / (150 * 75) < 1.5 / 32  # one cell of four rows, eight columns


def test_a_constant_map_is_drawn() -> None:
    assert draw_maps(GREY, {"deep": np.ones((2, 8, 8), np.float32)}, NETWORK).std() > 0
