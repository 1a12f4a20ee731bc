"""What the four numbers of a box are, judged by all boxes of a set, whatever its header says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, cast

import numpy as np

from yolokit.core.plural import counted
from yolokit.core.types import F64, Bool
from yolokit.errors import DataError
from yolokit.formats.toolkit.image_locator import SourceImages
from yolokit.images.size import read_image_size
from yolokit.labels.model import ImageRecord

BoxEncoding: TypeAlias = Literal["xyxy", "xywh", "cxcywh", "yxyx"]

_WORDS: dict[BoxEncoding, str] = {
    "xyxy": "corners (xyxy)",
    "xywh": "corner and size (xywh)",
    "cxcywh": "centre and size (cxcywh)",
    "yxyx": "corners with y first (yxyx)",
}
_SLACK = 0.005  # of the image's side: labels stick out by a little whatever they are
_SLACK_PX = 1.0  # where the image's size is not known
_MANY = 0.05  # of the boxes; a broken row or two say nothing about all others
_CLEARLY = 5  # times as many boxes go wrong in one reading as in the other
_SEVERAL = 3  # so many boxes go wrong, or all, before a header is doubted; without one, fewer do
_LOOKED_AT = 1000


def to_xyxy(values: F64, encoding: BoxEncoding) -> F64:
    """Return (N, 4) boxes of an encoding as corners."""
    first, last = values[:, :2], values[:, 2:]
    if encoding == "xywh":
        return np.concatenate([first, first + last], axis=1)
    if encoding == "cxcywh":
        return np.concatenate([first - last / 2, first + last / 2], axis=1)
    return values[:, [1, 0, 3, 2]] if encoding == "yxyx" else values


def sample_sizes(images: Sequence[ImageRecord], *, look: bool) -> F64:
    """Return (N, 2) width and height of images in px, NaN where they are not known.

    Args:
        images: What states no size is looked for, a thousand of them at most.
        look: Whether images may be looked at.
    """
    sizes = np.full((len(images), 2), np.nan)
    files = SourceImages()
    step = max(1, len(images) // _LOOKED_AT)
    for at, image in enumerate(images):
        if image.width_px is not None:
            sizes[at] = image.image_wh
        elif look and at % step == 0:
            sizes[at] = _find_size(image, files)
    return sizes


def _find_size(image: ImageRecord, files: SourceImages) -> tuple[float, float]:
    """Return the size of an image; NaN if it is missing or unreadable, which is reported later."""
    found = files.find(image)
    try:
        size = read_image_size(found.path) if found is not None else None
    except DataError:
        size = None
    if size is None or size.orientation != 1:  # labels may be of the image as stored
        return np.nan, np.nan
    return size.width_px, size.height_px


class BoxWitness:
    """Counts in which reading boxes go wrong, and concludes which it is.

    Args:
        values: (N, 4), as stated.
        sizes_wh: (N, 2) of the image of each, in the same units; NaN where it is not known.
    """

    def __init__(self, values: F64, sizes_wh: F64) -> None:
        self.count = len(values)
        self._values = values
        self._sizes_wh = sizes_wh
        self._known: dict[BoxEncoding, int] = {}

    def faults(self, encoding: BoxEncoding) -> int:
        """Return how many boxes go wrong in a reading."""
        if encoding not in self._known:  # nearly always one is enough
            wrong = _goes_wrong(to_xyxy(self._values, encoding), self._sizes_wh)
            self._known[encoding] = int(wrong.sum())
        return self._known[encoding]

    def conclude(
        self, stated: BoxEncoding | None, default: BoxEncoding | None = None
    ) -> BoxEncoding | None:
        """Return what the boxes are, None where that is not clear.

        Args:
            stated: What the source says they are: true unless nearly no box goes wrong in another
                reading, and many do in this one.
            default: What they are where the source says nothing and both corners and sizes fit.
        """
        taken = stated or self._choose(default)
        several = _SEVERAL if stated else _SEVERAL - 1
        return None if taken is None or self._has_rival(taken, several) else taken

    def _choose(self, default: BoxEncoding | None) -> BoxEncoding | None:
        """Choose between corners and sizes, of which each other one hardly ever fits by chance."""
        corners, sizes = self.faults("xyxy"), self.faults("xywh")
        if self._is_clear(corners, sizes):
            return "xyxy"
        if self._is_clear(sizes, corners):
            return "xywh"
        few = default is not None and self.faults(default) < self.count * _MANY
        return default if few else None

    def _has_rival(self, taken: BoxEncoding, several: int) -> bool:
        """Tell whether another reading fits while the one that was taken does not."""
        wrong = self.faults(taken)
        if wrong < max(self.count * _MANY, min(several, self.count)):
            return False
        return self._is_clear(min(map(self.faults, _WORDS)), wrong)

    def _is_clear(self, few: int, many: int) -> bool:
        return many > 0 and many >= self.count * _MANY and many >= few * _CLEARLY

    def describe(self) -> str:
        """Say in how many boxes each reading goes wrong."""
        return (
            f"of {counted(self.count, 'box', 'boxes')} these end before they begin or leave "
            "their image: "
            + ", ".join(f"{self.faults(one)} as {words}" for one, words in _WORDS.items())
        )

    def require(
        self,
        stated: BoxEncoding | None,
        default: BoxEncoding | None = None,
        *,
        who: str,
        path: str,
        hint: str,
    ) -> BoxEncoding:
        """Return what the boxes are.

        Args:
            stated: See :meth:`conclude`.
            default: See :meth:`conclude`.
            who: What says what they are, such as ``the header``.
            path: The source, for the message.
            hint: How to state it.

        Raises:
            DataError: It is not clear, or it is not what the source says.
        """
        found = self.conclude(stated, default)
        if found is not None:
            return found
        said = "nothing says what the four numbers of a box are, and the boxes do not tell"
        if stated is not None:
            said = f"{who} calls the boxes {_WORDS[stated]}, and they do not look like that"
        raise DataError(f"{said}: {self.describe()}", path=path, hint=hint)


def _goes_wrong(xyxy: F64, sizes_wh: F64) -> Bool:
    """Return (N,) bool: boxes that end before they begin, or lie outside by more than a little."""
    slack = np.where(np.isnan(sizes_wh), _SLACK_PX, sizes_wh * _SLACK)
    inverted = (xyxy[:, 2:] < xyxy[:, :2]).any(axis=1)
    before = (xyxy[:, :2] < -slack).any(axis=1)
    beyond = (xyxy[:, 2:] > sizes_wh + slack).any(axis=1)  # false where it is not known
    return cast("Bool", inverted | before | beyond)
