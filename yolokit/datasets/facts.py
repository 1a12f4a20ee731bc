"""What was read of a YOLO data set, for the checks that say what is wrong or odd about it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
import numpy as np

from yolokit.core.plural import counted
from yolokit.datasets.counts import SplitCounts
from yolokit.datasets.data_yaml import DataYaml
from yolokit.datasets.label_rows import LabelRows, is_polygon, label_path, read_labels
from yolokit.datasets.label_table import LabelTable
from yolokit.datasets.row_faults import find_faults, find_repeated
from yolokit.datasets.splits import as_spelled
from yolokit.errors import DataError
from yolokit.images.listing import walk_files
from yolokit.images.scan import ImageScan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import I64
    from yolokit.datasets.splits import SplitImage

Purpose: TypeAlias = Literal["train", "val", "source"]

_STRAIGHT = 0.002  # of the image: corners this far apart still lie on one line
_CORNER_COLUMNS = 9
_STEMS_LOOKED_FOR = 1000


class SplitFacts:
    """What one split holds; reads every label file of it.

    Attributes:
        faults: Label rows that ultralytics would leave a whole image out for.
        unusable: The images that are left out, each with the reason.
        used: The others' files.
        counts: What the others hold; a row that appears twice counts once.
        lines: One for each image: its name and the hash of its labels.
        missing: Label files that are not there.
        rows: Those of each image; None where there is no file that can be read.
        outlines: How many rows are outlines or the corners of a rotated box.
    """

    def __init__(
        self,
        data: DataYaml,
        split: str,
        images: Sequence[SplitImage],
        unusable: Mapping[str, str],
    ) -> None:
        self.split, self.listed = split, images
        self.faults: list[DataError] = []
        self.unusable: list[DataError] = []
        self.used: list[str] = []
        self.lines: list[bytes] = []
        self.missing: list[str] = []
        self.rows: list[LabelRows | None] = []
        self.flat_boxes = self.repeated_rows = self.outlines = 0
        self._data, self._layout = data, data.row_layout()
        self._background = self._corners = self._rotated = 0
        self._boxes: I64 = np.zeros(len(data.names), np.int64)
        for image in images:
            reason = unusable.get(image.path)
            rows = self._read(image)
            self.rows.append(rows)
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
            self.faults.append(error)
            return None
        if rows is None:
            self._check_spelling(labels, image)
            self.missing.append(labels)
            self.lines.append(name + b"\t")
            return None
        self.lines.append(name + b"\t" + rows.digest())
        for fault in find_faults(rows, len(self._data.names), self._layout):
            self.faults.append(DataError(fault.message, path=labels, line=fault.line))
        return rows

    def _check_spelling(self, labels: str, image: SplitImage) -> None:
        """Report labels that are there in another Unicode form, which training would not find."""
        found = as_spelled(Path(labels))
        if found is not None:
            message = f"its labels {found} are spelled in another Unicode form"
            self.faults.append(DataError(message, path=image.path))

    def _count(self, rows: LabelRows | None) -> None:
        if rows is None or not len(rows.class_ids):
            self._background += 1
            return
        repeated = find_repeated(rows)
        if repeated.any():
            self.repeated_rows += int(repeated.sum())
            rows = rows.take(~repeated)
        known = rows.class_ids[rows.class_ids < len(self._boxes)]
        self._boxes += np.bincount(known, minlength=len(self._boxes))
        self.flat_boxes += int((rows.cxcywh[:, 2:] <= 0).any(axis=1).sum())
        if rows.tails:
            self._count_outlines(rows)

    def _count_outlines(self, rows: LabelRows) -> None:
        outlines = np.flatnonzero(is_polygon(rows.columns, self._layout)).tolist()
        corners = [row for row in outlines if rows.columns[row] == _CORNER_COLUMNS]
        self.outlines += len(outlines)
        self._corners += len(corners)
        self._rotated += sum(not _is_upright(rows.tails[row]) for row in corners)

    @property
    def has_rotated_boxes(self) -> bool:
        """Whether all outlines have four corners, as those of an oriented set, and some lean."""
        return self._rotated > 0 and self._corners == self.outlines

    @property
    def has_no_label_file(self) -> bool:
        """Whether it has images, and not one label file."""
        return 0 < len(self.lines) == len(self.missing)

    def describe_outlines(self) -> str:
        """Say what a detector makes of outlines and rotated boxes."""
        rows = counted(self.outlines, f"row of {self.split} holds", f"rows of {self.split} hold")
        kind = "the corners of a rotated box" if self.has_rotated_boxes else "an outline"
        return f"{rows} {kind}; a detector of boxes knows only the upright box around it"

    def hint_at_labels(self) -> str:
        """Return what to do where label files are missing: where such files seem to lie."""
        found = _find_labels_elsewhere(self._data.path.parent, self.missing)
        if found is None:
            return "where an image shows nothing, an empty label file says so"
        if found.suffix == ".txt":
            return (
                f"files of these names are in {found.parent}; labels are looked for where the last "
                "`images` in the path of an image reads `labels`"
            )
        return f"`yolokit data convert` makes label files of those in {found.parent}"


class DatasetFacts(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """What was read of a data set.

    Attributes:
        path: The ``data.yaml``, or what was given of another format.
        purpose: What it is read for: to train on it, to measure a model on one split, or to look
            at a source of any other format, which has no ``data.yaml``.
        names: Of the classes.
        table: All labels.
        scans: What is known of each image file; empty where no image was looked at.
        imgsz: The resolution of training in px.
        data: The ``data.yaml``; None for a source.
        splits: The splits that are used for the purpose; none for a source.
        unused: The others; only their heads and labels are looked at.
        leaves_out: Whether images that cannot be used are left out.
    """

    path: Path
    purpose: Purpose
    names: tuple[str, ...]
    table: LabelTable
    scans: Mapping[str, ImageScan] = MappingProxyType({})
    imgsz: int = 640
    data: DataYaml | None = None
    splits: Mapping[str, SplitFacts] = MappingProxyType({})
    unused: Mapping[str, SplitFacts] = MappingProxyType({})
    leaves_out: bool = False

    @property
    def all_splits(self) -> dict[str, SplitFacts]:
        """All splits, first those that are used."""
        return {**self.splits, **self.unused}

    def sources(self, split: str) -> tuple[Path, ...]:
        """Return the places that the ``data.yaml`` names for a split; none without one."""
        return () if self.data is None else self.data.splits.get(split, ())


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
