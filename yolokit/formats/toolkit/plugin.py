"""What a format's file defines, and how a source's format is recognised."""

from __future__ import annotations

import mmap
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, cast

import msgspec

from yolokit.core.plugins import list_plugins, load_plugin
from yolokit.core.task import Task
from yolokit.datasets.text_rows import begins_with_rows
from yolokit.errors import DataError
from yolokit.files.file_kind import POINTER, tell_kind
from yolokit.formats.toolkit.source_tree import HEAD_BYTES, SourceTree
from yolokit.formats.toolkit.unsupported_formats import CLASSES_BY_FOLDER, TABLE, Unsupported
from yolokit.images.listing import is_image_name
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Dataset

PACKAGE = "yolokit.formats"

_OPENED_FILES = 200
_LISTED_FILES = 20_000
_SEARCHED_BYTES = 1 << 28


class Match(msgspec.Struct, frozen=True):
    """That a source looks like a format.

    Attributes:
        score: How sure that is, in (0, 1]; 1.0 when a key file of the format was read.
        evidence: What was seen, as one sentence.
    """

    score: float
    evidence: str


class ReadOptions(msgspec.Struct, frozen=True):
    """How a source is to be read.

    Attributes:
        images: Folder with the images, where they are not beside the annotations.
        labels_only: Images are elsewhere: sizes come from the annotations.
        task: What annotations will be brought to. A reader gives every shape that there is; where
            boxes alone are wanted it may skip those beside a box.
        assume: What the user states about conventions, by the keys of the format's ``ASSUME``.
    """

    images: Path | None = None
    labels_only: bool = False
    task: Task = Task.DETECT
    assume: Mapping[str, str] = MappingProxyType({})

    def require_images(self, why: str, path: Path | str) -> None:
        """Refuse ``--labels-only`` for labels that need the sizes of their images.

        Args:
            why: What needs them; the message goes on from there.
            path: The source, or a file of it.

        Raises:
            DataError: No image is to be looked at.
        """
        if self.labels_only:
            raise DataError(
                f"{why}, and --labels-only reads no image",
                path=path,
                hint="leave --labels-only out, and say with --images where the images are",
            )


class Format(Protocol):
    """A module of ``formats``; the last four and ``write`` only where it can be written.

    ``ROWS = True`` is set in one whose labels are text files of rows.

    Attributes:
        TITLE: The format's name for people.
        READS: The tasks whose annotations it can hold.
        RECOGNISED_BY: What a source is recognised by, as a phrase.
        ASSUME: Convention to its possible values, the default first.
        WRITES: The tasks for which it can be written.
        IMAGE_FOLDER: Where a written set has its images; ``{split}`` is the split.
        WRITTEN: The other files of a written set, as patterns in which ``*`` crosses folders.
        MANY_OUTLINES: Whether an annotation can be written with several outlines.
    """

    TITLE: str
    READS: tuple[Task, ...]
    RECOGNISED_BY: str
    ASSUME: Mapping[str, tuple[str, ...]]
    WRITES: tuple[Task, ...]
    IMAGE_FOLDER: str
    WRITTEN: tuple[str, ...]
    MANY_OUTLINES: bool

    def sniff(self, tree: SourceTree) -> Match | None:
        """Tell from the content whether a source is of this format.

        Of many files alike the tree has a few only; see :meth:`SourceTree.sample`.
        """

    def read(self, source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
        """Open a source; images stream, and what is not a plain box goes to the ledger."""

    def write(self, dataset: Dataset, folder: Path, remarks: Sequence[str]) -> None:
        """Write a settled data set: each image has a split, a size and labels inside it.

        ``dataset.task`` is one of ``WRITES``; in ``segment`` and ``obb`` each annotation has a
        shape, whose box is its own; corners of a rotated one may lie outside the image.

        Images themselves are put in place by the caller. ``remarks`` are sentences for people,
        to be kept where the format has a place for them.
        """


def list_formats() -> tuple[str, ...]:
    """Return the names of all formats, importing none."""
    return list_plugins(PACKAGE)


def load_format(name: str) -> Format:
    """Import one format.

    Raises:
        ConfigError: There is no such format; the message suggests the nearest.
    """
    return cast(Format, load_plugin(PACKAGE, name, kind="format"))


def writable_tasks(name: str) -> tuple[Task, ...]:
    """Return the tasks for which a format can be written; none for one that is only read."""
    return tuple(getattr(load_format(name), "WRITES", ()))


def can_write(name: str) -> bool:
    """Tell whether a format can be written."""
    return bool(writable_tasks(name))


def recognise(source: Path) -> tuple[str, Match]:
    """Find the one format that a source is of.

    Raises:
        DataError: None fits, or more than one; nothing is guessed.
    """
    fits = sorted(sniff_formats(source).items(), key=lambda item: -item[1].score)
    if not fits:
        raise _unrecognised(source)
    if len(fits) > 1:
        seen = "; ".join(f"{name}: {match.evidence}" for name, match in fits)
        raise DataError(
            f"more than one format fits ({seen})", path=source, hint="choose one with --from"
        )
    return fits[0]


def _unrecognised(source: Path) -> DataError:
    """Return the error for what no format fits: by the name of what it is, where that is known."""
    tree = SourceTree(source).sample()
    stray = _find_stray(tree)
    if stray is not None:
        return stray
    unsupported = find_unsupported(tree)
    if unsupported is not None:
        known, name = unsupported
        message = f"this looks like {known.name}, which is not read (recognised by {name})"
        return DataError(message, path=source, hint=known.advice)
    return DataError(
        f"none of the known formats ({', '.join(list_formats())}) was recognised",
        path=source,
        hint="name the format with --from, or point to the annotation file itself",
    )


def _find_stray(tree: SourceTree) -> DataError | None:
    """Return the error for what cannot be annotations: a git-LFS pointer, a web page, a model.

    That is a source which is such a file, or a folder that has pointers in place of its files.
    """
    for file in tree.files():
        kind = tell_kind(tree.head(file)[:512])
        if kind is POINTER or (tree.is_file and kind is not None and kind.group == "other"):
            return DataError(f"this is {kind.name}", path=file, hint=kind.hint)
    return None


def find_unsupported(tree: SourceTree) -> tuple[Unsupported, str] | None:
    """Return what a source is that no format fits, and the file that says so; None if unknown.

    A row of the table fits if the name of a file does, and the first 64 KiB of that file hold all
    marks of the row.
    """
    files = list(islice(zip(tree.names, tree.files(), strict=True), _LISTED_FILES))
    texts = islice((file for file in files if not is_image_name(file[0])), _OPENED_FILES)
    opened = dict(texts)
    for row in TABLE:
        wanted, marks = re.compile(row.files, re.IGNORECASE), [re.compile(m) for m in row.marks]
        for name in opened if marks else (name for name, _ in files):
            if wanted.search(name) is None:
                continue
            if not marks or _holds(tree, opened[name], marks, anywhere=row.anywhere):
                return row, name
    if not opened and len({name.rpartition("/")[0] for name, _ in files}) > 1:
        return CLASSES_BY_FOLDER, files[0][0]
    return None


def _holds(tree: SourceTree, file: Path, marks: list[re.Pattern[bytes]], *, anywhere: bool) -> bool:
    """Tell whether a file has all marks."""
    head = tree.head(file)
    if not anywhere or len(head) < HEAD_BYTES:
        return all(mark.search(head) is not None for mark in marks)
    try:
        with (
            file.open("rb") as stream,
            mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            return all(mark.search(content, 0, _SEARCHED_BYTES) is not None for mark in marks)
    except (OSError, ValueError):  # it went away, or is empty by now
        return False


def sniff_formats(source: Path) -> dict[str, Match]:
    """Return the formats that a source looks like."""
    tree = SourceTree(source).sample()
    found = {name: load_format(name).sniff(tree) for name in list_formats()}
    return {name: match for name, match in found.items() if match is not None}


def describe_unread(source: Path, chosen: str, others: Mapping[str, Match]) -> list[str]:
    """Say what a folder has beside the annotations that are read, one sentence each.

    Args:
        source: A folder; where a file was pointed to, that is all that is meant.
        chosen: The format that it is read as.
        others: Formats that it looks like too.
    """
    if not source.is_dir():
        return []
    told = [f"not read: {load_format(name).TITLE}, {one.evidence}" for name, one in others.items()]
    if any(getattr(load_format(name), "ROWS", False) for name in (chosen, *others)):
        return told
    tree = SourceTree(source).sample()
    rows = next((file for file in tree.files(".txt") if begins_with_rows(tree.head(file))), None)
    return told if rows is None else [*told, f"not read: text files of rows, such as {rows}"]
