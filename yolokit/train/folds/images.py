"""The images that folds are made of: those of train and val, and what belongs together."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from yolokit.convert.steps.group_images import GroupPlan, find_namer
from yolokit.core.events import Notice, Phase, Progress
from yolokit.datasets.check import hash_labels
from yolokit.datasets.check_report import describe_group, group_findings, refuse_groups
from yolokit.datasets.data_yaml import load_data_yaml
from yolokit.datasets.read_facts import TRAINED_ON, read_facts
from yolokit.datasets.splits import list_split_images
from yolokit.errors import DataError
from yolokit.train.data import LOOKING, leaves_out, refuse_poses
from yolokit.train.folds.deal import DealtImage, join_groups
from yolokit.train.record import DataRecord

if TYPE_CHECKING:
    from yolokit.core.events import OnEvent
    from yolokit.datasets.data_yaml import DataYaml
    from yolokit.datasets.facts import DatasetFacts, SplitFacts
    from yolokit.train.config import TrainConfig

_POOL = "train"  # what train and val are read as, together
# True of the splits that the data set has, and not of its folds.
_NOT_OF_FOLDS = ("missing-split", "repeated-images", "no-val-boxes")


class FoldImages(msgspec.Struct, frozen=True, eq=False):
    """What is dealt.

    Attributes:
        names: Of the classes.
        images: Those of train and val, each file once.
        group_of: The group of each; all of a group goes into one fold.
        digests: The sha256 of each file, as hexadecimal digits.
        record: The data set for ``folds.json``; its hashes are those of an ordinary run.
    """

    names: tuple[str, ...]
    images: tuple[DealtImage, ...]
    group_of: tuple[int, ...]
    digests: tuple[str, ...]
    record: DataRecord


def read_fold_images(config: TrainConfig, on_event: OnEvent) -> FoldImages:
    """Check train and val as one, and find the images that must stay together.

    A data set without val will do. A picture may be in train and in val.

    Raises:
        DataError: It cannot be trained on; each fault is named with file and line.
    """
    on_event(Phase(LOOKING))
    data = load_data_yaml(Path(config.data), need=TRAINED_ON)
    pooled = _pool(data)
    facts = read_facts(
        pooled,
        leaves_out=leaves_out(config),
        imgsz=config.imgsz,
        on_progress=lambda done, total: on_event(Progress(LOOKING, done, total)),
    )
    notes = _check(facts, pooled, config)
    refuse_poses(data.path, is_pose=data.pose is not None)
    for note in notes:
        on_event(Notice(f"note: {note}"))
    if _POOL not in facts.splits:
        raise DataError(
            "has no images in the split train or val", path=data.path, hint="folds are made of both"
        )
    found = _list_images(data, facts.splits[_POOL])
    digests = [facts.scans[image.path].digest.hex() for image in found]
    return FoldImages(
        names=data.names,
        images=tuple(found),
        group_of=tuple(_group(found, facts, config.fold_group)),
        digests=tuple(digests),
        record=_record(data, found, digests, notes),
    )


def _pool(data: DataYaml) -> DataYaml:
    """Return a data set in which train is what train and val are."""
    places = [place for split in TRAINED_ON for place in data.splits.get(split, ())]
    rest = {split: found for split, found in data.splits.items() if split not in TRAINED_ON}
    return msgspec.structs.replace(
        data, splits={_POOL: tuple(dict.fromkeys(places)), **rest} if places else rest
    )


def _check(facts: DatasetFacts, data: DataYaml, config: TrainConfig) -> list[str]:
    """Return what is odd, one sentence each.

    Raises:
        DataError: Something is wrong.
    """
    groups = [
        group for group in group_findings(facts, config.allow) if group.code not in _NOT_OF_FOLDS
    ]
    refuse_groups(groups, "problems in the data set")
    told = [group for group in groups if group.severity != "advice"]
    return [*data.notes, *(note for group in told for note in describe_group(group, data.path))]


def _list_images(data: DataYaml, pool: SplitFacts) -> list[DealtImage]:
    """Return each file that can be used once, under the name that it has in the data set."""
    keys: dict[str, str] = {}
    taken: Counter[str] = Counter()
    for split in TRAINED_ON:
        for image in list_split_images(data, split) if split in data.splits else ():
            if image.path not in keys:
                key = f"{split}/{image.name}"
                taken[key] += 1
                keys[image.path] = f"{key}#{taken[key]}" if taken[key] > 1 else key
    classes: list[list[int]] = [[] for _ in pool.listed]
    rows = pool.labels.rows
    for row in (pool.repeats < 0).nonzero()[0].tolist():
        classes[int(pool.labels.file_of[row])].append(int(rows.class_ids[row]))
    used = set(pool.used)
    of_path = {
        image.path: DealtImage(keys[image.path], image.path, tuple(sorted(found)))
        for image, found in zip(pool.listed, classes, strict=True)
        if image.path in used
    }
    return sorted(of_path.values(), key=lambda image: image.key)


def _group(images: list[DealtImage], facts: DatasetFacts, group_by: str | None) -> list[int]:
    """Return the group of each image: equal and near pictures, and what ``fold_group`` says."""
    found = facts.duplicates
    at: dict[str, int] = {}
    for number, path in enumerate(facts.table.images.paths):
        at.setdefault(path, number)
    rows = [at[image.path] for image in images]
    alike = found.near.groups[found.equal.groups[rows]].tolist()
    if group_by is None:
        return join_groups(alike)
    name_of = find_namer(GroupPlan.parse(group_by))
    named = [name_of(image.key.partition("/")[2]) or None for image in images]
    return join_groups(alike, named)


def _record(
    data: DataYaml, images: list[DealtImage], digests: list[str], notes: list[str]
) -> DataRecord:
    splits = [image.key.partition("/")[0] for image in images]
    boxes: Counter[str] = Counter()
    for split, image in zip(splits, images, strict=True):
        boxes[split] += len(image.class_ids)
    lines = sorted(
        f"{digest}  {image.key}\n" for digest, image in zip(digests, images, strict=True)
    )
    return DataRecord(
        path=str(data.path),
        sha256=hash_labels(data),
        images_sha256=hashlib.sha256("".join(lines).encode()).hexdigest(),
        names=list(data.names),
        images=dict(Counter(splits)),
        boxes=dict(boxes),
        listed=dict(Counter(splits)),
        notes=notes,
    )
