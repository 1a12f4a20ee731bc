"""Puts a data set together from annotations read one by one, classes by their names.

For readers that know the names of all classes only when everything is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.labels.model import (
    Annotations,
    Dataset,
    ImageRecord,
    LabelledImage,
    make_categories,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from yolokit.core.types import F64, I64
    from yolokit.labels.model import PoseLayout
    from yolokit.labels.shapes import Shape


class ImageRows:
    """The annotations of one image, added one after the other."""

    def __init__(self, image: ImageRecord) -> None:
        self.image = image
        self.names: list[str] = []
        self._boxes: list[Sequence[float]] = []
        self._places: list[int] = []
        self._shapes: dict[int, Shape] = {}
        self._keypoints: dict[int, F64] = {}
        self._remarks: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.names)

    def add(
        self,
        name: str,
        place: int,
        xyxy: Sequence[float] | None = None,
        *,
        shape: Shape | None = None,
        keypoints: F64 | None = None,
        remark: str | None = None,
    ) -> None:
        """Add one annotation.

        Args:
            name: Of its class.
            place: Of it in its source file; see :class:`yolokit.labels.model.SourceFile`.
            xyxy: Its box in px, as the source states it; None to take the one around its shape.
            shape: Its outline or rotated box.
            keypoints: (K, 3) float64, x, y and visibility.
            remark: ``code: what was done`` if it is not as the source has it.
        """
        row = len(self.names)
        if xyxy is None:
            assert shape is not None, "an annotation has a box or a shape"
            xyxy = shape.xyxy
        self.names.append(name)
        self._boxes.append(xyxy)
        self._places.append(place)
        if shape is not None:
            self._shapes[row] = shape
        if keypoints is not None:
            self._keypoints[row] = keypoints
        if remark is not None:
            self._remarks[row] = remark

    def to_annotations(self, index: dict[str, int], pose: PoseLayout | None) -> Annotations:
        """Return them as arrays, by the indices of classes; without keypoints none is labelled."""
        classes: I64 = np.array([index[name] for name in self.names], np.int64)
        keypoints = None
        if pose is not None:
            keypoints = np.zeros((len(self.names), len(pose.names), 3), np.float64)
            for row, points in self._keypoints.items():
                keypoints[row] = points
        return Annotations(
            classes,
            np.array(self._boxes, np.float64).reshape(-1, 4),
            np.array(self._places, np.int64),
            self._remarks,
            self._shapes,
            keypoints,
        )


def build_dataset(
    images: Iterable[ImageRows],
    *,
    names: Sequence[str] = (),
    evidence: Sequence[str] = (),
    pose: PoseLayout | None = None,
) -> Dataset:
    """Return a data set of images that are all read, in the source's order.

    Classes that the source lists come in its order; others that occur follow by name.
    """
    rows = list(images)
    met = {name for one in rows for name in one.names}
    listed = list(dict.fromkeys(names))
    everything = [*listed, *sorted(met - set(listed))]
    index = {name: at for at, name in enumerate(everything)}
    labelled = [LabelledImage(one.image, one.to_annotations(index, pose)) for one in rows]
    del rows

    def iter_images() -> Iterator[LabelledImage]:
        return iter(labelled)

    return Dataset(
        make_categories(everything),
        iter_images,
        tuple(evidence),
        has_splits=any(one.image.split is not None for one in labelled),
        image_count=len(labelled),
        pose=pose,
    )
