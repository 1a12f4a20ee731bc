"""FiftyOne: whole data sets (``samples.json``), and detection data sets (``labels.json``).

``FiftyOneDataset`` exports are ``metadata.json``, ``samples.json`` and images in ``data``;
``FiftyOneImageDetectionDataset`` exports are ``labels.json``, with ``classes`` and ``labels`` by
image, and images in ``data``. Boxes are x, y, width and height from the top-left corner, all as
fractions of the image; the mask of an object covers its box; polylines are outlines where they
are closed and filled. A sample may have labels in several fields, of which one is taken.

Source: fiftyone ``utils/data/exporters.py`` (FiftyOneDatasetExporter,
FiftyOneImageDetectionDatasetExporter), ``core/labels.py``; https://docs.voxel51.com, "Exporting
FiftyOne Datasets".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.formats.fiftyone.labels import FieldLabel, iter_labels, read_label
from yolokit.formats.toolkit.json_file import as_dict, as_list, read_json, read_size
from yolokit.formats.toolkit.layout import SourceLayout, split_from_name
from yolokit.formats.toolkit.locate import fractions_to_px
from yolokit.formats.toolkit.plugin import Match, ReadOptions
from yolokit.formats.toolkit.source_tree import SourceTree, read_each
from yolokit.labels.builder import ImageRows, build_dataset
from yolokit.labels.ledger import OUTLINES_ASIDE, Ledger
from yolokit.labels.model import Dataset, ImageRecord, LabelledImage, SourceFile
from yolokit.labels.shapes import Shape
from yolokit.labels.transforms import scaling

TITLE = "FiftyOne"
READS: tuple[Task, ...] = (Task.DETECT, Task.SEGMENT, Task.OBB)
RECOGNISED_BY = "a samples.json, or a labels.json with classes and boxes by image"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"fields": ("one", "all"), "predictions": ("exclude", "keep")}
)

_SAMPLES = re.compile(rb'\s*\{\s*"samples"\s*:\s*\[')
_LABELS = re.compile(rb'\s*\{\s*"(classes|labels)"\s*:')
_BOX = b'"bounding_box"'
_TRUTH = "ground_truth"


def sniff(tree: SourceTree) -> Match | None:
    """Recognise ``samples.json`` and ``labels.json`` by how they begin."""
    files = _find_files(tree)
    if not files:
        return None
    return Match(1.0, f"{files[0].name} has samples or labels by image, as FiftyOne writes them")


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Open one file or a folder; see :class:`yolokit.formats.toolkit.plugin.Format`.

    Raises:
        DataError: There is no such file, or one is broken.
    """
    files = [source] if source.is_file() else _find_files(SourceTree(source))
    if not files:
        raise DataError("there is no samples.json or labels.json of FiftyOne in it", path=source)
    layout = SourceLayout(source, options.images)
    sets = read_each(files, lambda file: _open(file, layout, ledger), "broken files")
    reader = _Reader(sets, options, ledger)
    images = [rows for one in sets for rows in reader.read_samples(one)]
    reader.note_aside(layout.root)
    names = [name for one in sets for name in one.names]
    dataset = build_dataset(images, names=names, evidence=tuple(reader.evidence()))
    return dataset if options.labels_only else _with_pixels(dataset, ledger)


def _find_files(tree: SourceTree) -> list[Path]:
    found = []
    for file in tree.files(".json"):
        if not tree.is_file and file.name not in ("samples.json", "labels.json"):
            continue
        head = tree.head(file).removeprefix(b"\xef\xbb\xbf")
        is_samples = _SAMPLES.match(head) is not None and b'"filepath"' in head
        if is_samples or (_LABELS.match(head) is not None and _BOX in head):
            found.append(file)
    return found


def _with_pixels(dataset: Dataset, ledger: Ledger) -> Dataset:
    """Let images without a stated size be looked at, so that fractions become pixels."""

    def iter_images() -> Iterator[LabelledImage]:
        by_size = groupby(dataset.iter_images(), lambda one: one.image.width_px is None)
        for unsized, images in by_size:
            yield from fractions_to_px(images, ledger) if unsized else images

    return msgspec.structs.replace(dataset, iter_images=iter_images)


class _Samples(msgspec.Struct):
    """The samples of a file, each with its image and its labels."""

    source: SourceFile
    items: list[tuple[ImageRecord, list[FieldLabel]]]
    names: list[str]


def _open(path: Path, layout: SourceLayout, ledger: Ledger) -> _Samples:
    content = as_dict(read_json(path))
    split, source = layout.describe_set_file(path, "index", ("data",))
    if isinstance(content.get("samples"), list):
        samples = [
            _read_sample(sample, at, source, split, ledger)
            for at, sample in enumerate(content["samples"])
        ]
        return _Samples(source, [sample for sample in samples if sample is not None], [])
    if isinstance(content.get("labels"), dict):
        names = [str(name) for name in as_list(content.get("classes"))]
        items = [
            _read_entry(key, value, source, split, names)
            for key, value in content["labels"].items()
        ]
        return _Samples(source, items, [name for name in names if name])
    raise DataError("it has neither a list of `samples` nor `labels` by image", path=path)


def _read_sample(
    sample: Any, at: int, source: SourceFile, split: str | None, ledger: Ledger
) -> tuple[ImageRecord, list[FieldLabel]] | None:
    name = as_dict(sample).get("filepath")
    if not isinstance(name, str) or not name:
        raise DataError(f"item {at} of `samples` has no `filepath`", path=source.path)
    labels = list(iter_labels(sample))
    if sample.get("_media_type", "image") != "image":
        ledger.note(
            source, None, "no-image", f"{name} is not an image but a {sample['_media_type']}"
        )
        return None
    words = [tag for tag in as_list(sample.get("tags")) if isinstance(tag, str)]
    splits = list(dict.fromkeys(filter(None, map(split_from_name, words))))
    if len(splits) > 1:
        message = f"{name} is tagged {' and '.join(splits)}; it goes to {splits[0]}"
        ledger.note(source, None, "in-two-splits", message)
    width_px, height_px = read_size(sample.get("metadata"))
    short = name.replace("\\", "/").removeprefix("data/")
    record = ImageRecord(
        short or name, width_px, height_px, splits[0] if splits else split, None, source
    )
    return record, labels


def _read_entry(
    key: str, value: Any, source: SourceFile, split: str | None, names: Sequence[str]
) -> tuple[ImageRecord, list[FieldLabel]]:
    """Read one image of a ``labels.json``; null is not a label, and numbers count classes."""
    if value is not None and not isinstance(value, list):
        raise DataError(f"the labels of {key!r} are not a list of boxes", path=source.path)
    if not key:
        raise DataError("an image in `labels` has no name", path=source.path)
    labels = [FieldLabel(_TRUTH, "Detection", _with_name(item, names)) for item in value or ()]
    return ImageRecord(key, None, None, split, None, source), labels


def _with_name(item: Any, names: Sequence[str]) -> Any:
    """Put the class's name in place of its number, where it has one."""
    number = as_dict(item).get("label")
    if not isinstance(number, int) or isinstance(number, bool):
        return item
    return {**item, "label": names[number] if 0 <= number < len(names) else None}


class _Reader:
    """Chooses the field whose labels are taken, and enters all others."""

    def __init__(self, sets: Sequence[_Samples], options: ReadOptions, ledger: Ledger) -> None:
        self._ledger = ledger
        self._masks = options.task in (Task.SEGMENT, Task.OBB)
        self._keep_predictions = options.assume.get("predictions") == "keep"
        self._all_fields = options.assume.get("fields") == "all"
        self._aside = 0
        self._counts: Counter[str] = Counter()
        self._predictions: Counter[str] = Counter()
        self._outlines: Counter[str] = Counter()
        for label in (label for one in sets for _, labels in one.items for label in labels):
            if label.is_area:
                self._counts[label.field] += 1
                self._predictions[label.field] += label.is_prediction
                self._outlines[label.field] += label.has_outline
        self._chosen = max(self._counts, key=self._rank, default=_TRUTH)

    def _rank(self, field: str) -> tuple[bool, bool, bool, int]:
        """Return what speaks for a field: people made it, its name, its outlines, its size."""
        return (
            self._predictions[field] < self._counts[field],
            field == _TRUTH,
            self._masks and self._outlines[field] > 0,
            self._counts[field],
        )

    def evidence(self) -> Iterator[str]:
        """Say which fields there are and which is taken."""
        if not self._counts:
            return
        fields = ", ".join(
            f"{field} ({count}, {self._predictions[field]} with a confidence)"
            for field, count in self._counts.items()
        )
        taken = "all are" if self._all_fields else f"{self._chosen} is"
        yield f"fields with boxes or outlines: {fields}; {taken} taken (--assume fields=one|all)"
        if any(self._predictions.values()):
            what = "taken too" if self._keep_predictions else "left out as predictions"
            yield f"labels with a confidence are {what} (--assume predictions=exclude|keep)"

    def note_aside(self, root: Path) -> None:
        """Enter how many boxes have a mask that is not wanted."""
        self._ledger.note_aside(SourceFile(str(root)), {OUTLINES_ASIDE: self._aside})

    def read_samples(self, samples: _Samples) -> Iterator[ImageRows]:
        """Yield the images of a file with their labels."""
        place = 0
        for image, labels in samples.items:
            rows = ImageRows(image)
            self._ledger.see(len(labels))
            for label in labels:
                self._read_label(rows, label, place)
                place += 1
            yield rows

    def _read_label(self, rows: ImageRows, label: FieldLabel, place: int) -> None:
        source, name = rows.image.source, rows.image.file_name
        why = self._why_excluded(label)
        if why is not None:
            code, message = why
            self._ledger.record(source, place, "excluded", code, f"{message}, in {name}")
            return
        try:
            folder = Path(source.path).parent
            xyxy, shape = read_label(label, folder, masks=self._masks)
            class_name = label.content.get("label")
            if not isinstance(class_name, str) or not class_name:
                raise ValueError("it has no `label`, or a number that no class has")  # noqa: TRY301
        except ValueError as error:
            message = f"{label.field} of {name}: {error}"
            self._ledger.record(source, place, "dropped", "bad-label", message)
            return
        self._aside += label.kind == "Detection" and label.has_outline and not self._masks
        wh = rows.image.image_wh if rows.image.width_px is not None else (1, 1)
        box = [value * side for value, side in zip(xyxy, wh * 2, strict=True)]
        rows.add(class_name, place, box, shape=_scale(shape, wh))

    def _why_excluded(self, label: FieldLabel) -> tuple[str, str] | None:
        if not label.is_area:
            return "not-an-area", f"a {label.kind} bounds no object ({label.field})"
        if label.is_prediction and not self._keep_predictions:
            return "prediction", f"it has a confidence ({label.field})"
        if label.field != self._chosen and not self._all_fields:
            return "other-field", f"the field {label.field} is not the one that is taken"
        return None


def _scale(shape: Shape | None, wh: tuple[int, int]) -> Shape | None:
    if shape is None:
        return None
    factors = scaling(*wh)[:, :2].diagonal()
    return msgspec.structs.replace(shape, rings=tuple(ring * factors for ring in shape.rings))
