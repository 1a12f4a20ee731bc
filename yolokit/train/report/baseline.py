"""What a run brought: the score of its start on the same images, beside that of its best epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from yolokit.core.plural import counted
from yolokit.metrics.fitness import MAP50_95

if TYPE_CHECKING:
    from yolokit.evaluate.resampling import Difference
    from yolokit.train.record import RunRecord

_SMALL = 0.005  # of what epochs are judged by, where chance could not be judged

Kind = Literal["unmeasured", "new-classes", "better", "same", "worse"]


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """Before and after.

    Attributes:
        kind: ``unmeasured``: one of the two is not known. ``new-classes``: the start did not know
            all classes, so it was not measured. Else what training made of it.
        metric: What epochs were judged by.
        before: That of the start on val, as torch measured it; None where it is not known.
        after: That of the best epoch of training.
        headline: Both in a few words; empty for ``unmeasured``.
        sentence: What that means.
    """

    kind: Kind
    metric: str
    before: float | None
    after: float | None
    headline: str
    sentence: str


def judge_baseline(record: RunRecord, difference: Difference | None) -> Baseline:
    """Say what training brought.

    Args:
        record: The run.
        difference: Start and best epoch compared on the same images, where both were kept.
    """
    trained, start, metric = record.best_trained, record.start_epoch, record.fitness
    after = trained.metrics[metric] if trained else None
    if after is None or not record.data.boxes.get("val"):
        return _make("unmeasured", metric, None, None, "", "Nothing was measured on val.")
    if start is not None:
        if after <= start.metrics[metric]:
            return _describe_loss(record, start.metrics[metric], after)
        return _compare(metric, start.metrics[metric], after, difference)
    if record.has_new_classes:
        return _make(
            "new-classes", metric, None, after,
            f"{_name(metric)}before not measured, after {after:.3f}",
            "The start did not know all of these classes, so it was not measured"
            + ("." if after >= _SMALL else "; the model finds hardly any of their objects yet."),
        )  # fmt: skip
    return _make(
        "unmeasured", metric, None, after, "",
        "What the start found on these images was not measured, so there is nothing to compare "
        "with.",
    )  # fmt: skip


def _name(metric: str) -> str:
    """Return the name of a metric before its figures, where it is not the usual one."""
    return "" if metric == MAP50_95 else f"{metric} "


def _describe_loss(record: RunRecord, before: float, after: float) -> Baseline:
    headline = f"{_name(record.fitness)}before {before:.3f}, after {after:.3f}"
    is_start = record.best is not None and record.best.epoch == 0  # both may be 0
    return _make(
        "worse", record.fitness, before, after, f"{headline}: training made it no better",
        "No epoch was better than the start, so best.pt has the weights of "
        f"{'the start' if is_start else 'the last one'}.",
    )  # fmt: skip


def _compare(metric: str, before: float, after: float, difference: Difference | None) -> Baseline:
    shown = f"{_name(metric)}before {before:.3f}, after {after:.3f}"
    judged = difference if difference is not None and difference.low is not None else None
    if judged is None:
        is_better, why = after - before >= _SMALL, "How much of that is chance is not known."
    else:
        is_better, why = judged.is_clear, _describe_chance(judged)
    if is_better:
        headline = f"{shown}: training brought {after - before:+.3f}"
        return _make("better", metric, before, after, headline, why)
    return _make("same", metric, before, after, f"{shown}: training brought nothing", why)


def _describe_chance(difference: Difference) -> str:
    images = counted(difference.images, "image")
    interval = f"{difference.low:+.3f} and {difference.high:+.3f}"
    ends = (
        "so the choice of images does not explain it"
        if difference.is_clear
        else "so the choice of images may explain it all"
    )
    return (
        f"On other images of this kind the difference in {difference.metric} would lie between "
        f"{interval} (95 % of {difference.draws} draws of the {images}), {ends}."
    )


def _make(
    kind: Kind, metric: str, before: float | None, after: float | None, headline: str, sentence: str
) -> Baseline:
    return Baseline(
        kind=kind, metric=metric, before=before, after=after, headline=headline, sentence=sentence
    )
