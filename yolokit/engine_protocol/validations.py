"""What a validation found in each image, beside what is true: a file of the engine for reports.

The engine keeps it of the validations that it runs anyway, so a report needs no model and no
second pass. The file is NumPy's ``.npz``, read without pickle.
"""

from __future__ import annotations

import lzma
import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from yolokit.core.types import Detections
from yolokit.errors import TrainError
from yolokit.files.atomic import replace_file
from yolokit.files.regular_file import why_no_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from yolokit.core.types import F32, I64

BEST_VALIDATION = "best.detections.npz"
START_VALIDATION = "start.detections.npz"
_MAX_ROWS = 500_000  # of all images together: some 10 MB
_MAX_BYTES = 2_000_000_000  # unpacked
_MIN_KEPT = 10  # of one image, however many images there are
_SCHEMA_VERSION = 1
_SHAPES = {"xyxy": (4,), "scores": (), "class_ids": ()}  # of one row
# What zipfile and numpy raise for damage, and for what they do not support.
_DAMAGE = (
    OSError, ValueError, TypeError, LookupError, EOFError, MemoryError, RuntimeError, SyntaxError,
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, tokenize.TokenError,
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class ValidatedImage:
    """One image of a validation split.

    Attributes:
        path: The image.
        image_wh: Width and height in px, upright.
        true_xyxy: (G, 4) float32, source-image px.
        true_class_ids: (G,) int64.
        found: What the model found, with the ids of the data set's classes; not clipped.
    """

    path: str
    image_wh: tuple[int, int]
    true_xyxy: F32
    true_class_ids: I64
    found: Detections


@dataclass(frozen=True, slots=True, eq=False)
class Validation:
    """The validation of one epoch.

    Attributes:
        epoch: From 1; 0 is the start, before any training.
        images: In the order of the split.
        kept_per_image: Most detections that were kept of an image, those of the highest scores.
    """

    epoch: int
    images: tuple[ValidatedImage, ...]
    kept_per_image: int


def limit_kept(image_count: int) -> int:
    """Return how many detections of an image are kept, so that the file stays small."""
    return max(_MIN_KEPT, _MAX_ROWS // max(image_count, 1))


def write_validation(path: Path, epoch: int, images: Sequence[ValidatedImage]) -> None:
    """Write the validation of an epoch, in one step; of each image the best detections."""
    kept = limit_kept(len(images))
    found = [image.found[:kept] for image in images]
    listed = "\n".join(image.path for image in images)
    columns = {
        "head": np.array([_SCHEMA_VERSION, epoch, kept], np.int64),
        "paths": np.frombuffer(listed.encode("utf-8", "surrogateescape"), np.uint8),
        "image_wh": np.array([image.image_wh for image in images], np.int32).reshape(-1, 2),
        "true_counts": np.array([len(image.true_class_ids) for image in images], np.int32),
        "true_xyxy": _join([image.true_xyxy for image in images], (0, 4), np.float32),
        "true_class_ids": _join([image.true_class_ids for image in images], (0,), np.int32),
        "found_counts": np.array(list(map(len, found)), np.int32),
        "found_xyxy": _join([one.xyxy for one in found], (0, 4), np.float32),
        "found_scores": _join([one.scores for one in found], (0,), np.float32),
        "found_class_ids": _join([one.class_ids for one in found], (0,), np.int32),
    }
    with replace_file(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **columns)


def read_validation(path: Path) -> Validation:
    """Read a file of :func:`write_validation`.

    Raises:
        TrainError: It is not there, damaged, or of another kind.
    """
    if not path.exists():
        raise TrainError(f"{path} is not there")
    reason = why_no_file(path)
    if reason is not None:  # reading a pipe may never end
        raise TrainError(f"{path} {reason}")
    try:
        with path.open("rb") as stream:
            columns = _load(stream)
        return _take_apart(columns)
    except _DAMAGE as error:
        raise TrainError(f"{path} is not readable: {error}") from error


def _load(stream: IO[bytes]) -> dict[str, Any]:
    with zipfile.ZipFile(stream) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _MAX_BYTES:
            raise ValueError("it is larger than what yolokit writes")
    stream.seek(0)
    with np.load(stream, allow_pickle=False) as file:
        columns = {name: file[name] for name in file.files}
    for name, column in columns.items():
        if not isinstance(column, np.ndarray) or not np.isfinite(column).all():
            raise ValueError(f"{name} is not an array of finite numbers")
    return columns


def _take_apart(columns: Mapping[str, Any]) -> Validation:
    """Build the images from the columns; a ValueError or KeyError says that they do not fit."""
    version, epoch, kept = columns["head"].tolist()
    if version != _SCHEMA_VERSION:
        raise ValueError(f"its version is {version}, and this yolokit reads {_SCHEMA_VERSION}")
    text = columns["paths"].tobytes().decode("utf-8", "surrogateescape")
    paths = text.split("\n") if text else []
    true = _split(columns, "true", ("xyxy", "class_ids"))
    found = _split(columns, "found", ("xyxy", "scores", "class_ids"))
    images = tuple(
        ValidatedImage(
            path,
            (int(wh[0]), int(wh[1])),
            true_xyxy,
            true_class_ids.astype(np.int64),
            Detections(xyxy, scores, class_ids.astype(np.int64)),
        )
        for path, wh, (true_xyxy, true_class_ids), (xyxy, scores, class_ids) in zip(
            paths, columns["image_wh"], true, found, strict=True
        )
    )
    return Validation(epoch, images, kept)


def _join(parts: list[Any], empty: tuple[int, ...], dtype: type[np.generic]) -> Any:
    return np.concatenate([np.zeros(empty, dtype), *parts]).astype(dtype)


def _split(columns: Mapping[str, Any], kind: str, names: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """Return the columns of each image."""
    counts = columns[f"{kind}_counts"]
    total = int(counts.sum())
    joined = [columns[f"{kind}_{name}"] for name in names]
    if counts.dtype.kind != "i" or counts.min(initial=0) < 0:
        raise ValueError(f"its counts of what is {kind} are not whole numbers")
    for name, column in zip(names, joined, strict=True):
        if column.shape != (total, *_SHAPES[name]) or column.dtype.kind not in "if":
            raise ValueError(f"its {kind}_{name} do not fit its counts")
    edges = np.cumsum(counts)[:-1]
    parts = [np.split(column, edges) if len(counts) else [] for column in joined]
    return list(zip(*parts, strict=True))
