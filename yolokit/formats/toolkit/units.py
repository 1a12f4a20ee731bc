"""Pixels or fractions of the image, judged by all coordinates of a set."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from yolokit.core.plural import counted
from yolokit.core.types import F64
from yolokit.errors import DataError
from yolokit.formats.toolkit.image_locator import SourceImages, fill_image
from yolokit.formats.toolkit.plugin import ReadOptions
from yolokit.images.size import read_image_size
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import ImageRecord

UNITS = ("auto", "pixels", "fractions")
"""What ``--assume units`` may be; where a format knows it, ``percent`` too."""

MAX_FRACTION = 1.5
"""Labels stick out of images, but hardly by half of one."""

_MANY = 5  # so many boxes are not all of the size of a pixel, at the corner of their images
_MANY_PERCENT = 10
_LEAST_PERCENT = 60  # is passed by some box, where they are percent
_FAR_FROM_PERCENT = 2  # times the largest percentage are the sides of images at least
_PIXEL_DIGITS = 3  # after the point: hardly anybody writes pixels finer, nor do we


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

    def observe_all(self, values: F64) -> None:
        """Look at coordinates of many annotations, (N, ...); those that are not finite say none."""
        if not len(values):
            return
        finite = values[np.isfinite(values)]
        self._largest = max(self._largest, float(np.abs(finite).max(initial=0.0)))
        self._is_broken = self._is_broken or bool((finite % 1 != 0).any())
        self._is_fine = self._is_fine or bool((finite.round(_PIXEL_DIGITS) != finite).any())
        self._count += len(values)

    @property
    def full(self) -> float | None:
        """What means the image's whole width and height, None where these are pixels."""
        if self._stated != UNITS[0]:
            return {"fractions": 1.0, "percent": 100.0}.get(self._stated)
        if not self._count or self._largest > MAX_FRACTION:
            return None
        if self._largest <= 1:  # in pixels all lay in the first one
            certain = self._is_broken or self._count >= _MANY
        else:
            certain = self._is_fine or (self._is_broken and self._count >= _MANY)
        return 1.0 if certain else None

    @property
    def are_fractions(self) -> bool:
        """Whether they are fractions of the image's width and height."""
        return self.full is not None

    def refuse_percent(self, sizes_wh: F64, path: str) -> None:
        """Refuse pixels that look like percent, unless it is stated which they are.

        Args:
            sizes_wh: (N, 2) px of the images, NaN where they are not known.
            path: The source, for the message.

        Raises:
            DataError: No coordinate is above 100, and all images are far larger.
        """
        known = sizes_wh[np.isfinite(sizes_wh)]
        if self._stated != UNITS[0] or self._count < _MANY_PERCENT or not len(known):
            return
        if _LEAST_PERCENT < self._largest <= 100 and known.min() >= _FAR_FROM_PERCENT * 100:
            raise DataError(
                f"none of the coordinates of {counted(self._count, 'box', 'boxes')} is above 100, "
                f"and the images have {known.min():g} px and more: they look like percent",
                path=path,
                hint="say it with --assume units=percent|pixels",
            )

    def evidence(self) -> tuple[str, ...]:
        """Return what was concluded, as one sentence, if there was anything to look at."""
        if not self._count:
            return ()
        taken = {None: "pixels", 1.0: "fractions of the image", 100.0: "percent"}[self.full]
        sentence = (
            f"the largest coordinate is {self._largest:g}; coordinates are taken as {taken} "
            "(--assume units=pixels|fractions)"
        )
        return (sentence,)


class ImageMeter:
    """Finds images and reads their sizes, for annotations that are fractions of those."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._files = SourceImages()

    def measure(self, image: ImageRecord, places: Iterable[int]) -> ImageRecord | None:
        """Return an image with its file and size; None if it is not found or not readable.

        Then the annotations at these places are dropped with it.
        """
        found = self._files.find(image, self._ledger)
        if found is None:
            code, message = "missing-image", self._files.explain(image)
        else:
            try:
                return fill_image(image, found, read_image_size(found.path))
            except DataError as error:
                code, message = "unreadable-image", str(error)
        self._ledger.lose_image(image.source, places, code, message, image.file_name)
        return None


class Scaled(NamedTuple):
    """An image, and the (2,) factors that bring x and y of its labels into pixels."""

    image: ImageRecord
    factors: F64


class PixelScales:
    """Brings labels into pixels: by the sizes of their images, where they are fractions of those.

    Args:
        units: What all coordinates were concluded from.
        options: How the source is to be read.
        ledger: Gets images without a size.
        path: The source, for messages.
        what: What the labels are, for messages.

    Raises:
        DataError: Sizes of images are needed and are not to be looked at.
    """

    def __init__(
        self,
        units: UnitsWitness,
        options: ReadOptions,
        ledger: Ledger,
        path: Path,
        what: str = "boxes",
    ) -> None:
        self._meter = ImageMeter(ledger) if units.are_fractions else None
        if self._meter is not None:
            options.require_images(f"the {what} are fractions", path)

    def of(self, image: ImageRecord, places: Iterable[int]) -> Scaled | None:
        """Return what an image's labels are multiplied with; None if it is not found or readable.

        Then the annotations at these places are dropped with it.
        """
        if self._meter is None:
            return Scaled(image, np.ones(2))
        measured = self._meter.measure(image, places)
        return None if measured is None else Scaled(measured, np.array(measured.image_wh, float))
