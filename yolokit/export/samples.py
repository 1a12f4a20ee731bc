"""The images that the parity gate looks at: the user's own, and a few shipped ones."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from yolokit.errors import DataError

if TYPE_CHECKING:
    from yolokit.core.types import U8

COUNT = 16
_SHIPPED_WITH_DATA = 4


def load_samples(data_yaml: Path | None) -> list[tuple[str, U8]]:
    """Return at least 16 named images (H, W, 3) uint8 BGR, non-square ones among them.

    Without a data set these are the shipped ones. With one they are spread evenly over its
    images; four shipped ones of odd shapes join them, since many sets have a single shape.

    Raises:
        DataError: The data set or one of its images cannot be read.
    """
    shipped = _load_shipped()
    if data_yaml is None:
        return shipped
    own = _load_own(data_yaml)
    needed = max(_SHIPPED_WITH_DATA, COUNT - len(own))
    return own + shipped[:needed]


def _load_shipped() -> list[tuple[str, U8]]:
    folder = files("yolokit.export") / "images"
    entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    return [
        (f"shipped/{entry.name}", _decode(entry.read_bytes(), entry.name))
        for entry in entries
        if entry.name.endswith(".jpg")
    ]


def _load_own(data_yaml: Path) -> list[tuple[str, U8]]:
    from yolokit.datasets.data_yaml import load_data_yaml
    from yolokit.datasets.splits import list_split_images

    data = load_data_yaml(data_yaml, need=())
    split = next((name for name in ("val", "test", "train") if name in data.splits), None)
    images = list(list_split_images(data, split)) if split is not None else []
    if not images:
        raise DataError("names no split with images", path=data_yaml)
    step = max(1, len(images) // COUNT)
    return [(image.name, _read(Path(image.path))) for image in images[::step][:COUNT]]


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
