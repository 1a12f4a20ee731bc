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
    own = [(image.name, _read(Path(image.path))) for image in _spread(images, COUNT)]
    needed = max(_SHIPPED_WITH_DATA, COUNT - len(own))
    return own + shipped[:needed]


def iter_calibration_images(
    data_yaml: Path | None, gate_images: Sequence[tuple[str, U8]]
) -> Iterator[U8]:
    """Yield images (H, W, 3) uint8 BGR of a data set, none of which a gate looks at.

    They are from the training split, if there is one. Files with equal pixels are one image.

    Args:
        data_yaml: The data set; None where the user has named none.
        gate_images: What :func:`load_gate_images` returned.

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
        bgr = _read(Path(image.path))
        if _digest_pixels(bgr) not in taken:
            found = True
            yield bgr
    if not found:
        raise DataError(
            "the gates use all of its images; none is left for calibration", path=data_yaml
        )


def _load_shipped() -> list[tuple[str, U8]]:
    folder = files("yolokit.export") / "images"
    entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    return [
        (f"shipped/{entry.name}", _decode(entry.read_bytes(), entry.name))
        for entry in entries
        if entry.name.endswith(".jpg")
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


def _read(path: Path) -> U8:
    try:
        return _decode(path.read_bytes(), str(path))
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=path) from error


def _decode(content: bytes, name: str) -> U8:
    import cv2

    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
    if image is None:
        raise DataError("is not an image that can be read", path=name)
    return image  # type: ignore[return-value]
