"""Two trainings in folds side by side: means, and all images together, each seen by its fold.

Where both were dealt from the same images, every image was measured once in each, by a model that
was not trained on it, however they were dealt: so the same images are drawn again for both.
"""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.core.units import describe_seconds
from yolokit.engine_protocol.validations import Validation
from yolokit.errors import TrainError
from yolokit.jobs.runs.compare import (
    Comparison,
    Pair,
    describe_better,
    judge,
    list_pairs,
    name_runs,
)
from yolokit.metrics.fitness import DEFAULT, parse_fitness
from yolokit.train.folds.figures import name_classes, read_runs, read_validations, sum_up
from yolokit.train.folds.record import FoldsRecord, FoldsSummary, read_folds
from yolokit.train.folds.tables import show_spread
from yolokit.train.record import EpochRecord
from yolokit.train.report.kept import compare_validations

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolokit.evaluate.resampling import Difference
    from yolokit.jobs.runs.compare_page import Curves
    from yolokit.metrics.fitness import Fitness
    from yolokit.train.record import RunRecord


def compare_folds(folder_a: Path, folder_b: Path) -> tuple[Comparison, Curves]:
    """Compare two folders of folds; return the means of their curves as well.

    Raises:
        TrainError: A record is damaged.
    """
    names = name_runs(folder_a, folder_b)
    a, b = read_folds(folder_a), read_folds(folder_b)
    runs = read_runs(a, folder_a), read_runs(b, folder_b)
    first = a.summary or sum_up(a, folder_a)
    second = b.summary or sum_up(b, folder_b)
    metric = parse_fitness(a.config.fitness if a.fitness == b.fitness else DEFAULT)
    difference = why_not = None
    try:
        difference = _compare_found(
            (name_classes(a, runs[0]), name_classes(b, runs[1])),
            runs,
            (folder_a, folder_b),
            metric,
        )
    except TrainError as error:
        why_not = str(error)
    scores = [one.metrics[metric.name].mean for one in (first, second)]
    better, reason = judge(names, metric.name, scores, difference, why_not)
    comparison = Comparison(
        a=names[0],
        b=names[1],
        options=list_pairs(msgspec.to_builtins(a.config), msgspec.to_builtins(b.config)),
        data=list_pairs(_describe_data(a), _describe_data(b)),
        metric=metric.name,
        metrics=_list_metrics(first, second, metric.name if a.fitness == b.fitness else None),
        classes=tuple(
            Pair(name=name, a=one.mean, b=second.classes[name].mean)
            for name, one in first.classes.items()
            if name in second.classes
        ),
        difference=difference,
        why_not=why_not,
        better=better,
        headline=describe_better(better),
        reason=reason,
        are_folds=True,
    )
    return comparison, (_average(runs[0]), _average(runs[1]))


def _compare_found(
    names: tuple[list[str], list[str]],
    runs: tuple[list[RunRecord | None], list[RunRecord | None]],
    folders: tuple[Path, Path],
    metric: Fitness,
) -> Difference:
    if names[0] != names[1]:
        raise TrainError("they do not have the same classes")
    pools = [_pool(read_validations(*both)) for both in zip(runs, folders, strict=True)]
    return compare_validations(pools[0], pools[1], len(names[0]), metric)


def _pool(validations: Sequence[Validation | None]) -> Validation:
    """Return what all folds found, by the paths of the images.

    Raises:
        TrainError: It is not known of all folds.
    """
    known = [one for one in validations if one is not None]
    if len(known) < len(validations):
        raise TrainError("what each fold found is not known of all folds")
    images = sorted((image for one in known for image in one.images), key=lambda one: one.path)
    return Validation(0, tuple(images), min(one.kept_per_image for one in known))


def _list_metrics(a: FoldsSummary, b: FoldsSummary, fitness: str | None) -> tuple[Pair, ...]:
    """Return the means of both; those of the last epoch where one metric chose both."""
    common = [name for name in a.metrics if name in b.metrics]
    named = [(name, a.metrics[name], b.metrics[name]) for name in common]
    if fitness is not None:
        named += [
            (f"{fitness}, last epoch", a.last, b.last),
            (f"{fitness} before", a.before, b.before),
        ]
    rows = [Pair(name=name, a=show_spread(one), b=show_spread(two)) for name, one, two in named]
    times = [describe_seconds(sum(one.seconds)) for one in (a, b)]
    return (*rows, Pair(name="time", a=times[0], b=times[1]))


def _describe_data(record: FoldsRecord) -> dict[str, Any]:
    return {
        "content of the data set (sha256)": record.data.sha256[:16],
        "classes": record.data.names,
        "images": sum(record.data.images.values()),
        "dealing (sha256)": record.dealing.sha256[:16],
        **{f"version of {name}": version for name, version in record.versions.items()},
    }


def _average(runs: Sequence[RunRecord | None]) -> list[EpochRecord]:
    """Return the means of each epoch over the folds that have it."""
    by_number: dict[int, list[EpochRecord]] = {}
    for run in runs:
        for epoch in run.epochs if run else ():
            by_number.setdefault(epoch.epoch, []).append(epoch)
    return [
        EpochRecord(
            epoch=number,
            seconds=fmean(epoch.seconds for epoch in epochs),
            metrics={
                name: fmean(one.metrics[name] for one in epochs if name in one.metrics)
                for name in dict.fromkeys(name for one in epochs for name in one.metrics)
            },
        )
        for number, epochs in sorted(by_number.items())
    ]
