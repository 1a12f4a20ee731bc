"""The one model that every format is read into and written from.

Boxes are pixel ``xyxy`` in the frame that training and inference see: the decoded image, EXIF
orientation applied. Annotations are arrays for each image, not an object for each box.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec
import numpy as np

from yolokit.core.task import Task
from yolokit.core.types import F64, I64
from yolokit.errors import DataError
from yolokit.images.byte_range import Span
from yolokit.labels.shapes import Shape

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_Value = TypeVar("_Value")
_INT64, _FLOAT64 = np.dtype(np.int64), np.dtype(np.float64)
_NOTHING: Mapping[int, str] = MappingProxyType({})
_NO_SHAPES: Mapping[int, Shape] = MappingProxyType({})
_SIDES = {"left": "right", "right": "left", "l": "r", "r": "l"}


class PoseLayout(msgspec.Struct, frozen=True):
    """The keypoints that each annotation of a data set has.

    Attributes:
        names: Of the keypoints, in order; numbered where the source has no names.
        flip_indices: For each keypoint the one that it becomes in a mirrored image, or None
            where that is not known; upstream's ``flip_idx``.
        has_visibility: Whether the source states which points are visible.
    """

    names: tuple[str, ...]
    flip_indices: tuple[int, ...] | None = None
    has_visibility: bool = True

    def __post_init__(self) -> None:
        if not self.names:
            raise ValueError("a pose has keypoints")
        flips = self.flip_indices
        if flips is not None and sorted(flips) != list(range(len(self.names))):
            raise ValueError("flip indices name each keypoint once")


def describe_pose(names: Sequence[str]) -> PoseLayout:
    """Describe keypoints by their names: ``left_eye`` becomes ``right_eye`` in a mirrored image.

    Where no name has a side, nothing is said about mirroring: what is symmetric is not known.
    """
    positions = {_key(name): at for at, name in enumerate(names)}
    flips = [positions.get(_key(name, mirrored=True), at) for at, name in enumerate(names)]
    mirrored = any(flip != at for at, flip in enumerate(flips))
    known = mirrored and sorted(flips) == list(range(len(names)))
    return PoseLayout(tuple(names), tuple(flips) if known else None)


def describe_only_pose(
    described: Mapping[tuple[str, ...], str],
    who: str,
    path: Path,
    *,
    points: str = "points",
    hint: str | None = None,
) -> PoseLayout | None:
    """Describe the keypoints that all classes of a source have, None if none has any.

    ``described`` leads from the names of keypoints to a class that has these; ``who`` and
    ``points`` are what the source calls its classes and keypoints.

    Raises:
        DataError: Two classes have different keypoints.
    """
    if len(described) > 1:
        first, second = list(described.values())[:2]
        raise DataError(
            f"the {who} {first!r} and {second!r} have different {points}; a detector of poses has "
            "the same for all",
            path=path,
            hint=hint,
        )
    return describe_pose(next(iter(described))) if described else None


def _key(name: str, *, mirrored: bool = False) -> tuple[str, ...]:
    """Return the words of a name, sides swapped for its mirror image."""
    words = re.findall(r"[a-z]+|[0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    return tuple(_SIDES.get(word, word) if mirrored else word for word in words)


class Category(msgspec.Struct, frozen=True):
    """A class of objects.

    Attributes:
        index: Ours, contiguous from 0.
        name: What people call it; what classes are matched by.
        source_id: The id in the source, if that has ids: any number, gaps allowed.
    """

    index: int
    name: str
    source_id: int | str | None = None

    def __post_init__(self) -> None:
        if self.index < 0:
            raise ValueError(f"a category's index is not negative, as {self.index} is")
        if not self.name:
            raise ValueError("a category has a name")


class SourceFile(msgspec.Struct, frozen=True):
    """An annotation file, and how places in it are counted.

    Attributes:
        path: As it is shown to a person.
        counts: Whether a place is a line, from 1, or an annotation's index, from 0.
        image_roots: Folders in which the images that it names may lie, first choice first.
    """

    path: str
    counts: Literal["line", "index"] = "line"
    image_roots: tuple[str, ...] = ()


class ImageRecord(msgspec.Struct, frozen=True):
    """One image, as its annotation file describes it.

    Attributes:
        file_name: Its name in the data set, with ``/`` between folders.
        width_px: Width as the source states it, or None.
        height_px: Height as the source states it, or None.
        split: ``train``, ``val``, ``test``..., or None where the source has no splits.
        path: The file, where the source names it and the size above was read from it; None
            where it has yet to be found by name.
        other_names: Names to look for where there is no file called ``file_name``.
        span: Where in ``path`` the image is, if that file holds more than this image; the size
            above is then the stated one.
        crop: The part of the file that the image is, xyxy in px; None for all of it.
        origin: The number of the source that it comes from, where there are several.
        cut_short: Its end is missing: training will not take it.
    """

    file_name: str
    width_px: int | None
    height_px: int | None
    split: str | None
    path: str | None
    source: SourceFile
    other_names: tuple[str, ...] = ()
    span: Span | None = None
    crop: tuple[int, int, int, int] | None = None
    origin: int = 0
    cut_short: bool = False

    def __post_init__(self) -> None:
        if not self.file_name:
            raise ValueError("an image has a file name")
        if self.width_px is None or self.height_px is None:
            if self.width_px is not self.height_px:
                raise ValueError("an image has both width and height, or neither")
        elif self.width_px < 1 or self.height_px < 1:
            raise ValueError(f"an image of {self.width_px}x{self.height_px} px cannot be")

    @property
    def image_wh(self) -> tuple[int, int]:
        """Width and height in pixels; only where they are known."""
        if self.width_px is None or self.height_px is None:
            raise ValueError(f"the size of {self.file_name} is not known")
        return self.width_px, self.height_px


class Annotations(msgspec.Struct, frozen=True, eq=False):
    """The annotations of one image; none of them makes it a background image.

    Attributes:
        category_indices: (N,) int64, indices into the data set's categories.
        xyxy: (N, 4) float64, pixels of the image, origin at the top-left corner.
        places: (N,) int64, the place of each in its source file: see :class:`SourceFile`.
        reinterpreted: Row to what was done to it, as ``code: message``.
        shapes: Row to its outline or rotated box, for those that have one.
        keypoints: (N, K, 3) float64, x and y in px and visibility (0 not labelled, 1 hidden,
            2 visible), where the data set has keypoints; x and y are 0 where visibility is.
    """

    category_indices: I64
    xyxy: F64
    places: I64
    reinterpreted: Mapping[int, str] = _NOTHING
    shapes: Mapping[int, Shape] = _NO_SHAPES
    keypoints: F64 | None = None

    def __post_init__(self) -> None:
        classes, xyxy, places = self.category_indices, self.xyxy, self.places
        count = len(classes)
        if self.keypoints is not None:
            _expect("keypoints", self.keypoints, (count, *self.keypoints.shape[1:2], 3), np.float64)
        if (
            xyxy.shape == (count, 4)
            and classes.shape == places.shape == (count,)
            and classes.dtype is places.dtype is _INT64
            and xyxy.dtype is _FLOAT64
        ):
            return  # nearly always: the same answer in a fifth of the time
        _expect("category_indices", self.category_indices, (count,), np.int64)
        _expect("xyxy", self.xyxy, (count, 4), np.float64)
        _expect("places", self.places, (count,), np.int64)

    @classmethod
    def empty(cls) -> Annotations:
        """Return no annotations."""
        return _EMPTY

    def __len__(self) -> int:
        return len(self.category_indices)

    @property
    def is_plain(self) -> bool:
        """Whether these are boxes alone, as their source states them."""
        return not self.shapes and not self.reinterpreted and self.keypoints is None

    def take(self, rows: I64) -> Annotations:
        """Return the annotations of some rows, (M,) int64, in that order."""
        new_rows = {old: new for new, old in enumerate(rows.tolist())}
        return Annotations(
            self.category_indices[rows],
            self.xyxy[rows],
            self.places[rows],
            _move(self.reinterpreted, new_rows),
            _move(self.shapes, new_rows),
            None if self.keypoints is None else self.keypoints[rows],
        )

    def without(self, rows: Collection[int]) -> Annotations:
        """Return the annotations of all other rows."""
        if not rows:
            return self
        keep = np.ones(len(self), np.bool_)
        keep[list(rows)] = False
        return self.take(np.flatnonzero(keep))


class LabelledImage(msgspec.Struct, frozen=True, eq=False):
    """An image and what is annotated in it."""

    image: ImageRecord
    annotations: Annotations


class Dataset(msgspec.Struct, frozen=True, eq=False):
    """Categories, and the images as a stream that can be started again.

    Attributes:
        iter_images: Starts a new pass over the images, in the source's order.
        evidence: What the reader concluded from the content, one sentence each.
        has_splits: Whether the source has splits; images without one then belong to none.
        image_count: How many images there are, if that is known before the end.
        task: What the annotations become: boxes, outlines, keypoints or rotated boxes.
    """

    categories: tuple[Category, ...]
    iter_images: Callable[[], Iterator[LabelledImage]]
    evidence: tuple[str, ...] = ()
    has_splits: bool = False
    image_count: int | None = None
    task: Task = Task.DETECT
    pose: PoseLayout | None = None

    def __post_init__(self) -> None:
        if [category.index for category in self.categories] != list(range(len(self.categories))):
            raise ValueError("categories are numbered from 0 without gaps")
        names = [category.name for category in self.categories]
        if len(set(names)) != len(names):
            raise ValueError("two categories have one name")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the categories, by index."""
        return tuple(category.name for category in self.categories)


def _move(values: Mapping[int, _Value], new_rows: Mapping[int, int]) -> Mapping[int, _Value]:
    if not values:
        return values
    return {new_rows[row]: value for row, value in values.items() if row in new_rows}


def make_categories(names: list[str]) -> tuple[Category, ...]:
    """Number names from 0, in their order."""
    return tuple(Category(index, name) for index, name in enumerate(names))


def _expect(
    name: str, array: I64 | F64, shape: tuple[int, ...], dtype: type[np.int64 | np.float64]
) -> None:
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(
            f"{name} must be {shape} {np.dtype(dtype)}, not {array.shape} {array.dtype}"
        )


_EMPTY = Annotations(np.zeros(0, np.int64), np.zeros((0, 4), np.float64), np.zeros(0, np.int64))
