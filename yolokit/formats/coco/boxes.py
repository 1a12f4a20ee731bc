"""What COCO's ``bbox`` holds: xywh in px by the standard, which not all keep to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import msgspec
import numpy as np

from yolokit.formats.toolkit.box_evidence import BoxWitness, sample_sizes, to_xyxy
from yolokit.formats.toolkit.locate import locate_fractions, require_sizes
from yolokit.formats.toolkit.units import UNITS, UnitsWitness
from yolokit.labels.model import LabelledImage
from yolokit.labels.transforms import move_annotations, scaling

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from yolokit.core.types import F64, I64
    from yolokit.formats.toolkit.box_evidence import BoxEncoding
    from yolokit.formats.toolkit.plugin import ReadOptions
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import ImageRecord

ASSUME: Mapping[str, tuple[str, ...]] = {"box": ("auto", "xywh", "xyxy", "cxcywh"), "units": UNITS}
"""What ``--assume`` can state about boxes of COCO."""

_HINT = "say it with --assume box=xywh|xyxy|cxcywh"


class CocoBoxes(NamedTuple):
    """Boxes of a file.

    Attributes:
        xyxy: (N, 4) float64, in px or in fractions of the image.
        in_fractions: Which of the two.
        evidence: What is not as the standard says, one sentence each.
    """

    xyxy: F64
    in_fractions: bool
    evidence: tuple[str, ...]


def read_boxes(
    values: F64, owners: I64, records: Sequence[ImageRecord], path: str, options: ReadOptions
) -> CocoBoxes:
    """Find out what the boxes of a file are, and return them as corners.

    Args:
        values: (N, 4) as stated.
        owners: (N,) positions of their images in ``records``.
        records: The images of the file.
        path: The file, for messages.
        options: How it is to be read.

    Raises:
        DataError: The boxes speak against what the standard says.
    """
    units = UnitsWitness(options.assume.get("units"))
    units.observe_all(values)
    stated = options.assume.get("box", "auto")
    if stated != "auto":
        encoding = cast("BoxEncoding", stated)
        evidence = [f"boxes are taken as {stated}, as --assume box says"]
    else:
        sizes = np.ones((len(records), 2))
        if not units.are_fractions:
            sizes = sample_sizes(records, look=not options.labels_only)
        with np.errstate(over="ignore", invalid="ignore"):
            witness = BoxWitness(values, sizes[owners])
            encoding = witness.require("xywh", who="the COCO format", path=path, hint=_HINT)
        evidence = []
    if units.are_fractions or options.assume.get("units", UNITS[0]) != UNITS[0]:
        evidence += units.evidence()
    with np.errstate(over="ignore", invalid="ignore"):  # such boxes are dropped later
        return CocoBoxes(to_xyxy(values, encoding), units.are_fractions, tuple(evidence))


def without_sizes(records: list[ImageRecord]) -> list[ImageRecord]:
    """Forget stated sizes: what is in fractions is of the image, whatever it was when labelled."""
    return [
        msgspec.structs.replace(record, width_px=None, height_px=None)
        if record.width_px is not None
        else record
        for record in records
    ]


def fractions_to_px(
    images: Iterable[LabelledImage], ledger: Ledger, *, labels_only: bool
) -> Iterator[LabelledImage]:
    """Bring images whose annotations are in fractions of them into px.

    Raises:
        DataError: No image is to be looked at, and the size of one is not stated.
    """
    if not labels_only:
        yield from locate_fractions(images, ledger)
        return
    for labelled in require_sizes(images, ledger):
        to_px = scaling(*labelled.image.image_wh)
        yield LabelledImage(labelled.image, move_annotations(labelled.annotations, to_px))
