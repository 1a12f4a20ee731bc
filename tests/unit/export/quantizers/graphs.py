"""A small network that is named as a trace of a detector is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from yolokit.export.graph import describe_graph
from yolokit.runtime.manifest import ModelHead, ModelIO, ModelManifest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yolokit.core.types import F32

SIDE_PX = 32
LEARNED = ("/model.0/conv/Conv", "/model.1/conv/Conv", "/model.2/cv2.0/Conv")
DECODER = tuple(f"/model.2/{name}" for name in ("Reshape", "Slice", "Cut", "Mul", "Sigmoid", "Cat"))


def write_detector(path: Path, *, is_dynamic: bool = False) -> Path:
    """Write three convolutions that give boxes and two scores, (B, 6, 64) for 32 px."""
    onnx = pytest.importorskip("onnx")
    helper, kinds = onnx.helper, onnx.TensorProto
    axes = ["b", 3, "h", "w"] if is_dynamic else [1, 3, SIDE_PX, SIDE_PX]
    graph = helper.make_graph(
        [*_make_body(helper), *_make_head(helper)],
        "detector",
        [helper.make_tensor_value_info("images", kinds.FLOAT, axes)],
        [
            helper.make_tensor_value_info(
                "out", kinds.FLOAT, [axes[0], 6, "n" if is_dynamic else 64]
            )
        ],
        [onnx.numpy_helper.from_array(value, name) for name, value in _make_weights().items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    shape = (None, 3, None, None) if is_dynamic else (1, 3, SIDE_PX, SIDE_PX)
    manifest = ModelManifest(
        io=ModelIO(input_name="images", shape=shape, input_wh=(SIDE_PX, SIDE_PX)),
        head=ModelHead(output_name="out", layout="raw", names=("a", "b")),
    )
    return describe_graph(path, path, manifest)


def _make_weights() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    shapes = {"w0": (8, 3, 3, 3), "w1": (8, 8, 3, 3), "w2": (6, 8, 1, 1)}
    weights: dict[str, Any] = {
        name: rng.normal(0, 0.4, shape).astype(np.float32) for name, shape in shapes.items()
    }
    biases = {"b0": 8, "b1": 8, "b2": 6}
    weights |= {name: rng.normal(0, 0.2, n).astype(np.float32) for name, n in biases.items()}
    weights["stride"] = np.array([8], np.float32)
    integers = {"zero": [0], "four": [4], "six": [6], "one": [1], "shape": [0, 6, -1]}
    return weights | {name: np.array(value, np.int64) for name, value in integers.items()}


def _make_body(helper: Any) -> Iterator[Any]:
    for index, source in enumerate(("images", "x0")):
        scope = f"/model.{index}/"
        yield helper.make_node(
            "Conv", [source, f"w{index}", f"b{index}"], [f"c{index}"], name=f"{scope}conv/Conv",
            strides=[2, 2], pads=[1, 1, 1, 1],
        )  # fmt: skip
        yield helper.make_node("Sigmoid", [f"c{index}"], [f"s{index}"], name=f"{scope}act/Sigmoid")
        yield helper.make_node(
            "Mul", [f"c{index}", f"s{index}"], [f"x{index}"], name=f"{scope}act/Mul"
        )


def _make_head(helper: Any) -> Iterator[Any]:
    yield helper.make_node("Conv", ["x1", "w2", "b2"], ["raw"], name=LEARNED[-1])
    parts = [
        ("Reshape", ["raw", "shape"], "flat"),
        ("Slice", ["flat", "zero", "four", "one"], "boxes"),
        ("Slice", ["flat", "four", "six", "one"], "logits"),
        ("Mul", ["boxes", "stride"], "px"),
        ("Sigmoid", ["logits"], "scores"),
    ]
    for name, (kind, inputs, output) in zip(DECODER, parts, strict=False):
        yield helper.make_node(kind, inputs, [output], name=name)
    yield helper.make_node("Concat", ["px", "scores"], ["out"], name=DECODER[-1], axis=1)


@dataclass(frozen=True)
class Images:
    """A calibration of noise, the same in each pass."""

    count: int = 4
    side_px: int = SIDE_PX

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[F32]:
        for seed in range(self.count):
            rng = np.random.default_rng(seed)
            yield rng.random((1, 3, self.side_px, self.side_px)).astype(np.float32)


def run(path: Path, tensor: F32) -> F32:
    """Return the output of a network."""
    ort = pytest.importorskip("onnxruntime")
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    output: F32 = session.run(None, {"images": tensor})[0]
    return output
