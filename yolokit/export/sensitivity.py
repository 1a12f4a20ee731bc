"""Which parts of a network lose most in 8 bits: what to keep in float, if anything.

Each module is quantized alone, and the outputs are compared with those of FP32 where FP32 finds
something. The ranges of all values are found once, so that a module costs the insertion of its
integers, the loading of the model, and a few images: about a second for a yolo11n at 320 px on two
cores, half a minute for all of them.
"""

from __future__ import annotations

import tempfile
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.core.boxes import cxcywh_to_xyxy, pairwise_iou
from yolokit.core.events import OnEvent, Progress, ignore
from yolokit.export.quantizers.int8 import insert_integers
from yolokit.export.quantizers.toolkit.graph_parts import (
    find_outermost,
    group_by_module,
    iter_float_values,
    load_graph,
)
from yolokit.export.quantizers.toolkit.ranges import find_ranges
from yolokit.export.quantizers.toolkit.saving import copy_graph, save_graph
from yolokit.runtime.detector import Detector
from yolokit.runtime.heads.toolkit import load_head

if TYPE_CHECKING:
    from collections.abc import Iterable

    from yolokit.core.types import F32, F64
    from yolokit.export.quantizers.toolkit import Calibration, QuantSettings
    from yolokit.runtime.manifest import ModelHead

IMAGES = 8
_LEAST_SCORE = 0.1
_FEWEST = 20  # boxes of an image that are compared, however low their scores


class Sensitivity(msgspec.Struct, frozen=True, kw_only=True):
    """What the outputs lose if one module alone computes in 8 bits.

    Attributes:
        name: The module's, such as ``model.4``.
        nodes: Names of its nodes: what ``QuantSettings.float_nodes`` takes.
        score_error: Mean difference of the scores of what FP32 finds.
        box_error: Mean of 1 - IoU of its boxes.
    """

    name: str
    nodes: tuple[str, ...]
    score_error: float
    box_error: float

    @property
    def error(self) -> float:
        """Both together, by which modules are compared: from 0 to 2."""
        return self.score_error + self.box_error


def sensitivity(
    src: Path,
    calibration: Calibration,
    settings: QuantSettings,
    on_event: OnEvent = ignore,
    *,
    images: int = IMAGES,
) -> list[Sensitivity]:
    """Return what each module of a model costs, the worst first.

    Args:
        src: FP32 model with its manifest.
        calibration: Images to find ranges on; the first few are compared on as well.
        settings: How each module is quantized. Nodes that they keep in float stay so.
        on_event: Told how far it has come.
        images: How many images are compared on.

    Raises:
        DataError: An image cannot be read.
        ExportError: The model cannot be quantized.
        InferenceError: A model fails.
    """
    model = load_graph(src)
    ranges = find_ranges(model, list(iter_float_values(model.graph)), calibration, settings)
    kept = {*find_outermost(model.graph), *settings.float_nodes}
    groups = {
        name: left
        for name, nodes in group_by_module(model.graph).items()
        if (left := tuple(node for node in nodes if node not in kept))
    }
    inputs = list(islice(calibration, images))
    head, reference = _run(src, inputs)
    found: list[Sensitivity] = []
    with tempfile.TemporaryDirectory(prefix="yolokit-sensitivity-") as scratch:
        for done, (name, nodes) in enumerate(groups.items(), 1):
            part = insert_integers(copy_graph(model), ranges, settings, only=nodes)
            if part is not None:
                path = Path(scratch) / "part.onnx"
                save_graph(part, path)
                score, box = _compare(head, reference, _run(path, inputs)[1])
                found.append(Sensitivity(name=name, nodes=nodes, score_error=score, box_error=box))
            on_event(Progress("comparing modules", done, len(groups), "modules"))
    return sorted(found, key=lambda one: -one.error)


def _run(path: Path, inputs: Iterable[F32]) -> tuple[ModelHead, list[F32]]:
    """Return a model's head, and its main output for each input."""
    detector = Detector.load(path, provider="cpu")
    head = detector.manifest.head
    return head, [detector.infer(tensor)[0][head.output_name] for tensor in inputs]


def _compare(head: ModelHead, reference: list[F32], outputs: list[F32]) -> tuple[float, float]:
    """Return the mean errors of scores and boxes of what the reference finds."""
    scores, boxes = [], []
    is_sorted = load_head(head.layout).SUPPRESSES_OVERLAPS
    for before, after in zip(reference, outputs, strict=True):
        (a_boxes, a_scores), (b_boxes, b_scores) = (_split(head, one) for one in (before, after))
        best = a_scores.max(axis=1)
        count = max(_FEWEST, int((best >= _LEAST_SCORE).sum()))
        at = np.argsort(-best, kind="stable")[:count]
        iou = pairwise_iou(a_boxes[at], b_boxes)
        # Anchors have fixed places; boxes that are sorted by score are found by where they are.
        partner = iou.argmax(axis=1) if is_sorted else at
        scores.append(np.abs(a_scores[at] - b_scores[partner]).max(axis=1))
        boxes.append(1 - iou[np.arange(len(at)), partner])
    return float(np.concatenate(scores).mean()), float(np.concatenate(boxes).mean())


def _split(head: ModelHead, output: F32) -> tuple[F64, F64]:
    """Return xyxy boxes (N, 4) in px and scores (N, C), of sorted boxes (N, 1)."""
    values = output.astype(np.float64)
    if load_head(head.layout).SUPPRESSES_OVERLAPS:
        return values[:, :4], values[:, 4:5]
    return cxcywh_to_xyxy(values[:4].T), values[4 : 4 + len(head.names)].T
