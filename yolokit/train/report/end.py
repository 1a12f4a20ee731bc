"""What a person is told at the end of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.core.plural import counted
from yolokit.core.units import describe_share
from yolokit.train.report.advice import share_waiting, show_path

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.engine_protocol.added import AddingProof
    from yolokit.train.record import RunRecord
    from yolokit.train.report.summary import Summary

_ADVICE_SHOWN = 3
_WORTH_TELLING = 0.05


def describe_end(record: RunRecord) -> list[str]:
    """Return why a completed run ended, and what best.pt is where that is not what one expects."""
    best, trained, stopped = record.best, record.best_trained, record.stopped
    fitness = record.fitness
    if best is None or trained is None or stopped is None:
        return []
    notes = [_describe_adding(record.adding)] if record.adding else []
    if stopped.reason == "patience":
        count = counted(record.config.patience, "epoch")
        notes.append(
            f"stopped after epoch {stopped.epoch} of {record.config.epochs}: none was better than "
            f"epoch {trained.epoch} in {count} (patience), by {fitness}"
        )
    if stopped.reason == "asked":
        why = f": {stopped.why}" if stopped.why else ""
        notes.append(
            f"stopped after epoch {stopped.epoch} of {record.config.epochs}, as on_event asked{why}"
        )
    if best.epoch == 0:
        notes.append(
            f"no epoch was better than the start: {fitness} {trained.metrics[fitness]:.4f} at "
            f"best, in epoch {trained.epoch}, and {best.metrics[fitness]:.4f} before training; "
            "so best.pt has the weights of the start, and last.pt those of the last epoch"
        )
    elif best.metrics[fitness] == 0:
        why = (
            f"{fitness} is 0 in every epoch"
            if record.data.boxes.get("val")
            else "nothing can be measured on a val split without boxes"
        )
        notes.append(f"{why}: best.pt is the last epoch, {best.epoch}")
    share = share_waiting(record)
    if share is not None and share >= _WORTH_TELLING:
        notes.append(f"waiting for images: {describe_share(share, 1)} of the time of training")
    return notes


def _describe_adding(proof: AddingProof) -> str:
    size, flops = proof.growth
    return (
        f"old classes score as before, within {proof.max_score_diff:.2g} on "
        f"{counted(proof.images, 'image')} of val; the new classes add {size:.1%} to the "
        f"parameters and {flops:.1%} to the FLOPs"
    )


def describe_summary(summary: Summary, report: Path | None) -> list[str]:
    """Return the verdict, what it stands on, what to try, what to open, and what comes next."""
    lines = [f"verdict: {summary.headline}", f"  {summary.curves.reason}"]
    if summary.baseline.headline:
        lines.append(f"  {summary.baseline.sentence}")
    lines += [f"try: {plain(sentence)}" for sentence in summary.advice[:_ADVICE_SHOWN]]
    if report is not None:
        lines.append(f"open: {show_path(report)}")
    lines += [f"next: {command}" for command, _what in summary.next[:1]]
    return lines


def plain(sentence: str) -> str:
    """Return a sentence as a terminal shows it: commands and options need no marks there."""
    return sentence.replace("`", "")
