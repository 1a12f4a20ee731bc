"""The label file of each image of a YOLO set, wherever it lies; and the names of the classes."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

from yolokit.core.plural import counted
from yolokit.datasets.label_rows import LabelRows, RowLayout, label_path, read_labels
from yolokit.datasets.text_rows import begins_with_rows, first_lines, read_beginning
from yolokit.errors import DataError
from yolokit.files.size_limits import read_bounded
from yolokit.formats.toolkit.image_index import fold
from yolokit.formats.toolkit.layout import is_annotation_folder, nearest_split
from yolokit.formats.toolkit.source_tree import SourceTree
from yolokit.formats.toolkit.yolo_labels import LabelAccount, has_image, has_rows, stem_of
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import SourceFile

_IMAGES = re.compile(re.escape(f"{os.sep}images{os.sep}"), re.IGNORECASE)
_UPLOAD_PREFIX = re.compile(r"[0-9a-f]{8}-(?=.)")
_NAME_FILES = (
    *("classes.txt", "obj.names", "names.txt", "_classes.txt", "classes.names", "data.names"),
    "predefined_classes.txt",  # those that LabelImg offers; what it writes is classes.txt
)
_ROW = re.compile(rb"\s*\d+(?:[ \t]+[-+.\de]+){4,}[ \t]*(?:\r?\n|\Z)", re.IGNORECASE)
_NAMES_KEY = re.compile(rb"^[\"']?names[\"']?[ \t]*:", re.MULTILINE)


class LabelFiles:
    """Reads the labels of image after image, and finally accounts for all other label files.

    Args:
        root: The folder of the set. An ``images`` above it is not part of the layout.
        images: Where images lie if they are elsewhere.
        layout: What the rows may be.
        ledger: Gets label files without an image.
    """

    def __init__(self, root: Path, images: Path | None, layout: RowLayout, ledger: Ledger) -> None:
        self._root = root
        self._images = images
        self._layout = layout
        self._ledger = ledger
        self._account = LabelAccount(root, layout, ledger)
        self._prefix = os.path.join(root, "")  # noqa: PTH118 - hot path
        self.start()

    def start(self) -> None:
        """Forget what another pass has seen."""
        self._account.start()
        self._moved: list[tuple[str, str]] = []
        self._image_of: dict[str, str] = {}
        self._shared: list[tuple[str, str]] = []

    def enter_place(self, place: Path) -> None:
        """Take the labels beside a place of a split as the set's, whether it has images or not."""
        self._account.lead_to(self._usual_path(str(place / "_")))

    def read(self, image: str, split: str) -> tuple[str, LabelRows | None]:
        """Return where the labels of an image are and its rows; None if there are none."""
        usual = self._usual_path(image)
        rows = read_labels(usual, self._layout)
        found = usual if rows is not None else self._find_elsewhere(image, usual, split)
        self._account.enter(found or usual, split, found=found is not None)
        if found is None:
            return usual, None
        if self._image_of.setdefault(found, image) != image:
            self._shared.append((image, found))
        return found, rows if rows is not None else read_labels(found, self._layout)

    def finish(self) -> None:
        """Account for the label files that no image led to, and for splits without any label."""
        if self._moved:
            usual, found = self._moved[0]
            files = counted(len(self._moved), "label file is", "label files are")
            message = f"{files} not where YOLO has them: {found}, not {usual}"
            self._ledger.note(SourceFile(str(self._root)), None, "labels-elsewhere", message)
        if self._shared:
            image, found = self._shared[0]
            images = counted(len(self._shared), "image shares", "images share")
            other = self._image_of[found]
            message = f"{images} the labels of another: {found} is of {other} and {image}"
            self._ledger.note(SourceFile(str(self._root)), None, "shared-labels", message)
        self._account.finish()

    def _usual_path(self, image: str) -> str:
        """Return where YOLO has the labels; the part above the set is left as it is."""
        if not image.startswith(self._prefix):
            return label_path(image)
        return self._prefix[:-1] + label_path(image[len(self._prefix) - 1 :])

    def _find_elsewhere(self, image: str, usual: str, split: str) -> str | None:
        """Find labels that are not in their usual place, where it is certain whose they are."""
        candidates = self._list_candidates(image, split)
        for candidate in candidates:
            if os.path.isfile(candidate) and _may_be_labels(candidate):  # noqa: PTH113
                return candidate
        for candidate in (usual, *candidates):
            found = self._by_name.get(fold(candidate)) or self._by_upload.get(candidate)
            if found is None or not _may_be_labels(found):
                continue
            # Where the names differ, an image of the same name may be there as well.
            if stem_of(found) == stem_of(image) or not has_image(found, os.path.dirname(image)):  # noqa: PTH120
                self._moved.append((usual, found))
                return found
        return None

    def _list_candidates(self, image: str, split: str) -> list[str]:
        """Return other places in which the labels of an image may be, first choice first."""
        beside = os.path.splitext(image)[0] + ".txt"  # noqa: PTH122
        if self._images is not None:
            below = os.path.relpath(image, self._images)
            folder = self._root / "images"
            homes = (folder, folder / split, self._root, self._root / "labels")
            return [*(self._usual_path(str(home / below)) for home in homes), beside]
        if not image.startswith(self._prefix):
            return [beside]
        inner = _IMAGES.sub(lambda _: f"{os.sep}images{os.sep}", image[len(self._prefix) - 1 :])
        candidates = [beside, self._prefix[:-1] + label_path(inner)]
        return candidates if self._has_labels else [*candidates, label_path(image)]

    @cached_property
    def _has_labels(self) -> bool:
        """Whether the set has rows of its own: then those above it are another one's."""
        return any(map(has_rows, self._account.texts))

    @cached_property
    def _by_name(self) -> Mapping[str, str]:
        """Text files by their path, whatever its case and Unicode form, where one alone has it."""
        return _unique((fold(path), path) for path in self._account.texts)

    @cached_property
    def _by_upload(self) -> Mapping[str, str]:
        """Label Studio's files by the names that images had before they were uploaded.

        Its export without images has a ``notes.json``, and labels by the names of the uploads.
        """
        if self._images is None or not (self._root / "notes.json").is_file():
            return {}
        folders = ((*os.path.split(path), path) for path in self._account.texts)
        return _unique(
            (os.path.join(folder, _UPLOAD_PREFIX.sub("", name)), path)  # noqa: PTH118
            for folder, name, path in folders
            if _UPLOAD_PREFIX.match(name)
        )


def _may_be_labels(path: str) -> bool:
    """Tell whether a text file has rows, or nothing: beside an image it may be a caption."""
    head = read_beginning(path)
    return not first_lines(head) or begins_with_rows(head)


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return a mapping without keys that mean several paths."""
    listed = list(pairs)
    counts = Counter(key for key, _ in listed)
    return {key: path for key, path in listed if counts[key] == 1}


def find_name_file(tree: SourceTree) -> Path | None:
    """Return the file that names the classes of a folder: in it, or beside the labels in it."""
    return next(_iter_name_files(tree), None)


def read_class_names(tree: SourceTree) -> tuple[Path, tuple[str, ...]] | None:
    """Return that file and the names in it, None if there is none.

    Raises:
        DataError: Several folders have one and they differ, or the names are not usable.
    """
    found = {file: _read_names(file) for file in _iter_name_files(tree)}
    first = next(iter(found), None)
    if first is None:
        return None
    for file, names in found.items():
        if names != found[first]:
            raise DataError(
                f"the classes are not those of {first}",
                path=file,
                hint="give the folders as sources of their own: classes are joined by their names",
            )
    return first, found[first]


def _iter_name_files(tree: SourceTree) -> Iterator[Path]:
    """Yield one file for each folder that has any, the uppermost first."""
    folders = {file.parent for file in tree.files()} | {tree.path}
    for folder in sorted(folders, key=lambda one: (len(one.parts), one)):
        is_of_split = nearest_split(folder.relative_to(tree.path).parts) is not None
        if folder == tree.path or is_annotation_folder(folder.name) or is_of_split:
            file = next((folder / name for name in _NAME_FILES if (folder / name).is_file()), None)
            if file is not None:
                yield file


def _read_names(file: Path) -> tuple[str, ...]:
    """Return the names in a file of one name a line."""
    try:
        lines = read_bounded(file).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("cannot read the names of the classes", path=file) from error
    names = tuple(line.strip() for line in lines if line.strip())
    if not names or len(set(names)) < len(names):
        raise DataError("the names of the classes are empty or not unique", path=file)
    return names


def find_names_yaml(tree: SourceTree) -> Path | None:
    """Return the only YAML of a folder that holds names of classes; it need not name splits."""
    top = tree.path.parent if tree.is_file else tree.path
    files = [file for file in tree.files(".yaml", ".yml") if file.parent == top]
    fits = [file for file in files if _NAMES_KEY.search(tree.head(file)) is not None]
    return fits[0] if len(fits) == 1 else None


def has_label_rows(tree: SourceTree) -> bool:
    """Tell whether text files of the source begin with rows of a class and its coordinates."""
    texts = (file for file in tree.files(".txt") if file.name not in _NAME_FILES)
    return any(_ROW.match(tree.head(file)) is not None for file in texts)
