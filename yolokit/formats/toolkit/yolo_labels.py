"""Label files with YOLO's rows, one an image.

Each class number is a line or key of a list of names. An account is kept of the files without an
image, and of the images without one.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np

from yolokit.core.plural import counted
from yolokit.core.types import I64
from yolokit.datasets.label_rows import LabelRows, RowLayout, read_labels, to_annotations
from yolokit.datasets.text_rows import begins_with_rows, read_beginning
from yolokit.errors import DataError
from yolokit.formats.toolkit.layout import is_annotation_folder
from yolokit.formats.toolkit.plugin import ReadOptions
from yolokit.images.listing import IMAGE_SUFFIXES, walk_files
from yolokit.images.size import read_image_size
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Annotations, ImageRecord, LabelledImage, SourceFile

CLASS_BASE = ("0", "1")
"""What ``--assume class-base`` may be: whether the first class is number 0, or 1."""

ROBOFLOW_NAMES = "_darknet.labels"
"""The file of class names by line in Roboflow's exports for Darknet."""

_LEAST_IMAGES = 2  # a single image without labels may well be a background image
_RUNS = "runs"  # where YOLO puts what it predicts, in rows alike
_SHOWN = 4


class YoloRows:
    """Turns label rows into annotations; what cannot be one goes to the ledger.

    Args:
        index: Number of a class, as its list of names counts, to the index of its category.
        names_file: What that list is called in messages.
        layout: What the rows may be.
        options: How the source is to be read.
        ledger: Gets rows that are broken or whose class has no name, and images without a size.
    """

    def __init__(
        self,
        index: Mapping[int, int],
        names_file: str,
        layout: RowLayout,
        options: ReadOptions,
        ledger: Ledger,
    ) -> None:
        self._base = int(options.assume.get("class-base", CLASS_BASE[0]))
        self._index = {number + self._base: at for number, at in index.items()}
        self._names_file = names_file
        self._layout = layout
        self._task = options.task
        self._ledger = ledger

    @property
    def evidence(self) -> str:
        """What the numbers are taken as, as one sentence."""
        low, high = min(self._index, default=0), max(self._index, default=0)
        return (
            f"class {low} is the first of {self._names_file} and {high} the last "
            f"(--assume class-base={1 - self._base} if labels count from {1 - self._base})"
        )

    def to_labelled(
        self, image: ImageRecord, rows: LabelRows | None, source: SourceFile, line: int | None
    ) -> LabelledImage | None:
        """Read the size of an image and bring its rows into it; None if it is not readable.

        Args:
            image: With its ``path`` and, as its ``source``, the label file.
            rows: Of that file; None where there is none.
            source: What led to the image, for messages.
            line: In ``source``.
        """
        if rows is not None:
            self._ledger.see(rows.row_count)
            for fault in rows.faults:
                self._ledger.record(image.source, fault.line, "dropped", fault.code, fault.message)
        assert image.path is not None, "labels are found by it"
        try:
            size = read_image_size(image.path)
        except DataError as error:
            code, message = "unreadable-image", str(error)
            if not os.path.lexists(image.path):
                code, message = "missing-image", f"the image {image.path} was not found"
            if rows is None or not len(rows.lines):
                self._ledger.record(source, line, "noted", code, message, image.path)
            else:
                lines = rows.lines.tolist()
                self._ledger.lose_image(image.source, lines, code, message, image.path)
            return None
        wh = size.width_px, size.height_px
        image = msgspec.structs.replace(
            image, width_px=wh[0], height_px=wh[1], cut_short=size.cut_short
        )
        if rows is None or not len(rows.class_ids):
            return LabelledImage(image, Annotations.empty())
        rows, indices = self._to_indices(rows, image.source)
        annotations = to_annotations(rows, indices, wh, self._layout, self._task)
        return LabelledImage(image, annotations)

    def _to_indices(self, rows: LabelRows, source: SourceFile) -> tuple[LabelRows, I64]:
        """Return rows with the index of each; those of unknown classes are dropped."""
        found = [self._index.get(class_id, -1) for class_id in rows.class_ids.tolist()]
        indices: I64 = np.array(found, np.int64)
        known = np.asarray(indices >= 0)
        if known.all():
            return rows, indices
        for at in np.flatnonzero(~known).tolist():
            number = int(rows.class_ids[at])
            message = f"class {number} has no name in {self._names_file}"
            if self._base == 0 and number - 1 in self._index:
                message += "; do its labels count from 1 (--assume class-base=1)?"
            line = int(rows.lines[at])
            self._ledger.record(source, line, "dropped", "unknown-class", message)
        return rows.take(known), indices[known]


class LabelAccount:
    """Takes the labels of image after image, and finally accounts for all other ones.

    Args:
        root: The folder of the set.
        layout: What the rows may be.
        ledger: Gets label files without an image.
        tells_unlisted: Whether the caller reports images in no list: their labels go with them.
    """

    def __init__(
        self, root: Path, layout: RowLayout, ledger: Ledger, *, tells_unlisted: bool = False
    ) -> None:
        self._tells_unlisted = tells_unlisted
        self._root = root
        self._layout = layout
        self._ledger = ledger
        self._prefix = os.path.join(root, "")  # noqa: PTH118
        self._closed: str | None = None
        self.start()

    def start(self) -> None:
        """Forget what another pass has seen."""
        self._used: set[str] = set()
        self._found: Counter[str] = Counter()
        self._missing: dict[str, list[str]] = {}

    def lead_to(self, labels: str) -> None:
        """Take the folder of a label file as one of the set's, even if no image uses it."""
        self._used.add(labels)

    def enter(self, labels: str, split: str, *, found: bool) -> None:
        """Enter where the labels of an image are, or where they would have to be."""
        self._used.add(labels)
        if found:
            self._found[split] += 1
        else:
            self._missing.setdefault(split, []).append(labels)

    @cached_property
    def texts(self) -> list[str]:
        """The text files below the root."""
        found: list[str] = []
        try:
            found.extend(_walk_texts(self._root))
        except DataError as error:  # it may have nothing to do with the set: only a note
            self._closed = str(error)
        return found

    def finish(self) -> None:
        """Account for the label files that no image led to, and for splits without any label."""
        strays: list[str] = []
        led_to = {os.path.dirname(path) for path in self._used}  # noqa: PTH120
        for path in self._rest(led_to):
            if self._tells_unlisted and _has_own_image(path):
                continue
            if any(str(folder) in led_to for folder in Path(path).parents):
                self._drop(path)
            elif has_rows(path):
                strays.append(path)
        unread = Counter(os.path.dirname(path) for path in strays if not self._drop_if_ours(path))  # noqa: PTH120
        for folder, count in unread.items():
            files = counted(count, "text file")
            message = f"{files} of rows here that belong to no image of the set"
            self._ledger.note(SourceFile(folder), None, "not-read", message)
        if self._closed is not None:
            self._ledger.note(SourceFile(str(self._root)), None, "not-read", self._closed)
        self._doubt(unread)

    def _rest(self, led_to: Iterable[str]) -> Iterator[str]:
        """Yield each text file that no image led to."""
        known = set(map(_comparable, self._used))
        outside = sorted(folder for folder in led_to if not folder.startswith(self._prefix))
        below = (path for folder in outside for path in _walk_texts(Path(folder)))
        for path in (*self.texts, *below):
            comparable = _comparable(path)
            if comparable not in known:
                known.add(comparable)
                yield path

    def _drop_if_ours(self, path: str) -> bool:
        """Drop the rows of a file in a folder for labels, unless it is of images of no split.

        Where not one image has labels, that is said, and what was seen is noted.
        """
        folders = Path(path.removeprefix(self._prefix).lower()).parts[:-1]
        if not self._found and self._has_images():
            return False
        if _RUNS in folders or not any(map(is_annotation_folder, folders)) or _has_own_image(path):
            return False
        return self._drop(path)

    def _drop(self, path: str) -> bool:
        """Drop the rows of a file by name; return whether it has any: a README has none."""
        rows = read_labels(path, self._layout)
        if rows is None or not len(rows.lines):
            return False
        self._ledger.see(rows.row_count)
        lines = [*rows.lines.tolist(), *(fault.line for fault in rows.faults)]
        for line in sorted(lines):
            message = "no image of the set has these labels"
            self._ledger.record(SourceFile(path), line, "dropped", "missing-image", message)
        return True

    def _has_images(self) -> bool:
        """Tell whether more than one image has no labels."""
        return sum(map(len, self._missing.values())) >= _LEAST_IMAGES

    def _doubt(self, unread: Mapping[str, int]) -> None:
        """Say what has images and not one label file: the whole set, or a split of it."""
        if not self._found:
            missing = [path for paths in self._missing.values() for path in paths]
            if self._has_images() or (missing and unread):
                self._refuse(missing, "", unread)
            return
        for split, missing in self._missing.items():
            if self._found[split] or len(missing) < _LEAST_IMAGES:
                continue
            if split == "test":  # often published without
                message = f"test has no label file for its {counted(len(missing), 'image')}"
                self._ledger.note(SourceFile(str(self._root)), None, "no-labels", message)
            else:
                self._refuse(missing, f" of {split}", unread)

    def _refuse(self, missing: list[str], of_split: str, unread: Mapping[str, int]) -> None:
        images = counted(len(missing), "image")
        message = f"no label file for the {images}{of_split}, looked for as {missing[0]}"
        if unread:
            folders = [f"{folder} ({count})" for folder, count in [*unread.items()][:_SHOWN]]
            more = ", ..." if len(unread) > _SHOWN else ""
            message += f"; text files of rows are in {', '.join(folders)}{more}"
        hint = "labels of images/NAME.jpg are read from labels/NAME.txt, or beside the image"
        self._ledger.doubt("no-labels", message, str(self._root), hint)


def _walk_texts(folder: Path) -> Iterator[str]:
    for name in walk_files(folder):
        if name[-4:].lower() == ".txt":
            yield os.path.join(folder, name.replace("/", os.sep))  # noqa: PTH118


def has_rows(path: str) -> bool:
    """Tell whether a text file begins with rows of labels."""
    return begins_with_rows(read_beginning(path))


def has_image(labels: str, folder: str) -> bool:
    """Tell whether a folder has an image with the name of a label file."""
    base = os.path.join(folder, stem_of(labels))  # noqa: PTH118
    return any(os.path.isfile(base + suffix) for suffix in sorted(IMAGE_SUFFIXES))  # noqa: PTH113


def stem_of(path: str) -> str:
    """Return a file's name without folders and suffix."""
    return os.path.splitext(os.path.basename(path))[0]  # noqa: PTH119, PTH122


def _has_own_image(labels: str) -> bool:
    """Tell whether the image of a label file is where it should be, or beside it."""
    images = f"{os.sep}images{os.sep}".join(labels.rsplit(f"{os.sep}labels{os.sep}", 1))
    places = {os.path.dirname(labels), os.path.dirname(images)}  # noqa: PTH120
    return any(has_image(labels, place) for place in places)


def _comparable(path: str) -> str:
    return os.path.normcase(os.path.normpath(path))
