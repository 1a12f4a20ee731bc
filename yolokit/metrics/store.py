"""The boxes of a whole data set, true and found, kept in columns and given out class by class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from yolokit.core.boxes import pairwise_iou
from yolokit.core.types import Detections
from yolokit.metrics.matching import match_to_truth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import F32, F64, I64, Bool

_Columns: TypeAlias = tuple[npt.NDArray[Any], ...]
_NO_IDS = np.zeros(0, np.int64)
TRUE_MIN_IOU = 0.5  # from here on a detection counts as true in precision, recall and F1


@dataclass(frozen=True, slots=True, eq=False)
class ClassTruth:
    """The true boxes of one class, in the order of their images.

    Attributes:
        image_ids: (G,) int64, from 1.
        xyxy: (G, 4) float64, source-image px.
    """

    image_ids: I64
    xyxy: F64

    def __len__(self) -> int:
        return len(self.image_ids)


@dataclass(frozen=True, slots=True, eq=False)
class ClassFound:
    """The detections of one class, in the order of their images, then by descending score.

    Attributes:
        image_ids: (N,) int64, from 1.
        xyxy: (N, 4) float32, source-image px.
        scores: (N,) float32 in [0, 1].
        is_true: (N,) bool, whether each is matched with a true box of its class at IoU 0.5.
    """

    image_ids: I64
    xyxy: F32
    scores: F32
    is_true: Bool

    def __len__(self) -> int:
        return len(self.image_ids)


class BoxStore:
    """Takes the boxes image by image; some 40 bytes for each are all that grows.

    Attributes:
        image_count: Images added.
        labelled_image_count: Those of them with a true box.
        max_detections: Most detections in one of them.
    """

    def __init__(self) -> None:
        self.image_count = 0
        self.labelled_image_count = 0
        self.max_detections = 0
        # The empty first rows give every column its type, also where no image follows.
        self._truth: list[_Columns] = [(_NO_IDS, _NO_IDS, np.zeros((0, 4)))]
        none = Detections.empty()
        self._found: list[_Columns] = [
            (none.class_ids, _NO_IDS, none.xyxy, none.scores, np.zeros(0, np.bool_))
        ]

    def add(self, true_xyxy: F64, true_class_ids: I64, found: Detections) -> None:
        """Keep one image's boxes.

        The true ones are (G, 4) float64 in px of the image, their class ids (G,) int64.
        """
        true_count = len(true_class_ids)
        self.image_count += 1
        self.labelled_image_count += true_count > 0
        self.max_detections = max(self.max_detections, len(found))
        iou = pairwise_iou(found.xyxy.astype(np.float64), true_xyxy)
        iou[found.class_ids[:, None] != true_class_ids[None, :]] = 0
        is_true = match_to_truth(iou, min_iou=TRUE_MIN_IOU) >= 0
        ids = np.full(max(true_count, len(found)), self.image_count, np.int64)
        self._truth.append((true_class_ids, ids[:true_count], true_xyxy))
        self._found.append((found.class_ids, ids[: len(found)], found.xyxy, found.scores, is_true))

    def truth_by_class(self, class_count: int) -> list[ClassTruth]:
        """Return the true boxes of each class, by class id."""
        return [ClassTruth(*columns) for columns in _split(self._truth, class_count)]

    def found_by_class(self, class_count: int) -> list[ClassFound]:
        """Return the detections of each class, by class id."""
        return [ClassFound(*columns) for columns in _split(self._found, class_count)]


def _split(images: Sequence[_Columns], class_count: int) -> list[_Columns]:
    """Join the images' columns, of which the first is the class id, and split them by class."""
    class_ids, *columns = (np.concatenate(parts) for parts in zip(*images, strict=True))
    if len(class_ids) and not 0 <= class_ids.min() <= class_ids.max() < class_count:
        raise ValueError(f"class ids must be below {class_count}, not {np.unique(class_ids)}")
    order = np.argsort(class_ids, kind="stable")
    edges = np.searchsorted(class_ids[order], np.arange(class_count + 1))
    return [
        tuple(column[order[edges[i] : edges[i + 1]]] for column in columns)
        for i in range(class_count)
    ]
