"""The images of Label Studio's tasks: one row of annotations for each, its size found out."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from yolokit.errors import DataError
from yolokit.formats.labelstudio.names import (
    is_upload,
    name_of_reference,
    without_upload_prefix,
)
from yolokit.formats.toolkit.image_locator import SourceImages
from yolokit.images.size import read_image_size
from yolokit.labels.builder import ImageRows
from yolokit.labels.model import ImageRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from yolokit.formats.toolkit.plugin import ReadOptions
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import SourceFile


class TaskImages:
    """Gives each image that tasks show its rows; the same image shown twice is one."""

    def __init__(self, options: ReadOptions, ledger: Ledger) -> None:
        self._options = options
        self._ledger = ledger
        self._rows: dict[tuple[str | None, str], ImageRows] = {}
        self._bare_names: Counter[str] = Counter()
        self._files = SourceImages()

    @property
    def all_rows(self) -> list[ImageRows]:
        """The rows of all images, in the order in which they were asked for."""
        return list(self._rows.values())

    def count_names(self, references: Iterable[str]) -> None:
        """Take note of uploads: two may have had the same name before they got their prefix."""
        for reference in set(references):
            if is_upload(reference):
                bare = without_upload_prefix(reference.rpartition("/")[2])
                self._bare_names.update([bare] if bare else [])

    def rows_for(
        self,
        reference: str,
        source: SourceFile,
        split: str | None,
        stated: Sequence[tuple[int, int] | tuple[None, None]],
        *,
        is_drawn: bool,
    ) -> ImageRows | None:
        """Return the rows of an image, or None if its size is needed and cannot be found out.

        Args:
            reference: What the task calls it.
            source: The file of the task.
            split: The one of that file.
            stated: The size in the first region that states one, if any does.
            is_drawn: Whether regions are drawn on it, whose percent need its size.

        Raises:
            ValueError: The reference is not a name of an image.
            DataError: The size is needed and no image is to be looked at.
        """
        name = _without_image_folder(name_of_reference(reference), split)
        rows = self._rows.get((split, name))
        if rows is not None:
            message = f"{name} is shown by more than one task; their annotations were joined"
            self._ledger.note(source, None, "duplicate-image", message)
            if rows.image.width_px is not None:
                return rows
        others = self._other_names(reference, name)
        width_px, height_px = stated[0] if stated else (None, None)
        record = ImageRecord(name, width_px, height_px, split, None, source, others)
        measured = self._measure(record) if record.width_px is None and is_drawn else record
        if measured is None:
            return None
        if rows is None:
            rows = self._rows[split, name] = ImageRows(measured)
        rows.image = measured
        return rows

    def why_missing(self, reference: str) -> str:
        """Say why there are no rows for an image."""
        return (
            f"the image {reference[:200]} was not found or cannot be read, and its size, which "
            "labels in percent need, is not stated"
        )

    def _other_names(self, reference: str, name: str) -> tuple[str, ...]:
        bare = without_upload_prefix(name) if is_upload(reference) else None
        return (bare,) if bare and self._bare_names[bare.rpartition("/")[2]] == 1 else ()

    def _measure(self, record: ImageRecord) -> ImageRecord | None:
        """Read the size of an image whose tasks state none."""
        if self._options.labels_only:
            raise DataError(
                f"the size of {record.file_name} is not stated, labels are percent of it, and "
                "--labels-only reads no image",
                path=record.source.path,
                hint="leave --labels-only out, and say with --images where the images are",
            )
        found = self._files.find(record)
        if found is None:
            return None
        if found.remark is not None:
            self._ledger.note(record.source, None, "image-elsewhere", found.remark)
        try:
            size = read_image_size(found.path)
        except DataError:  # it is reported as missing, with its annotations
            return None
        return msgspec.structs.replace(
            record,
            file_name=found.name,
            width_px=size.width_px,
            height_px=size.height_px,
            cut_short=size.cut_short,
            path=found.path,
        )


def _without_image_folder(name: str, split: str | None) -> str:
    """Leave out the folder in which a set that was written here has the images of a split."""
    prefix = f"images/{split}/"
    has_more = split is not None and len(name) > len(prefix)
    return name.removeprefix(prefix) if has_more else name
