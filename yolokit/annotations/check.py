"""Check a YOLO data set before it is trained on: every mistake, with its file and line.

ultralytics leaves a whole image out for one bad row, with a line in a log; here that is an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.annotations.counts import SplitCounts
from yolokit.annotations.data_yaml import DataYaml, list_split_images, load_data_yaml
from yolokit.annotations.image_size import read_image_size
from yolokit.annotations.ledger import join_errors
from yolokit.annotations.split_files import as_spelled
from yolokit.annotations.yolo_labels import (
    LabelRows,
    find_faults,
    label_path,
    read_labels,
)
from yolokit.errors import DataError

if TYPE_CHECKING:
    from yolokit.annotations.split_files import SplitImage
    from yolokit.core.types import I64

_MIN_SIDE_PX = 10  # ultralytics leaves smaller images out


class DatasetReport(msgspec.Struct, frozen=True):
    """A data set that can be trained on.

    Attributes:
        path: Its ``data.yaml``, absolute.
        names: Class names by index.
        splits: Split to what it holds.
        sha256: Over the class names, image names and label files; the same wherever it lies.
        warnings: What is odd and no error, one sentence each.
        is_pose: Whether keypoints stand behind the boxes in its label rows.
    """

    path: Path
    names: tuple[str, ...]
    splits: Mapping[str, SplitCounts]
    sha256: str
    warnings: tuple[str, ...] = ()
    is_pose: bool = False


def check_dataset(path: Path) -> DatasetReport:
    """Check everything that training reads: paths, classes, label rows, heads of images.

    Args:
        path: A ``data.yaml``.

    Raises:
        DataError: Anything is wrong; the message lists the first problems and counts all.
    """
    data = load_data_yaml(path)
    check = _Check(data)
    splits = {split: check.run_split(split) for split in data.splits}
    if check.problems:
        raise join_errors(
            check.problems,
            "problems in the data set",
            hint="ultralytics would leave out the whole image for each bad row without saying so; "
            "mend them, or run `yolokit data convert` on the set",
        )
    warnings = [*data.notes, *check.warnings()]
    if "train" not in splits or "val" not in splits:
        missing = "train" if "train" not in splits else "val"
        warnings.append(f"there is no `{missing}` split, which training needs")
    is_pose = data.pose is not None
    return DatasetReport(data.path, data.names, splits, check.digest(), tuple(warnings), is_pose)


class _Check:
    """Collects problems and counts over all splits."""

    def __init__(self, data: DataYaml) -> None:
        self.problems: list[DataError] = []
        self._data = data
        self._layout = data.row_layout()
        self._hash = hashlib.sha256("\n".join(data.names).encode())
        self._without_file = 0
        self._without_area = 0
        self._seen: dict[str, str] = {}
        self._in_two_splits = 0
        self._cut_short: list[str] = []

    def run_split(self, split: str) -> SplitCounts:
        counts = np.zeros(len(self._data.names), np.int64)
        images = background = 0
        lines: list[bytes] = []
        for image in list_split_images(self._data, split):
            rows = self._check_image(image, lines)
            images += 1
            self._in_two_splits += self._seen.setdefault(image.path, split) != split
            if rows is None or not len(rows.class_ids):
                background += 1
            else:
                self._count(rows, counts)
        if not images:
            where = ", ".join(str(source) for source in self._data.sources(split))
            self.problems.append(DataError(f"the {split} split has no images", path=where))
        self._hash.update(f"\n\n{split}\n".encode())
        self._hash.update(b"\n".join(sorted(lines)))
        return SplitCounts(images, background, int(counts.sum()), tuple(counts.tolist()))

    def _check_image(self, image: SplitImage, lines: list[bytes]) -> LabelRows | None:
        labels = label_path(image.path)
        self._check_head(image)
        try:
            rows = read_labels(labels, self._layout)
        except DataError as error:
            self.problems.append(error)
            return None
        name = image.name.encode(errors="surrogateescape")
        if rows is None:
            self._check_spelling(labels, image)
            self._without_file += 1
            lines.append(name + b"\t")
            return None
        lines.append(name + b"\t" + rows.digest())
        for fault in find_faults(rows, len(self._data.names), self._layout):
            self.problems.append(DataError(fault.message, path=labels, line=fault.line))
        return rows

    def _check_spelling(self, labels: str, image: SplitImage) -> None:
        """Report labels that are there in another Unicode form, which training would not find."""
        found = as_spelled(Path(labels))
        if found is not None:
            message = f"its labels {found} are spelled in another Unicode form"
            self.problems.append(DataError(message, path=image.path))

    def _check_head(self, image: SplitImage) -> None:
        try:
            size = read_image_size(image.path)
        except DataError as error:
            place = image.place or (image.path, None)
            message = error.message if image.place is None else str(error)
            self.problems.append(DataError(message, path=place[0], line=place[1]))
            return
        if size.cut_short:
            self._cut_short.append(image.path)
        if min(size.width_px, size.height_px) < _MIN_SIDE_PX:
            self.problems.append(
                DataError(
                    f"the image is {size.width_px}x{size.height_px} px; training needs "
                    f"{_MIN_SIDE_PX} px at least",
                    path=image.path,
                )
            )

    def _count(self, rows: LabelRows, counts: I64) -> None:
        known = rows.class_ids[rows.class_ids < len(counts)]
        counts += np.bincount(known, minlength=len(counts))
        self._without_area += int((rows.cxcywh[:, 2:] <= 0).any(axis=1).sum())

    def warnings(self) -> list[str]:
        found: list[str] = []
        if self._without_file:
            found.append(f"{_images(self._without_file)} without a label file: taken as background")
        if self._without_area:
            plural = self._without_area > 1
            found.append(f"{self._without_area} {'boxes have' if plural else 'box has'} no area")
        if self._in_two_splits:
            found.append(f"{_images(self._in_two_splits)} in more than one split")
        if self._cut_short:
            count = f"{len(self._cut_short)} JPEG file{'s are' if self._cut_short[1:] else ' is'}"
            found.append(
                f"{count} cut short, so ultralytics would write over it: {self._cut_short[0]}"
            )
        return found

    def digest(self) -> str:
        return self._hash.hexdigest()


def _images(count: int) -> str:
    return f"{count} image is" if count == 1 else f"{count} images are"
