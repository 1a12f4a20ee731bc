"""A tiny ONNX network whose boxes and scores follow what lies where in the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from yolokit.runtime.manifest import (
    METADATA_KEY,
    ModelHead,
    ModelIO,
    ModelManifest,
    encode_manifest,
)

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.core.types import F32, U8

CELL_PX = 8
NAMES = ("red", "green")


def save_seeing_model(
    path: Path,
    *,
    input_wh: tuple[int, int] = (96, 64),
    batch: int | str = 1,
    opset: int = 17,
    half: bool = False,
    **head: Any,
) -> ModelManifest:
    """Write a raw head for two classes, with its manifest, which is returned.

    Each cell of 8 x 8 px has two candidates that overlap by far: the red and the green mean are
    the scores of the first, and, a little less, the other way round those of the second. The blue
    mean makes them larger.
    """
    from onnx import TensorProto, checker, helper, numpy_helper, save

    dtype, kind = (np.float16, TensorProto.FLOAT16) if half else (np.float32, TensorProto.FLOAT)
    width, height = input_wh
    columns, rows = width // CELL_PX, height // CELL_PX
    x, y = np.meshgrid(np.arange(columns) + 0.5, np.arange(rows) + 0.5)
    centres = np.stack([x.ravel(), y.ravel()])[None] * CELL_PX
    constants: dict[str, Any] = {
        "centres": np.concatenate([centres, centres + 1], axis=2).astype(dtype),
        "size": np.full((1, 2, 2 * columns * rows), 14).astype(dtype),
        "growth": np.array(6, dtype),
        "less": np.array(0.9, dtype),
        "flat": np.array([0, 3, columns * rows], np.int64),
        "each": np.array([1, 1, 1], np.int64),
    }
    nodes = [
        helper.make_node(
            "AveragePool",
            ["images"],
            ["cells"],
            kernel_shape=[CELL_PX, CELL_PX],
            strides=[CELL_PX, CELL_PX],
        ),
        helper.make_node("Reshape", ["cells", "flat"], ["means"]),
        helper.make_node("Split", ["means", "each"], ["red", "green", "blue"], axis=1),
        helper.make_node("Concat", ["red", "green"], ["first"], axis=1),
        helper.make_node("Concat", ["green", "red"], ["swapped"], axis=1),
        helper.make_node("Mul", ["swapped", "less"], ["second"]),
        helper.make_node("Concat", ["first", "second"], ["scores"], axis=2),
        helper.make_node("Concat", ["blue", "blue"], ["blues"], axis=2),
        helper.make_node("Mul", ["blues", "growth"], ["grown"]),
        helper.make_node("Add", ["size", "grown"], ["sizes"]),
        helper.make_node("Add", ["centres", "grown"], ["places"]),
        helper.make_node("Concat", ["places", "sizes", "scores"], ["output0"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "seeing",
        [helper.make_tensor_value_info("images", kind, [batch, 3, height, width])],
        [helper.make_tensor_value_info("output0", kind, [batch, 6, 2 * columns * rows])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    manifest = ModelManifest(
        io=ModelIO(
            input_name="images",
            shape=(batch if isinstance(batch, int) else None, 3, height, width),
            input_wh=input_wh,
        ),
        head=ModelHead(output_name="output0", layout="raw", names=NAMES, **head),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    helper.set_model_props(model, {METADATA_KEY: encode_manifest(manifest)})
    checker.check_model(model)
    save(model, path)
    return manifest


def make_picture(width: int, height: int, seed: int = 0) -> U8:
    """Return a picture (height, width, 3) uint8 of soft colours, with some noise."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 200, (7, 9, 3), np.uint8)
    soft = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    noisy: U8 = soft + rng.integers(0, 50, soft.shape, np.uint8)
    return noisy


def make_raw(
    rng: np.random.Generator, *, count: int = 60, classes: int = 3, steps: int = 1000
) -> F32:
    """Return a raw output (1, 4 + C, A) of clustered boxes; few ``steps`` make equal scores."""
    centre = rng.integers(20, 80, (1, 2, 6)).repeat(count // 6, axis=2)
    centre = centre + rng.integers(-4, 5, (1, 2, count))
    size = rng.integers(8, 30, (1, 2, count))
    scores = rng.integers(0, steps + 1, (1, classes, count)) / steps
    return np.concatenate([centre, size, scores], axis=1).astype(np.float32)
