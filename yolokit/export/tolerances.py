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
        min_iou: Overlap of a pair of detections.
        score_diff: Difference of a pair's scores.
        score_margin: The partner of a detection may score this much below the threshold.
    """

    input_abs: float = 1e-6
    box_abs_px: float = 0.01
    score_abs: float = 1e-4
    rel: float = 1e-5
    min_iou: float = 0.99
    score_diff: float = 0.001
    score_margin: float = 0.001


# Measured on the shipped weights and images unless stated otherwise. With each of them, swapped
# channels and a shift by 16 px are refused.
TOLERANCES = {
    # Some fifty times what was measured (``CONTRIBUTING.md``), so that another CPU passes.
    "fp32": Tolerance(),
    # A number has 11 bits: a coordinate of 500 px is stored in steps of 0.25 px, a score near 1
    # in steps of 0.0005. Measured: raw boxes 0.25 px, raw scores 0.004, overlap of pairs 0.994.
    "fp16": Tolerance(
        box_abs_px=0.5, score_abs=0.02, rel=2e-3, min_iou=0.95, score_diff=0.02, score_margin=0.02
    ),
    # What a provider computes an FP32 file in. A number has 8 bits; measured by OpenVINO on the
    # shipped weights and on a detector of blood cells: raw scores 0.046, overlap of pairs 0.92;
    # raw boxes 2 px, but 26 px at places where nothing is.
    "bf16": Tolerance(
        box_abs_px=48, score_abs=0.1, rel=0.02, min_iou=0.8, score_diff=0.1, score_margin=0.1
    ),
    # Eight bits move single boxes and scores far. Measured: raw boxes 8 px, raw scores 0.18;
    # pairs 19 px, scores 0.26, overlap 0.72; one partner in 58 scored far below the threshold, so
    # it need only exist. Pairs do not tell what such a model costs in accuracy.
    "int8": Tolerance(
        box_abs_px=32, score_abs=0.5, rel=0.1, min_iou=0.5, score_diff=0.4, score_margin=0.249
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


def find_max_map_drop(precision: str) -> float:
    """Return how much mAP50-95 a precision may cost, unless the user says otherwise.

    Raises:
        ExportError: There is no such precision.
    """
    if precision not in MAX_MAP_DROPS:
        known = ", ".join(MAX_MAP_DROPS)
        raise ExportError(f"it is not known what {precision} may cost in mAP; known are {known}")
    return MAX_MAP_DROPS[precision]
