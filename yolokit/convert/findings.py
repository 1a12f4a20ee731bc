"""What a conversion watches on its way: what cannot be right, by code, and what is odd.

A convention that was misread shows in the boxes: corners taken for widths stick out of the image,
fractions taken for px are smaller than a pixel, px of a smaller copy lie in one corner. Few boxes
prove nothing, and real sets have some of each, so a refusal takes a number and a large share.
"""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.core.findings import Finding
from yolokit.core.plural import counted, share
from yolokit.images.listing import is_image_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from yolokit.convert.steps.join_pictures import Pictures
    from yolokit.core.types import F64, Bool
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import LabelledImage

CODES: Mapping[str, str] = MappingProxyType(
    {
        "no-labels": "not one image has a label file",
        "nothing-kept": "there are annotations, and not one is left",
        "outside-image": "more than half of the boxes stick far out of their images",
        "tiny-boxes": "more than half of the boxes are narrower than 1 px",
        "one-corner": "all boxes lie in the top left corner of their images",
        "labelled-twice": "a picture that is in several files has its objects in each",
        "other-picture": "a file of labels names another picture than the one called like it",
        "train-overlap": "a picture of train is in val or test as well",
    }
)
"""What ``--allow`` takes: code to what was found."""

# Images that were left out for one of these reasons are in the ledger.
_LEFT_OUT = frozenset(
    {"in-no-split", "no-annotation-file", "not-listed", "not-sampled", "unreadable-image"}
)

_LEAST_BOXES, _LEAST_IMAGES = 10, 5
_REFUSED_SHARE = 0.5  # what is cut at the edges of tiles or of a crowded street stays far below
_TOLD_SHARE = 0.1
_TOLD_BOXES = 3
_FAR = 0.1  # of a box's area outside the image; rounding and counting px from 1 is far less
_TINY_PX = 1.0
_CORNER = 1 / 3  # of width and height; shares in percent end there in images above 300 px
_HALF, _BAND = 0.5, 0.1
_SPREAD = 0.5  # of the corner: boxes of a fixed object, such as a scoreboard, are in one place


class Watch:
    """Boxes, pictures and leftovers of a conversion of one or more passes."""

    def __init__(self, source: Path, pictures: Pictures) -> None:
        self._source = source
        self.pictures = pictures
        self.start_pass()

    def start_pass(self) -> None:
        """Begin again, except for what is known of pictures."""
        self.boxes = BoxWatch()
        self.leftovers = Leftovers()

    def find(self, ledger: Ledger) -> list[Finding]:
        """Return what cannot be right, of the ledger's account too."""
        kept = _find_nothing_kept(ledger, self._source)
        boxes = (msgspec.structs.replace(one, path=self._source) for one in self.boxes.find())
        return [*ledger.findings, *kept, *boxes, *self.pictures.find(self._source)]

    def tell(self, ledger: Ledger) -> list[str]:
        """Return what is odd, one sentence each."""
        told = {key.partition(": ")[2] for key in ledger.codes()} & _LEFT_OUT
        leftovers = () if told else self.leftovers.tell()
        return [*self.boxes.tell(), *self.pictures.tell(), *leftovers]


class BoxWatch:
    """Looks at the boxes of one pass, as their source states them."""

    def __init__(self) -> None:
        self._images = self._boxes = self._far = self._tiny = 0
        self._low, self._high = np.full((2, 2), np.inf), np.full((2, 2), -np.inf)

    @np.errstate(over="ignore", invalid="ignore")  # such boxes are dropped by name
    def add(self, xyxy: F64, limits: F64, images: int) -> None:
        """Look at a block of boxes.

        Args:
            xyxy: (N, 4) px, not clipped.
            limits: (N, 4) width, height, width, height of the image of each in px.
            images: How many images they are in.
        """
        sides = xyxy[:, 2:] - xyxy[:, :2]
        # Column by column: numpy is several times slower along an axis of two or four.
        real: Bool = np.isfinite(xyxy @ np.ones(4)) & (sides[:, 0] > 0) & (sides[:, 1] > 0)
        if not real.all():
            xyxy, sides, limits = xyxy[real], sides[real], limits[real]
        if not len(xyxy):
            return
        inside = np.clip(xyxy, 0.0, limits)
        seen = _areas(inside[:, 2:] - inside[:, :2])
        self._images += images
        self._boxes += len(sides)
        self._far += int(np.count_nonzero(seen < (1 - _FAR) * _areas(sides)))
        self._tiny += int(np.count_nonzero((sides[:, 0] < _TINY_PX) | (sides[:, 1] < _TINY_PX)))
        shares = inside / limits
        centers = (shares[:, :2] + shares[:, 2:]) / 2
        low, high = (shares[:, :2], centers), (shares[:, 2:], centers)
        self._low = np.minimum(self._low, [one.min(axis=0) for one in low])
        self._high = np.maximum(self._high, [one.max(axis=0) for one in high])

    def find(self) -> Iterator[Finding]:
        """Yield what cannot be right."""
        if self._boxes < _LEAST_BOXES:
            return
        if self._far > _REFUSED_SHARE * self._boxes:
            hint = "corners may have been taken for width and height, or these are other images"
            yield Finding("outside-image", self._describe_far(), hint=hint)
        if self._tiny > _REFUSED_SHARE * self._boxes:
            hint = "fractions of the image may have been taken for px"
            yield Finding("tiny-boxes", self._describe_tiny(), hint=hint)
        if self._is_scaled_down():
            hint = "coordinates may be of a smaller copy of the images, or in percent"
            yield Finding("one-corner", self._describe_corner(), hint=hint)

    def tell(self) -> Iterator[str]:
        """Yield what is odd, and no proof."""
        far, tiny = self._far, self._tiny
        least = max(_TOLD_BOXES, _TOLD_SHARE * self._boxes)
        few = self._boxes < _LEAST_BOXES
        if far >= least and (few or far <= _REFUSED_SHARE * self._boxes):
            yield self._describe_far()
        if tiny >= least and (few or tiny <= _REFUSED_SHARE * self._boxes):
            yield self._describe_tiny()
        if self._is_enough() and not self._is_scaled_down():
            yield from self._describe_place()

    def _is_enough(self) -> bool:
        return self._boxes >= _LEAST_BOXES and self._images >= _LEAST_IMAGES

    def _is_scaled_down(self) -> bool:
        reach, spread = self._high[0], self._high[1] - self._low[1]
        in_corner = bool((reach < _CORNER).all())
        return self._is_enough() and in_corner and bool((spread > _SPREAD * reach).all())

    def _describe_far(self) -> str:
        most = f"more than {_FAR:.0%} of"
        have = share(self._far, self._counted_boxes(), f"has {most} its", f"have {most} their")
        return f"{have} area outside the image"

    def _describe_tiny(self) -> str:
        are = share(self._tiny, self._counted_boxes(), "is", "are")
        return f"{are} narrower or lower than {_TINY_PX:g} px"

    def _describe_corner(self) -> str:
        right, down = self._high[0].tolist()
        return (
            f"all {self._counted_boxes()} of {counted(self._images, 'image')} lie in the top left "
            f"corner, within {right:.0%} of the width and {down:.0%} of the height"
        )

    def _counted_boxes(self) -> str:
        return counted(self._boxes, "box", "boxes")

    def _describe_place(self) -> Iterator[str]:
        """Say that all boxes lie in one quarter, or in a narrow band."""
        (left, top), (right, bottom) = self._low[0].tolist(), self._high[0].tolist()
        across = _which_half(left, right, "left", "right")
        down = _which_half(top, bottom, "top", "bottom")
        if across and down:
            yield f"all {self._counted_boxes()} lie in the {down} {across} quarter of their images"
        elif right - left < _BAND or bottom - top < _BAND:
            of = "width" if right - left < _BAND else "height"
            yield f"all {self._counted_boxes()} lie in a band of less than {_BAND:.0%} of the {of}"


def _areas(sides: F64) -> F64:
    areas: F64 = sides[:, 0] * sides[:, 1]
    return areas


def _which_half(low: float, high: float, first: str, second: str) -> str | None:
    if high <= _HALF:
        return first
    return second if low >= _HALF else None


class Leftovers:
    """Watches which images of their folders are taken, and which are in no annotation file."""

    def __init__(self) -> None:
        self._taken: dict[str, set[str]] = {}

    def watch(self, images: Iterable[LabelledImage]) -> Iterator[LabelledImage]:
        """Pass on images that were located."""
        for labelled in images:
            if labelled.image.path is not None and labelled.image.span is None:
                folder, name = os.path.split(labelled.image.path)
                self._taken.setdefault(folder, set()).add(name)
            yield labelled

    def list_left(self) -> list[str]:
        """Return the images that lie beside those that were taken."""
        left: list[str] = []
        for folder, taken in self._taken.items():
            if not os.access(folder, os.R_OK):  # its images can be opened, and not be listed
                continue
            with os.scandir(folder) as entries:
                names = {one.name for one in entries if is_image_name(one.name)} - taken
            left += [os.path.join(folder, name) for name in names if name[0] != "."]  # noqa: PTH118
        return sorted(left)

    def tell(self) -> Iterator[str]:
        """Yield how many images lie beside those that were taken."""
        left = self.list_left()
        if left:
            images = counted(len(left), "more image lies", "more images lie")
            yield f"{images} beside those of the set, in no annotation file: {left[0]}"


_REASONS = {
    "iscrowd": "--assume iscrowd=keep takes crowds",
    "crowd": "--assume crowd=keep takes crowds",
    "isgroupof": "--assume group-of=keep takes groups",
    "difficult": "--assume difficult=keep takes difficult ones",
    "invalid": "--assume invalid=keep takes invalid ones",
    "others": "--assume others=keep takes others",
    "class-left-out": "--keep, --drop and --map say which classes are taken",
    "in-no-split": "--split 0.8,0.1,0.1 takes images of no split as well",
    "no-outline": "--boxes-as-outlines makes outlines of boxes",
    "no-angle": "--boxes-as-outlines takes boxes as rotated by 0",
    "area": "--min-area and --max-area say which sizes are taken",
}


def _find_nothing_kept(ledger: Ledger, source: Path) -> Iterator[Finding]:
    """Yield a finding where there were annotations and not one is left."""
    totals, codes = ledger.totals, ledger.codes()
    wanted = totals.annotations_in - codes.get("excluded: not-sampled", 0)
    if not wanted or totals.kept + totals.clipped + totals.reinterpreted:
        return
    lost = {code: count for code, count in codes.items() if not code.startswith("noted")}
    reasons = ", ".join(f"{count} {code}" for code, count in lost.items())
    words = {code.partition(": ")[2] for code in lost}
    hints = [hint for code, hint in _REASONS.items() if code in words]
    message = f"of {counted(wanted, 'annotation')} none is left ({reasons})"
    yield Finding("nothing-kept", message, source, "; ".join(hints) or None)
