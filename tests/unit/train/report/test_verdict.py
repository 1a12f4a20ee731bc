"""What a run's curves say: each rule on a curve that was made for it, and on real runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.train.report.real_curves import BCCD, BURST, DEMO, FEW, SIX
from tests.unit.train.test_record import make_record
from yolokit.train import record as records
from yolokit.train.config import TrainConfig
from yolokit.train.report.verdict import CurveVerdict, judge_curves


def make_run(
    score: Sequence[float],
    *,
    train: Callable[[int], float] = lambda epoch: 3 / epoch,
    val: Callable[[int], float] = lambda epoch: 4 / epoch,
    boxes: int = 200,
    retries: int = 0,
) -> records.RunRecord:
    """A run with these mAPs and losses."""
    record = make_record()
    record.data = records.DataRecord(
        path="d.yaml", sha256="", names=["a"], images={"train": 9, "val": 9},
        boxes={"train": 90, "val": boxes},
    )  # fmt: skip
    record.epochs = [
        records.EpochRecord(
            epoch=epoch, seconds=1, retries=retries if epoch == 2 else 0,
            metrics={
                "train_box_loss": train(epoch), "train_cls_loss": train(epoch),
                "val_box_loss": val(epoch), "val_cls_loss": val(epoch), "mAP50-95": float(value),
            },
        )
        for epoch, value in enumerate(score, 1)
    ]  # fmt: skip
    return record


LEVEL = [0.6 * (1 - math.exp(-epoch / 5)) for epoch in range(1, 41)]
RISING = [0.015 * epoch for epoch in range(1, 31)]
rng = np.random.default_rng(0)
NOISY_LEVEL = (np.array(LEVEL) + rng.normal(0, 0.01, 40)).clip(0).tolist()


def rise_after(epoch: int, slope: float = 0.05) -> Callable[[int], float]:
    """A loss that falls up to an epoch and rises from there."""
    return lambda at: 2 / min(at, epoch) + max(0, at - epoch) * slope


@pytest.mark.parametrize(
    ("run", "kind"),
    [
        (make_run(LEVEL), "converged"),
        (make_run(NOISY_LEVEL), "converged"),
        (make_run(RISING), "improving"),
        (make_run(RISING[:5]), "improving"),
        (make_run(RISING[:4]), "too-little"),
        (make_run([]), "too-little"),
        (make_run(LEVEL, boxes=19), "too-little"),
        (make_run([0.0] * 20), "nothing-learnt"),
        (make_run(LEVEL, val=rise_after(15)), "over-fitting"),
        (make_run(RISING, val=rise_after(15)), "improving"),  # the loss alone decides nothing
        (make_run(RISING[20:], val=rise_after(6)), "over-fitting"),  # nor does a little gain
        (make_run(LEVEL, val=rise_after(15, slope=0.0001)), "converged"),
        (make_run([0.3, 0.1, 0.4, 0.05, 0.35, 0.1, 0.4, 0.05, 0.3, 0.02]), "unstable"),
        (make_run([*LEVEL, *[0.3, 0.2, 0.1]], train=rise_after(40, slope=1)), "unstable"),
        (make_run(LEVEL, retries=1), "unstable"),
        (make_run(LEVEL, val=lambda epoch: 3000 if epoch == 8 else 4 / epoch), "unstable"),
        (make_run([*RISING[:20], *[RISING[19]] * 4]), "converged"),  # risen, and level since
    ],
)
def test_each_kind_of_curve(run: records.RunRecord, kind: str) -> None:
    assert judge_curves(run).kind == kind


def judge_by_recall(record: records.RunRecord, recall: Sequence[float]) -> CurveVerdict:
    """Judge a run whose epochs have this recall at a precision."""
    record.config = TrainConfig(data="d.yaml", fitness="recall@0.9")
    for epoch, value in zip(record.epochs, recall, strict=True):
        epoch.metrics["recall@0.9"] = float(value)
    return judge_curves(record)


def test_curves_are_judged_by_what_chooses_the_best() -> None:
    found = judge_by_recall(make_run(LEVEL), [epoch / 50 for epoch in range(40)])
    assert found.kind == "improving", "mAP alone has levelled off"
    assert "epochs recall@0.9 rose by 0.200" in found.reason
    found = judge_by_recall(make_run(RISING), [0.5] * 30)
    assert found.kind == "converged"
    assert "The mean recall@0.9 of the last quarter" in found.reason


def test_a_recall_that_jumps_makes_no_training_unstable() -> None:
    found = judge_by_recall(make_run(LEVEL), [0.2, 0.8] * 20)
    assert found.kind == "converged"


def test_where_the_precision_is_never_reached_map_tells_what_was_learnt() -> None:
    found = judge_by_recall(make_run(RISING), [0.0] * 30)
    assert found.kind == "improving"
    assert "mAP50-95 rose" in found.reason
    assert judge_by_recall(make_run([0.0] * 20), [0.0] * 20).kind == "nothing-learnt"


@pytest.mark.parametrize(
    ("curves", "kind"),
    [
        (BCCD, "improving"),
        (BURST, "unstable"),
        (FEW, "converged"),
        (DEMO, "improving"),
        (SIX, "over-fitting"),
    ],
)
def test_real_runs(curves: Sequence[tuple[float, float, float]], kind: str) -> None:
    train, val, score = zip(*curves, strict=True)
    run = make_run(
        score, train=lambda epoch: train[epoch - 1] / 2, val=lambda epoch: val[epoch - 1] / 2
    )
    assert judge_curves(run).kind == kind


def test_too_few_training_images_are_said_to_hold_the_model_back() -> None:
    train, val, score = zip(*FEW, strict=True)
    run = make_run(
        score, train=lambda epoch: train[epoch - 1] / 2, val=lambda epoch: val[epoch - 1] / 2
    )
    assert "ended at 3.79, that on train at 1.87" in judge_curves(run).reason
    assert "that on train" not in judge_curves(make_run(LEVEL)).reason


def test_the_epoch_from_which_it_over_fits_is_named() -> None:
    found = judge_curves(make_run(LEVEL, val=rise_after(15)))
    assert found.epoch is not None
    assert abs(found.epoch - 15) <= 1
    assert found.headline == f"Over-fitting from epoch {found.epoch}"


def test_a_run_without_validation() -> None:
    record = make_run(LEVEL)
    record.epochs = [
        records.EpochRecord(epoch=1, seconds=1, metrics={"train_box_loss": 1.0}) for _ in range(9)
    ]
    assert judge_curves(record).reason == "No epoch was validated."


def test_counts_read_well_for_one() -> None:
    assert "1 epoch was validated" in judge_curves(make_run(RISING[:1])).reason
    assert "val split has 1 box," in judge_curves(make_run(LEVEL, boxes=1)).reason


@given(
    score=st.lists(st.floats(0, 1), max_size=40),
    losses=st.lists(st.one_of(st.none(), st.floats(0, 1e6)), min_size=40, max_size=40),
    boxes=st.integers(0, 100),
)
def test_no_curve_is_beyond_it(score: list[float], losses: list[float | None], boxes: int) -> None:
    """Losses of an epoch that ended in NaN are missing, and any figure may be 0."""
    record = make_run(score, boxes=boxes)
    for index, epoch in enumerate(record.epochs):
        for name in ("train_box_loss", "val_box_loss"):
            value = losses[index]
            if value is None:
                del epoch.metrics[name]
            else:
                epoch.metrics[name] = value
    found = judge_curves(record)
    assert found.headline
    assert found.reason.endswith(".")
    assert (found.epoch is not None) == (found.kind == "over-fitting")
    assert "nan" not in found.reason
