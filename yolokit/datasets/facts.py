"""What was read of a YOLO data set, for the checks that say what is wrong or odd about it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
import numpy as np

from yolokit.core.findings import Finding
from yolokit.core.plural import counted
from yolokit.datasets.counts import SplitCounts
from yolokit.datasets.data_yaml import DataYaml
from yolokit.datasets.duplicates import Duplicates, find_duplicates
from yolokit.datasets.label_rows import is_polygon, label_path
from yolokit.datasets.label_table import LabelTable
from yolokit.datasets.many_labels import read_many_labels
from yolokit.datasets.row_faults import find_faults_of_files, find_repeated_in_files
from yolokit.datasets.splits import as_spelled
from yolokit.datasets.statistics import SetStatistics, compute_statistics
from yolokit.datasets.twins import Twins, find_twins
from yolokit.errors import DataError
from yolokit.images.listing import walk_files
from yolokit.images.scan import ImageScan
from yolokit.labels.ledger import LedgerEntry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.core.types import F64, Bool
    from yolokit.datasets.splits import SplitImage

Purpose: TypeAlias = Literal["train", "val", "source"]

UNREADABLE = "label-rows"
_STRAIGHT = 0.002  # of the image: corners this far apart still lie on one line
_CORNER_COLUMNS = 9
_STEMS_LOOKED_FOR = 1000


class SplitFacts:
    """What one split of a YOLO set holds; reads every label file of it.

    Attributes:
        listed: Its images.
        labels: Their label files, in the same order.
        faults: What ultralytics would leave a whole image out for, by the codes of the checks.
        unusable: The images that are left out, each with the reason.
        used: The others' files.
        counts: What the others hold; a row that appears twice counts once.
        lines: One for each image: its name and the hash of its labels.
        missing: Label files that are not there.
        repeats: (R,) int64, the row that each one repeats, or -1.
        outlines: How many rows are outlines or the corners of a rotated box.
    """

    def __init__(
        self,
        data: DataYaml,
        split: str,
        images: Sequence[SplitImage],
        faults: Sequence[Finding],
        unusable: Mapping[str, str],
    ) -> None:
        self.split, self.listed = split, images
        self._data, self._layout = data, data.row_layout()
        self.label_files = [label_path(image.path) for image in images]
        self.labels = read_many_labels(self.label_files, self._layout)
        self.missing = [self.label_files[at] for at in np.flatnonzero(self.labels.missing)]
        self.faults = [*faults, *self._find_faults(), *self._find_misspelled()]
        self.unusable = [
            _at_its_place(image, unusable[image.path]) for image in images if image.path in unusable
        ]
        self.used = [image.path for image in images if image.path not in unusable]
        self.lines = [
            image.name.encode(errors="surrogateescape") + b"\t" + digest
            for image, digest in zip(images, self.labels.digests, strict=True)
        ]
        self.repeats = find_repeated_in_files(self.labels.rows, self.labels.file_of)
        is_used = np.array([image.path not in unusable for image in images], np.bool_)
        taken = is_used[self.labels.file_of] & (self.repeats < 0)
        self.counts = self._count(is_used, taken)
        self._count_outlines(taken)

    def _find_faults(self) -> Iterator[Finding]:
        """Yield what is wrong with label files and their rows, by file and line."""
        labels = self.labels
        for file, error in labels.errors.items():
            found = Finding.of_error(UNREADABLE, error)
            yield msgspec.structs.replace(found, image=self.listed[file].path)
        rows = find_faults_of_files(
            labels.rows, labels.file_of, len(self._data.names), self._layout
        )
        faults = [(file, UNREADABLE, fault) for file, fault in labels.faults]
        faults += [(file, fault.code, fault) for file, fault in rows]
        for file, code, fault in sorted(faults, key=lambda one: (one[0], one[2].line)):
            path, image = Path(self.label_files[file]), self.listed[file].path
            yield Finding(code, fault.message, path, line=fault.line, image=image)

    def _find_misspelled(self) -> Iterator[Finding]:
        """Yield labels that are there in another Unicode form, which training would not find."""
        for at in np.flatnonzero(self.labels.missing).tolist():
            found = as_spelled(Path(self.label_files[at]))
            if found is not None:
                message = f"its labels {found} are spelled in another Unicode form"
                image = self.listed[at].path
                yield Finding(UNREADABLE, message, Path(image), image=image)

    def _count(self, is_used: Bool, taken: Bool) -> SplitCounts:
        """Count the images and rows that are taken."""
        background = int((self.labels.count_rows()[is_used] == 0).sum())
        classes = self.labels.rows.class_ids[taken]
        names = len(self._data.names)
        boxes = tuple(np.bincount(classes[classes < names], minlength=names).tolist())
        return SplitCounts(len(self.used), background, sum(boxes), boxes)

    def _count_outlines(self, taken: Bool) -> None:
        rows = self.labels.rows
        outlines = taken & is_polygon(rows.columns, self._layout)
        corners = np.flatnonzero(outlines & (rows.columns == _CORNER_COLUMNS)).tolist()
        self.outlines = int(outlines.sum())
        self._corners = len(corners)
        points = np.array([rows.tails[row] for row in corners], np.float64).reshape(-1, 4, 2)
        self._rotated = int((~_are_upright(points)).sum())

    @property
    def has_rotated_boxes(self) -> bool:
        """Whether all outlines have four corners, as those of an oriented set, and some lean."""
        return self._rotated > 0 and self._corners == self.outlines

    @property
    def has_no_label_file(self) -> bool:
        """Whether it has images, and not one label file."""
        return 0 < len(self.lines) == len(self.missing)

    def faults_of(self, code: str) -> Iterator[Finding]:
        """Yield the faults of one code."""
        return (fault for fault in self.faults if fault.code == code)

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


class SourceAccount(msgspec.Struct, frozen=True):
    """What reading a source said about it.

    Attributes:
        entries: What was left out, and what else was noted.
        doubts: What cannot be right.
        unlisted: Images beside those of the set that are in no annotation file.
    """

    entries: tuple[LedgerEntry, ...] = ()
    doubts: tuple[Finding, ...] = ()
    unlisted: tuple[str, ...] = ()


_NO_ACCOUNT = SourceAccount()


class DatasetFacts(msgspec.Struct, frozen=True, eq=False, kw_only=True, dict=True):
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
        unused: The others, which training does not read.
        account: What reading a source said about it; nothing for a YOLO set.
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
    account: SourceAccount = _NO_ACCOUNT
    leaves_out: bool = False

    @property
    def all_splits(self) -> dict[str, SplitFacts]:
        """All splits, first those that are used."""
        return {**self.splits, **self.unused}

    @cached_property
    def twins(self) -> Twins:
        """Labels that are in their image twice, or nearly."""
        return find_twins(self.table)

    @cached_property
    def duplicates(self) -> Duplicates:
        """Images that the set holds more than once, or nearly."""
        return find_duplicates(self.table, self.scans)

    @cached_property
    def statistics(self) -> SetStatistics:
        """Figures of the set."""
        return compute_statistics(self.table, self.imgsz)

    def sources(self, split: str) -> tuple[Path, ...]:
        """Return the places that the ``data.yaml`` names for a split; none without one."""
        return () if self.data is None else self.data.splits.get(split, ())


def _at_its_place(image: SplitImage, reason: str) -> DataError:
    """Return why an image cannot be used, at the line of the list that names it if there is one."""
    if image.place is None:
        return DataError(reason, path=image.path)
    return DataError(f"{image.path}: {reason}", path=image.place[0], line=image.place[1])


def _are_upright(corners: F64) -> Bool:
    """Return (N,) bool: which (N, 4, 2) points are the corners of an upright box."""
    low, high = corners.min(axis=1, keepdims=True), corners.max(axis=1, keepdims=True)
    to_edges = np.minimum(corners - low, high - corners)
    upright: Bool = (to_edges <= _STRAIGHT).all(axis=(1, 2))
    return upright


def _find_labels_elsewhere(root: Path, missing: Sequence[str]) -> Path | None:
    """Return a file below a folder that has the name of a missing label file, but for its end."""
    stems = {PurePath(path).stem for path in missing[:_STEMS_LOOKED_FOR]}
    for name in walk_files(root):
        path = PurePath(name)
        if path.suffix in (".txt", ".xml", ".json") and path.stem in stems:
            return root / path
    return None
