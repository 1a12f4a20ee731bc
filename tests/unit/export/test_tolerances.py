"""One table says how far an exported model may be from the trained one."""

from __future__ import annotations

import pytest

from yolokit.core.plugins import list_plugins
from yolokit.errors import ExportError
from yolokit.export.config import QUANTIZERS
from yolokit.export.parity.matching import SCORE
from yolokit.export.tolerances import TOLERANCES, Tolerance, find_tolerance


def test_each_precision_that_can_be_exported_has_one() -> None:
    for precision in ("fp32", *list_plugins(QUANTIZERS)):
        assert find_tolerance(precision) == TOLERANCES[precision]


def test_the_limits_of_fp32_are_those_of_models_that_are_published_already() -> None:
    assert find_tolerance("fp32") == Tolerance(
        input_abs=1e-6, box_abs_px=0.01, score_abs=1e-4, rel=1e-5, min_iou=0.99,
        score_diff=0.001, score_margin=0.001,
    )  # fmt: skip


@pytest.mark.parametrize(("finer", "coarser"), [("fp32", "fp16"), ("fp16", "int8")])
def test_fewer_bits_never_have_narrower_limits(finer: str, coarser: str) -> None:
    a, b = TOLERANCES[finer], TOLERANCES[coarser]
    for name in ("box_abs_px", "score_abs", "rel", "score_diff", "score_margin"):
        assert getattr(a, name) < getattr(b, name)
    assert a.min_iou > b.min_iou
    assert a.input_abs == b.input_abs, "inputs are prepared in FP32 whatever the model computes in"
    assert b.score_margin < SCORE, "what scores nothing is nobody's partner"


def test_one_that_nobody_has_measured_is_refused() -> None:
    with pytest.raises(ExportError, match="no parity tolerance for the precision int4"):
        find_tolerance("int4")
