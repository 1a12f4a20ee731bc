"""The dealing of a run in its folder: ``dealing.csv``, and a ``data.yaml`` for each fold.

No image is copied: lists name the files where they are.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from typing import TYPE_CHECKING, Any

from yolokit.core.plural import counted
from yolokit.errors import DataError, TrainError
from yolokit.files.atomic import write_atomic
from yolokit.files.size_limits import read_bounded
from yolokit.train.folds.deal import deal, find_rare
from yolokit.train.folds.record import Dealing, DealtFold
from yolokit.train.run_folder import DEALING_COLUMNS, DEALING_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from yolokit.train.config import TrainConfig
    from yolokit.train.folds.deal import DealtImage
    from yolokit.train.folds.images import FoldImages

SPLITS_DIR = "splits"
ALL_NAME = "all.yaml"
_SHOWN = 20


def deal_images(found: FoldImages, config: TrainConfig) -> tuple[Dealing, bytes, dict[str, int]]:
    """Deal the images of a data set.

    Returns:
        The dealing, the content of ``dealing.csv``, and the fold of each image by its key.

    Raises:
        DataError: There are too few images.
    """
    assert config.folds is not None
    fold_of = deal(found.images, found.group_of, config.folds, config.seed)
    keys = [image.key for image in found.images]
    groups = dict(zip(keys, found.group_of, strict=True))
    content = _encode(fold_of, groups, dict(zip(keys, found.digests, strict=True)))
    sizes = Counter(groups.values())
    return (
        Dealing(
            seed=config.seed,
            group_by=config.fold_group,
            grouped_images=sum(size for size in sizes.values() if size > 1),
            sha256=hashlib.sha256(content).hexdigest(),
            folds=[_count(found, fold_of, groups, fold) for fold in range(1, config.folds + 1)],
            notes=find_rare(found.images, fold_of, config.folds, found.names),
        ),
        content,
        fold_of,
    )


def _encode(
    fold_of: Mapping[str, int], groups: Mapping[str, int], digests: Mapping[str, str]
) -> bytes:
    """Return the table of the images; those that stay together have the same number of a group."""
    sizes = Counter(groups.values())
    numbers: dict[int, int] = {}
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(DEALING_COLUMNS)
    for key, fold in fold_of.items():
        group = groups[key]
        shown = numbers.setdefault(group, len(numbers) + 1) if sizes[group] > 1 else ""
        table.writerow([key, fold, shown, digests[key]])
    return text.getvalue().encode("utf-8", "surrogateescape")


def _count(
    found: FoldImages, fold_of: Mapping[str, int], groups: Mapping[str, int], fold: int
) -> DealtFold:
    dealt = [image for image in found.images if fold_of[image.key] == fold]
    boxes = Counter(class_id for image in dealt for class_id in image.class_ids)
    labelled = Counter(class_id for image in dealt for class_id in set(image.class_ids))
    classes = range(len(found.names))
    return DealtFold(
        fold=fold,
        images=len(dealt),
        groups=len({groups[image.key] for image in dealt}),
        boxes=[boxes[class_id] for class_id in classes],
        labelled_images=[labelled[class_id] for class_id in classes],
    )


def read_dealing(run_dir: Path, found: FoldImages, dealing: Dealing) -> dict[str, int]:
    """Return the fold of each image by its key, if the images are those that were dealt.

    Raises:
        TrainError: The table is not there, or not as it was written.
        DataError: Images have changed; they are named.
    """
    path = run_dir / DEALING_NAME
    try:
        content = read_bounded(path)
    except OSError as error:
        raise TrainError(f"{path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != dealing.sha256:
        raise TrainError(
            f"{path} is not as it was written: the images of each fold are not known",
            hint="put it back, or start anew under another --name",
        )
    text = content.decode("utf-8", "surrogateescape")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    dealt = {row["image"]: row["sha256"] for row in rows}
    here = {image.key: sha256 for image, sha256 in zip(found.images, found.digests, strict=True)}
    _compare(dealt, here, found.record.path)
    return {row["image"]: int(row["fold"]) for row in rows}


def _compare(dealt: Mapping[str, str], here: Mapping[str, str], path: str) -> None:
    changed = sorted({key for key, _ in dealt.items() ^ here.items()})
    if not changed:
        return
    count = counted(len(changed), "image has", "images have")
    lines = [f"  {key}" for key in changed[:_SHOWN]]
    lines += [f"  ... and {len(changed) - _SHOWN} more"] * (len(changed) > _SHOWN)
    raise DataError(
        "\n".join([f"{count} changed since the folds were dealt:", *lines]),
        path=path,
        hint="put them back, or start anew under another --name",
    )


def view_path(run_dir: Path, fold: int) -> Path:
    """Return the ``data.yaml`` of a fold."""
    return run_dir / SPLITS_DIR / f"fold-{fold}.yaml"


def write_views(
    run_dir: Path, images: Sequence[DealtImage], fold_of: Mapping[str, int], names: Sequence[str]
) -> None:
    """Write a ``data.yaml`` for each fold, with its lists of images, and one with all as train."""
    (run_dir / SPLITS_DIR).mkdir(exist_ok=True)
    folds = sorted(set(fold_of.values()))
    for fold in folds:
        parts: dict[str, list[str]] = {"train": [], "val": []}
        for image in images:
            parts["val" if fold_of[image.key] == fold else "train"].append(image.path)
        lists = {split: f"fold-{fold}.{split}.txt" for split in parts}
        for split, name in lists.items():
            _write_list(run_dir / SPLITS_DIR / name, parts[split])
        _write_yaml(view_path(run_dir, fold), lists, names)
    everything = [f"fold-{fold}.val.txt" for fold in folds]
    _write_yaml(
        run_dir / SPLITS_DIR / ALL_NAME, {"train": everything, "val": everything[:1]}, names
    )


def _write_list(path: Path, images: Sequence[str]) -> None:
    write_atomic(path, "".join(f"{image}\n" for image in images).encode())


def _write_yaml(path: Path, splits: Mapping[str, Any], names: Sequence[str]) -> None:
    import yaml

    content = {**splits, "names": dict(enumerate(names))}
    write_atomic(path, yaml.safe_dump(content, sort_keys=False, allow_unicode=True).encode())
