"""Detection: upright boxes, out of one output of any layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolokit.core.types import Detections
from yolokit.runtime.draw import draw_boxes
from yolokit.runtime.tasks.toolkit import check_box_output, check_image_input, choose_boxes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import Letterbox
    from yolokit.runtime.manifest import ModelHead, ModelManifest
    from yolokit.runtime.session import Session
    from yolokit.runtime.tasks.toolkit import Limits, Outputs
draw = draw_boxes


def count_extras(session: Session) -> int:
    """Return 0: a box is all that there is."""
    del session
    return 0


def list_outputs(head: ModelHead) -> tuple[str, ...]:
    """Return the name of the output that holds the boxes, and of those beside it."""
    return (head.output_name, *(head.ports.outputs if head.ports else ()))


def check_ports(session: Session, manifest: ModelManifest) -> None:
    """Refuse a model without one input of images and an output of the layout that is stated."""
    check_image_input(session, manifest)
    check_box_output(session, manifest.head)


def decode(outputs: Outputs, letterbox: Letterbox, head: ModelHead, limits: Limits) -> Detections:
    """Return the boxes in pixels of the image."""
    kept = choose_boxes(outputs[head.output_name], head, limits)
    return Detections(letterbox.to_image(kept.xyxy, clip=limits.clip), kept.scores, kept.class_ids)


def describe(detections: Detections, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return each box with its score and class, as ``sinks/jsonl.py`` has them."""
    return [
        {
            "xyxy": [round(float(side), 3) for side in xyxy],
            "score": round(score, 6),
            "class_id": class_id,
            "name": names[class_id],
        }
        for xyxy, score, class_id in detections
    ]
