"""What lies beside a model tells all that a program needs, for each kind of file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.samples.seeing import make_picture, save_seeing_model
from yolokit.runtime.detector import Detector

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("onnx")
KINDS = [None, "pre", "nms", "pre,nms"]


def describe(folder: Path, parts: str | None, **options: Any) -> tuple[Path, dict[str, Any]]:
    from yolokit.export.embed.join import describe_embedded, embed_parts
    from yolokit.export.graph import describe_graph, list_ports
    from yolokit.export.sidecar import encode_sidecar

    path = folder / "model.onnx"
    manifest = plain = save_seeing_model(path, **options)
    if parts:
        manifest = describe_embedded(plain, parts.split(","))
        describe_graph(embed_parts(path, path, plain, manifest), path, manifest)
    text = encode_sidecar(manifest, list_ports(path), name=path.name, sha256="ab")
    return path, json.loads(text)


@pytest.mark.parametrize("parts", KINDS)
def test_every_port_and_step_is_told(tmp_path: Path, parts: str | None) -> None:
    path, told = describe(tmp_path, parts, batch="batch" if parts == "nms" else 1)
    session = Detector.load(path, provider="cpu")._session
    required = [port["name"] for port in told["inputs"] if "default" not in port]
    assert required == [port.name for port in session.inputs]
    assert [port["name"] for port in told["outputs"]] == [port.name for port in session.outputs]
    assert all(port["meaning"] for port in told["inputs"] + told["outputs"])
    assert told["classes"] == ["red", "green"]
    assert told["prepare"]["in_the_file"] == ("pre" in (parts or ""))
    assert told["prepare"]["steps"]
    assert told["read"]["steps"]
    assert "{" not in " ".join([*told["prepare"]["steps"], *told["read"]["steps"]])
    assert told["thresholds"] == {
        "score": 0.25, "score_by_class": {}, "overlap": 0.7, "max_boxes": 300,
    }  # fmt: skip


def test_defaults_are_plain_numbers(tmp_path: Path) -> None:
    _, told = describe(tmp_path, "pre,nms", class_conf=(0.3, 0.6))
    defaults = {port["name"]: port.get("default") for port in told["inputs"]}
    assert defaults == {
        "image": None, "conf": [0.3, 0.6], "iou": [0.7], "max_det": [300],
        "multi_label": [False], "clip": [True],
    }  # fmt: skip


def test_whoever_follows_it_prepares_what_the_runtime_prepares(tmp_path: Path) -> None:
    """The numbers of the letterbox, as the steps say, with OpenCV for the sampling."""
    import cv2

    path, told = describe(tmp_path, None)
    bgr, numbers = make_picture(150, 70), told["prepare"]
    width, height = numbers["input_width"], numbers["input_height"]
    scale = min(width / 150, height / 70)
    new_w, new_h = max(1, round(150 * scale)), max(1, round(70 * scale))
    canvas = np.full((height, width, 3), numbers["border"], np.uint8)
    left, top = round((width - new_w) / 2 - 0.1), round((height - new_h) / 2 - 0.1)
    canvas[top : top + new_h, left : left + new_w] = cv2.resize(bgr, (new_w, new_h))
    tensor = canvas[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32)
    expected, _ = Detector.load(path, provider="cpu").preprocess(bgr)
    np.testing.assert_array_equal(tensor / np.float32(numbers["divide_by"]), expected)
