"""The names of the classes of a YOLO set that no ``data.yaml`` describes as a whole.

LabelImg writes a ``classes.txt`` into the folder of the labels, which often is that of the images;
others write it once beside ``images`` and ``labels``, or a YAML that holds names alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from yolokit.errors import DataError
from yolokit.files.size_limits import read_bounded
from yolokit.formats.toolkit.layout import is_annotation_folder, nearest_split

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yolokit.formats.toolkit.source_tree import SourceTree

_NAME_FILES = (
    *("classes.txt", "obj.names", "names.txt", "_classes.txt", "classes.names", "data.names"),
    "predefined_classes.txt",  # those that LabelImg offers; what it writes is classes.txt
)
_ROW = re.compile(rb"\s*\d+(?:[ \t]+[-+.\de]+){4,}[ \t]*(?:\r?\n|\Z)", re.IGNORECASE)
_NAMES_KEY = re.compile(rb"^[\"']?names[\"']?[ \t]*:", re.MULTILINE)


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
    """Return the names in a file of one name a line.

    Raises:
        DataError: It cannot be read, or they are not usable.
    """
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
