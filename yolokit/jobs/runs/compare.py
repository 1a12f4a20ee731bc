"""Two runs side by side: what differed, which is better, and whether that is more than chance.

Chance is judged on the detections that both runs kept of their best epoch, where both were
validated on the same images: see :mod:`yolokit.evaluate.resampling`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from yolokit.core.plural import counted
from yolokit.core.units import describe_seconds
from yolokit.errors import TrainError
from yolokit.evaluate.resampling import Difference
from yolokit.metrics.fitness import DEFAULT, MAP50_95, parse_fitness
from yolokit.train.report.kept import (
    compare_validations,
    match_validation,
    measure_classes,
    read_best,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from yolokit.engine_protocol.validations import Validation
    from yolokit.metrics.fitness import Fitness
    from yolokit.train.record import RunRecord

METRICS = (MAP50_95, "mAP50", "precision", "recall")


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """One fact of both runs."""

    name: str
    a: Any
    b: Any


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two runs.

    Attributes:
        a: Name of the first.
        b: Name of the second.
        options: Options that differ.
        data: What differs in the data sets and the software.
        metric: What they are compared by: what chose both best.pt, or mAP50-95 where that is not
            the same.
        metrics: Figures of both best.pt on val, as torch measured them; what only one run
            measured is counted from the boxes that the other one kept.
        classes: mAP50-95 of each class that both know, where both kept their detections.
        difference: Of both best.pt on the same images; None where they cannot be compared.
        why_not: Why they cannot.
        better: The name of the better run; None where that cannot be told.
        headline: That in a few words.
        reason: The figures that decided.
        are_folds: Whether the figures are means over folds.
    """

    a: str
    b: str
    options: tuple[Pair, ...]
    data: tuple[Pair, ...]
    metric: str
    metrics: tuple[Pair, ...]
    classes: tuple[Pair, ...]
    difference: Difference | None
    why_not: str | None
    better: str | None
    headline: str
    reason: str
    are_folds: bool = False


def compare_runs(first: tuple[Path, RunRecord], second: tuple[Path, RunRecord]) -> Comparison:
    """Compare two runs from their folders alone."""
    (folder_a, a), (folder_b, b) = first, second
    names = name_runs(folder_a, folder_b)
    metric = parse_fitness(a.config.fitness if a.fitness == b.fitness else DEFAULT)
    difference = why_not = found = None
    classes: tuple[Pair, ...] = ()
    try:
        found = read_best(folder_a, a), read_best(folder_b, b)
        classes = _compare_classes(found, a, b)
        difference = _compare_found(found, a, b, metric)
    except TrainError as error:
        why_not = str(error)
    scores = [run.best.metrics.get(metric.name) if run.best else None for run in (a, b)]
    better, reason = judge(names, metric.name, scores, difference, why_not)
    if a.fitness != b.fitness:
        reason += f" But the best epochs were chosen by {a.fitness} and by {b.fitness}."
    return Comparison(
        a=names[0],
        b=names[1],
        options=list_pairs(msgspec.to_builtins(a.config), msgspec.to_builtins(b.config)),
        data=list_pairs(_describe_data(a), _describe_data(b)),
        metric=metric.name,
        metrics=_list_metrics((a, b), metric.name, found),
        classes=classes,
        difference=difference,
        why_not=why_not,
        better=better,
        headline=describe_better(better),
        reason=reason,
    )


def describe_better(better: str | None) -> str:
    """Return which is better in a few words."""
    return f"{better} is better" if better else "Neither is shown to be better"


def name_runs(a: Path, b: Path) -> tuple[str, str]:
    """Return the names of two folders; their paths where the names are one."""
    a, b = a.resolve(), b.resolve()
    return (str(a), str(b)) if a.name == b.name else (a.name, b.name)


def _compare_found(
    found: tuple[Validation, Validation], a: RunRecord, b: RunRecord, metric: Fitness
) -> Difference:
    if a.data.names != b.data.names:
        raise TrainError("they do not have the same classes")
    return compare_validations(*found, len(a.data.names), metric)


def _compare_classes(
    found: tuple[Validation, Validation], a: RunRecord, b: RunRecord
) -> tuple[Pair, ...]:
    first, second = (
        measure_classes(one, run.data.names) for one, run in zip(found, (a, b), strict=True)
    )
    return tuple(
        Pair(name=name, a=value, b=second[name]) for name, value in first.items() if name in second
    )


def list_pairs(a: dict[str, Any], b: dict[str, Any]) -> tuple[Pair, ...]:
    """Return the facts in which two differ."""
    names = dict.fromkeys([*a, *b])
    return tuple(
        Pair(name=name, a=a.get(name), b=b.get(name))
        for name in names
        if a.get(name) != b.get(name)
    )


def _describe_data(record: RunRecord) -> dict[str, Any]:
    counts = {f"images of {split}": count for split, count in record.data.images.items()}
    return {
        "content of the data set (sha256)": record.data.sha256[:16],
        "classes": record.data.names,
        **counts,
        **{f"version of {name}": version for name, version in record.versions.items()},
        "device": record.device,
        "precision": record.precision,
    }


def _list_metrics(
    runs: tuple[RunRecord, RunRecord], metric: str, found: tuple[Validation, Validation] | None
) -> tuple[Pair, ...]:
    fitness = {run.fitness: parse_fitness(run.config.fitness) for run in runs}
    rows = []
    for name in dict.fromkeys((*fitness, *METRICS)):
        kept = found if name in fitness else None
        values = [_find_score(run, name, fitness, kept and kept[i]) for i, run in enumerate(runs)]
        rows.append(Pair(name=name, a=values[0], b=values[1]))
    before = [run.start_epoch.metrics.get(metric) if run.start_epoch else None for run in runs]
    rows.append(Pair(name=f"{metric} before", a=before[0], b=before[1]))
    best = [run.best.epoch if run.best else None for run in runs]
    rows.append(Pair(name="best epoch", a=best[0], b=best[1]))
    if len(fitness) > 1:
        rows.append(Pair(name="chosen by", a=runs[0].fitness, b=runs[1].fitness))
    times = [describe_seconds(sum(epoch.seconds for epoch in run.epochs)) for run in runs]
    return (*rows, Pair(name="time", a=times[0], b=times[1]))


def _find_score(
    run: RunRecord, name: str, fitness: Mapping[str, Fitness], found: Validation | None
) -> float | None:
    """Return a figure of best.pt: as it was recorded, or of the boxes that were kept."""
    recorded = run.best.metrics.get(name) if run.best else None
    if recorded is not None or found is None:
        return recorded
    weights = np.ones(len(found.images), np.int64)
    return match_validation(found, len(run.data.names)).measure(weights, fitness[name])


def judge(
    names: tuple[str, str],
    metric: str,
    scores: Sequence[float | None],
    difference: Difference | None,
    why_not: str | None,
) -> tuple[str | None, str]:
    """Return the better run, if that can be told, and the figures that decide."""
    if difference is not None and difference.low is not None:
        gain = difference.second - difference.first
        shown = (
            f"The {metric} is {difference.first:.3f} and {difference.second:.3f}, counted anew "
            f"from the boxes of both: a difference of {gain:+.3f}; it would lie between "
            f"{difference.low:+.3f} and {difference.high:+.3f} on other images of this kind "
            f"(95 % of {counted(difference.draws, 'draw')} of the "
            f"{counted(difference.images, 'image')})"
        )
        if difference.is_clear:
            return names[gain > 0], f"{shown}."
        return None, f"{shown}, so chance may explain it."
    if difference is not None:
        why_not = f"{counted(difference.images, 'image')} are too few"
    if None in scores:
        return None, "They cannot be compared: at least one was not validated."
    figures = " and ".join(f"{score:.3f}" for score in scores)
    why = f"whether that is chance is not known: {why_not}"
    return None, f"The {metric} is {figures}; {why}."
