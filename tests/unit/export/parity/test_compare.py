"""The gate passes what is equal and catches what is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from yolokit.core.types import Detections, Letterbox
from yolokit.export.parity.compare import compare
from yolokit.export.parity.report import ParityReport, Sample
from yolokit.export.tolerances import Tolerance
from yolokit.runtime.detector import Detector
from yolokit.runtime.manifest import ModelHead, ModelIO, ModelManifest
from yolokit.runtime.tasks.toolkit import Limits, Outputs, load_task

if TYPE_CHECKING:
    from yolokit.core.types import F32

NAMES = ("bolt", "nut")


class FakeDetector:
    """A detector's manifest and decoder, without a model."""

    provider = "cpu"
    names = NAMES
    manifest = ModelManifest(
        io=ModelIO(input_name="x", shape=(1, 3, 64, 64), input_wh=(64, 64)),
        head=ModelHead(output_name="y", layout="raw", names=NAMES),
    )

    def decode(
        self,
        outputs: Outputs,
        letterbox: Letterbox,
        *,
        conf: float,
        max_det: int = 300,
        clip: bool = True,
    ) -> Detections:
        limits = Limits(min_score=conf, max_iou=0.7, max_det=max_det, clip=clip)
        return load_task("detect").decode(outputs, letterbox, self.manifest.head, limits)


def make_sample(scores: list[float], seed: int = 0) -> Sample:
    """One image whose detections are a row of separate boxes with these scores."""
    rng = np.random.default_rng(seed)
    output = np.zeros((6, 40), np.float32)
    for index, score in enumerate(scores):
        output[:4, index] = [8 + 12 * (index % 5), 8 + 12 * (index // 5), 8, 8]
        output[4 + index % 2, index] = score
    tensor = rng.random((1, 3, 64, 64)).astype(np.float32)
    return Sample(
        name=f"image{seed}",
        letterbox=Letterbox.fit((128, 96), (64, 64)),
        trained_input=tensor,
        trained={"y": output},
        deployed_input=tensor.copy(),
        deployed={"y": output.copy()},
    )


def check(*samples: Sample) -> ParityReport:
    return compare(samples, cast("Detector", FakeDetector()))


def test_equal_outputs_pass() -> None:
    report = check(make_sample([0.9, 0.8, 0.3] * 7))
    assert report.verdict == "equal"
    assert report.threshold == 0.25
    assert report.matched == 21
    assert report.non_square_images == 1
    assert report.max_box_diff_px == 0


def test_a_tie_of_two_boxes_is_counted_and_is_no_difference() -> None:
    """A hair decides which of two boxes of one score stays, as in a model hardly trained."""
    sample = make_sample([0.9] * 20)
    for outputs, scores in ((sample.trained, (0.5, 0.49999)), (sample.deployed, (0.49999, 0.5))):
        output = outputs["y"]
        output[:4, 30], output[:4, 31] = [30, 58, 20, 8], [31, 58, 20, 8]
        output[4, 30:32] = scores
    report = check(sample)
    assert (report.verdict, report.ties, report.unmatched) == ("equal", 2, 0)


def test_few_detections_lower_the_threshold() -> None:
    report = check(make_sample([0.9] + [0.06] * 20))
    assert report.verdict == "equal"
    assert report.threshold == pytest.approx(0.06)
    assert report.matched == 21


def test_none_at_all_is_said() -> None:
    report = check(make_sample([]))
    assert report.verdict == "tensors only"
    assert report.threshold is None


def test_a_difference_within_tolerance_passes() -> None:
    sample = make_sample([0.9] * 20)
    moved = sample.deployed["y"].copy()
    moved[:4] += 0.005
    moved[4:] += 1e-5
    report = check(replace(sample, deployed={"y": moved}))
    assert report.verdict == "equal"
    assert report.max_raw_box_diff_px == pytest.approx(0.005, rel=0.01)


@pytest.mark.parametrize(
    ("row", "amount", "word"), [(0, 0.5, "boxes"), (4, 0.01, "scores"), (4, np.nan, "finite")]
)
def test_a_raw_difference_is_caught(row: int, amount: float, word: str) -> None:
    sample = make_sample([0.9] * 20)
    damaged = sample.deployed["y"].copy()
    damaged[row, 3] += amount
    report = check(replace(sample, deployed={"y": damaged}))
    assert report.verdict == "different"
    assert word in report.problems[0]


FEW_BITS = Tolerance(
    box_abs_px=1, score_abs=0.1, raw_min_score=0.25, outlier_share=0.1, min_iou=0.5,
    score_diff=0.2, score_margin=0.1, alone_share=0.1,
)  # fmt: skip


def check_few_bits(sample: Sample, deployed: F32) -> ParityReport:
    moved = replace(sample, deployed={"y": deployed})
    return compare([moved], cast("Detector", FakeDetector()), tolerance=FEW_BITS)


def test_few_bits_may_move_a_share_of_what_is_found_and_no_more() -> None:
    sample = make_sample([0.9] * 20)
    moved = sample.deployed["y"].copy()
    moved[0, :2] += 2
    report = check_few_bits(sample, moved)
    assert (report.verdict, report.raw_outliers) == ("equal", 2)
    assert report.max_raw_box_diff_px == 2
    moved[0, 2] += 2
    report = check_few_bits(sample, moved)
    assert report.verdict == "different"
    assert report.problems == ["image0: 3 of 20 raw boxes differ, by up to 2"]


def test_few_bits_may_move_anything_where_nothing_is_found() -> None:
    sample = make_sample([0.9] * 20)
    moved = sample.deployed["y"].copy()
    moved[:4, 30:] += 50
    moved[4:, 30:] += 0.2
    assert check_few_bits(sample, moved).verdict == "equal"
    moved[4:, 30:] += 0.2  # now something is
    assert check_few_bits(sample, moved).verdict == "different"


def test_few_bits_may_lose_a_share_of_the_detections_and_no_more() -> None:
    sample = make_sample([0.9] * 20)
    moved = sample.deployed["y"].copy()
    moved[4:, :2] = 0.1
    report = check_few_bits(sample, moved)
    assert (report.verdict, report.matched, report.unmatched) == ("equal", 18, 2)
    moved[4:, 2] = 0.1
    report = check_few_bits(sample, moved)
    assert report.verdict == "different"
    assert "3 of 20 raw scores differ" in report.problems[0]


def test_a_model_that_finds_little_is_compared_from_a_lower_score_up() -> None:
    sample = make_sample([0.12] * 20)
    moved = sample.deployed["y"].copy()
    moved[0] += 2
    report = check_few_bits(sample, moved)
    assert report.verdict == "different"
    assert "20 of 20 raw boxes differ" in report.problems[0]


def test_swapped_channels_are_caught() -> None:
    sample = make_sample([0.9] * 20)
    swapped = np.ascontiguousarray(sample.trained_input[:, ::-1])
    report = check(replace(sample, deployed_input=swapped))
    assert report.verdict == "different"
    assert "colour order" in report.problems[0]


def test_a_shifted_letterbox_is_caught() -> None:
    sample = make_sample([0.9] * 20)
    report = check(replace(sample, deployed_input=np.roll(sample.deployed_input, 1, axis=2)))
    assert report.verdict == "different"
    assert "letterbox" in report.problems[0]


def test_a_different_shape_is_caught() -> None:
    sample = make_sample([0.9] * 20)
    report = check(replace(sample, deployed={"y": sample.deployed["y"][:, :-1]}))
    assert "raw outputs are" in report.problems[0]


def test_a_lost_detection_is_caught_though_every_number_is_close() -> None:
    """Just at the threshold: 0.25 on one side, 0.2485 on the other."""
    sample = make_sample([0.9] * 19 + [0.25])
    lower = sample.deployed["y"].copy()
    lower[5, 19] = 0.2485
    limits = ParityReport().tolerance
    import msgspec

    loose = msgspec.structs.replace(limits, score_abs=0.01)
    report = compare(
        [replace(sample, deployed={"y": lower})], cast("Detector", FakeDetector()), tolerance=loose
    )
    assert report.verdict == "different"
    assert "only the trained model finds nut" in report.problems[0]
    assert report.unmatched == 1
