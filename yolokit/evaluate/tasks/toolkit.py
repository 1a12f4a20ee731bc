"""What a task offers to an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from yolokit.core.plugins import load_plugin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import F64, Detections
    from yolokit.labels.model import Annotations
    from yolokit.metrics.coco import BoxMetrics, CocoMetrics
    from yolokit.metrics.matching import Matching

PACKAGE = "yolokit.evaluate.tasks"


class Tally(Protocol):
    """Takes image by image what is true and what was found, and computes the metrics of all."""

    def add(self, truth: Annotations, found: Detections) -> None:
        """Add one image.

        Args:
            truth: What is annotated, in pixels of the image.
            found: All that a model found, likewise, with the class ids of ``truth``.
        """

    def compute(
        self, class_names: Sequence[str], min_precisions: Sequence[float] = ()
    ) -> CocoMetrics:
        """Return the metrics of all images; what a task measures beside boxes in a subclass.

        Args:
            class_names: By class id.
            min_precisions: Those to find the highest recall at; a task need not know it.
        """


class TaskMetric(Protocol):
    """A module of ``evaluate/tasks``, called as the task is: how good a model is at it.

    Attributes:
        COLUMNS: Heads of the table that people see.
    """

    COLUMNS: tuple[str, ...]

    def open_tally(self) -> Tally:
        """Return an empty tally."""

    def overlap(self, truth: Annotations, found: Detections) -> F64:
        """Return how much N detections and G true objects overlap, (N, G) in [0, 1]."""

    def show_row(self, metrics: BoxMetrics) -> tuple[object, ...]:
        """Return the main figures of one class, or of all, one for each column."""

    def summarize(self, overall: BoxMetrics) -> str:
        """Return one sentence on the metrics of all classes."""

    def match(
        self, a: Detections, b: Detections, *, min_iou: float, max_score_diff: float
    ) -> Matching:
        """Match two models' detections of one image, one to one.

        What overlaps less than ``min_iou``, in (0, 1], or differs more in score is never a pair.
        """


def load_metric(task: str) -> TaskMetric:
    """Import the metric of a task; a ConfigError says that there is none."""
    return cast(TaskMetric, load_plugin(PACKAGE, str(task), kind="task"))
