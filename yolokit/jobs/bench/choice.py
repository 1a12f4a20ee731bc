"""Which of the combinations is the best, and whether a lower precision may be it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from yolokit.core.events import Phase
from yolokit.evaluate.accuracy import measure_accuracy
from yolokit.export.tolerances import find_max_map_drop
from yolokit.jobs.bench.record import MapDrop
from yolokit.jobs.bench.search import WORTH, rank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.events import OnEvent
    from yolokit.jobs.bench.config import BenchConfig
    from yolokit.jobs.bench.record import Row


def list_compared(rows: Sequence[Row], batch: int) -> list[Row]:
    """Return the rows that were compared in turn at the batch that ``predict`` uses."""
    return [row for row in rows if row.rounds and row.combination.batch == batch]


def choose_best(compared: Sequence[Row], default: Row | None) -> Row | None:
    """Return the fastest that is proved.

    What is not faster than the default in every round, or by less than noise, is not worth a
    change. Of those that are as fast as the fastest the first of a higher precision is taken.
    """
    proved = [row for row in compared if row.is_proved]
    if not proved:
        return None
    least = min(map(rank, proved))
    near = [row for row in proved if rank(row) <= least * WORTH]
    best = min(near, key=lambda row: (row.combination.precision != "fp32", rank(row)))
    if default is None or not default.is_proved or best is default:
        return best
    is_worth_it = (
        best.speedup is not None
        and best.speedup_range is not None
        and best.speedup >= WORTH
        and best.speedup_range[0] > 1
    )
    return best if is_worth_it else default


def list_unproved(compared: Sequence[Row]) -> list[Row]:
    """Return what is worth taking if it were proved, the fastest first; nothing that is wrong."""
    least = min((rank(row) for row in compared if row.is_proved), default=math.inf)
    found = [
        row
        for row in compared
        if not row.is_proved
        and row.check.verdict != "wrong"
        and row.map_drop is None
        and rank(row) * WORTH <= least
    ]
    return sorted(found, key=rank)


def prove_on_data(
    config: BenchConfig, rows: list[Row], candidates: Sequence[Row], on_event: OnEvent
) -> None:
    """Measure what lower precisions cost in accuracy, and put it into ``rows``.

    The first that holds is the last that is measured.

    Raises:
        DataError: The data set is wrong.
        ConfigError: Its classes are not those of the model.
        InferenceError: A model failed.
    """
    if config.data is None or not candidates:
        return
    model, data = Path(config.model), Path(config.data)
    on_event(Phase("measuring the accuracy of cpu fp32"))
    reference = measure_accuracy(model, data, provider="cpu", on_event=on_event)
    for row in candidates:
        one = row.combination
        on_event(Phase(f"measuring the accuracy of {one.engine}"))
        found = measure_accuracy(
            model, data, provider=one.provider, precision=one.precision, threads=one.threads,
            on_event=on_event,
        )  # fmt: skip
        limit = config.max_map_drop
        drop = MapDrop(
            map50_95=found.map50_95,
            reference=reference.map50_95,
            max_drop=find_max_map_drop(one.precision) if limit is None else limit,
            images=len(found.images),
        )
        rows[rows.index(row)] = msgspec.structs.replace(row, map_drop=drop)
        if drop.holds:
            return
