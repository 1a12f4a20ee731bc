"""The label files of a YOLO set: the one of each image, and those that no image leads to."""

from __future__ import annotations

import os
import re
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.annotations.image_files import IMAGE_SUFFIXES, walk_files
from yolokit.annotations.model import SourceFile
from yolokit.annotations.text_rows import begins_with_rows, first_lines, read_beginning
from yolokit.annotations.yolo_labels import LabelRows, label_path, read_labels
from yolokit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from yolokit.annotations.ledger import Ledger
    from yolokit.annotations.yolo_labels import RowLayout

_LEAST_IMAGES = 2  # a single image without labels may well be a background image
_LABEL_FOLDERS = frozenset({"label", "labels", "labeltxt", "ann", "annotation", "annotations"})
_RUNS = "runs"  # where YOLO puts what it predicts, in rows alike
_UPLOAD_PREFIX = re.compile(r"[0-9a-f]{8}-(?=.)")
_SHOWN = 4


class LabelFiles:
    """Reads the labels of image after image, and in the end accounts for all other label files.

    Args:
        root: The folder of the set. An ``images`` above it is no part of the layout.
        images: Where images lie if they are elsewhere.
        layout: What the rows may be.
        ledger: Gets what no image leads to.
    """

    def __init__(self, root: Path, images: Path | None, layout: RowLayout, ledger: Ledger) -> None:
        self._root = root
        self._images = images
        self._layout = layout
        self._ledger = ledger
        self._prefix = os.path.join(root, "")  # noqa: PTH118 - hot path
        self.start()

    def start(self) -> None:
        """Forget what another pass has met."""
        self._used: set[str] = set()
        self._found: Counter[str] = Counter()
        self._missing: dict[str, list[str]] = {}
        self._moved: list[tuple[str, str]] = []

    def enter_place(self, place: Path) -> None:
        """Take the labels beside a place of a split as the set's, whether it has images or not."""
        self._used.add(self._usual_path(os.path.join(place, "_")))  # noqa: PTH118

    def read(self, image: str, split: str) -> tuple[str, LabelRows | None]:
        """Return where the labels of an image are and its rows; None if there are none."""
        usual = self._usual_path(image)
        rows = read_labels(usual, self._layout)
        found = usual if rows is not None else self._find_elsewhere(image)
        if found is None:
            self._used.add(usual)
            self._missing.setdefault(split, []).append(usual)
            return usual, None
        self._used.add(found)
        self._found[split] += 1
        return found, rows if rows is not None else read_labels(found, self._layout)

    def _usual_path(self, image: str) -> str:
        """Return where YOLO has the labels; what stands above the set is left as it is."""
        if not image.startswith(self._prefix):
            return label_path(image)
        return self._prefix[:-1] + label_path(image[len(self._prefix) - 1 :])

    def _find_elsewhere(self, image: str) -> str | None:
        """Find labels that are not in their usual place, where there is no doubt whose they are."""
        below = image.removeprefix(self._prefix)
        candidates = [os.path.splitext(image)[0] + ".txt"]  # noqa: PTH122
        if self._images is not None:
            below = os.path.relpath(image, self._images)
            homes = (self._root / "images", self._root, self._root / "labels")
            candidates = [*(self._usual_path(str(home / below)) for home in homes), *candidates]
        elif image.startswith(self._prefix) and not self._has_rows:
            candidates.append(label_path(image))
        for candidate in candidates:
            if os.path.isfile(candidate) and _may_be_labels(candidate):  # noqa: PTH113
                return candidate
        usual = self._usual_path(image)
        for candidate in (usual, *candidates):
            found = self._by_case.get(candidate.casefold()) or self._by_upload.get(candidate)
            if found is None or _is_of_another(found, image):
                continue
            if _may_be_labels(found):
                self._moved.append((usual, found))
                return found
        return None

    @cached_property
    def _texts(self) -> list[str]:
        """The text files below the root."""
        return list(_walk_texts(self._root))

    @cached_property
    def _has_rows(self) -> bool:
        """Whether any of them holds rows: then labels above the root are not the set's."""
        return any(map(_has_rows, self._texts))

    @cached_property
    def _by_case(self) -> Mapping[str, str]:
        """Text files by their path in lower case, those that differ in more than case."""
        return _unique((path.casefold(), path) for path in self._texts)

    @cached_property
    def _by_upload(self) -> Mapping[str, str]:
        """Label Studio's files by the names that images had before they were uploaded.

        Its export without images has a ``notes.json``, and labels by the names of the uploads.
        """
        if self._images is None or not (self._root / "notes.json").is_file():
            return {}
        folders = ((*os.path.split(path), path) for path in self._texts)
        return _unique(
            (os.path.join(folder, _UPLOAD_PREFIX.sub("", name)), path)  # noqa: PTH118
            for folder, name, path in folders
            if _UPLOAD_PREFIX.match(name)
        )

    def finish(self) -> None:
        """Account for the label files that no image led to, and for splits without any label."""
        if self._moved:
            usual, found = self._moved[0]
            count = f"{len(self._moved)} label file{'s' if self._moved[1:] else ''}"
            message = f"{count} not where YOLO has them, such as {found}, not {usual}"
            self._ledger.note(SourceFile(str(self._root)), None, "labels-elsewhere", message)
        known = set(map(_comparable, self._used))
        led_to = {os.path.dirname(path) for path in self._used}  # noqa: PTH120
        strays: list[str] = []
        for path in self._rest(led_to, known):
            if any(str(folder) in led_to for folder in Path(path).parents):
                self._drop(path)
            elif _has_rows(path):
                strays.append(path)
        unread = _count_folders(path for path in strays if not self._drop_if_ours(path))
        for folder, number in unread.items():
            files = "1 text file" if number == 1 else f"{number} text files"
            message = f"{files} of rows here, which no image of the set leads to"
            self._ledger.note(SourceFile(folder), None, "not-read", message)
        self._doubt(unread)

    def _rest(self, led_to: Iterable[str], known: set[str]) -> Iterator[str]:
        """Yield each text file that no image led to."""
        outside = [folder for folder in led_to if not folder.startswith(self._prefix)]
        below = (path for folder in sorted(outside) for path in _walk_texts(Path(folder)))
        for path in (*self._texts, *below):
            comparable = _comparable(path)
            if comparable not in known:
                known.add(comparable)
                yield path

    def _drop_if_ours(self, path: str) -> bool:
        """Drop the rows of a file in a folder for labels, unless it is of images of no split.

        Where no image has labels that is said instead, and what was seen is noted.
        """
        folders = Path(path.removeprefix(self._prefix).lower()).parts[:-1]
        if not self._found and self._is_doubtful():
            return False
        if _RUNS in folders or _LABEL_FOLDERS.isdisjoint(folders) or _has_own_image(path):
            return False
        return self._drop(path)

    def _drop(self, path: str) -> bool:
        """Drop the rows of a file by name; return whether it has any: a README is no label file."""
        rows = read_labels(path, self._layout)
        if rows is None or not len(rows.lines):
            return False
        self._ledger.see(rows.row_count)
        lines = [*rows.lines.tolist(), *(fault.line for fault in rows.faults)]
        for line in sorted(lines):
            message = "no image of the set has these labels"
            self._ledger.record(SourceFile(path), line, "dropped", "missing-image", message)
        return True

    def _is_doubtful(self) -> bool:
        return sum(map(len, self._missing.values())) >= _LEAST_IMAGES

    def _doubt(self, unread: Mapping[str, int]) -> None:
        """Say what has images and not one label file, the whole set or a split of it."""
        if not self._found and (unread or self._is_doubtful()):
            self._refuse([path for paths in self._missing.values() for path in paths], "", unread)
            return
        for split, missing in self._missing.items():
            if self._found[split] or len(missing) < _LEAST_IMAGES:
                continue
            if split != "test":
                self._refuse(missing, f" of {split}", unread)
            else:  # often published without
                message = f"none of the {len(missing)} images of test has a label file"
                self._ledger.note(SourceFile(str(self._root)), None, "no-labels", message)

    def _refuse(self, missing: list[str], of_split: str, unread: Mapping[str, int]) -> None:
        if not missing:
            return
        what = f"none of the {len(missing)} images{of_split} has"
        if len(missing) == 1:
            what = "the only image has not"
        message = f"{what} a label file, looked for as {missing[0]}"
        if unread:
            folders = [f"{folder} ({count})" for folder, count in [*unread.items()][:_SHOWN]]
            more = ", ..." if len(unread) > _SHOWN else ""
            message += f"; text files of rows are in {', '.join(folders)}{more}"
        hint = "labels of images/NAME.jpg are read from labels/NAME.txt, or beside the image"
        self._ledger.doubt("no-labels", message, str(self._root), hint)


def _walk_texts(folder: Path) -> Iterator[str]:
    """Yield the text files below a folder; what is closed to this user holds no labels of ours."""
    try:
        for name in walk_files(folder):
            if name[-4:].lower() == ".txt":
                yield os.path.join(folder, name.replace("/", os.sep))  # noqa: PTH118
    except DataError:
        return


def _has_rows(path: str) -> bool:
    return begins_with_rows(read_beginning(path))


def _may_be_labels(path: str) -> bool:
    """Tell whether a text file has rows, or nothing: beside an image it may be a caption."""
    head = read_beginning(path)
    return not first_lines(head) or begins_with_rows(head)


def _is_of_another(labels: str, image: str) -> bool:
    """Tell whether there is another image beside one that has the very name of a label file."""
    return _stem(labels) != _stem(image) and _has_image(labels, os.path.dirname(image))  # noqa: PTH120


def _has_image(labels: str, folder: str) -> bool:
    """Tell whether a folder has an image of the very name of a label file."""
    base = os.path.join(folder, _stem(labels))  # noqa: PTH118
    return any(os.path.isfile(base + suffix) for suffix in sorted(IMAGE_SUFFIXES))  # noqa: PTH113


def _has_own_image(labels: str) -> bool:
    """Tell whether there is an image where that of a label file is to be, or beside it."""
    images = f"{os.sep}images{os.sep}".join(labels.rsplit(f"{os.sep}labels{os.sep}", 1))
    places = {os.path.dirname(labels), os.path.dirname(images)}  # noqa: PTH120
    return any(_has_image(labels, place) for place in places)


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]  # noqa: PTH119, PTH122


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return a mapping without keys that stand for several paths."""
    listed = list(pairs)
    counts = Counter(key for key, _ in listed)
    return {key: path for key, path in listed if counts[key] == 1}


def _count_folders(paths: Iterable[str]) -> Counter[str]:
    return Counter(os.path.dirname(path) for path in paths)  # noqa: PTH120


def _comparable(path: str) -> str:
    return os.path.normcase(os.path.normpath(path))
