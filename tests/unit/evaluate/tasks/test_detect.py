"""Detection: what is said of its metrics. The metrics themselves: ``test_coco.py``."""

from __future__ import annotations

from yolokit.evaluate.tasks import detect
from yolokit.metrics.coco import BoxMetrics


def test_the_confidence_is_rounded_down() -> None:
    """So that a --conf of what is shown keeps every box that was counted."""
    overall = BoxMetrics(name="all", images=1, boxes=1, conf=0.4567, f1=0.75)
    assert detect.summarize(overall).startswith("P and R at confidence 0.456, ")
    assert detect.summarize(overall).endswith("is best: 0.750")


def test_nothing_to_measure_is_said() -> None:
    assert "nothing to measure" in detect.summarize(BoxMetrics(name="all", images=0, boxes=0))
