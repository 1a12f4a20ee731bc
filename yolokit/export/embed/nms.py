"""Non-maximum suppression as part of a graph, whose thresholds are inputs of it.

What comes out is what the runtime's ``choose_boxes`` chooses with the same thresholds, for each
image of a batch by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from yolokit.export.embed.letterbox import fit_images

if TYPE_CHECKING:
    from yolokit.export.embed.builder import Builder
    from yolokit.export.embed.letterbox import Fit
    from yolokit.runtime.manifest import BoxPorts

_NO_SCORE = -1.0  # of what is not reported: below every score
_FAR = 1 << 30  # beyond every anchor


@dataclass(frozen=True, slots=True)
class Chosen:
    """Boxes of all images in one list, as names of values in the graph; N is any number.

    Attributes:
        images: (N,) int64, the image of the batch that each is of.
        anchors: (N,) int64, its row in ``boxes``.
        classes: (N,) int64.
        scores: (N,) float32; ``_NO_SCORE`` for what is not reported.
        boxes: (B, A, 4) float32, xyxy in input px.
    """

    images: str
    anchors: str
    classes: str
    scores: str
    boxes: str


def suppress_raw(b: Builder, output: str, class_count: int, ports: BoxPorts) -> Chosen:
    """Choose boxes of a raw head (B, 4 + C, A): the best of each cluster of one class."""
    parts = b.add_all("Split", output, b.axes(2, 2, class_count), count=3, axis=1)
    centre, size, scores = parts
    half = b.add("Div", size, b.floats(2))
    low, high = b.add("Sub", centre, half), b.add("Add", centre, half)
    masked = _mask_scores(b, scores, class_count, ports)
    # A box whose corners are swapped has no area for us; the operator would put them right.
    upright = b.add("Concat", low, b.add("Max", low, high), axis=1)
    chosen = b.add(
        "NonMaxSuppression",
        b.add("Transpose", upright, perm=[0, 2, 1]),
        masked,
        b.cast(ports.max_det, np.int64),
        b.add("Min", ports.iou, b.floats(1)),  # by itself OpenVINO would make a constant of it
        b.constant([_NO_SCORE / 2], np.float32),
    )  # (N, 3) int64: image, class, anchor
    images, classes, anchors = (b.add("Gather", chosen, b.index(at), axis=1) for at in range(3))
    boxes = b.add("Transpose", b.add("Concat", low, high, axis=1), perm=[0, 2, 1])
    return Chosen(images, anchors, classes, b.add("GatherND", masked, chosen), boxes)


def take_rows(b: Builder, output: str, class_count: int, ports: BoxPorts) -> Chosen:
    """Choose rows of an end-to-end head (B, K, 6), which has suppressed overlaps itself."""
    boxes, scores, classes = b.add_all("Split", output, b.axes(4, 1, 1), count=3, axis=2)
    flat = b.add("Reshape", scores, b.axes(-1))
    index = b.cast(b.add("Reshape", classes, b.axes(-1)), np.int64)
    enough = b.add("GreaterOrEqual", flat, b.add("Gather", _least(b, class_count, ports), index))
    is_kept = b.add("And", enough, b.add("Greater", flat, b.floats(0)))
    kept = b.add("Where", is_kept, flat, b.floats(_NO_SCORE))
    places = b.add("Range", b.index(0), b.add("Size", flat), b.index(1))
    row_count = b.add("Gather", b.add("Shape", scores), b.index(1))
    images = b.add("Div", places, row_count)
    return Chosen(images, b.add("Mod", places, row_count), index, kept, boxes)


def report_boxes(b: Builder, chosen: Chosen, ports: BoxPorts, boxes_name: str, fit: Fit) -> None:
    """Add the outputs: the best boxes of each image, by descending score, and their number.

    Boxes of one score come in the order of their anchors, as in the runtime.

    Args:
        b: Gets the nodes.
        chosen: What was chosen of all images.
        ports: Names of the outputs and inputs.
        boxes_name: Name of the output of the boxes.
        fit: Where the images lie in the input, to lead boxes back to their pixels.
    """
    padded = _in_order(b, _pad(b, chosen, ports))
    batch = b.add("Gather", b.add("Shape", chosen.boxes), b.index(0))
    image = b.add("Unsqueeze", b.add("Range", b.index(0), batch, b.index(1)), b.axes(1))
    is_own = b.add("Equal", b.add("Unsqueeze", padded.images, b.axes(0)), image)  # (B, N)
    own = b.add("Where", is_own, padded.scores, b.floats(_NO_SCORE))
    most = b.cast(ports.max_det, np.int64)
    scores, places = b.add_all("TopK", own, most, count=2, axis=1)  # (B, max_det)
    is_box = b.add("Greater", scores, b.floats(_NO_SCORE / 2))
    anchors = b.add("Where", is_box, b.add("Gather", padded.anchors, places), b.index(0))
    rows = b.add("Unsqueeze", anchors, b.axes(2))
    boxes = _to_image(b, b.add("GatherND", chosen.boxes, rows, batch_dims=1), fit, ports)
    is_row = b.add("Unsqueeze", is_box, b.axes(2))
    b.name(b.add("Where", is_row, boxes, b.floats(0)), boxes_name)
    scores = b.add("Min", scores, b.floats(1))  # half precision may exceed it by a hair
    b.name(b.add("Where", is_box, scores, b.floats(0)), ports.scores)
    classes = b.add("Where", is_box, b.add("Gather", padded.classes, places), b.index(-1))
    b.name(b.cast(classes, np.int32), ports.classes)
    count = b.add("ReduceSum", b.cast(is_box, np.int32), b.axes(1), keepdims=0)
    b.name(count, ports.count)


def _least(b: Builder, class_count: int, ports: BoxPorts) -> str:
    """Return the least score of each class, (C,), of one for all or one for each."""
    return b.add("Expand", ports.conf, b.axes(class_count))


def _mask_scores(b: Builder, scores: str, class_count: int, ports: BoxPorts) -> str:
    """Return scores (B, C, A) with ``_NO_SCORE`` for what does not count.

    Of each anchor its best class counts, or every class, if it reaches the threshold.
    """
    least = b.add("Reshape", _least(b, class_count, ports), b.axes(1, class_count, 1))
    enough = b.add("GreaterOrEqual", scores, least)
    best = b.add("ArgMax", scores, axis=1, keepdims=1)
    numbers = b.constant(np.arange(class_count).reshape(1, -1, 1), np.int64)
    counts = b.add("Or", b.add("Equal", best, numbers), ports.multi_label)
    return b.add("Where", b.add("And", enough, counts), scores, b.floats(_NO_SCORE))


def _pad(b: Builder, chosen: Chosen, ports: BoxPorts) -> Chosen:
    """Append ``max_det`` rows that are boxes of no image, so that there are always enough."""
    most = b.cast(ports.max_det, np.int64)

    def extend(values: str, last: str) -> str:
        return b.add("Concat", values, b.add("Expand", last, most), axis=0)

    return Chosen(
        images=extend(chosen.images, b.index(-1)),
        anchors=extend(chosen.anchors, b.index(_FAR)),
        classes=extend(chosen.classes, b.index(-1)),
        scores=extend(chosen.scores, b.floats(_NO_SCORE)),
        boxes=chosen.boxes,
    )


def _in_order(b: Builder, chosen: Chosen) -> Chosen:
    """Sort by anchor, so that of equal scores the first anchor's comes first."""
    length = b.add("Shape", chosen.anchors)
    anchors, order = b.add_all("TopK", chosen.anchors, length, count=2, axis=0, largest=0)
    images, classes, scores = (
        b.add("Gather", one, order) for one in (chosen.images, chosen.classes, chosen.scores)
    )
    return Chosen(images, anchors, classes, scores, chosen.boxes)


def _to_image(b: Builder, boxes: str, fit: Fit, ports: BoxPorts) -> str:
    """Map boxes (B, K, 4) from input px to those of the image, as ``Letterbox.to_image`` does."""
    image_wh, resized_wh, pad_xy = (
        b.cast(one, np.float32) for one in (fit.image_wh, fit.resized_wh, fit.pad_xy)
    )
    limit = _twice(b, image_wh)
    gain = b.add("Div", _twice(b, resized_wh), limit)
    mapped = b.add("Div", b.add("Sub", boxes, _twice(b, pad_xy)), gain)
    clipped = b.add("Min", b.add("Max", mapped, b.floats(0)), limit)
    mapped = b.add("Where", ports.clip, clipped, mapped)
    if not ports.image_wh:
        return mapped
    # (N, 1, 1): whether the size of the image was given
    width, _ = b.add_all("Split", ports.image_wh, b.axes(1, 1), count=2, axis=1)
    is_given = b.add("Greater", b.add("Unsqueeze", width, b.axes(1)), b.constant(0, np.int32))
    return b.add("Where", is_given, mapped, boxes)


def _twice(b: Builder, xy: str) -> str:
    """Return (N, 2) as (N, 1, 4): for both corners."""
    return b.add("Unsqueeze", b.add("Concat", xy, xy, axis=1), b.axes(1))


def fit_given_images(b: Builder, tensor: str, ports: BoxPorts) -> Fit:
    """Return where images of a size that is an input lie in an input (B, 3, H, W)."""
    image_wh = b.add("Max", ports.image_wh, b.constant(1, np.int32))
    shape = b.add("Gather", b.add("Shape", tensor), b.axes(3, 2))
    input_wh = b.add("Unsqueeze", b.cast(shape, np.float64), b.axes(0))
    return fit_images(b, b.cast(image_wh, np.float64), input_wh)
