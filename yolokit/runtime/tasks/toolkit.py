"""What a task offers to the runtime, and what tasks that find boxes share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

import numpy as np

from yolokit.core.nms import suppress_overlaps
from yolokit.core.plugins import list_plugins, load_plugin
from yolokit.core.plural import counted
from yolokit.errors import InferenceError, ModelOutputError
from yolokit.runtime.heads.toolkit import Candidates, load_head
from yolokit.runtime.ports import show_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import F32, U8, Detections, Letterbox
    from yolokit.runtime.manifest import ModelHead, ModelManifest
    from yolokit.runtime.session import Session

PACKAGE = "yolokit.runtime.tasks"

# The outputs of one image, by their names in the graph: each an element of a batch, float32.
Outputs: TypeAlias = Mapping[str, "F32"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Which of the objects that a model found are reported.

    Attributes:
        min_score: Scores below this are discarded, in [0, 1].
        class_min_scores: (C,) a further such limit for each class; empty for none.
        max_iou: Overlap in [0, 1] up to which two boxes of a class both stay.
        max_det: Most detections in one image, the best ones.
        multi_label: Report every class of a box that reaches ``min_score``, for evaluation; a head
            that suppresses overlaps itself has chosen already.
        clip: Whether to clip boxes to the image.
    """

    min_score: float
    max_iou: float
    max_det: int
    class_min_scores: tuple[float, ...] = ()
    multi_label: bool = False
    clip: bool = True


class RuntimeTask(Protocol):
    """A module of ``runtime/tasks``, called as the task is: all that the runtime does for it."""

    def count_extras(self, session: Session) -> int:
        """Return how many values each box has in the output beside its place, score and class.

        Told from the model's ports and metadata, also where a tool wrote those that has no
        manifest; 0 for a task that finds boxes alone.
        """

    def list_outputs(self, head: ModelHead) -> tuple[str, ...]:
        """Return the names of the outputs that ``decode`` needs."""

    def check_ports(self, session: Session, manifest: ModelManifest) -> None:
        """Refuse a model whose graph is not what its manifest states, before the first image.

        Raises:
            InferenceError: Its input is not one of images.
            ModelOutputError: An output is not there, or of another shape.
        """

    def decode(
        self, outputs: Outputs, letterbox: Letterbox, head: ModelHead, limits: Limits
    ) -> Detections:
        """Turn the outputs of one image into detections in its pixels, score-descending.

        The outputs are those of ``list_outputs``, without the axis of the batch.

        Raises:
            ModelOutputError: The outputs are not what the manifest states.
        """

    def describe(self, detections: Detections, names: Sequence[str]) -> list[dict[str, Any]]:
        """Return each detection as the JSON object that stands in the record of a prediction."""

    def draw(self, bgr: U8, detections: Detections, names: Sequence[str]) -> U8:
        """Return a copy of an image (H, W, 3) uint8 BGR that shows the detections in it."""


def list_tasks() -> tuple[str, ...]:
    """Return the names of the tasks that the runtime runs."""
    return list_plugins(PACKAGE)


def load_task(task: str) -> RuntimeTask:
    """Import what the runtime does for a task; a ConfigError says that there is nothing."""
    return cast(RuntimeTask, load_plugin(PACKAGE, str(task), kind="task"))


def check_image_input(session: Session, manifest: ModelManifest) -> None:
    """Refuse a model that does not take images as its manifest says, or needs more than them.

    Raises:
        InferenceError: It has other inputs, or one of another type or shape.
    """
    by_name = {port.name: port for port in session.inputs}
    port = by_name.get(manifest.io.input_name)
    known = {manifest.io.input_name, *(manifest.head.ports.inputs if manifest.head.ports else ())}
    if port is None or by_name.keys() - known:
        raise InferenceError(
            f"{session.path} has the inputs {', '.join(by_name)}; a detector has one, "
            f"{manifest.io.input_name!r}"
        )
    if manifest.io.kind == "image":
        if port.type != "tensor(uint8)" or len(port.shape) != 3 or port.shape[2] != 3:
            raise InferenceError(
                f"{session.path} takes {port.type} of shape {show_shape(port.shape)}, not an "
                "image (height, width, 3) of uint8"
            )
        return
    if port.type not in ("tensor(float)", "tensor(float16)"):
        raise InferenceError(f"{session.path} takes {port.type}, not floating-point pixels")
    has, stated = port.image_axes(), manifest.io.shape
    if any(None not in pair and pair[0] != pair[1] for pair in zip(has, stated, strict=True)):
        raise InferenceError(
            f"{session.path} takes an input of shape {show_shape(has)}, its manifest states "
            f"{show_shape(stated)}",
            hint="export the checkpoint again with `yolokit export`",
        )


def check_box_output(session: Session, head: ModelHead, *, extra_count: int = 0) -> None:
    """Raise a ModelOutputError if the output of boxes is missing or not of the stated layout.

    ``extra_count`` is the number of further values of each box.
    """
    shapes = {port.name: port.shape for port in session.outputs}
    for name in (head.output_name, *(head.ports.outputs if head.ports else ())):
        if name not in shapes:
            raise ModelOutputError(f"{session.path} has no output {name!r}")
    shape = shapes[head.output_name]
    layout = load_head(head.layout)
    if (head.ports is not None) != layout.TAKES_LIMITS:
        raise ModelOutputError(
            f"{session.path}: the layout {head.layout!r} and the ports that its manifest names, "
            "or does not name, contradict each other"
        )
    length = 4 if head.ports else layout.count_values(len(head.names), extra_count)
    if len(shape) != 3 or shape[3 - layout.BOX_AXIS] not in (None, length):
        raise ModelOutputError(
            f"{session.path}: an output of shape {show_shape(shape)} is not the layout "
            f"{head.layout!r} for {counted(len(head.names), 'class', 'classes')}"
        )


def choose_boxes(
    output: F32, head: ModelHead, limits: Limits, *, extra_count: int = 0
) -> Candidates:
    """Decode the boxes of one image and keep the best one of each cluster that overlaps.

    Args:
        output: (., .) float32, as the head's layout has it.
        head: What the manifest says of the output.
        limits: What is to be reported.
        extra_count: Further values of each box.

    Returns:
        At most ``limits.max_det`` boxes in input px, score-descending, scores in [0, 1].

    Raises:
        ModelOutputError: The output is not of the layout that the manifest states.
    """
    layout = load_head(head.layout)
    found = layout.decode(
        output,
        class_count=len(head.names),
        extra_count=extra_count,
        min_score=limits.min_score,
        multi_label=limits.multi_label,
    )
    if limits.class_min_scores:
        least = np.array(limits.class_min_scores, np.float32)
        found = found[found.scores >= least[found.class_ids]]
    if layout.SUPPRESSES_OVERLAPS:
        kept = found[: limits.max_det]
    else:
        kept = found[
            suppress_overlaps(
                found.xyxy,
                found.scores,
                found.class_ids,
                max_iou=limits.max_iou,
                max_det=limits.max_det,
            )
        ]
    return Candidates(
        kept.xyxy, np.minimum(kept.scores, np.float32(1)), kept.class_ids, kept.extras
    )
