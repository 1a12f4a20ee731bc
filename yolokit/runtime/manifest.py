"""The model manifest: everything the runtime must know, in one JSON value inside the ONNX file."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import msgspec

from yolokit.core.task import Task
from yolokit.errors import InferenceError

METADATA_KEY = "yolokit"
SCHEMA_VERSION = 1

# What earlier versions did not write: left out where it says nothing new, so that their files
# stay equal.
_ADDED: dict[tuple[str, str], object] = {
    ("io", "kind"): "tensor",
    ("head", "ports"): None,
    ("head", "class_conf"): (),
    ("provenance", "run"): "",
    ("provenance", "ancestors"): (),
    ("provenance", "class_conf_source"): "",
    ("provenance", "quantization"): None,
}


MOST_SIDE_PX = 1 << 14  # an image of that side is 3 GB as a tensor
Side = Annotated[int, msgspec.Meta(ge=1, le=MOST_SIDE_PX)]
_Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class ModelIO(msgspec.Struct, frozen=True, kw_only=True):
    """How an image becomes the model's input.

    Attributes:
        input_name: Name of the ONNX input.
        kind: What goes in. ``tensor``: a batch of prepared images, float, of ``shape``.
            ``image``: one image (H, W, 3) uint8 of any size, its channels in ``color_order``; the
            graph prepares it.
        shape: (B, 3, H, W) of the network's input; None where the axis is dynamic.
        input_wh: Width and height in px to use where the shape does not fix them.
        color_order: Channel order that the model was trained on.
        pixel_scale: Factor from uint8 to the model's range.
        pad_value: Grey level of the letterbox border, uint8.
        stride_px: Input sizes are multiples of this.
    """

    input_name: str
    shape: tuple[_Count | None, _Count | None, Side | None, Side | None]
    input_wh: tuple[Side, Side]
    color_order: Literal["rgb", "bgr"] = "rgb"
    pixel_scale: Annotated[float, msgspec.Meta(ge=1e-6, le=1)] = 1 / 255
    pad_value: Annotated[int, msgspec.Meta(ge=0, le=255)] = 114
    stride_px: Side = 32
    kind: Literal["tensor", "image"] = "tensor"


class BoxPorts(msgspec.Struct, frozen=True, kw_only=True):
    """Names in a graph that chooses its boxes by what it is told: the layout ``boxes``.

    B is the batch. Each input may be left out, and has then the value that the file states; one
    that the graph does not have is called the empty text here.

    Attributes:
        scores: Output (B, max_det) float32, descending; 0 from ``count`` on.
        classes: Output (B, max_det) int32; -1 from ``count`` on.
        count: Output (B,) int32, how many rows of the other outputs are boxes.
        conf: Input (1,) or (C,) float32, least score of any class, or of each.
        iou: Input (1,) float32, overlap up to which two boxes of a class both stay.
        max_det: Input (1,) int32, most boxes in an image, and rows of each output.
        multi_label: Input (1,) bool, whether every class of a box counts that reaches ``conf``.
        clip: Input (1,) bool, whether boxes that are in px of the image are clipped to it.
        image_wh: Input (B, 2) or (1, 2) int32, size of the image that was prepared: boxes are in
            its px. Without it they are in input px.
    """

    scores: str = "scores"
    classes: str = "classes"
    count: str = "count"
    conf: str = "conf"
    iou: str = "iou"
    max_det: str = "max_det"
    multi_label: str = "multi_label"
    clip: str = "clip"
    image_wh: str = ""

    @property
    def outputs(self) -> tuple[str, str, str]:
        """Names of the outputs beside the boxes."""
        return self.scores, self.classes, self.count

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs that may be left out."""
        every = (
            self.conf, self.iou, self.max_det, self.multi_label, self.clip, self.image_wh,
        )  # fmt: skip
        return tuple(name for name in every if name)


class ModelHead(msgspec.Struct, frozen=True, kw_only=True):
    """How the model's output becomes detections.

    Attributes:
        output_name: Name of the ONNX output that holds the boxes.
        layout: How boxes lie in the output: a module of ``runtime/heads``.
        names: Class names by index.
        task: What the model does: a module of ``runtime/tasks``.
        conf: Score below which a detection is not reported by default.
        class_conf: Such a score for each class, recommended by the run that trained the model;
            empty where ``conf`` is for all of them.
        iou: Overlap above which two boxes of a class are one.
        max_det: Most detections in one image; ``max_count`` in the file.
        least_score: Scores below this never leave the graph, whatever is asked for: an NMS in it
            has a threshold of its own.
        ports: Names of the further outputs and inputs of the layout ``boxes``.
    """

    output_name: str
    layout: str
    names: tuple[str, ...]
    task: Task = Task.DETECT
    conf: _Share = 0.25
    class_conf: tuple[float, ...] = ()
    iou: _Share = 0.7
    max_det: _Count = msgspec.field(default=300, name="max_count")
    least_score: _Share = 0.0
    ports: BoxPorts | None = None

    def __post_init__(self) -> None:
        if not self.names:
            raise ValueError("a model has at least one class")
        if self.class_conf and len(self.class_conf) != len(self.names):
            raise ValueError("class_conf has a score for each class, or none")
        if not all(0 <= conf <= 1 for conf in self.class_conf):
            raise ValueError("class_conf has scores from 0 to 1")


class Quantization(msgspec.Struct, frozen=True, kw_only=True):
    """How a model was brought to fewer bits.

    Attributes:
        settings: Those of ``QuantSettings`` (``export/quantizers/toolkit``).
        images: How many images it was calibrated on; 0 where the precision needs none.
        split: The split of the data set that they are of.
        images_sha256: Hash of their pixels, in their order.
    """

    settings: dict[str, Any]
    images: int = 0
    split: str = ""
    images_sha256: str = ""


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """Where a model comes from; empty where that is not known.

    ``run`` is the id of the run that saved the weights, ``ancestors`` the sha256 of each file that
    these descend from by runs, oldest first. ``class_conf_source`` says in a sentence how the
    head's ``class_conf`` was found.
    """

    precision: str = "fp32"
    opset: int = 0
    weights_sha256: str = ""
    run: str = ""
    ancestors: tuple[str, ...] = ()
    data_sha256: str = ""
    architecture: str = ""
    license: str = ""
    class_conf_source: str = ""
    quantization: Quantization | None = None
    tool_versions: dict[str, str] = {}


class ModelManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What one ONNX file says of itself. Unknown keys are ignored, so newer files stay readable."""

    schema_version: int = SCHEMA_VERSION
    io: ModelIO
    head: ModelHead
    provenance: Provenance = msgspec.field(default_factory=Provenance)


def encode_manifest(manifest: ModelManifest) -> str:
    """Return the manifest as the JSON text that is stored under ``METADATA_KEY``."""
    content = msgspec.to_builtins(manifest)
    for (part, key), default in _ADDED.items():
        if content[part][key] == default:
            del content[part][key]
    return json.dumps(content, sort_keys=True, ensure_ascii=False)


def decode_manifest(text: str) -> ModelManifest:
    """Read a manifest from the JSON text in a model's metadata.

    Raises:
        InferenceError: It is not a manifest, or its schema is newer than this runtime.
    """
    try:
        manifest = msgspec.json.decode(text.encode(), type=ModelManifest)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise InferenceError(
            f"the model's manifest is unreadable: {error}",
            hint="export the checkpoint again with `yolokit export`",
        ) from error
    if manifest.schema_version > SCHEMA_VERSION:
        raise InferenceError(
            f"the model's manifest has schema {manifest.schema_version}, "
            f"this runtime reads up to {SCHEMA_VERSION}",
            hint="update yolokit on this machine",
        )
    return manifest
