"""The ranges of a model's values, found by running it on images.

onnxruntime's own calibration keeps every value of every image for the methods that look at
histograms (gigabytes for 128 images at 640 px), prints, and cannot be interrupted. Here the
images pass one after another, and a histogram of each value is what is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from yolokit.core.events import OnEvent, Progress, ignore
from yolokit.core.extras import require
from yolokit.core.machine import usable_cores
from yolokit.core.privacy import stop_telemetry
from yolokit.errors import ExportError
from yolokit.export.quantizers.toolkit.saving import copy_graph

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.core.types import F32, F64, I64
    from yolokit.export.quantizers.toolkit import Calibration, QuantSettings

Ranges = dict[str, tuple[float, float]]

BINS = 2048
# Values of one image that are held at once; what is more is computed in several runs.
_HELD_BYTES = 256 * 2**20
_LEVELS = 256
_SHARES = np.linspace(0.2, 1, 41)  # of the whole range, that are tried


def find_ranges(
    model: Any,
    names: Sequence[str],
    calibration: Calibration,
    settings: QuantSettings,
    on_event: OnEvent = ignore,
) -> Ranges:
    """Return the range of each value over all images, by the method of the settings.

    Args:
        model: The ONNX model, all of whose values have a type.
        names: Values of it.
        calibration: The images; read once for ``minmax``, else twice.
        settings: With the method.
        on_event: Told how many images have passed.

    Raises:
        DataError: An image cannot be read.
        ExportError: A value is not finite.
    """
    watched = _Watched(model, names)
    is_exact = settings.method == "minmax"
    total = (1 if is_exact else 2) * len(calibration)
    lows, highs = dict.fromkeys(names, np.inf), dict.fromkeys(names, -np.inf)
    for tensor in _tell(calibration, 0, total, on_event):
        for name, values in watched.run(tensor):
            lows[name] = min(lows[name], float(values.min()))
            highs[name] = max(highs[name], float(values.max()))
    whole = {name: (lows[name], highs[name]) for name in names}
    _check_finite(whole)
    if is_exact:
        return whole
    counts = {name: np.zeros(BINS, np.int64) for name in names}
    for tensor in _tell(calibration, len(calibration), total, on_event):
        for name, values in watched.run(tensor):
            counts[name] += np.histogram(values, BINS, _widen(whole[name]))[0]
    return {name: _narrow(counts[name], _widen(whole[name]), settings) for name in names}


def _tell(calibration: Calibration, done: int, total: int, on_event: OnEvent) -> Iterator[F32]:
    """Yield the images of a pass, and tell how many are done, those of earlier passes included."""
    for tensor in calibration:
        yield tensor
        done += 1
        on_event(Progress("calibrating", done, total))


def _check_finite(ranges: Ranges) -> None:
    for name, (low, high) in ranges.items():
        if not np.isfinite(high - low):
            raise ExportError(f"the value {name} of the graph is not finite on some image")


class _Watched:
    """A model whose inner values can be read, a bounded number of bytes at once."""

    def __init__(self, model: Any, names: Sequence[str]) -> None:
        self._input_name = model.graph.input[0].name
        self._has_input = self._input_name in names
        self._names = [name for name in names if name != self._input_name]
        self._session = _open(_with_outputs(model, self._names))
        self._groups: list[list[str]] = []

    def run(self, tensor: F32) -> Iterator[tuple[str, F32]]:
        """Yield each value's name and what it is for an input (1, 3, H, W) float32."""
        feed = {self._input_name: tensor}
        if not self._groups:
            sizes = self._session.run([_size(name) for name in self._names], feed)
            self._groups = _group(self._names, [4 * int(size) for size in sizes], _HELD_BYTES)
        if self._has_input:
            yield self._input_name, tensor
        for group in self._groups:
            yield from zip(group, self._session.run(group, feed), strict=True)


def _size(name: str) -> str:
    return f"{name}//size"


def _with_outputs(model: Any, names: Sequence[str]) -> Any:
    """Return a copy that gives inner values, and how many numbers each has."""
    onnx = require("onnx", extra="train", purpose="Quantizing")
    helper, kinds = onnx.helper, onnx.TensorProto
    copy = copy_graph(model)
    graph = copy.graph
    there = {output.name for output in graph.output}
    for name in names:
        if name not in there:
            graph.output.append(helper.make_tensor_value_info(name, kinds.FLOAT, None))
        graph.node.append(helper.make_node("Size", [name], [_size(name)], name=_size(name)))
        graph.output.append(helper.make_tensor_value_info(_size(name), kinds.INT64, []))
    return copy


def _open(model: Any) -> Any:
    ort = require("onnxruntime", extra="cpu", purpose="Quantizing")
    stop_telemetry(ort)
    options = ort.SessionOptions()
    options.intra_op_num_threads = usable_cores()
    options.log_severity_level = 4
    return ort.InferenceSession(
        model.SerializeToString(), sess_options=options, providers=["CPUExecutionProvider"]
    )


def _group(names: Sequence[str], sizes: Sequence[int], limit: int) -> list[list[str]]:
    """Divide names into groups, in order, each of which holds no more than the limit or is one."""
    groups: list[list[str]] = []
    held = limit + 1
    for name, size in zip(names, sizes, strict=True):
        if held + size > limit:
            groups.append([])
            held = 0
        groups[-1].append(name)
        held += size
    return groups


def _widen(whole: tuple[float, float]) -> tuple[float, float]:
    """Return a range that has 0 in it, as that of integers must, and is not empty."""
    low, high = min(whole[0], 0.0), max(whole[1], 0.0)
    return (low, high) if high > low else (low, low + 1e-6)


def _narrow(
    counts: I64, whole: tuple[float, float], settings: QuantSettings
) -> tuple[float, float]:
    """Return the part of a range that is worth its numbers, from a histogram of it."""
    if settings.method == "percentile":
        return _cut_ends(counts, whole, settings.percentile)
    return _keep_information(counts, whole)


def _cut_ends(counts: I64, whole: tuple[float, float], percentile: float) -> tuple[float, float]:
    """Leave out as many values at each end, so that ``percentile`` percent of all stay."""
    edges = np.linspace(*whole, len(counts) + 1)
    share = np.cumsum(counts) / counts.sum()
    cut = (100 - percentile) / 200
    left = int(np.searchsorted(share, cut, side="right"))
    right = int(np.searchsorted(share, 1 - cut))
    return min(float(edges[left]), 0.0), max(float(edges[right + 1]), 0.0)


def _keep_information(counts: I64, whole: tuple[float, float]) -> tuple[float, float]:
    """Return the part of the range, scaled towards 0, whose levels tell most of the values.

    What is lost is measured by the Kullback-Leibler divergence of the values in 256 levels from
    the values themselves, those outside added to the first and last level.
    Source: Migacz, 8-bit inference with TensorRT, GTC 2017; here for ranges that are not symmetric.
    """
    edges = np.linspace(*whole, len(counts) + 1)
    centres = (edges[:-1] + edges[1:]) / 2
    tried = [(float(whole[0] * share), float(whole[1] * share)) for share in _SHARES]
    return min(reversed(tried), key=lambda part: _divergence(counts, centres, part))


def _divergence(counts: I64, centres: F64, part: tuple[float, float]) -> float:
    low, high = part
    inside = np.clip(centres, low, high)
    level = np.minimum((inside - low) * (_LEVELS / (high - low)), _LEVELS - 1).astype(np.int64)
    kept = (centres >= low) & (centres <= high)
    # Clipped values lie at the ends: the reference has them in its outermost bins.
    reference = np.where(kept, counts, 0).astype(np.float64)
    inner = np.flatnonzero(kept)
    if not len(inner):
        return np.inf
    reference[inner[0]] += counts[: inner[0]].sum()
    reference[inner[-1]] += counts[inner[-1] + 1 :].sum()
    is_used = (reference > 0) & kept
    per_level = np.bincount(level[kept], counts[kept], _LEVELS)
    used_bins = np.bincount(level[is_used], minlength=_LEVELS)
    rounded = np.where(is_used, per_level[level] / np.maximum(used_bins[level], 1), 0)
    p, q = reference[is_used] / reference.sum(), rounded[is_used] / max(rounded.sum(), 1)
    return float((p * np.log(p / np.maximum(q, 1e-12))).sum())
