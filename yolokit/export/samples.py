"""The images that the gates use, the user's own and a few shipped ones; others for calibration.

A quantizer that was calibrated on the gates' images would be judged on what it was fitted to.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from yolokit.errors import DataError
from yolokit.images.files import decode_image, read_image
from yolokit.runtime.model_input import make_input, plan_letterbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.core.types import F32, U8
    from yolokit.datasets.splits import SplitImage
    from yolokit.runtime.manifest import ModelIO

COUNT = 16
_SHIPPED_WITH_DATA = 4
_JUDGED_FIRST = ("val", "test", "train")


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
    _, images = _list_images(data_yaml, _JUDGED_FIRST)
    own = [(image.name, read_image(Path(image.path))) for image in _spread(images, COUNT)]
    needed = max(_SHIPPED_WITH_DATA, COUNT - len(own))
    return own + shipped[:needed]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationImages:
    """The model inputs that a quantizer looks at: a ``Calibration`` of ``export/quantizers``.

    Attributes:
        paths: The images.
        io: How each becomes an input.
        split: The split that they are of.
        sha256: Hash of their pixels, in their order.
        is_judged: Whether accuracy is measured on the same split, since there is no other.
    """

    paths: tuple[Path, ...]
    io: ModelIO
    split: str
    sha256: str
    is_judged: bool

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[F32]:
        for path in self.paths:
            bgr = read_image(path)
            yield make_input(bgr, plan_letterbox((bgr.shape[1], bgr.shape[0]), self.io), self.io)


def find_calibration_images(
    data_yaml: Path, gate_images: Sequence[tuple[str, U8]], io: ModelIO, count: int
) -> CalibrationImages:
    """Choose up to ``count`` images of a data set, none of which a gate looks at.

    They are spread evenly over the training split, or over another one where there is none. Files
    with equal pixels are one image.

    Raises:
        DataError: There is none, or one cannot be read.
    """
    split, images = _list_images(data_yaml, ("train", "test", "val"))
    taken = {_digest_pixels(bgr) for _, bgr in gate_images}
    chosen: dict[bytes, Path] = {}
    for image in _spread(images, count):
        path = Path(image.path)
        digest = _digest_pixels(read_image(path))
        if digest not in taken:
            chosen.setdefault(digest, path)
    if not chosen:
        raise DataError(
            "the gates use all of its images; none is left for calibration", path=data_yaml
        )
    return CalibrationImages(
        paths=tuple(chosen.values()),
        io=io,
        split=split,
        sha256=hashlib.sha256(b"".join(chosen)).hexdigest(),
        is_judged=split != "train" and split == _list_images(data_yaml, _JUDGED_FIRST)[0],
    )


def _load_shipped() -> list[tuple[str, U8]]:
    folder = files("yolokit.export") / "images"
    entries = {entry.name: entry for entry in folder.iterdir() if entry.name.endswith(".jpg")}
    return [
        (f"shipped/{name}", decode_image(np.frombuffer(entry.read_bytes(), np.uint8), Path(name)))
        for name, entry in sorted(entries.items())
    ]


def _list_images(data_yaml: Path, splits: Sequence[str]) -> tuple[str, list[SplitImage]]:
    """Return the first of some splits that the data set has, and its images."""
    from yolokit.datasets.data_yaml import load_data_yaml
    from yolokit.datasets.splits import list_split_images

    data = load_data_yaml(data_yaml, need=())
    split = next((name for name in splits if name in data.splits), None)
    if split is None:
        raise DataError(f"names none of the splits {', '.join(splits)}", path=data_yaml)
    images = list(list_split_images(data, split))
    if not images:
        raise DataError(f"the split {split} has no images", path=data_yaml)
    return split, images


def _spread(images: Sequence[SplitImage], count: int) -> Sequence[SplitImage]:
    return images[:: max(1, len(images) // count)][:count]


def _digest_pixels(bgr: U8) -> bytes:
    return hashlib.sha256(repr(bgr.shape).encode() + bgr.tobytes()).digest()
