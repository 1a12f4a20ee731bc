"""Pixels or fractions of the image: told from all coordinates of a set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from yolokit.annotations.image_files import ImageLocator
from yolokit.annotations.image_size import read_image_size
from yolokit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from yolokit.annotations.ledger import Ledger
    from yolokit.annotations.model import ImageRecord

UNITS = ("auto", "pixels", "fractions")
"""What ``--assume units`` may be."""

_LARGEST_FRACTION = 1.5  # labels stick out of images, but hardly by half of one
_MANY = 5  # so many boxes are not all of the size of a pixel, at the corner of their images
_PIXEL_DIGITS = 3  # behind the point: hardly anybody writes pixels finer, nor do we


class UnitsWitness:
    """Looks at coordinates one after the other and concludes what they count.

    Args:
        stated: One of ``UNITS``, as the user states it.
    """

    def __init__(self, stated: str | None) -> None:
        self._stated = stated or UNITS[0]
        self._largest = 0.0
        self._is_broken = self._is_fine = False
        self._count = 0

    def observe(self, values: Iterable[float]) -> None:
        """Look at finite coordinates of one annotation."""
        for value in values:
            self._largest = max(self._largest, abs(value))
            self._is_broken = self._is_broken or not value.is_integer()
            self._is_fine = self._is_fine or round(value, _PIXEL_DIGITS) != value
        self._count += 1

    @property
    def are_fractions(self) -> bool:
        """Whether they are fractions of the image's width and height."""
        if self._stated != UNITS[0]:
            return self._stated == "fractions"
        if not self._count or self._largest > _LARGEST_FRACTION:
            return False
        return self._is_fine or (self._is_broken and self._count >= _MANY)

    def evidence(self) -> tuple[str, ...]:
        """Return what was concluded, as one sentence, if there was anything to look at."""
        if not self._count:
            return ()
        taken = "fractions of the image" if self.are_fractions else "pixels"
        sentence = (
            f"the largest coordinate is {self._largest:g}; coordinates are taken as {taken} "
            "(--assume units=pixels|fractions)"
        )
        return (sentence,)


class ImageMeter:
    """Finds images and reads their sizes, for annotations that are fractions of those."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._locators: dict[tuple[str, ...], ImageLocator] = {}

    def measure(self, image: ImageRecord, places: Iterable[int]) -> ImageRecord | None:
        """Return an image with its file and size; None if it is not found or not readable.

        Args:
            image: As its annotations describe it.
            places: Of its annotations, which are dropped with it.
        """
        roots = image.source.image_roots
        locator = self._locators.setdefault(roots, ImageLocator(roots))
        found = locator.find(image.file_name, image.other_names)
        code, message = "missing-image", f"the image {image.file_name} is not there"
        if found is not None:
            try:
                size = read_image_size(found.path)
            except DataError as error:
                code, message = "unreadable-image", str(error)
            else:
                return msgspec.structs.replace(
                    image,
                    file_name=found.name,
                    path=found.path,
                    width_px=size.width_px,
                    height_px=size.height_px,
                    cut_short=size.cut_short,
                )
        self._ledger.record_all(image.source, places, "dropped", code, message)
        return None
