"""Before and after, and whether chance explains what is between."""

from __future__ import annotations

import pytest

from tests.unit.train.test_record import make_epoch, record_of
from yolokit.engine_protocol.training import TransferReport
from yolokit.evaluate.resampling import Difference
from yolokit.train.config import TrainConfig
from yolokit.train.record import RunRecord
from yolokit.train.report.baseline import judge_baseline


def make_run(before: float | None, *after: float, boxes: int = 50) -> RunRecord:
    record = record_of(*after)
    record.data.boxes["val"] = boxes
    if before is not None:
        record.start_epoch = make_epoch(0, {"mAP50-95": before})
    return record


def differ(low: float, high: float) -> Difference:
    return Difference(first=0.5, second=0.5, low=low, high=high, images=72, draws=1000)


@pytest.mark.parametrize(
    ("run", "difference", "kind", "headline"),
    [
        (make_run(0.542, 0.546), differ(-0.01, 0.02), "same",
         "before 0.542, after 0.546: training brought nothing"),
        (make_run(0.542, 0.546), None, "same",
         "before 0.542, after 0.546: training brought nothing"),
        (make_run(0.1, 0.546), differ(0.3, 0.5), "better",
         "before 0.100, after 0.546: training brought +0.446"),
        (make_run(0.1, 0.546), None, "better",
         "before 0.100, after 0.546: training brought +0.446"),
        (make_run(0.5, 0.4, 0.3), None, "worse",
         "before 0.500, after 0.400: training made it no better"),
        (make_run(None, 0.4), None, "unmeasured", ""),
        (make_run(0.4), None, "unmeasured", ""),
        (make_run(0.0, 0.0, boxes=0), None, "unmeasured", ""),
    ],
)  # fmt: skip
def test_what_training_brought(
    run: RunRecord, difference: Difference | None, kind: str, headline: str
) -> None:
    found = judge_baseline(run, difference)
    assert (found.kind, found.headline) == (kind, headline)
    assert found.sentence.endswith(".")


def test_a_start_that_does_not_know_the_classes_is_said_to_be_unmeasured() -> None:
    run = make_run(None, 0.546)
    run.start = TransferReport(kind="network", groups=[], knows_classes=False)
    found = judge_baseline(run, None)
    assert found.headline == "before not measured, after 0.546"
    assert found.sentence.endswith("did not know all of these classes, so it was not measured.")
    run.epochs[0].metrics["mAP50-95"] = 0.0
    assert judge_baseline(run, None).sentence.endswith("hardly any of their objects yet.")


def test_how_chance_was_judged_is_said() -> None:
    sentence = judge_baseline(make_run(0.542, 0.546), differ(-0.01, 0.02)).sentence
    assert "between -0.010 and +0.020 (95 % of 1000 draws of the 72 images)" in sentence


def test_the_metric_is_named_where_it_is_another_one() -> None:
    run = make_run(0.1, 0.3)
    run.config = TrainConfig(data="d.yaml", fitness="map50")
    assert run.start_epoch is not None
    run.start_epoch.metrics["mAP50"], run.epochs[0].metrics["mAP50"] = 0.5, 0.4
    found = judge_baseline(run, None)
    assert found.kind == "worse", "mAP50-95 has risen"
    assert found.headline == "mAP50 before 0.500, after 0.400: training made it no better"
    run.epochs[0].metrics["mAP50"] = 0.6
    difference = Difference(
        metric="mAP50", first=0.5, second=0.6, low=0.05, high=0.2, images=72, draws=1000
    )
    found = judge_baseline(run, difference)
    assert found.headline == "mAP50 before 0.500, after 0.600: training brought +0.100"
    assert "the difference in mAP50 would lie between +0.050 and +0.200" in found.sentence


def test_where_both_are_zero_best_pt_is_not_said_to_be_the_start() -> None:
    found = judge_baseline(make_run(0.0, 0.0), None)
    assert found.sentence.endswith("so best.pt has the weights of the last one.")
