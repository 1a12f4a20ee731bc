"""The part of a run's report on classes that were added: old and new ones, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.core.plural import counted
from yolokit.errors import TrainError
from yolokit.report.page import Details, Figure, Figures, Section, Table, Text
from yolokit.train.report.kept import match_validation, read_best

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.engine_protocol.added import AddedClasses, AddingProof
    from yolokit.report.page import Block
    from yolokit.train.record import RunRecord

_LABELS = {"old": "mAP50-95 of old classes", "new": "mAP50-95 of new classes"}


class GroupScore(msgspec.Struct, frozen=True, kw_only=True):
    """How well the old or the new classes are found on val.

    Attributes:
        group: ``old`` or ``new``.
        classes: Name to mAP50-95; None for a class without a label in val.
        map50_95: Mean of those that have labels; None without any.
    """

    group: str
    classes: dict[str, float | None]
    map50_95: float | None


def score_groups(record: RunRecord, run_dir: Path) -> list[GroupScore]:
    """Return the scores of old and new classes, as ``best.pt`` found them on val in training.

    Raises:
        TrainError: What it found was not kept.
    """
    added = record.start.added if record.start else None
    if added is None:
        return []
    matched = match_validation(read_best(run_dir, record), len(added.names))
    scores = matched.measure_classes(np.ones(matched.image_count, np.int64))
    by_name = dict(zip(added.names, scores, strict=True))
    return [
        _group(name, {one: by_name[one] for one in names})
        for name, names in zip(_LABELS, (added.old, added.new), strict=True)
    ]


def describe_adding(record: RunRecord, run_dir: Path) -> list[Section]:
    """Return what became of old and new classes; nothing for a run that added none."""
    added = record.start.added if record.start else None
    if added is None:
        return []
    blocks: list[Block] = [Text(_introduce(added))]
    try:
        scores = score_groups(record, run_dir)
    except TrainError as error:
        blocks.append(Text(f"How well each class is found is not known here: {error}."))
        scores = []
    figures = [_show_group(one) for one in scores]
    if record.adding is not None:
        figures += _show_growth(record.adding)
    if figures:
        blocks.append(Figures(tuple(figures)))
    if record.adding is not None:
        blocks.append(Text(_state_proof(record.adding)))
    blocks += _list_classes(scores)
    return [Section("Old and new classes", tuple(blocks))]


def _list_classes(scores: list[GroupScore]) -> list[Block]:
    """Return the score of each class that val has labels of; an old detector may know hundreds."""
    classes = [(name, one.group, score) for one in scores for name, score in one.classes.items()]
    rows = tuple(
        (name, group, f"{score:.3f}") for name, group, score in classes if score is not None
    )
    blocks: list[Block] = [Table(("Class", "Group", "mAP50-95"), rows, "On val")] if rows else []
    missing = [(name, group) for name, group, score in classes if score is None]
    if missing:
        names = ", ".join(name for name, _group in missing)
        blocks.append(
            Details(
                f"{counted(len(missing), 'class', 'classes')} without a label in val",
                (Text(names),),
            )
        )
    return blocks


def _introduce(added: AddedClasses) -> str:
    known = [name for name in added.old if added.names.index(name) in added.class_ids]
    also = (
        f" The data set labels {', '.join(known)} as well: these labels were only measured with."
        if known
        else ""
    )
    old = counted(len(added.old), "class that stays as it was", "classes that stay as they were")
    return (
        f"{counted(len(added.new), 'class was', 'classes were')} added to {old}: "
        f"{', '.join(added.new)}.{also}"
    )


def _state_proof(proof: AddingProof) -> str:
    same = (
        f"all {counted(proof.old_tensors, 'tensor')} of the old detector are in the new one, bit "
        "for bit"
        if not proof.changed_tensors
        else f"{counted(proof.changed_tensors, 'tensor')} of the old detector changed"
    )
    return (
        f"Compared before and after on {counted(proof.images, 'image')} of val, at every anchor: "
        f"{same}; scores of old classes differ by at most {proof.max_score_diff:.2g}, their boxes "
        f"by {proof.max_box_diff_px:.2g} px."
    )


def _show_group(score: GroupScore) -> Figure:
    note = f"{counted(len(score.classes), 'class', 'classes')}, on val"
    if score.map50_95 is None:
        note = "val has no label of them"
    return Figure(_LABELS[score.group], _decimal(score.map50_95), note)


def _show_growth(proof: AddingProof) -> list[Figure]:
    return [
        Figure(label, f"+{grown:.1%}", f"{before:,} before, {after:,} after")
        for label, grown, (before, after) in zip(
            ("Parameters", "FLOPs"), proof.growth, (proof.parameters, proof.flops), strict=True
        )
    ]


def _group(name: str, classes: dict[str, float | None]) -> GroupScore:
    known = [score for score in classes.values() if score is not None]
    mean = sum(known) / len(known) if known else None
    return GroupScore(group=name, classes=classes, map50_95=mean)


def _decimal(score: float | None) -> str:
    return "-" if score is None else f"{score:.3f}"
