"""What a layout of boxes offers, and the checks that all layouts share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from yolokit.core.plugins import list_plugins, load_plugin
from yolokit.core.plural import counted, share
from yolokit.errors import ModelOutputError

if TYPE_CHECKING:
    from yolokit.core.types import F32, F64, I64, Bool

PACKAGE = "yolokit.runtime.heads"

_FEWEST_BOXES = 20
_CORNER_PX = 2
_SCORE_SLACK = np.float32(1e-3)  # what half precision may add to a score of 1


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """The boxes of one image as they come out of a head, in the pixels of the model's input.

    Attributes:
        xyxy: (N, 4) float32, input px.
        scores: (N,) float32; half precision may exceed 1 by a hair.
        class_ids: (N,) int64.
        extras: (N, E) float32, the further values of each box, such as coefficients of its mask.
    """

    xyxy: F32
    scores: F32
    class_ids: I64
    extras: F32

    def __getitem__(self, chosen: I64 | Bool | slice) -> Candidates:
        """Return some of them, by (K,) int64 indices, (N,) bool or a slice."""
        return Candidates(
            self.xyxy[chosen], self.scores[chosen], self.class_ids[chosen], self.extras[chosen]
        )


class Head(Protocol):
    """A module of ``runtime/heads``: where the boxes lie in an output (B, ., .).

    Its name is the layout that a manifest states.

    Attributes:
        BOX_AXIS: The axis of the output, 1 or 2, along which one box follows the other.
        SUPPRESSES_OVERLAPS: Whether the graph has chosen its boxes by itself, best first, so
            that no suppression is to follow.
        TAKES_LIMITS: Whether it chose by limits that are inputs of it, which the manifest names
            as ``ports``.
    """

    BOX_AXIS: int
    SUPPRESSES_OVERLAPS: bool
    TAKES_LIMITS: bool

    def count_values(self, class_count: int, extra_count: int = 0) -> int:
        """Return how many values the output has for each box: the length of its other axis."""

    def describe_shape(self, class_count: int, extra_count: int = 0) -> str:
        """Return the output's shape in words, e.g. ``(batch, boxes, 6)``."""

    def decode(
        self,
        output: F32,
        *,
        class_count: int,
        extra_count: int = 0,
        min_score: float,
        multi_label: bool = False,
    ) -> Candidates:
        """Return the boxes of one image; score-descending where the head ``SUPPRESSES_OVERLAPS``.

        Args:
            output: (., .) float32: one element of the batch.
            class_count: Number of classes.
            extra_count: Further values of each box.
            min_score: Scores below this are discarded, in [0, 1].
            multi_label: Each class of a box that reaches ``min_score`` counts, as COCO evaluation
                wants it, where the layout has the scores of all classes.

        Raises:
            ModelOutputError: The output is not of this layout, or cannot be right.
        """

    def split_comparable(self, output: F32) -> tuple[F64, F64]:
        """Return what two equal models give in the same places: boxes in input px, and scores.

        Each has a column for each place, (., N), and no rows where the order of boxes may differ.
        The output is that of one image, (., .) float32.
        """


def list_heads() -> tuple[str, ...]:
    """Return the names of all layouts."""
    return list_plugins(PACKAGE)


def load_head(layout: str) -> Head:
    """Import the head of a layout; a ConfigError says that there is none."""
    return cast(Head, load_plugin(PACKAGE, layout, kind="layout"))


def check_finite(output: F32) -> None:
    """Raise a ModelOutputError if a value of an output is not finite."""
    # The sum of all values is finite only if every value is: one pass and no temporary array.
    with np.errstate(invalid="ignore", over="ignore"):
        total = output.sum(dtype=np.float64)
    if not np.isfinite(total):
        count = int(np.count_nonzero(~np.isfinite(output)))
        values = f"the {counted(output.size, 'value')} in the model's output"
        raise ModelOutputError(f"{share(count, values, 'is', 'are')} NaN or infinite")


def check_scores(scores: F32) -> None:
    """Raise a ModelOutputError if scores, of any shape, are not in [0, 1]."""
    highest = scores.max(initial=0)
    if highest > 1 + _SCORE_SLACK:
        raise ModelOutputError(
            f"the model's output holds a score of {float(highest):g}: not a probability"
        )


def check_pixels(places_px: F32) -> None:
    """Raise a ModelOutputError if boxes, told from places (N, 2 or 4), are fractions of the image.

    A grid of anchors or a head's best candidates are spread over the image, so many boxes that
    all lie within two pixels of its corner are not in pixels.
    """
    if len(places_px) >= _FEWEST_BOXES and places_px.max() <= _CORNER_PX:
        raise ModelOutputError(
            f"all {counted(len(places_px), 'box', 'boxes')} of the model's output lie within "
            f"{_CORNER_PX} px of the corner: they are fractions of the image, as "
            "RT-DETR's, not pixels"
        )
