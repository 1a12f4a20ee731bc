"""A real ONNX detector that finds the same boxes in every image, and data sets to match."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

SIDE_PX = 64


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[..., Path]:
    """Write a model of 64x64 px input: (x1, y1, x2, y2) in px, scores (boxes, classes), names."""

    def make(
        boxes: Sequence[tuple[float, float, float, float]], scores: object, *names: str
    ) -> Path:
        from onnx import TensorProto, checker, helper, numpy_helper, save

        xyxy = np.array(boxes, np.float32).reshape(-1, 4)
        rows = [(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]]
        table = np.concatenate([*rows, np.array(scores, np.float32)], axis=1).T[None]
        nodes = [
            helper.make_node("ReduceMax", ["images"], ["brightest"], keepdims=0),
            helper.make_node("Mul", ["brightest", "zero"], ["nothing"]),
            helper.make_node("Add", ["table", "nothing"], ["output0"]),
        ]
        graph = helper.make_graph(
            nodes,
            "constant",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE_PX, SIDE_PX])],
            [helper.make_tensor_value_info("output0", TensorProto.FLOAT, list(table.shape))],
            [
                numpy_helper.from_array(np.ascontiguousarray(table), "table"),
                numpy_helper.from_array(np.zeros((), np.float32), "zero"),
            ],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        helper.set_model_props(model, {"task": "detect", "names": str(dict(enumerate(names)))})
        checker.check_model(model)
        path = tmp_path / "constant.onnx"
        save(model, path)
        return path

    return make


@pytest.fixture
def make_data(tmp_path: Path) -> Callable[..., Path]:
    """Write a data set of 64x64 px images, with label rows by image stem; return data.yaml."""

    def make(labels: Mapping[str, str], *names: str, split: str = "val") -> Path:
        root = tmp_path / "set"
        for kind in ("images", "labels"):
            (root / kind / split).mkdir(parents=True, exist_ok=True)
        image = np.full((SIDE_PX, SIDE_PX, 3), 90, np.uint8)
        for stem, rows in labels.items():
            cv2.imwrite(str(root / "images" / split / f"{stem}.png"), image)
            (root / "labels" / split / f"{stem}.txt").write_text(rows)
        path = root / "data.yaml"
        path.write_text(f"{split}: images/{split}\nnames: [{', '.join(names)}]\n")
        return path

    return make
