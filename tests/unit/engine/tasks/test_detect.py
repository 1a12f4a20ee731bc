"""What is detection's alone: how its outputs are laid out, and the names of its metrics."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.conftest import START
from yolokit.core.task import Task
from yolokit.engine.tasks import detect
from yolokit.engine.tasks.toolkit import load_task, load_task_model
from yolokit.engine.used import name_metrics, name_rates


@pytest.mark.parametrize(
    ("head", "layout", "axes"),
    [
        (SimpleNamespace(), "raw", {"output0": {2: "anchors"}}),
        (SimpleNamespace(end2end=False), "raw", {"output0": {2: "anchors"}}),
        (SimpleNamespace(end2end=True), "end2end", {}),
    ],
)
def test_a_head_that_chooses_boxes_gives_as_many_at_any_size(
    head: SimpleNamespace, layout: str, axes: dict[str, dict[int, str]]
) -> None:
    assert detect.tell_layout(SimpleNamespace(model=[head])) == layout
    assert detect.list_size_axes(layout) == axes


def test_metrics_get_our_names() -> None:
    upstream = {
        "train/box_loss": 1.5, "val/dfl_loss": 2.5, "metrics/mAP50-95(B)": 0.4,
        "metrics/mAP50(B)": 0.6, "metrics/precision(B)": 0.7, "metrics/recall(B)": 0.5,
        "metrics/mAP50-95(M)": 0.1, "fitness": 0.4, "yolokit/recall@0.9": 0.3,
    }  # fmt: skip
    assert name_metrics(upstream, detect.Trainer.metric_names) == {
        "train_box_loss": 1.5, "val_dfl_loss": 2.5, "mAP50-95": 0.4, "mAP50": 0.6,
        "precision": 0.7, "recall": 0.5, "recall@0.9": 0.3,
    }  # fmt: skip


def test_only_rates_that_differ_have_a_name_of_their_own() -> None:
    groups = [{"param_group": "weight"}, {"param_group": "bn"}, {"param_group": "bias"}]
    rates = {"lr/pg0": 0.01, "lr/pg1": 0.01, "lr/pg2": 0.1}
    assert name_rates(groups, rates) == {"learning_rate": 0.01, "learning_rate_bias": 0.1}


def test_the_shipped_weights_are_a_detector() -> None:
    model, _checkpoint = load_task_model(load_task(Task.DETECT), str(START))
    assert type(model.model[-1]).__name__ in detect.HEADS
