"""How far an exported model may be from the trained one, by precision."""

from __future__ import annotations

import msgspec

from yolokit.errors import ExportError


class Tolerance(msgspec.Struct, frozen=True, kw_only=True):
    """How far the two sides may be apart; ``CONTRIBUTING.md`` has the measurements.

    Attributes:
        input_abs: Model input, whose range is [0, 1]. The two letterboxes are bit-identical.
        box_abs_px: Raw boxes, in input px.
        score_abs: Raw scores.
        rel: Added for both: this part of the trained side's value.
        raw_min_score: Raw boxes and scores are compared in the places where either side scores as
            much. Elsewhere nothing is found, and with few bits a box may be anything.
        outlier_share: Raw boxes, and raw scores, of which this share may be further apart.
        min_iou: Overlap of a pair of detections.
        score_diff: Difference of a pair's scores.
        score_margin: The partner of a detection may score this much below the threshold.
        alone_share: Detections of which this share may have no partner.
    """

    input_abs: float = 1e-6
    box_abs_px: float = 0.01
    score_abs: float = 1e-4
    rel: float = 1e-5
    raw_min_score: float = 0.0
    outlier_share: float = 0.0
    min_iou: float = 0.99
    score_diff: float = 0.001
    score_margin: float = 0.001
    alone_share: float = 0.0


# What was measured, and what planted faults do, is in ``CONTRIBUTING.md``.
TOLERANCES = {
    # Some fifty times what was measured, so that another CPU passes.
    "fp32": Tolerance(),
    # Some six times what was measured; the last steps to boxes and scores are in float32.
    "fp16": Tolerance(
        box_abs_px=0.5,
        score_abs=0.02,
        rel=1e-3,
        raw_min_score=0.25,
        min_iou=0.95,
        score_diff=0.02,
        score_margin=0.02,
    ),
    # What a provider computes an FP32 file in. Measured by OpenVINO on the shipped weights and on a
    # detector of blood cells: raw boxes 0.74 px, raw scores 0.046, overlap of pairs 0.90.
    "bf16": Tolerance(
        box_abs_px=4,
        score_abs=0.1,
        rel=0.01,
        raw_min_score=0.25,
        min_iou=0.8,
        score_diff=0.1,
        score_margin=0.1,
    ),
    # Eight bits move single boxes and scores far, and suppression then chooses others: most must
    # agree, a few need not. What such a model costs in accuracy is told by its mAP alone.
    "int8": Tolerance(
        box_abs_px=4,
        score_abs=0.2,
        rel=0.01,
        raw_min_score=0.25,
        outlier_share=0.05,
        min_iou=0.5,
        score_diff=0.4,
        score_margin=0.2,
        alone_share=0.1,
    ),
}


def find_tolerance(precision: str) -> Tolerance:
    """Return the tolerance for a precision.

    Raises:
        ExportError: There is none.
    """
    if precision not in TOLERANCES:
        known = ", ".join(TOLERANCES)
        raise ExportError(
            f"there is no parity tolerance for the precision {precision}; there are {known}"
        )
    return TOLERANCES[precision]


# mAP50-95 on val that a file may lose. Rounding alone moves an FP32 file by less than 1e-6.
MAX_MAP_DROPS = {"fp32": 0.002, "fp16": 0.005, "bf16": 0.005, "int8": 0.01}

# F1 at the score from which boxes are shown. mAP does not see scores that fall together; a file
# of a lower precision moves single boxes over the threshold, and by less than half of this.
_MAX_SHOWN_F1_DROP = 0.05


def allow_f1_drop(max_map_drop: float) -> float:
    """Return how much F1 may be lost where so much mAP may be."""
    return max(_MAX_SHOWN_F1_DROP, max_map_drop)


def find_max_map_drop(precision: str) -> float:
    """Return how much mAP50-95 a precision may cost, unless the user says otherwise.

    Raises:
        ExportError: There is no such precision.
    """
    if precision not in MAX_MAP_DROPS:
        known = ", ".join(MAX_MAP_DROPS)
        raise ExportError(f"it is not known what {precision} may cost in mAP; known are {known}")
    return MAX_MAP_DROPS[precision]
