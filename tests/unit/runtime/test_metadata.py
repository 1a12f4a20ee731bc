"""What a model says of itself: our manifest, ultralytics' metadata, and files that say nonsense."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from yolokit.errors import InferenceError, ModelOutputError
from yolokit.runtime.manifest import (
    METADATA_KEY,
    ModelHead,
    ModelIO,
    ModelManifest,
    encode_manifest,
)
from yolokit.runtime.metadata import read_manifest
from yolokit.runtime.ports import Port
from yolokit.runtime.providers.toolkit import EngineOptions
from yolokit.runtime.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RAW = (1, 6, 84)


def without_names(shape: tuple[Any, ...]) -> tuple[int | None, ...]:
    return tuple(axis if isinstance(axis, int) else None for axis in shape)


class FakeEngine:
    """The part of an engine that says what a model takes and gives."""

    notes: tuple[str, ...] = ()

    def __init__(
        self,
        output: tuple[Any, ...],
        input_shape: tuple[Any, ...] = (1, 3, 64, 64),
        input_type: str = "tensor(float)",
        extra_inputs: int = 0,
        output_names: Sequence[str] = ("output0",),
    ) -> None:
        first = Port("images", without_names(input_shape), input_type)
        more = (Port(f"more{index}", (1,), input_type) for index in range(extra_inputs))
        self.inputs = (first, *more)
        self.outputs = tuple(
            Port(name, without_names(output), "tensor(float)") for name in output_names
        )

    def run(self, _feeds: Mapping[str, Any], _output_names: Sequence[str]) -> list[Any]:
        raise AssertionError("nothing is run")


def ultralytics(**changed: str | None) -> dict[str, str]:
    values = {
        "task": "detect",
        "names": "{0: 'nut', 1: 'bolt'}",
        "stride": "32",
        "imgsz": "[64, 96]",
        "version": "8.4.190",
        "args": "{'nms': None}",
        "end2end": "False",
        **changed,
    }
    return {key: value for key, value in values.items() if value is not None}


def read(metadata: Mapping[str, str], output: tuple[Any, ...] = RAW, **port: Any) -> ModelManifest:
    from pathlib import Path

    options = EngineOptions(threads=1)
    engine = FakeEngine(output, **port)
    return read_manifest(Session(Path("m.onnx"), "cpu", options, engine, metadata))


def test_plain_metadata_of_ultralytics() -> None:
    manifest = read(ultralytics(), input_shape=("batch", 3, "height", "width"))
    assert manifest.head.names == ("nut", "bolt")
    assert manifest.head.layout == "raw"
    assert manifest.io.shape == (None, 3, None, None)
    assert manifest.io.input_wh == (96, 64)
    assert manifest.io.stride_px == 32
    assert manifest.provenance.tool_versions == {"ultralytics": "8.4.190"}


def test_the_graph_wins_over_stated_sizes() -> None:
    assert read(ultralytics(imgsz="[640, 640]")).io.input_wh == (64, 64)


def test_older_files_state_less() -> None:
    manifest = read(ultralytics(stride=None, imgsz=None, args=None, end2end=None))
    assert (manifest.io.stride_px, manifest.io.input_wh) == (32, (64, 64))


@pytest.mark.parametrize(
    "names",
    [
        "['nut', 'bolt']",
        "('nut', 'bolt')",
        "{1: 'bolt', 0: 'nut'}",
        '{"0": "nut", "1": "bolt"}',
        '["nut", "bolt"]',
    ],
)
def test_names_as_list_or_in_any_order(names: str) -> None:
    assert read(ultralytics(names=names)).head.names == ("nut", "bolt")


@pytest.mark.parametrize(
    ("output", "says", "layout"),
    [
        ((1, 6, 8400), {}, "raw"),
        ((1, 300, 6), {}, "end2end"),
        (("batch", 6, "anchors"), {}, "raw"),
        (("batch", "boxes", 6), {}, "end2end"),
        # Both fit: six rows or six columns. Then the metadata decides.
        ((1, 6, 6), {}, "raw"),
        ((1, 6, 6), {"end2end": "True"}, "end2end"),
        ((1, 6, 6), {"args": "{'nms': True}"}, "end2end"),
        ((None, None, None), {"end2end": "True"}, "end2end"),
        ((None, None, None), {}, "raw"),
        # What it says of itself does not matter where the shape is clear.
        ((1, 300, 6), {"end2end": "False"}, "end2end"),
    ],
)
def test_the_layout_is_told_by_the_shape(
    output: tuple[Any, ...], says: dict[str, str], layout: str
) -> None:
    assert read(ultralytics(**says), output).head.layout == layout


@pytest.mark.parametrize("output", [(1, 7, 8400), (1, None, 38), (6, 8400), (1, 6, 80, 80)])
def test_an_output_of_no_known_layout(output: tuple[int, ...]) -> None:
    with pytest.raises(ModelOutputError, match="is neither"):
        read(ultralytics(), output)


@pytest.mark.parametrize("task", ["segment", "pose", "classify", "obb"])
def test_another_task_is_refused(task: str) -> None:
    with pytest.raises(InferenceError, match=f"a model for {task!r}"):
        read(ultralytics(task=task))


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        (("names",), "does not name its classes"),
        (("task",), "does not name its task"),
        (("names", "task"), "names neither its classes nor its task"),
    ],
)
def test_what_is_missing_is_said(missing: tuple[str, ...], says: str) -> None:
    with pytest.raises(InferenceError, match=says) as caught:
        read(ultralytics(**dict.fromkeys(missing)))
    assert "yolokit export" in str(caught.value.hint)
    assert "looks like" not in str(caught.value)


YOLOV5 = {"names": "{0: 'nut', 1: 'bolt'}", "stride": "32"}


@pytest.mark.parametrize(
    ("metadata", "output", "tool"),
    [
        (YOLOV5, (1, 252, 7), "an export of the YOLOv5 repository"),
        (YOLOV5, ("batch", "anchors", 7), "an export of the YOLOv5 repository"),
        (YOLOV5, (1, 252, 39), "an export of the YOLOv5 repository"),  # its segmentation
        (ultralytics(), (1, 252, 7), "an export of the YOLOv5 repository"),
        (YOLOV5, (1, 2), "a classifier"),
        ({}, (1, 252, 85), "an export of the YOLOv5 or YOLOv7 repository"),
        ({}, (1, 84, 8), "an export of YOLOX or YOLOv6"),
        ({}, (1, 3, 8, 8, 85), "YOLOv5 or YOLOv7 without the decoding"),
        ({}, (1, 1000), "a classifier"),
        ({}, (100, 7), "YOLOv7 with its NMS inside"),
        ({}, (1, 21, 64, 64), "maps, for segmentation or depth"),
        (ultralytics(), (1, 300, 6, 1), "maps, for segmentation or depth"),
        (ultralytics(names="['a', 'b', 'c']"), (1, 300, 7), "RT-DETR of an earlier ultralytics"),
    ],
)
def test_a_model_of_another_tool_is_named(
    metadata: dict[str, str], output: tuple[Any, ...], tool: str
) -> None:
    with pytest.raises(InferenceError, match=f"looks like .*{tool}.*, whose head is not read"):
        read(metadata, output)


@pytest.mark.parametrize(
    ("outputs", "tool"),
    [
        (("boxes", "labels", "scores"), "torchvision"),
        (("logits", "pred_boxes"), "DETR of transformers"),
        (("num_dets", "det_boxes", "det_scores", "det_classes"), "YOLOv7"),
        (("boxes", "confs"), "pytorch-YOLOv4"),
    ],
)
def test_a_model_of_another_tool_is_named_by_its_outputs(
    outputs: tuple[str, ...], tool: str
) -> None:
    with pytest.raises(InferenceError, match=tool):
        read({}, (1, 300, 4), output_names=outputs)


@pytest.mark.parametrize("output", [(1, 300, 6), ("batch", None, 6)])
@pytest.mark.parametrize(
    "says",
    [
        {"head": "RTDETRDecoder"},
        {"description": "Ultralytics rtdetr-l model trained on coco.yaml"},
        {"description": "Ultralytics RT-DETR-x model "},
        {"description": "Ultralytics YOLOv8-rtdetr model "},
    ],
)
def test_rtdetr_is_refused_by_name(says: dict[str, str], output: tuple[Any, ...]) -> None:
    with pytest.raises(InferenceError, match=r"is an RT-DETR model .*RTDETRDecoder") as caught:
        read(ultralytics(**says), output)
    assert caught.value.exit_code == 6


@pytest.mark.parametrize("head", ["Detect", "v10Detect", "WorldDetect", "YOLOEDetect"])
def test_heads_of_yolo_are_read(head: str) -> None:
    description = "Ultralytics YOLO11n model trained on /data/rtdetr/data.yaml"
    for output in ((1, 300, 6), RAW):
        read(ultralytics(head=head, description=description), output)


def test_a_head_that_is_not_known() -> None:
    assert read(ultralytics(head="MyDetect")).head.layout == "raw"  # its shape says all
    inside = ultralytics(head="MyDetect", args="{'nms': True}")
    assert read(inside, (1, 300, 6)).head.layout == "end2end"
    with pytest.raises(InferenceError, match="ends in the head MyDetect"):
        read(ultralytics(head="MyDetect"), (1, 300, 6))


@pytest.mark.parametrize(
    ("says", "output", "least", "most"),
    [
        ({}, RAW, 0.0, 300),
        ({"end2end": "True"}, (1, 84, 6), 0.0, 84),
        ({"args": "{'nms': True}"}, (1, 300, 6), 0.25, 300),
        ({"args": "{'nms': True, 'conf': None}"}, (1, 300, 6), 0.25, 300),
        ({"args": "{'nms': True, 'conf': 0.4}"}, (1, 50, 6), 0.4, 50),
        ({"args": "{'nms': True}"}, ("batch", None, 6), 0.25, 300),
        ({"args": "['nms']"}, (1, 300, 6), 0.0, 300),
        ({"args": "{'nms': True, 'data': PosixPath('a')}"}, (1, 300, 6), 0.0, 300),
    ],
)
def test_thresholds_in_the_graph(
    says: dict[str, str], output: tuple[Any, ...], least: float, most: int
) -> None:
    head = read(ultralytics(**says), output).head
    assert (head.least_score, head.max_det) == (least, most)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("names", "__import__('os').system('true')"),
        ("names", "{0: 'nut'"),
        ("names", "{0: 'nut', 2: 'bolt'}"),
        ("names", "{}"),
        ("names", "7"),
        ("imgsz", "[64]"),
        ("imgsz", "['64', 64]"),
        ("imgsz", "[64, -1]"),
        ("stride", "0"),
        ("stride", "[32]"),
        ("names", "(" * 9999),
    ],
)
def test_metadata_that_cannot_be_read_is_never_executed(key: str, value: str) -> None:
    with pytest.raises(InferenceError, match=r"m\.onnx"):
        read(ultralytics(**{key: value}))


def own(**head: Any) -> dict[str, str]:
    manifest = ModelManifest(
        io=ModelIO(input_name="images", shape=(1, 3, 64, 64), input_wh=(64, 64), pad_value=9),
        head=ModelHead(**({"output_name": "output0", "layout": "raw", "names": ("a", "b")} | head)),
    )
    return {METADATA_KEY: encode_manifest(manifest)}


def test_our_manifest_wins_over_everything() -> None:
    manifest = read(ultralytics() | own(conf=0.6))
    assert (manifest.head.names, manifest.head.conf, manifest.io.pad_value) == (("a", "b"), 0.6, 9)


@pytest.mark.parametrize(
    "head", [{"names": ("a", "b", "c")}, {"layout": "end2end"}, {"output_name": "output1"}]
)
def test_a_manifest_that_contradicts_the_graph(head: dict[str, Any]) -> None:
    with pytest.raises(ModelOutputError, match=r"layout|no output"):
        read(own(**head))


@pytest.mark.parametrize(
    ("port", "message"),
    [
        ({"extra_inputs": 1}, "has the inputs images, more0"),
        ({"input_type": "tensor(uint8)"}, "not floating-point pixels"),
        ({"input_shape": (1, 1, 64, 64)}, r"not \(batch, 3, height, width\)"),
        ({"input_shape": (1, 3, 64)}, r"not \(batch, 3, height, width\)"),
    ],
)
def test_inputs_that_are_no_image(port: dict[str, Any], message: str) -> None:
    for metadata in (own(), ultralytics()):
        with pytest.raises(InferenceError, match=message):
            read(metadata, **port)


def test_a_manifest_that_states_another_size_than_the_graph_has() -> None:
    with pytest.raises(InferenceError, match=r"m\.onnx takes .*\(1, 3, 96, 64\), its manifest"):
        read(own(), input_shape=(1, 3, 96, 64))


@pytest.mark.parametrize(
    "said",
    [
        {"names": "{None: 'a', 0: 'b'}"},
        {"stride": "1e999"},
        {"stride": "1e300"},
        {"imgsz": "[100000000, 64]"},
    ],
)
def test_metadata_of_ultralytics_that_cannot_be_meant(said: dict[str, str]) -> None:
    with pytest.raises(InferenceError, match=rf"m\.onnx.*{'names' if 'names' in said else ''}"):
        read(ultralytics(**said))


def test_random_bytes_as_manifest() -> None:
    text = np.random.default_rng(0).bytes(40).decode("latin-1")
    with pytest.raises(InferenceError, match=r"m\.onnx: the model's manifest is unreadable"):
        read({METADATA_KEY: text})
