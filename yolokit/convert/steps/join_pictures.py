"""Pictures that are in a set several times: one file a class, a job twice, two annotators.

Left alone they become half-labelled images, spread over train and test. A picture is its file,
links followed; between the sources of a conversion also its name with the same bytes.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.convert.steps.copies import Copies, are_same
from yolokit.core.boxes import pairwise_iou
from yolokit.core.findings import Finding
from yolokit.core.plural import counted
from yolokit.labels.model import Annotations, LabelledImage

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence
    from pathlib import Path

    from yolokit.core.types import Bool
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import ImageRecord

_SAME_PX = 0.01
_ALIKE_IOU = 0.8
_LEAST_ALIKE, _ALIKE_SHARE = 10, 0.2  # people and dogs overlap by this much, but not often


class Pictures:
    """Learns in one pass which pictures come again, and joins their annotations in the next.

    Nearly all sets have none: then the first pass is the only one, and its images are right.

    Args:
        by_split: Whether the splits of the source are kept: then a picture is joined within each.
        by_bytes: Whether there are several sources, which may each have a file of a picture.
    """

    def __init__(self, *, by_split: bool, by_bytes: bool) -> None:
        self._by_split = by_split
        self._by_bytes = by_bytes
        self._counts: Counter[Hashable] = Counter()
        self._splits: dict[Hashable, str | None] = {}
        self._named: dict[str, tuple[int, str]] = {}
        self._overlaps: Counter[tuple[str, str]] = Counter()
        self._folders: dict[str, str] = {}  # without links
        self._copies = Copies()
        self._has_learned = self._is_joining = False
        self._joined = self._alike = self._annotations = 0
        self._misnamed: list[tuple[str, str]] = []
        self._example = ""

    def start_joining(self) -> bool:
        """Tell after the first pass whether pictures came again, so that another one must join."""
        if self._has_learned:
            return False
        self._has_learned = True
        self._counts = Counter({key: n for key, n in self._counts.items() if n > 1})
        self._is_joining = bool(self._counts)
        return self._is_joining

    def exclude_duplicates(
        self, images: Iterable[LabelledImage], ledger: Ledger
    ) -> Iterator[LabelledImage]:
        """Leave out annotations, not yet clipped, of which another file has class and box."""
        if not self._is_joining:
            yield from images
            return
        met: dict[Hashable, list[LabelledImage]] = {}
        for labelled in images:
            key = self._key(labelled.image)
            if key not in self._counts:
                yield labelled
                continue
            earlier = met.setdefault(key, [])
            left = _exclude_duplicates(labelled, earlier, ledger)
            earlier.append(left)
            if len(earlier) == self._counts[key]:
                del met[key]
            yield left

    def join(self, images: Iterable[LabelledImage], ledger: Ledger) -> Iterator[LabelledImage]:
        """Yield each picture once, with labels clipped before, where it comes for the last time."""
        if not self._has_learned:
            for labelled in images:
                self._learn(labelled.image)
                yield labelled
            return
        if not self._is_joining:
            yield from images
            return
        self._joined = self._alike = self._annotations = 0
        self._misnamed.clear()
        waiting: dict[Hashable, list[LabelledImage]] = {}
        for labelled in images:
            key = self._key(labelled.image)
            if key not in self._counts:
                yield labelled
                continue
            parts = waiting.setdefault(key, [])
            parts.append(labelled)
            if len(parts) == self._counts[key]:
                yield self._join(waiting.pop(key), ledger)

    def find(self, source: Path) -> Iterator[Finding]:
        """Yield what cannot be right."""
        count = sum(n for pair, n in self._overlaps.items() if "train" in pair)
        if count:
            others = " and ".join(sorted({name for pair in self._overlaps for name in pair}))
            message = f"{_pictures(count)} in several of the splits {others}, such as "
            hint = "--split 0.8,0.1,0.1 makes new splits, each picture in one"
            yield Finding("train-overlap", message + self._example, source, hint)
        if self._misnamed:
            file, other = self._misnamed[0]
            files = counted(len(self._misnamed), "file of labels names", "files of labels name")
            message = f"{files} the picture of another one, though one is named like the file: "
            hint = "the name of the image in them may be a leftover of another file"
            yield Finding("other-picture", f"{message}{file} names {other}", source, hint)
        if self._is_often_alike():
            hint = "give one file for each picture, or the best of them"
            yield Finding("labelled-twice", self._describe_alike(), source, hint)

    def tell(self) -> Iterator[str]:
        """Yield what happened to pictures that came again, and what is odd."""
        if self._joined:
            yield (
                f"{_pictures(self._joined)} in the sources several times: the annotations of each "
                "were put together (noted as joined-image)"
            )
        for (first, second), count in sorted(self._overlaps.items()):
            if "train" not in (first, second):
                yield f"{_pictures(count)} in both {first} and {second}"
        if self._alike and not self._is_often_alike():
            yield self._describe_alike()
        yield from self._copies.tell()

    def _is_often_alike(self) -> bool:
        return self._alike >= max(_LEAST_ALIKE, _ALIKE_SHARE * self._annotations)

    def _describe_alike(self) -> str:
        count = counted(self._alike, "object seems", "objects seem")
        return (
            f"of pictures that are in several files, {count} labelled in each: the same "
            f"class, overlapping by {_ALIKE_IOU:.0%} or more"
        )

    def _learn(self, image: ImageRecord) -> None:
        key = self._key(image)
        times = self._counts[key] = self._counts.get(key, 0) + 1  # += would call for each new one
        if self._by_split:
            first = self._splits.setdefault(key[0], image.split)
            if first != image.split and times == 1:
                self._overlaps[str(first), str(image.split)] += 1
                if "train" in (first, image.split):
                    self._example = self._example or image.file_name
        if times == 1 and image.path is not None and image.span is None:
            self._copies.add(image.path)

    def _key(self, image: ImageRecord) -> tuple[Hashable, str | None]:
        """Return the key of an image's picture, in its split where those are kept."""
        split = image.split if self._by_split else None
        if image.path is None:  # images are not looked at
            return (image.source.image_roots, image.file_name), split
        if image.span is not None:
            return (image.path, image.span), split
        path = self._real_path(image.path)
        if self._by_bytes:
            origin, first = self._named.setdefault(image.file_name, (image.origin, path))
            if origin != image.origin and are_same(first, path):
                path = first
        return path, split

    def _real_path(self, path: str) -> str:
        """Return a file's path without links; the folders of a set are few, so they are kept."""
        if os.path.islink(path):  # noqa: PTH114 - hot path
            return os.path.realpath(path)
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return os.path.join(self._folders[folder], name)  # noqa: PTH118 - hot path

    def _join(self, parts: Sequence[LabelledImage], ledger: Ledger) -> LabelledImage:
        first = parts[0].image
        files = list(dict.fromkeys(part.image.source.path for part in parts))
        message = f"{first.file_name} is in {', '.join(files)}: its annotations were joined"
        ledger.note(first.source, None, "joined-image", message)
        self._joined += 1
        self._misnamed += [
            (part.image.source.path, first.file_name) for part in parts if _has_own(part.image)
        ]
        self._annotations += sum(len(part.annotations) for part in parts)
        for at, part in enumerate(parts):
            for earlier in parts[:at]:
                self._alike += _count_alike(part.annotations, earlier.annotations)
        return LabelledImage(first, _concatenate([part.annotations for part in parts]))


def _has_own(image: ImageRecord) -> bool:
    """Tell whether a file of labels has a picture of its own name beside the one that it names."""
    if image.path is None:
        return False
    stem = os.path.splitext(os.path.basename(image.source.path))[0]  # noqa: PTH119, PTH122
    folder, name = os.path.split(image.path)
    own, suffix = os.path.splitext(name)  # noqa: PTH122
    return stem != own and os.path.isfile(os.path.join(folder, stem + suffix))  # noqa: PTH113, PTH118


def _pictures(count: int) -> str:
    return counted(count, "picture is", "pictures are")


@np.errstate(invalid="ignore")  # what is not finite is dropped later
def _exclude_duplicates(
    labelled: LabelledImage, earlier: Sequence[LabelledImage], ledger: Ledger
) -> LabelledImage:
    """Leave out what earlier images of the same picture have, each of it once."""
    image, annotations = labelled.image, labelled.annotations
    twice: dict[int, str] = {}
    for other in earlier if len(annotations) else ():
        near = np.abs(annotations.xyxy[:, None] - other.annotations.xyxy[None]).max(
            axis=2, initial=0.0
        )
        same: Bool = near <= _SAME_PX
        same &= _same_class(annotations, other.annotations)
        for row in np.flatnonzero(same.any(axis=1)).tolist():
            twice.setdefault(row, other.image.source.path)
    messages = {
        row: f"the same class and box of {image.file_name} are in {path}"
        for row, path in twice.items()
    }
    return ledger.exclude(labelled, "duplicate", messages)


def _same_class(first: Annotations, second: Annotations) -> Bool:
    same: Bool = first.category_indices[:, None] == second.category_indices[None]
    return same


def _count_alike(first: Annotations, second: Annotations) -> int:
    """Count the annotations of one that have one of the same class in nearly the same place."""
    if not len(first) or not len(second):  # most files of one class show it in few pictures
        return 0
    alike = _same_class(first, second) & (pairwise_iou(first.xyxy, second.xyxy) >= _ALIKE_IOU)
    return int(alike.any(axis=1).sum())


def _concatenate(parts: Sequence[Annotations]) -> Annotations:
    """Put clipped annotations of one picture together."""
    starts = np.cumsum([0, *(len(part) for part in parts)]).tolist()
    shapes = {
        start + row: shape
        for start, part in zip(starts, parts, strict=False)
        for row, shape in part.shapes.items()
    }
    keypoints = [part.keypoints for part in parts if part.keypoints is not None]
    return msgspec.structs.replace(
        parts[0],
        category_indices=np.concatenate([part.category_indices for part in parts]),
        xyxy=np.concatenate([part.xyxy for part in parts]),
        places=np.concatenate([part.places for part in parts]),
        shapes=shapes,
        keypoints=np.concatenate(keypoints) if keypoints else None,
    )
