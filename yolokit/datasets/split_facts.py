"""What one split of a YOLO set holds, and what is wrong or odd about it."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.findings import Finding
from yolokit.core.plural import counted, share
from yolokit.datasets.counts import SplitCounts
from yolokit.datasets.label_rows import (
    LabelRows,
    find_faults,
    is_polygon,
    label_path,
    read_labels,
)
from yolokit.datasets.repeated import find_repeated
from yolokit.datasets.splits import as_spelled
from yolokit.errors import DataError
from yolokit.images.listing import walk_files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yolokit.core.types import I64
    from yolokit.datasets.data_yaml import DataYaml
    from yolokit.datasets.splits import SplitImage

_STRAIGHT = 0.002  # of the image: corners this far apart still lie on one line
_CORNER_COLUMNS = 9
_STEMS_LOOKED_FOR = 1000


class SplitCheck:
    """Reads every label file of a split, and keeps what is to be reported.

    Args:
        data: The data set.
        split: One of its splits.
        images: The images of the split.
        unusable: Images that are left out, each with the reason.

    Attributes:
        problems: Label rows that ultralytics would leave a whole image out for.
        unusable: The images that are left out.
        used: The others' files.
        counts: What the others hold; a row that appears twice counts once.
        lines: One for each image: its name and the hash of its labels.
        without_file: Label files that are not there.
    """

    def __init__(
        self,
        data: DataYaml,
        split: str,
        images: Sequence[SplitImage],
        unusable: Mapping[str, str],
    ) -> None:
        self.problems: list[DataError] = []
        self.unusable: list[DataError] = []
        self.used: list[str] = []
        self.lines: list[bytes] = []
        self.without_file: list[str] = []
        self._data, self._split, self._layout = data, split, data.row_layout()
        self._background = self._without_area = self._repeated = 0
        self._outlines = self._corners = self._rotated = 0
        self._boxes: I64 = np.zeros(len(data.names), np.int64)
        for image in images:
            reason = unusable.get(image.path)
            rows = self._read(image)
            if reason is None:
                self.used.append(image.path)
                self._count(rows)
            else:
                self.unusable.append(_at_its_place(image, reason))
        boxes = tuple(self._boxes.tolist())
        self.counts = SplitCounts(len(self.used), self._background, sum(boxes), boxes)

    def _read(self, image: SplitImage) -> LabelRows | None:
        """Return the rows of an image's labels, or None; what is wrong with them is kept."""
        labels = label_path(image.path)
        name = image.name.encode(errors="surrogateescape")
        try:
            rows = read_labels(labels, self._layout)
        except DataError as error:
            self.problems.append(error)
            return None
        if rows is None:
            self._check_spelling(labels, image)
            self.without_file.append(labels)
            self.lines.append(name + b"\t")
            return None
        self.lines.append(name + b"\t" + rows.digest())
        for fault in find_faults(rows, len(self._data.names), self._layout):
            self.problems.append(DataError(fault.message, path=labels, line=fault.line))
        return rows

    def _check_spelling(self, labels: str, image: SplitImage) -> None:
        """Report labels that are there in another Unicode form, which training would not find."""
        found = as_spelled(Path(labels))
        if found is not None:
            message = f"its labels {found} are spelled in another Unicode form"
            self.problems.append(DataError(message, path=image.path))

    def _count(self, rows: LabelRows | None) -> None:
        if rows is None or not len(rows.class_ids):
            self._background += 1
            return
        repeated = find_repeated(rows)
        if repeated.any():
            self._repeated += int(repeated.sum())
            rows = rows.take(~repeated)
        known = rows.class_ids[rows.class_ids < len(self._boxes)]
        self._boxes += np.bincount(known, minlength=len(self._boxes))
        self._without_area += int((rows.cxcywh[:, 2:] <= 0).any(axis=1).sum())
        if rows.tails:
            self._count_outlines(rows)

    def _count_outlines(self, rows: LabelRows) -> None:
        outlines = np.flatnonzero(is_polygon(rows.columns, self._layout)).tolist()
        corners = [row for row in outlines if rows.columns[row] == _CORNER_COLUMNS]
        self._outlines += len(outlines)
        self._corners += len(corners)
        self._rotated += sum(not _is_upright(rows.tails[row]) for row in corners)

    @property
    def has_rotated_boxes(self) -> bool:
        """Whether all outlines have four corners, as those of an oriented set, and some lean."""
        return self._rotated > 0 and self._corners == self._outlines

    def describe_labels(self) -> str | None:
        """Return what a detector makes of outlines and rotated boxes; None if there are none."""
        if not self._outlines:
            return None
        split = self._split
        rows = counted(self._outlines, f"row of {split} holds", f"rows of {split} hold")
        kind = "the corners of a rotated box" if self.has_rotated_boxes else "an outline"
        return f"{rows} {kind}; a detector of boxes knows only the upright box around it"

    def notes(self) -> list[str]:
        """Return what is odd and no error, one sentence each."""
        found: list[str] = []
        split, missing = self._split, len(self.without_file)
        if missing:
            images = len(self.lines)
            where = f" (the first would be {self.without_file[0]})" if 2 * missing > images else ""
            have = share(missing, f"{counted(images, 'image')} of {split}", "has", "have")
            found.append(f"{have} no label file{where}: taken as background")
        if self._without_area:
            have = counted(self._without_area, f"box of {split} has", f"boxes of {split} have")
            found.append(f"{have} no area")
        if self._repeated:
            rows = counted(self._repeated, f"row of {split} repeats", f"rows of {split} repeat")
            found.append(f"{rows} another of the same file: counted once")
        return found

    def require_label_files(self) -> None:
        """Refuse a split for which not one label file is found.

        Raises:
            DataError: There is none; it says where label files seem to lie.
        """
        if self._has_no_label_file:
            raise DataError(
                f"not one label file was found for the {counted(len(self.lines), 'image')} of "
                f"{self._split}; the first looked for is {self.without_file[0]}",
                path=self._data.path,
                hint=self._hint_elsewhere(),
            )

    def find_no_box(self, consequence: str) -> Finding | None:
        """Return a finding if the split has images and no box.

        Args:
            consequence: What follows from that, as a part of a sentence.
        """
        if self.counts.boxes or not self.used:
            return None
        message = (
            f"{self._split} has no box in its {counted(len(self.used), 'image')}: {consequence}"
        )
        hint = "look whether these are the right label files"
        if self._has_no_label_file:
            message += f" (the first label file looked for is {self.without_file[0]})"
            hint = self._hint_elsewhere()
        return Finding(f"no-{self._split}-boxes", message, self._data.path, hint)

    @property
    def _has_no_label_file(self) -> bool:
        return 0 < len(self.lines) == len(self.without_file)

    def _hint_elsewhere(self) -> str:
        found = _find_labels_elsewhere(self._data.path.parent, self.without_file)
        if found is None:
            return "where an image shows nothing, an empty label file says so"
        if found.suffix == ".txt":
            return (
                f"files of these names are in {found.parent}; labels are looked for where the last "
                "`images` in the path of an image reads `labels`"
            )
        return f"`yolokit data convert` makes label files of those in {found.parent}"


def _at_its_place(image: SplitImage, reason: str) -> DataError:
    """Return why an image cannot be used, at the line of the list that names it if there is one."""
    if image.place is None:
        return DataError(reason, path=image.path)
    return DataError(f"{image.path}: {reason}", path=image.place[0], line=image.place[1])


def _is_upright(corners: Sequence[float]) -> bool:
    """Tell whether four points, x and y by turns, are the corners of an upright box."""
    points = np.array(corners, np.float64).reshape(4, 2)
    to_edges = np.minimum(points - points.min(axis=0), points.max(axis=0) - points)
    return bool((to_edges <= _STRAIGHT).all())


def _find_labels_elsewhere(root: Path, missing: Sequence[str]) -> Path | None:
    """Return a file below a folder that has the name of a missing label file, but for its end."""
    stems = {PurePath(path).stem for path in missing[:_STEMS_LOOKED_FOR]}
    for name in walk_files(root):
        path = PurePath(name)
        if path.suffix in (".txt", ".xml", ".json") and path.stem in stems:
            return root / path
    return None
