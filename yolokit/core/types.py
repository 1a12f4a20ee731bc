"""The central types: frozen, validated at construction, trusted after."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

F32: TypeAlias = npt.NDArray[np.float32]
F64: TypeAlias = npt.NDArray[np.float64]
I64: TypeAlias = npt.NDArray[np.int64]
U8: TypeAlias = npt.NDArray[np.uint8]
U64: TypeAlias = npt.NDArray[np.uint64]
Bool: TypeAlias = npt.NDArray[np.bool_]

_OPTIONAL_PARTS = ("masks", "keypoints", "rotated", "track_ids")


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """What a detector found in one image, sorted by descending score.

    The optional parts have one entry for each detection, or are None where a model, or a tracker,
    gives none. Their frame is that of ``xyxy``.

    Attributes:
        xyxy: (N, 4) float32, source-image pixels, origin at the top-left corner.
        scores: (N,) float32 in [0, 1], descending.
        class_ids: (N,) int64, indices into the model's class names.
        masks: (N, H, W) bool, the pixels of each object in the source image of that size.
        keypoints: (N, K, 3) float32; x and y in source-image pixels, and how sure each is, in
            [0, 1].
        rotated: (N, 5) float32; centre x and y, width and height in source-image pixels, and the
            angle in radians from the x axis towards the y axis. ``xyxy`` is the box around it.
        track_ids: (N,) int64; the same object has the same number in each frame of a source.
    """

    xyxy: F32
    scores: F32
    class_ids: I64
    masks: Bool | None = None
    keypoints: F32 | None = None
    rotated: F32 | None = None
    track_ids: I64 | None = None

    def __post_init__(self) -> None:
        count = len(self.scores)
        _expect("xyxy", self.xyxy, (count, 4), np.float32)
        _expect("scores", self.scores, (count,), np.float32)
        _expect("class_ids", self.class_ids, (count,), np.int64)
        if self.masks is not None:
            _expect("masks", self.masks, (count, None, None), np.bool_)
        if self.keypoints is not None:
            _expect("keypoints", self.keypoints, (count, None, 3), np.float32)
        if self.rotated is not None:
            _expect("rotated", self.rotated, (count, 5), np.float32)
        if self.track_ids is not None:
            _expect("track_ids", self.track_ids, (count,), np.int64)
        if count > 1 and bool(np.any(np.diff(self.scores) > 0)):
            raise ValueError("scores must be in descending order")

    @classmethod
    def empty(cls) -> Detections:
        """Return no detections."""
        return cls(
            np.zeros((0, 4), np.float32), np.zeros((0,), np.float32), np.zeros((0,), np.int64)
        )

    def __len__(self) -> int:
        return len(self.scores)

    def __iter__(self) -> Iterator[tuple[F32, float, int]]:
        """Yield ``(xyxy (4,), score, class_id)`` for each detection."""
        for box, score, class_id in zip(self.xyxy, self.scores, self.class_ids, strict=True):
            yield box, float(score), int(class_id)

    def __getitem__(self, chosen: I64 | Bool | slice) -> Detections:
        """Return some of the detections, with all their parts.

        Args:
            chosen: (K,) int64 indices, (N,) bool, or a slice; scores must stay descending.

        Raises:
            ValueError: The order would not be by descending score.
            IndexError: An index does not exist, or the bools are not one for each detection.
        """
        parts = {name: getattr(self, name) for name in _OPTIONAL_PARTS}
        return Detections(
            self.xyxy[chosen],
            self.scores[chosen],
            self.class_ids[chosen],
            **{name: part[chosen] for name, part in parts.items() if part is not None},
        )


@dataclass(frozen=True, slots=True)
class Letterbox:
    """The transform from a source image into a model's input: scale, then pad.

    Attributes:
        scale: Input pixels per source-image pixel.
        pad_xy: Left and top padding in input pixels.
        image_wh: Width and height of the source image in pixels.
        input_wh: Width and height of the model input in pixels.
    """

    scale: float
    pad_xy: tuple[int, int]
    image_wh: tuple[int, int]
    input_wh: tuple[int, int]

    def __post_init__(self) -> None:
        if not self.scale > 0:
            raise ValueError(f"scale must be positive, not {self.scale}")
        if min(*self.image_wh, *self.input_wh) < 1:
            raise ValueError("an image and an input are at least 1x1 px")

    @classmethod
    def fit(cls, image_wh: tuple[int, int], input_wh: tuple[int, int]) -> Letterbox:
        """Centre an image in an input, with the largest scale that fits.

        The rounding follows ultralytics ``data/augment.py:LetterBox`` (centred, ``scaleup``),
        so that boxes agree with those of the model's own training framework.
        """
        scale = min(input_wh[0] / image_wh[0], input_wh[1] / image_wh[1])
        resized_w, resized_h = (max(1, round(side * scale)) for side in image_wh)
        pad_x = round((input_wh[0] - resized_w) / 2 - 0.1)
        pad_y = round((input_wh[1] - resized_h) / 2 - 0.1)
        return cls(scale, (pad_x, pad_y), image_wh, input_wh)

    @property
    def resized_wh(self) -> tuple[int, int]:
        """Width and height in input pixels of the image inside the padding, at least 1x1."""
        return (
            max(1, round(self.image_wh[0] * self.scale)),
            max(1, round(self.image_wh[1] * self.scale)),
        )

    def to_image(self, xyxy: F32, *, clip: bool = True) -> F32:
        """Map (N, 4) boxes from input pixels to source-image pixels, clipped to the image.

        Each axis has a scale of its own, since the resized sides are whole pixels: what was
        resized exactly is mapped back exactly.
        """
        pad = np.array([*self.pad_xy, *self.pad_xy], np.float32)
        limit = np.array([*self.image_wh, *self.image_wh], np.float32)
        gain = np.array([*self.resized_wh, *self.resized_wh], np.float32) / limit
        mapped = (xyxy - pad) / gain
        return np.clip(mapped, np.float32(0), limit) if clip else mapped


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded image of a source.

    Attributes:
        bgr: (H, W, 3) uint8, blue-green-red.
        index: Position in its source, from 0.
        pts_s: Presentation time in seconds, or None for still images.
        source: Where it came from: a path or a URI.
        note: What a reader of the results must know about it, or None.
        pixel_aspect: Width of a pixel over its height, as it is to be shown.
    """

    bgr: U8
    index: int
    pts_s: float | None
    source: str
    note: str | None = None
    pixel_aspect: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        if self.bgr.ndim != 3 or self.bgr.shape[2] != 3 or self.bgr.dtype != np.uint8:
            raise ValueError(
                f"a frame is (H, W, 3) uint8 BGR, not {self.bgr.shape} {self.bgr.dtype}"
            )

    @property
    def image_wh(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.bgr.shape[1], self.bgr.shape[0]


@dataclass(frozen=True, slots=True)
class FrameError:
    """A frame or an image that could not be read: it keeps its place in the order."""

    index: int
    source: str
    message: str


# Reads an image when it is called, in any thread.
ReadFrame: TypeAlias = "Callable[[], Frame | FrameError]"


def _expect(
    name: str,
    array: npt.NDArray[np.generic],
    shape: tuple[int | None, ...],
    dtype: type[np.generic],
) -> None:
    """Refuse an array of another type or shape; an axis of None may have any length."""
    if array.ndim == len(shape) and None in shape:
        shape = tuple(
            has if length is None else length
            for has, length in zip(array.shape, shape, strict=True)
        )
    if array.shape != shape or array.dtype != dtype:
        wanted = str(shape).replace("None", "any")
        raise ValueError(
            f"{name} must be {wanted} {np.dtype(dtype)}, not {array.shape} {array.dtype}"
        )
