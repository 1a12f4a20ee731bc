"""What a run's curves say: still improving, converged, over-fitting, unstable, or too little.

The rules are tried in this order, and the first that holds decides. Curves are smoothed by the
mean of three neighbours; only epochs that were validated count. The score is what ``fitness``
names, or mAP50-95 where that is 0 throughout. Rules 2 and 3 take mAP50-95 in any case: the recall
at a precision jumps also where training is calm.

1. *too little*: fewer than 5 epochs were validated, or the val split has fewer than 20 boxes.
2. *nothing learnt*: mAP50-95 stayed below 0.001.
3. *unstable*: an epoch ended in NaN or infinity and had to be trained once more; or the loss on
   val rose to more than ten times that of the first epoch; or in the later half an epoch lies, in
   the median, more than 15 % of the best mAP50-95 away from the mean of its neighbours; or the
   loss on train ended 25 % above its lowest and mAP50-95 30 % below its best.
4. *improving*: the last quarter of the epochs has a mean score more than 2 % of the best above
   that of the quarter before, and the smoothed curve is highest in the last tenth.
5. *over-fitting from epoch k*: the loss on val was lowest in epoch k and ended at least 5 % above
   that with three epochs or more in between, while the loss on train went on falling. Before 4.
   if it ended 20 % above and the score gained no more than 25 % of its best meanwhile.
6. *converged*: none of these. If the loss on val ended at more than 1.5 times that on train, too
   few training images are what holds the model back, and that is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec
import numpy as np

from yolokit.core.plural import counted
from yolokit.core.units import describe_number
from yolokit.metrics.fitness import MAP50_95

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import F64
    from yolokit.train.record import EpochRecord, RunRecord

Kind = Literal["too-little", "nothing-learnt", "unstable", "over-fitting", "improving", "converged"]
MIN_EPOCHS = 5
MIN_VAL_BOXES = 20
_NOTHING = 0.001
_ROUGH = 0.15
_DIVERGED_LOSS, _DIVERGED_SCORE = 1.25, 0.7
_RISE, _STEEP_RISE = 0.05, 0.2
_SOME_GAIN = 0.25
_GAIN = 0.02
_AFTER = 3
_BURST = 10
_GAP = 1.5


class CurveVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the curves of a run say.

    Attributes:
        kind: Which rule held.
        headline: The answer in a few words.
        reason: The figures that decided.
        epoch: From which epoch the run over-fits; None for other kinds.
    """

    kind: Kind
    headline: str
    reason: str
    epoch: int | None = None


class _Score(NamedTuple):
    """A metric over the validated epochs."""

    name: str
    values: F64


def judge_curves(record: RunRecord) -> CurveVerdict:
    """Judge a run by its curves."""
    epochs = [epoch for epoch in record.epochs if record.fitness in epoch.metrics]
    average = _read_score(epochs, MAP50_95)
    found = _find_lack(record, len(epochs)) or _find_nothing(average.values)
    if found is not None:
        return found
    score = _read_score(epochs, record.fitness)
    score = score if score.values.any() else average
    train = _total(epochs, "train_")
    return (
        _find_unstable(record.epochs, average.values, train)
        or _find_burst(epochs)
        or _find_over_fitting(epochs, score, train, min_rise=_STEEP_RISE, most_gain=_SOME_GAIN)
        or _find_improving(score)
        or _find_over_fitting(epochs, score, train, min_rise=_RISE, most_gain=1)
        or _describe_level(epochs, score)
    )


def _read_score(epochs: Sequence[EpochRecord], name: str) -> _Score:
    return _Score(name, np.array([epoch.metrics.get(name, 0.0) for epoch in epochs]))


def _describe_level(epochs: Sequence[EpochRecord], score: _Score) -> CurveVerdict:
    before, last = _quarter_means(score.values)
    reason = (
        f"The mean {score.name} of the last quarter of the {len(epochs)} validated epochs is "
        f"{last:.3f}, and that of the quarter before was {before:.3f}: it has levelled off."
    )
    train, val = _total(epochs, "train_"), _total(epochs, "val_")
    if train is not None and val is not None and val[-1] > _GAP * max(train[-1], 1e-9):
        reason += (
            f" The loss on val ended at {val[-1]:.2f}, that on train at {train[-1]:.2f}: the model "
            "knows its training images far better than others, so more of them would help."
        )
    return CurveVerdict(kind="converged", headline="Converged", reason=reason)


def _find_lack(record: RunRecord, validated: int) -> CurveVerdict | None:
    boxes = record.data.boxes.get("val", 0)
    if not validated and record.epochs:
        reason = "No epoch was validated."
    elif validated < MIN_EPOCHS:
        epochs = counted(validated, "epoch was", "epochs were")
        reason = f"{epochs} validated; a trend needs {MIN_EPOCHS} or more."
    elif boxes < MIN_VAL_BOXES:
        reason = (
            f"The val split has {counted(boxes, 'box', 'boxes')}, so a single one moves the "
            f"figures; {MIN_VAL_BOXES} or more are needed, better hundreds."
        )
    else:
        return None
    return CurveVerdict(kind="too-little", headline="Too little to tell", reason=reason)


def _find_nothing(score: F64) -> CurveVerdict | None:
    if score.max() >= _NOTHING:
        return None
    return CurveVerdict(
        kind="nothing-learnt",
        headline="Nothing was learnt",
        reason=f"The mAP50-95 stayed below {_NOTHING:g} in all {len(score)} validated epochs.",
    )


def _find_unstable(
    epochs: Sequence[EpochRecord], score: F64, train: F64 | None
) -> CurveVerdict | None:
    retried = [epoch.epoch for epoch in epochs if epoch.retries]
    half = score[len(score) // 2 :]
    bends = np.abs(half[1:-1] - (half[:-2] + half[2:]) / 2)
    rough = float(np.median(bends)) if len(bends) else 0.0
    if retried:
        listed = ", ".join(map(str, retried))
        word = "Epoch" if len(retried) == 1 else "Epochs"
        reason = f"{word} {listed} ended in NaN or infinity and had to be trained once more."
    elif len(bends) >= 2 and rough > _ROUGH * score.max():
        reason = (
            f"The mAP50-95 jumps from epoch to epoch, by {rough:.3f} in the median, with "
            f"{score.max():.3f} at best."
        )
    elif train is not None and _has_diverged(score, train):
        reason = (
            f"The loss on train rose from {_smooth(train).min():.2f} to {_smooth(train)[-1]:.2f}, "
            f"and mAP50-95 fell from {score.max():.3f} to {score[-1]:.3f}."
        )
    else:
        return None
    return CurveVerdict(kind="unstable", headline="Unstable", reason=reason)


def _find_burst(epochs: Sequence[EpochRecord]) -> CurveVerdict | None:
    val = _total(epochs, "val_")
    if val is None or val.max() <= _BURST * max(val[0], 1e-9):
        return None
    return CurveVerdict(
        kind="unstable",
        headline="Unstable",
        reason=f"The loss on val rose from {describe_number(float(val[0]))} in the first epoch to "
        f"{describe_number(float(val.max()))} in epoch {epochs[int(val.argmax())].epoch}: what "
        "the model knew was lost for a while.",
    )


def _has_diverged(score: F64, train: F64) -> bool:
    loss = _smooth(train)
    fell = _smooth(score)[-1] < _DIVERGED_SCORE * score.max()
    return bool(fell and loss[-1] > _DIVERGED_LOSS * loss.min())


def _find_over_fitting(
    epochs: Sequence[EpochRecord],
    score: _Score,
    train: F64 | None,
    *,
    min_rise: float,
    most_gain: float,
) -> CurveVerdict | None:
    val = _total(epochs, "val_")
    if val is None or train is None:
        return None
    smooth_val, smooth_train, smooth_score = map(_smooth, (val, train, score.values))
    at = int(smooth_val.argmin())
    rises = smooth_val[-1] >= smooth_val[at] * (1 + min_rise) and len(val) - 1 - at >= _AFTER
    gains = smooth_score[-1] - smooth_score[at] > most_gain * score.values.max()
    if not rises or gains or smooth_train[-1] >= smooth_train[at]:
        return None
    epoch = epochs[at].epoch
    suffers = smooth_score[-1] < smooth_score[at]
    moved = "fallen" if suffers else "not fallen"
    return CurveVerdict(
        kind="over-fitting",
        headline=f"Over-fitting from epoch {epoch}",
        reason=f"Since then the loss on train fell from {smooth_train[at]:.2f} to "
        f"{smooth_train[-1]:.2f}, while that on val rose from {smooth_val[at]:.2f} to "
        f"{smooth_val[-1]:.2f}: the model learns the training images by heart. "
        f"{score.name} has {moved} meanwhile ({smooth_score[at]:.3f}, then "
        f"{smooth_score[-1]:.3f}).",
        epoch=epoch,
    )


def _find_improving(score: _Score) -> CurveVerdict | None:
    before, last = _quarter_means(score.values)
    is_late = _smooth(score.values).argmax() >= len(score.values) - max(2, len(score.values) // 10)
    if not is_late or last - before <= _GAIN * score.values.max():
        return None
    return CurveVerdict(
        kind="improving",
        headline="Still improving",
        reason=f"Over the last quarter of the epochs {score.name} rose by {last - before:.3f}, and "
        "it is highest at the end.",
    )


def _quarter(score: F64) -> int:
    return max(2, len(score) // 4)


def _quarter_means(score: F64) -> tuple[float, float]:
    """Return the mean of the last quarter but one, and of the last."""
    size = _quarter(score)
    return float(score[-2 * size : -size].mean()), float(score[-size:].mean())


def _total(epochs: Sequence[EpochRecord], prefix: str) -> F64 | None:
    """Return the sum of the losses of each epoch; None unless all epochs have the same ones."""
    names = {name for name in epochs[0].metrics if name.startswith(prefix)} if epochs else set()
    if not names or not all(names <= epoch.metrics.keys() for epoch in epochs):
        return None
    return np.array([sum(epoch.metrics[name] for name in names) for epoch in epochs])


def _smooth(values: F64) -> F64:
    """Return means of three neighbours; the ends are the means of the last two."""
    padded = np.concatenate([[np.nan], values, [np.nan]])
    smooth: F64 = np.nanmean(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0)
    return smooth
