"""The figures of folds as rows of text, for the page and the terminal alike."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from yolokit.core.units import describe_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from yolokit.train.folds.record import FoldsRecord, FoldsSummary, Spread

Rows = tuple[tuple[str, ...], ...]
_STATISTICS: Mapping[str, Callable[[Spread], float | None]] = {
    name: attrgetter(name) for name in ("mean", "sd", "min", "max")
}


def show_score(value: float | None) -> str:
    """Return a figure with three decimals."""
    return "-" if value is None else f"{value:.3f}"


def show_spread(spread: Spread) -> str:
    """Return mean and standard deviation, e.g. ``0.412 ± 0.021``."""
    if spread.sd is None:
        return show_score(spread.mean)
    return f"{show_score(spread.mean)} ± {show_score(spread.sd)}"


def list_folds(record: FoldsRecord, summary: FoldsSummary) -> tuple[tuple[str, ...], Rows]:
    """Return a row for each fold, and below them what they are together."""
    spreads = [*summary.metrics.values(), summary.last]
    columns = ("fold", "images", *summary.metrics, "last epoch", "best epoch", "time")
    rows = []
    for at, dealt in enumerate(record.dealing.folds):
        best = summary.best_epochs[at]
        rows.append(
            (
                str(dealt.fold),
                str(dealt.images),
                *(show_score(one.values[at]) for one in spreads),
                "-" if best is None else str(best),
                describe_seconds(summary.seconds[at]) if summary.seconds[at] else "-",
            )
        )
    below = [
        (name, "", *(show_score(take(one)) for one in spreads), "", "")
        for name, take in _STATISTICS.items()
    ]
    return columns, (*rows, *below)


def list_classes(
    record: FoldsRecord, summary: FoldsSummary, *, each: bool = False
) -> tuple[tuple[str, ...], Rows]:
    """Return a row for each class: its mAP50-95 over the folds, and with ``each`` in every one."""
    folds = [f"fold {dealt.fold}" for dealt in record.dealing.folds] if each else []
    columns = ("class", "boxes", *_STATISTICS, *folds)
    rows = []
    for name, spread in summary.classes.items():
        if name not in record.data.names:  # an old class, where others were added
            continue
        at = record.data.names.index(name)
        boxes = sum(dealt.boxes[at] for dealt in record.dealing.folds)
        values = spread.values if each else []
        taken = (take(spread) for take in _STATISTICS.values())
        rows.append((name, str(boxes), *map(show_score, (*taken, *values))))
    return columns, tuple(rows)


def describe_result(record: FoldsRecord, summary: FoldsSummary) -> str:
    """Return the result in one line."""
    fitness = summary.metrics[record.fitness]
    done = sum(value is not None for value in fitness.values)
    of = f"{done} of {record.count} folds" if done < record.count else f"{record.count} folds"
    return f"{record.fitness} {show_spread(fitness)} over {of}"
