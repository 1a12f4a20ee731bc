"""Steps of a conversion that leave images or annotations out, each entered as excluded."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.labels.model import LabelledImage
from yolokit.labels.shapes import clip_ring, ring_area

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from yolokit.core.types import F64
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import Annotations


class AreaLimits(msgspec.Struct, frozen=True):
    """How large annotations may be.

    Attributes:
        smallest: The least area.
        largest: The greatest area.
        as_share: Whether these are shares of the image in [0, 1], not square px.
    """

    smallest: float = 0.0
    largest: float = float("inf")
    as_share: bool = False

    @classmethod
    def parse(cls, smallest: str | None, largest: str | None) -> AreaLimits:
        """Read limits such as ``100`` (square px) and ``0.1%`` (of the image), both of one kind.

        Raises:
            ValueError: One is neither, or they are of two kinds.
        """
        given = [text.strip() for text in (smallest, largest) if text is not None]
        kinds = {text.endswith("%") for text in given}
        if len(kinds) > 1:
            raise ValueError(f"{smallest} and {largest} are of different kinds")
        as_share = kinds == {True}
        low = _read_area(smallest) if smallest is not None else 0.0
        high = _read_area(largest) if largest is not None else float("inf")
        if low > high:
            raise ValueError(f"the least area {smallest} is above the greatest, {largest}")
        return cls(low, high, as_share)

    @property
    def is_open(self) -> bool:
        """Whether every area is allowed."""
        return self.smallest <= 0 and self.largest == float("inf")


def _read_area(text: str) -> float:
    word, unit = text.strip(), 1.0
    if word.endswith("%"):
        word, unit = word[:-1], 0.01
    try:
        value = float(word) * unit
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ValueError(f"{text!r} is neither square px such as 100 nor a share such as 0.1%")
    return value


def visible_areas(annotations: Annotations, limits: F64) -> F64:
    """Return the (N,) area in square px of what of each annotation lies inside a box.

    Args:
        annotations: N of them, in a form in which an outline counts where there is one.
        limits: (4,) xyxy of the box.
    """
    low = np.maximum(annotations.xyxy[:, :2], limits[:2])
    high = np.minimum(annotations.xyxy[:, 2:], limits[2:])
    areas: F64 = np.prod(np.maximum(high - low, 0.0), axis=1)
    for row, shape in annotations.shapes.items():
        rings = [clip_ring(ring, limits.tolist()) for ring in shape.rings]
        areas[row] = sum(abs(ring_area(ring)) for ring in rings if len(ring) > 2)
    return areas


def filter_areas(
    images: Iterable[LabelledImage], limits: AreaLimits, ledger: Ledger
) -> Iterator[LabelledImage]:
    """Leave out annotations that are too small or too large, by what lies inside the image."""
    for labelled in images:
        image, annotations = labelled.image, labelled.annotations
        if limits.is_open or not len(annotations):
            yield labelled
            continue
        width_px, height_px = image.image_wh
        unit = float(width_px * height_px) if limits.as_share else 1.0
        frame = np.array([0, 0, width_px, height_px], np.float64)
        areas = visible_areas(annotations, frame)
        fits = (areas >= limits.smallest * unit) & (areas <= limits.largest * unit)
        # What is broken or outside has no area at all: settling says what is wrong with it.
        keep = fits | ~(areas > 0)
        for row in np.flatnonzero(~keep).tolist():
            place = int(annotations.places[row])
            message = f"its area is {areas[row]:g} px"
            ledger.record(image.source, place, "excluded", "area", message)
        yield LabelledImage(image, annotations.take(np.flatnonzero(keep)))


def keyed_images(images: Iterable[LabelledImage]) -> Iterator[tuple[str, LabelledImage]]:
    """Give images keys that depend on their names alone, equal names numbered in their order.

    An image that comes again from the same place, as where each class has a file, keeps its key.
    """
    seen: dict[str, dict[object, int]] = {}
    for labelled in images:
        image = labelled.image
        place = (image.path or image.source.image_roots, image.span)
        numbers = seen.setdefault(image.file_name, {})
        number = numbers.setdefault(place, len(numbers) + 1)
        yield (image.file_name if number == 1 else f"{image.file_name}\0{number}"), labelled


class Sample(msgspec.Struct, frozen=True):
    """How many images are taken: a share in (0, 1], or a number."""

    share: float | None = None
    count: int = 0


def parse_sample(text: str) -> Sample:
    """Read ``10%`` as a share and ``500`` as a number of images.

    Raises:
        ValueError: It is neither.
    """
    word = text.strip()
    if word.endswith("%"):
        share = float(word[:-1]) / 100
        if not 0 < share <= 1:
            raise ValueError(f"{text} is not a share between 0% and 100%")
        return Sample(share=share)
    if not word.isdecimal() or int(word) == 0:
        raise ValueError(f"{text!r} is neither a share such as 10% nor a number of images")
    return Sample(count=int(word))


def choose_sample(keys: Iterable[str], sample: Sample, seed: int) -> frozenset[str]:
    """Choose images by a hash of their keys, the same ones on every machine.

    A larger sample with the same seed holds the smaller one.
    """
    key = str(seed).encode()[:64]
    drawn = sorted(
        set(keys),
        key=lambda name: hashlib.blake2b(
            name.encode(errors="surrogateescape"), key=key, person=b"sample"
        ).digest(),
    )
    count = sample.count if sample.share is None else round(sample.share * len(drawn))
    return frozenset(drawn[: max(1, count)])


def keep_sample(
    images: Iterable[LabelledImage], chosen: frozenset[str], ledger: Ledger
) -> Iterator[LabelledImage]:
    """Leave out images whose key was not chosen; see :func:`keyed_images`."""
    for key, labelled in keyed_images(images):
        image = labelled.image
        if key in chosen:
            yield labelled
            continue
        message = f"{image.file_name} is not in the sample"
        places = labelled.annotations.places.tolist()
        ledger.record_all(image.source, places, "excluded", "not-sampled", message)
