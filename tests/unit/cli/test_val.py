from __future__ import annotations

from yolokit.cli.val import metrics_table
from yolokit.evaluate.job import ValReport
from yolokit.evaluate.tasks.toolkit import load_metric
from yolokit.metrics.coco import BoxMetrics


def report(*rows: BoxMetrics) -> ValReport:
    overall = BoxMetrics(name="all", images=2, boxes=3, precision=0.5, recall=1, map50=0.25,
                         map50_95=0.1234)  # fmt: skip
    return ValReport(
        model="m.onnx", model_sha256="", data="data.yaml", split="val", conf=0.001, iou=0.7,
        max_det=300, provider="cpu", threads=1, images=4, wall_s=1.0, limits=(), extra_classes=(),
        overall=overall, classes=rows,
    )  # fmt: skip


def test_a_row_for_all_classes_and_one_for_each_with_dashes_where_there_is_no_label() -> None:
    shown = report(BoxMetrics(name="bolt", images=0, boxes=0))
    lines = metrics_table(shown, load_metric("detect")).splitlines()
    assert lines[0].split() == ["class", "images", "boxes", "P", "R", "mAP50", "mAP50-95"]
    assert lines[2].split() == ["all", "2", "3", "0.500", "1.000", "0.250", "0.123"]
    assert lines[3].split() == ["bolt", "0", "0", "-", "-", "-", "-"]
    assert len({len(line) for line in lines[2:]}) == 1
