"""What ``--watch gradients`` saw: a section of the report, and what is wrong, in plain words.

Two rules, by the norms before clipping; a network that trains well breaks neither.

1. *exploding*: in an epoch more than a tenth of the steps had gradients that were NaN or infinite
   (fp16 has a few while it finds its scale); or the norm of the whole network was more than 20
   times the median of the epochs before it.
2. *vanishing*: in the median of the later half of the epochs, the mean norm of a layer was below
   1e-8 of the whole network's, or that of the whole network below 1e-8.

Healthy runs stay far away from both. Measured: the smallest layer has 6e-4 of the norm with yolo11n
from nothing on BCCD, 1e-4 with yolo26n on the demo, and 7e-6 with yolo11n from its own checkpoint
on BCCD, where few objects are large enough for the coarsest scale; the norm doubles at most. With
SGD at a rate of 1, the norm of yolo11n was 99 times as large when its training went to pieces. That
steps are clipped means nothing by itself: upstream's loss grows with the batch, so nearly all are,
in every run.
"""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

from yolokit.core.plural import counted
from yolokit.core.units import describe_number
from yolokit.engine_protocol.gradients import CLIP_NORM
from yolokit.errors import TrainError
from yolokit.report.charts import Series, line_chart
from yolokit.report.page import Details, Section, Table, Text, Verdict
from yolokit.train.gradients import read_gradients

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from yolokit.engine_protocol.gradients import Gradients, LayerGradients
    from yolokit.report.page import Block

_NOT_FINITE, _GROWTH, _VANISHED = 0.1, 20, 1e-8
_NAMED = 3
_SLOWER = "a smaller `--lr`, or a longer warm-up (`--set warmup_epochs=N`)"


def judge_gradients(epochs: Sequence[Gradients]) -> list[str]:
    """Return a sentence for each thing that is wrong; none for a healthy run."""
    return [*_find_exploding(epochs), *_find_vanishing(epochs)]


def warn_of_gradients(run_dir: Path) -> list[str]:
    """Return these sentences for a run; none where nothing was watched."""
    try:
        return judge_gradients(read_gradients(run_dir))
    except TrainError:  # the report says so, in the section
        return []


def _find_exploding(epochs: Sequence[Gradients]) -> Iterator[str]:
    for one in epochs:
        steps = one.steps + one.not_finite
        if one.not_finite > _NOT_FINITE * steps:
            yield (
                f"Gradients explode: in epoch {one.epoch}, those of {one.not_finite} of "
                f"{counted(steps, 'step')} were NaN or infinite. Try {_SLOWER}; "
                "`--set precision=fp32` helps if numbers are too large for fp16."
            )
            return
    norms = [_norm_all(one) for one in epochs]
    for index in range(1, len(norms)):
        before = median(norms[:index])
        if norms[index] > _GROWTH * before > 0:
            yield (
                f"Gradients explode: in epoch {epochs[index].epoch} their norm is "
                f"{describe_number(norms[index])}, and was {describe_number(before)} before. Try "
                f"{_SLOWER}."
            )
            return


def _find_vanishing(epochs: Sequence[Gradients]) -> Iterator[str]:
    epochs = [one for one in epochs if one.steps]
    norms = [_norm_all(one) for one in epochs[len(epochs) // 2 :]]
    if norms and median(norms) < _VANISHED:
        yield (
            "Gradients vanish: their norm over the whole network is "
            f"{describe_number(median(norms))}, so nothing is learnt. Start from trained weights "
            "(`--weights`)."
        )
        return
    gone = [
        f"{layer.name} ({layer.type})"
        for layer in (epochs[-1].layers if epochs else ())
        if _median_share(epochs, layer.layer) < _VANISHED
    ]
    if gone:
        named = ", ".join(gone[:_NAMED])
        more = f" and {counted(len(gone) - _NAMED, 'more layer')}" if len(gone) > _NAMED else ""
        yield (
            f"Gradients vanish: {named}{more} got less than a hundred-millionth of the network's, "
            "and so hardly learn. Start from trained weights (`--weights`), or from a network of "
            "fewer layers (`--arch`)."
        )


def _median_share(epochs: Sequence[Gradients], index: int) -> float:
    """Return a layer's share of the network's norm, in the median of the later half."""
    later = [one for one in epochs[len(epochs) // 2 :] if _norm_all(one)]
    shares = [
        layer.mean / _norm_all(one) for one in later for layer in one.layers if layer.layer == index
    ]
    return median(shares) if shares else 1.0


def _norm_all(one: Gradients) -> float:
    return math.hypot(*(layer.mean for layer in one.layers))


def describe_gradients(run_dir: Path) -> list[Section]:
    """Return the section of a run whose gradients were watched."""
    try:
        epochs = read_gradients(run_dir)
    except TrainError as error:
        return [Section("Gradients", (Text(f"They are not known here: {error.message}."),))]
    if not epochs:
        return []
    wrong = judge_gradients(epochs)
    blocks: list[Block] = [
        Verdict("bad", "Gradients explode or vanish", "", tuple(wrong))
        if wrong
        else Verdict("good", "Gradients are sound", "None exploded, and no layer's vanished."),
        _draw(epochs),
        Text(_describe_clipping(epochs)),
        Details(f"Each layer in epoch {epochs[-1].epoch}", (_list_layers(epochs[-1]),)),
    ]
    return [Section("Gradients", tuple(blocks))]


def _describe_clipping(epochs: Sequence[Gradients]) -> str:
    steps, clipped = sum(one.steps for one in epochs), sum(one.clipped for one in epochs)
    return (
        f"{clipped} of {counted(steps, 'step')} were clipped to a norm of "
        f"{CLIP_NORM:g}. That is usual: the loss grows with the batch. What counts is whether "
        "norms stay alike over the epochs, and whether every layer gets its part."
    )


def _draw(epochs: Sequence[Gradients]) -> Block:
    layers = sorted(epochs[-1].layers, key=lambda layer: layer.mean)
    x = tuple(float(one.epoch) for one in epochs)
    lines = [Series("whole network", x, tuple(_log(_norm_all(one)) for one in epochs))]
    ends = (("largest", layers[-1]), ("smallest", layers[0])) if len(layers) > 1 else ()
    for word, layer in ends:
        y = tuple(_log(_mean_of(one, layer)) for one in epochs)
        lines.append(Series(f"{word}: {layer.name} {layer.type}", x, y))
    title = "How large gradients are before clipping (3 stands for 1000, -3 for 0.001)"
    return line_chart(title, lines, x_label="epoch", y_label="power of ten")


def _mean_of(one: Gradients, wanted: LayerGradients) -> float:
    return next((layer.mean for layer in one.layers if layer.layer == wanted.layer), 0.0)


def _log(norm: float) -> float:
    return math.log10(norm) if norm > 0 else math.nan


def _list_layers(one: Gradients) -> Table:
    rows = tuple(
        (
            layer.name,
            layer.type,
            describe_number(layer.mean),
            describe_number(layer.max),
            "-" if layer.update_ratio is None else f"{layer.update_ratio:.1e}",
        )
        for layer in one.layers
    )
    columns = ("Layer", "Type", "Mean norm", "Largest norm", "Change of weights in a step")
    return Table(columns, rows, "Change is a share of the weights' norm; 1e-3 is usual")
