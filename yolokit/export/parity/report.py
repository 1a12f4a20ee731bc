"""What is compared of one image, and what came of it over all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

from yolokit.export.tolerances import Tolerance

if TYPE_CHECKING:
    from yolokit.core.types import F32, U8, Letterbox
    from yolokit.runtime.tasks.toolkit import Outputs

SIDES = ("the trained model", "the deployed model")


class ParityReport(msgspec.Struct, kw_only=True):
    """What the gate saw. Differences are the largest over all images.

    Attributes:
        verdict: ``equal``; ``tensors only`` where the model detects nothing at any threshold
            (raw outputs were still compared); ``different``.
        problems: One sentence for each thing that is not equal.
        threshold: Score from which detections were compared.
        matched: Pairs of detections.
        unmatched: Detections of either side without a partner.
        ties: Others without one, where suppression chose between boxes that are equal but for
            rounding.
        raw_outliers: Raw boxes and scores further apart than the tolerance, of which it allows a
            share.
        parent: The same of the FP32 file that a file of fewer bits was made of; None for an FP32
            file.
    """

    verdict: Literal["equal", "tensors only", "different"] = "different"
    problems: list[str] = msgspec.field(default_factory=list)
    images: int = 0
    non_square_images: int = 0
    threshold: float | None = None
    matched: int = 0
    unmatched: int = 0
    ties: int = 0
    raw_outliers: int = 0
    max_input_diff: float = 0.0
    max_raw_box_diff_px: float = 0.0
    max_raw_score_diff: float = 0.0
    max_box_diff_px: float = 0.0
    max_score_diff: float = 0.0
    min_iou: float | None = None
    tolerance: Tolerance = msgspec.field(default_factory=Tolerance)
    image_names: list[str] = msgspec.field(default_factory=list)
    model_sha256: str = ""
    weights_sha256: str = ""
    provider: str = ""
    parent: ParityReport | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """One image seen by both sides: ``trained`` in torch, ``deployed`` in the runtime.

    Attributes:
        name: The image.
        letterbox: Where it lies in the input.
        trained_input: (1, 3, H, W) float32.
        trained: Outputs by name, each without the axis of the batch.
        deployed_input: As ``trained_input``; or (1, H, W, 3) uint8, the image, where the graph
            prepares it.
        deployed: As ``trained``.
    """

    name: str
    letterbox: Letterbox
    trained_input: F32
    trained: Outputs
    deployed_input: F32 | U8
    deployed: Outputs
