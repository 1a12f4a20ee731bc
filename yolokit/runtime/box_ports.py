"""Inputs and outputs of a graph that chooses its boxes by what it is told.

Their names are in the manifest: :class:`yolokit.runtime.manifest.BoxPorts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from yolokit.errors import ModelOutputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from yolokit.core.types import F32
    from yolokit.runtime.manifest import ModelHead
    from yolokit.runtime.tasks.toolkit import Limits


def make_feeds(head: ModelHead, limits: Limits) -> dict[str, npt.NDArray[Any]]:
    """Return the values of the inputs that may be left out, by name, for a file of this layout."""
    ports = head.ports
    if ports is None:
        return {}
    least = limits.class_min_scores or (limits.min_score,)
    values: dict[str, npt.NDArray[Any]] = {
        ports.conf: np.array(least, np.float32),
        ports.iou: np.array([limits.max_iou], np.float32),
        ports.max_det: np.array([limits.max_det], np.int32),
        ports.multi_label: np.array([limits.multi_label]),
        ports.clip: np.array([limits.clip]),
    }
    return {name: value for name, value in values.items() if name}


def join_rows(outputs: Mapping[str, npt.NDArray[Any]], head: ModelHead) -> F32:
    """Return the rows (B, K, 6) float32 of a file of this layout; those beyond the count are 0.

    Raises:
        ModelOutputError: The outputs do not fit together.
    """
    if head.ports is None:
        raise ValueError(f"a head of the layout {head.layout} has no ports")
    boxes = outputs[head.output_name]
    scores, classes, count = (outputs[name] for name in head.ports.outputs)
    shape = boxes.shape[:2]
    if boxes.ndim != 3 or boxes.shape[2] != 4 or {scores.shape, classes.shape} != {shape}:
        raise ModelOutputError(
            f"boxes {boxes.shape}, scores {scores.shape} and classes {classes.shape} of the "
            "model's output do not fit together"
        )
    if count.shape != shape[:1] or (count < 0).any() or (count > shape[1]).any():
        raise ModelOutputError(
            f"the model's output has the counts {count.tolist()}, for rows of {shape[1]}"
        )
    rows: F32 = np.concatenate([boxes, scores[..., None], classes[..., None]], axis=2, dtype="f4")
    rows[np.arange(shape[1]) >= count[:, None]] = 0
    return rows
