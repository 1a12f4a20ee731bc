"""Tiny real ONNX detectors, whose boxes are known and whose scores follow the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from yolokit.core.types import F32

SIDE_PX = 64
ULTRALYTICS = {
    "task": "detect",
    "names": "{0: 'nut', 1: 'bolt'}",
    "stride": "32",
    "imgsz": "[64, 64]",
    "version": "8.4.190",
    "license": "AGPL-3.0",
}


def raw_table(boxes: Sequence[Sequence[float]], scores: Sequence[Sequence[float]]) -> F32:
    """(1, 4 + C, A) from (A, 4) xyxy and (A, C) scores."""
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    columns = [(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]]
    return np.concatenate([*columns, np.array(scores, np.float32)], axis=1).T[None].copy()


TWO_BOXES = raw_table([[8, 8, 24, 24], [32, 16, 64, 48]], [[0.9, 0.1], [0.2, 0.8]])


def save_model(
    path: Path,
    table: F32 = TWO_BOXES,
    *,
    metadata: Mapping[str, str] = ULTRALYTICS,
    input_shape: Sequence[Any] = (1, 3, SIDE_PX, SIDE_PX),
    output_shape: Sequence[Any] | None = None,
    score_axis: int = 1,
    bright_scores: bool = False,
    half: bool = False,
) -> Path:
    """Write a model that answers ``table``, whatever it sees.

    With ``bright_scores`` every score is multiplied by the mean of the input: 1 for white.
    ``half`` makes it take and give float16. ``score_axis`` is 1 for raw, 2 for end2end.
    """
    from onnx import TensorProto, checker, helper, numpy_helper, save

    dtype = np.float16 if half else np.float32
    kind = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    follows = np.zeros_like(table)
    if bright_scores:
        follows[(slice(None),) * score_axis + (slice(4, None if score_axis == 1 else 5),)] = 1
    constants: dict[str, Any] = {
        "steady": (table * (1 - follows)).astype(dtype),
        "bright": (table * follows).astype(dtype),
        "shape": np.array([-1, 1, 1], np.int64),
    }
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Reshape", ["mean", "shape"], ["brightness"]),
        helper.make_node("Mul", ["bright", "brightness"], ["scaled"]),
        helper.make_node("Add", ["steady", "scaled"], ["output0"]),
    ]
    output_shape = table.shape if output_shape is None else output_shape
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", kind, list(input_shape))],
        [helper.make_tensor_value_info("output0", kind, list(output_shape))],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, dict(metadata))
    checker.check_model(model)
    save(model, path)
    return path


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[..., Path]:
    """``save_model`` into a new file of the test's own folder."""
    return lambda *args, **options: save_model(
        tmp_path / f"tiny-{len(list(tmp_path.glob('tiny-*')))}.onnx", *args, **options
    )


@pytest.fixture(scope="session")
def bright_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Finds two boxes in a 64x64 px white image, none in a black one."""
    return save_model(tmp_path_factory.mktemp("model") / "bright.onnx", bright_scores=True)


@pytest.fixture
def save_image(tmp_path: Path) -> Callable[..., Path]:
    """Write a plain image of one grey level, by default 64x64 px and white."""

    def save(name: str, level: int = 255, image_wh: tuple[int, int] = (SIDE_PX, SIDE_PX)) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = np.full((image_wh[1], image_wh[0], 3), level, np.uint8)
        _, content = cv2.imencode(path.suffix, image)
        content.tofile(path)
        return path

    return save
