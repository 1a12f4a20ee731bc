"""Writes a YOLO set: many small label files, fast, and the ``data.yaml`` beside them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from yolokit.core.boxes import xyxy_to_cxcywh
from yolokit.core.task import Task
from yolokit.core.types import F64, I64, U8
from yolokit.labels.model import Annotations, Dataset, ImageRecord, LabelledImage
from yolokit.labels.splits import order_splits

_BLOCK = 1024  # images formatted at once: the arrays of one block stay in the cache
_LARGE_PX = 10_000
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def write_label_files(dataset: Dataset, folder: Path) -> list[str]:
    """Write a file for each image, an empty one for a background image.

    Args:
        dataset: Images with split and size, boxes inside the image.
        folder: Gets ``<split>/<file name>.txt``; nothing of that exists yet.

    Returns:
        The splits that occur, train, val and test in this order, or folds.
    """
    paths = _Paths(folder)
    images = dataset.iter_images()
    dims = 3 if dataset.pose is None or dataset.pose.has_visibility else 2
    while block := list(islice(images, _BLOCK)):
        if dataset.task == Task.DETECT:
            rows, ends = format_block(block)
        else:
            rows, ends = _format_shapes(block, dims)
        start = 0
        for labelled, end in zip(block, ends, strict=True):
            _write_new(paths.make(labelled.image), rows[start:end])
            start = end
    return order_splits(paths.prefixes)


def _write_new(path: str, content: bytes) -> None:
    # Nearly all of a large conversion's time goes into these calls. Threads were measured: they
    # wait for the interpreter's lock after each call and take longer; so does a second process.
    descriptor = os.open(path, _NEW_FILE, 0o644)
    try:
        while content:
            content = content[os.write(descriptor, content) :]
    finally:
        os.close(descriptor)


class _Paths:
    """The label files of images; their folders are made when first needed."""

    def __init__(self, folder: Path) -> None:
        self.prefixes: dict[str, str] = {}
        self._folder = folder
        self._made: set[str] = set()

    def make(self, image: ImageRecord) -> str:
        split = image.split or ""
        if split not in self.prefixes:
            (self._folder / split).mkdir(parents=True)
            self.prefixes[split] = os.path.join(self._folder, split, "")  # noqa: PTH118
        stem, _, suffix = image.file_name.rpartition(".")
        path = f"{self.prefixes[split]}{image.file_name if not stem or '/' in suffix else stem}.txt"
        if "/" in image.file_name:
            folder = path[: path.rindex("/")]
            if folder not in self._made:
                os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - hot path
                self._made.add(folder)
        return path


def format_block(block: Sequence[LabelledImage]) -> tuple[bytes, list[int]]:
    """Format the rows of several images.

    Returns:
        All rows, and for each image where its rows end.
    """
    counts = [len(labelled.annotations.category_indices) for labelled in block]
    xyxy = np.concatenate([labelled.annotations.xyxy for labelled in block])
    sizes = np.array([labelled.image.image_wh * 2 for labelled in block], np.float64)
    classes = np.concatenate([labelled.annotations.category_indices for labelled in block])
    # Six digits keep 0.01 px up to an image side of 13,000 px.
    digits = 6 if sizes.max() < _LARGE_PX else 9
    cxcywh = xyxy_to_cxcywh(xyxy / np.repeat(sizes, counts, axis=0))
    rows, row_bytes = format_rows(classes, cxcywh, digits)
    ends = np.concatenate([[0], np.cumsum(row_bytes)])[np.cumsum(counts)]
    return rows, ends.tolist()


def format_rows(classes: I64, cxcywh: F64, digits: int) -> tuple[bytes, I64]:
    """Format ``class cx cy w h`` rows, all at once.

    Args:
        classes: (N,) int64, not negative.
        cxcywh: (N, 4) float64, fractions in [0, 1].
        digits: Digits after the point, at most 9.

    Returns:
        The rows, and (N,) int64 the bytes of each.
    """
    class_digits = len(str(int(classes.max()))) if len(classes) else 1
    field = digits + 3  # a space, a digit, the point
    table = np.empty((len(classes), class_digits + 4 * field + 1), np.uint8)
    _put_digits(table[:, :class_digits], classes, class_digits)
    numbers = np.rint(np.clip(cxcywh, 0.0, 1.0) * 10**digits).astype(np.int64)
    for column in range(4):
        at = class_digits + column * field
        table[:, at] = ord(" ")
        _put_digits(table[:, at + 1 : at + 2], numbers[:, column] // 10**digits, 1)
        table[:, at + 2] = ord(".")
        _put_digits(table[:, at + 3 : at + field], numbers[:, column], digits)
    table[:, -1] = ord("\n")
    used = np.ones(table.shape, np.bool_)
    for place in range(1, class_digits):  # no leading zeros before a class
        used[:, class_digits - 1 - place] = classes >= 10**place
    return table[used].tobytes(), used.sum(axis=1)


def _format_shapes(block: Sequence[LabelledImage], dims: int) -> tuple[bytes, list[int]]:
    """Format rows of outlines, rotated boxes or poses, as :func:`format_block` does boxes.

    A keypoint has ``dims`` columns.
    """
    rows: list[str] = []
    ends: list[int] = []
    end = 0
    for labelled in block:
        wh = np.array(labelled.image.image_wh, np.float64)
        digits = 6 if wh.max() < _LARGE_PX else 9
        number = f" %.{digits}f"
        for row, category in enumerate(labelled.annotations.category_indices.tolist()):
            values = _row_values(labelled.annotations, row, wh, dims)
            columns = number * len(values)
            if labelled.annotations.keypoints is not None and dims == 3:
                columns = number * 4 + (number * 2 + " %d") * (len(values) // 3 - 1)
            text = f"{category}{columns % tuple(values)}\n"
            rows.append(text)
            end += len(text)
        ends.append(end)
    return "".join(rows).encode("ascii"), ends


def _row_values(annotations: Annotations, row: int, wh: F64, dims: int) -> list[float]:
    """Return what follows the class in a row, as fractions of the image."""
    if annotations.keypoints is None:
        shape = annotations.shapes[row]
        (ring,) = shape.rings
        # Without a corner outside the image a rotated box would not be a rectangle.
        inside = ring / wh if shape.kind == "rotated" else np.clip(ring / wh, 0.0, 1.0)
        outline: list[float] = inside.ravel().tolist()
        return outline
    box = np.clip(xyxy_to_cxcywh(annotations.xyxy[row : row + 1] / np.tile(wh, 2)), 0.0, 1.0)
    points = annotations.keypoints[row, :, :dims].copy()
    points[:, :2] = np.clip(points[:, :2] / wh, 0.0, 1.0)
    pose: list[float] = np.concatenate([box.ravel(), points.ravel()]).tolist()
    return pose


def _put_digits(table: U8, numbers: I64, count: int) -> None:
    """Write the last ``count`` decimal digits of (N,) numbers into (N, count) characters."""
    rest = numbers
    for at in range(count - 1, -1, -1):
        next_rest = rest // 10
        table[:, at] = rest - next_rest * 10 + ord("0")
        rest = next_rest


def write_data_yamls(
    folder: Path, dataset: Dataset, splits: Sequence[str], remarks: Sequence[str] = ()
) -> None:
    """Write ``data.yaml``, or for folds a ``fold-N.yaml`` each, in which N is the one to test on.

    They work from any folder: relative paths, and no ``path`` key. ultralytics resolves a
    relative ``path`` against the working folder, but without one it takes the folder of the file.
    """
    places = {split: f"images/{split}" for split in splits}
    if not all(split.startswith("fold-") for split in splits) or not splits:
        _write_data_yaml(folder / "data.yaml", dataset, places, remarks)
        return
    for fold in splits:
        others = [place for split, place in places.items() if split != fold]
        content = {"train": others, "val": places[fold]}
        _write_data_yaml(folder / f"{fold}.yaml", dataset, content, remarks)


def _write_data_yaml(
    path: Path, dataset: Dataset, content: Mapping[str, object], remarks: Sequence[str]
) -> None:
    import yaml

    lines = [f"# {remark}\n" for remark in remarks]
    if content:
        lines.append(yaml.safe_dump(dict(content), sort_keys=False))
    if dataset.task == Task.POSE:
        lines.append(yaml.safe_dump(_describe_pose(dataset), sort_keys=False, allow_unicode=True))
    named = {"names": dict(enumerate(dataset.names))}
    lines.append(yaml.safe_dump(named, sort_keys=False, allow_unicode=True, width=10_000))
    path.write_text("".join(lines), encoding="utf-8", newline="\n")


def _describe_pose(dataset: Dataset) -> dict[str, object]:
    """Return the keys that a pose set has; without ``flip_idx`` upstream mirrors no image."""
    pose = dataset.pose
    assert pose is not None, "a data set of poses has a layout"
    described: dict[str, object] = {"kpt_shape": [len(pose.names), 3 if pose.has_visibility else 2]}
    if pose.flip_indices is not None:
        described["flip_idx"] = list(pose.flip_indices)
    names = list(pose.names)
    described["kpt_names"] = {category.index: names.copy() for category in dataset.categories}
    return described
