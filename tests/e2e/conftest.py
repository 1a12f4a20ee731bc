"""Real images with labels, and a detector that is built, not trained."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from defusedxml import ElementTree

BCCD_NAMES = ("RBC", "WBC", "Platelets")


@pytest.fixture
def squares(tmp_path: Path) -> Path:
    """Twelve pictures with one bright square each."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 4)):
        for kind in ("images", "labels"):
            (tmp_path / kind / split).mkdir(parents=True)
        for index in range(count):
            picture = rng.integers(0, 90, (64, 64, 3), dtype=np.uint8)
            picture[20:44, 20:44] = 255
            cv2.imwrite(str(tmp_path / "images" / split / f"{index}.png"), picture)
            (tmp_path / "labels" / split / f"{index}.txt").write_text("0 0.5 0.5 0.375 0.375\n")
    path = tmp_path / "data.yaml"
    path.write_text("train: images/train\nval: images/val\nnames: [square]\n")
    return path


@pytest.fixture(scope="session")
def bccd_source() -> Path:
    """The BCCD data set as it was published: Pascal VOC."""
    root = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = Path(os.environ.get("YOLOKIT_TEST_DATA", root)) / "bccd"
    if not folder.is_dir():
        pytest.skip(f"there is no {folder}; YOLOKIT_TEST_DATA names another place")
    return folder


@pytest.fixture(scope="session")
def bccd_test_yaml(bccd_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The test split of BCCD for YOLO, read here by a few lines of its own."""
    root = tmp_path_factory.mktemp("bccd")
    for kind in ("images", "labels"):
        (root / kind / "test").mkdir(parents=True)
    for stem in (bccd_source / "ImageSets/Main/test.txt").read_text().split():
        shutil.copy(bccd_source / "JPEGImages" / f"{stem}.jpg", root / "images/test")
        tree: Any = ElementTree.parse(bccd_source / "Annotations" / f"{stem}.xml").getroot()
        rows = [_label_row(found, 640, 480) for found in tree.iter("object")]
        (root / "labels/test" / f"{stem}.txt").write_text("\n".join(rows))
    path = root / "data.yaml"
    # `path` and `val` are for ultralytics, which wants both.
    path.write_text(
        f"path: {root.as_posix()}\ntrain: images/test\nval: images/test\ntest: images/test\n"
        f"names: [{', '.join(BCCD_NAMES)}]\n"
    )
    return path


def _label_row(found: Any, width_px: int, height_px: int) -> str:
    x1, y1, x2, y2 = (
        float(found.findtext(f"bndbox/{side}", "")) for side in ("xmin", "ymin", "xmax", "ymax")
    )
    x1, x2, y1, y2 = x1 / width_px, x2 / width_px, y1 / height_px, y2 / height_px
    index = BCCD_NAMES.index(found.findtext("name", ""))
    return f"{index} {(x1 + x2) / 2:.6f} {(y1 + y2) / 2:.6f} {x2 - x1:.6f} {y2 - y1:.6f}"


@pytest.fixture(scope="session")
def bccd_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The detector of :func:`save_peaks_model`, once for all tests."""
    return save_peaks_model(tmp_path_factory.mktemp("model") / "peaks.onnx")


def save_peaks_model(path: Path) -> Path:
    """Write an ONNX file with the interface of a raw ultralytics export, 320x320 px, for BCCD.

    It finds cells by colour. So its detections depend on every pixel, as a trained model's do,
    reach over the border of the image, and are right often enough to be measured; and it is
    there in no time, always the same.
    """
    graph = Graph()
    colours = np.array([[0, -1, 1], [0, -1, 0]], np.float32)[:, :, None, None]
    linear = graph.add("Conv", "images", graph.constant(colours), graph.constant([-0.1, 0.68]))
    purple_and_dark = graph.add("Relu", linear)
    scores = [
        # Nuclei of white cells are purple; platelets are too, but small; red cells are dark.
        graph.find_peaks(purple_and_dark, 1, 80, {72: (80, 0)}, bias=-6, apart=9),
        graph.find_peaks(purple_and_dark, 2, 20, {16: (150, 0), 72: (-200, 0)}, bias=-5, apart=3),
        graph.find_peaks(purple_and_dark, 0, 50, {40: (0, 120), 72: (-60, 0)}, bias=-7, apart=5),
    ]
    graph.add("Concat", *scores, output="output0", axis=2)
    graph.save(path, [1, 7, 3 * 1600])
    return path


class Graph:
    """An ONNX graph under construction; every step returns the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, kind: str, *inputs: str, output: str | None = None, **attributes: object) -> str:
        from onnx import helper

        name = output or f"step{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def constant(self, value: object) -> str:
        from onnx import numpy_helper

        array = np.asarray(value)
        array = array if array.dtype == np.int64 else array.astype(np.float32)
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def find_peaks(
        self, pixels: str, class_id: int, box_px: int, weights: dict[int, tuple[float, float]],
        *, bias: float, apart: int,
    ) -> str:  # fmt: skip
        """Return (1, 7, 1600): boxes of one size on a grid of 8 px, and scores of one class.

        The score is a weighted mean of the pixels in windows of some sizes in px, and next to
        nothing except at its maxima in ``apart`` x ``apart`` cells of the grid.
        """
        means = [
            self.add(
                "AveragePool", pixels, kernel_shape=[window] * 2, strides=[8, 8],
                pads=[(window - 8) // 2] * 4, count_include_pad=0,
            )
            for window in weights
        ]  # fmt: skip
        kernel = np.zeros((3, 2 * len(weights), 1, 1))
        kernel[class_id, :, 0, 0] = np.concatenate(list(weights.values()))
        biases = np.where(np.arange(3) == class_id, bias, -20.0)
        maps = self.add("Concat", *means, axis=1)
        logits = self.add("Conv", maps, self.constant(kernel), self.constant(biases))
        highest = self.add(
            "MaxPool", logits, kernel_shape=[apart] * 2, strides=[1, 1], pads=[apart // 2] * 4
        )
        below = self.add("Mul", self.add("Sub", logits, highest), self.constant(100.0))
        scores = self.add("Sigmoid", self.add("Add", logits, below))
        centre = np.arange(40) * 8 + 4
        x, y = (grid.ravel() for grid in np.meshgrid(centre, centre))
        size = np.full_like(x, box_px)
        boxes = self.constant(np.stack([x, y, size, size])[None].astype(np.float32))
        flat = self.add("Reshape", scores, self.constant([1, 3, 1600]))
        return self.add("Concat", boxes, flat, axis=1)

    def save(self, path: Path, output_shape: list[int]) -> None:
        from onnx import TensorProto, checker, helper, save

        images = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 320, 320])
        output = helper.make_tensor_value_info("output0", TensorProto.FLOAT, output_shape)
        graph = helper.make_graph(self.nodes, "peaks", [images], [output], self.constants)
        opset = helper.make_opsetid("", 17)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
        metadata = {"task": "detect", "names": str(dict(enumerate(BCCD_NAMES))), "stride": "32"}
        helper.set_model_props(
            model, metadata | {"imgsz": "[320, 320]", "batch": "1", "args": "{}"}
        )
        checker.check_model(model)
        save(model, path)
