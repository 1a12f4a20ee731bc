"""The images that the gates use, the user's own and a few shipped ones; others for calibration.

A quantizer that was calibrated on the gates' images would be judged on what it was fitted to.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from yolokit.errors import DataError
from yolokit.images.files import decode_image, read_image

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.core.types import U8
    from yolokit.datasets.splits import SplitImage

COUNT = 16
CALIBRATION_COUNT = 128
_SHIPPED_WITH_DATA = 4


def load_gate_images(data_yaml: Path | None) -> list[tuple[str, U8]]:
    """Return at least 16 named images (H, W, 3) uint8 BGR, non-square ones among them.

    Without a data set these are the shipped ones. With one they are spread evenly over its
    images; four shipped ones of odd shapes join them, since many sets have a single shape.

    Raises:
        DataError: The data set or one of its images cannot be read.
    """
    shipped = _load_shipped()
    if data_yaml is None:
        return shipped
    images = _list_images(data_yaml, ("val", "test", "train"))
    own = [(image.name, read_image(Path(image.path))) for image in _spread(images, COUNT)]
    needed = max(_SHIPPED_WITH_DATA, COUNT - len(own))
    return own + shipped[:needed]


def iter_calibration_images(
    data_yaml: Path | None, gate_images: Sequence[tuple[str, U8]]
) -> Iterator[U8]:
    """Yield images (H, W, 3) uint8 BGR of a data set, none of which a gate looks at.

    They are from the training split, if there is one. Files with equal pixels are one image.

    Raises:
        DataError: There is none, or one cannot be read.
    """
    if data_yaml is None:
        raise DataError(
            "calibration needs images that no gate uses, and the gates use all the shipped ones",
            hint="name a data set with --data",
        )
    taken = {_digest_pixels(bgr) for _, bgr in gate_images}
    found = False
    for image in _spread(_list_images(data_yaml, ("train", "test", "val")), CALIBRATION_COUNT):
        bgr = read_image(Path(image.path))
        if _digest_pixels(bgr) not in taken:
            found = True
            yield bgr
    if not found:
        raise DataError(
            "the gates use all of its images; none is left for calibration", path=data_yaml
        )


def _load_shipped() -> list[tuple[str, U8]]:
    folder = files("yolokit.export") / "images"
    entries = {entry.name: entry for entry in folder.iterdir() if entry.name.endswith(".jpg")}
    return [
        (f"shipped/{name}", decode_image(np.frombuffer(entry.read_bytes(), np.uint8), Path(name)))
        for name, entry in sorted(entries.items())
    ]


def _list_images(data_yaml: Path, splits: Sequence[str]) -> list[SplitImage]:
    """Return the images of the first of some splits that the data set has."""
    from yolokit.datasets.data_yaml import load_data_yaml
    from yolokit.datasets.splits import list_split_images

    data = load_data_yaml(data_yaml, need=())
    split = next((name for name in splits if name in data.splits), None)
    images = list(list_split_images(data, split)) if split is not None else []
    if not images:
        raise DataError("names no split with images", path=data_yaml)
    return images


def _spread(images: Sequence[SplitImage], count: int) -> Sequence[SplitImage]:
    return images[:: max(1, len(images) // count)][:count]


def _digest_pixels(bgr: U8) -> bytes:
    return hashlib.sha256(repr(bgr.shape).encode() + bgr.tobytes()).digest()
