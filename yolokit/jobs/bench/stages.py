"""Where the time of ``yolokit predict`` goes, on the user's own images or videos."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from yolokit.core.events import Phase
from yolokit.jobs.bench.record import StageRow
from yolokit.runtime.timing.orders import TimingSpec
from yolokit.runtime.timing.process import TimedModel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolokit.core.events import OnEvent
    from yolokit.jobs.bench.record import Combination
    from yolokit.runtime.run_ahead import Stop
    from yolokit.runtime.timing.orders import Predicted

_ROUNDS = 2


def time_stages(
    model: str,
    sources: Sequence[str],
    combinations: Sequence[Combination],
    *,
    seconds: float,
    scratch: Path,
    on_event: OnEvent,
    stop: Stop,
) -> tuple[StageRow, ...]:
    """Run the whole of ``predict`` with each combination in turn.

    Args:
        model: The file.
        sources: Images and videos, as ``predict`` takes them.
        combinations: What to run it with.
        seconds: All of it takes so long.
        scratch: Gets the results.
        on_event: Told that it begins.
        stop: Asked before each turn.

    Returns:
        A row for each combination; none after a stop.

    Raises:
        YolokitError: A source cannot be read, or the model fails.
    """
    on_event(Phase("timing the stages of predict"))
    turn_s = seconds / (_ROUNDS * len(combinations))
    with contextlib.ExitStack() as stack:
        models = [
            stack.enter_context(
                TimedModel(
                    TimingSpec(
                        model=model,
                        provider=one.provider,
                        precision=one.precision,
                        threads=one.threads,
                        streams=None,
                        batch=one.batch,
                    )
                )
            )
            for one in combinations
        ]
        turns: list[list[Predicted]] = [[] for _ in models]
        for turn in range(_ROUNDS * len(models)):
            if stop.is_requested:
                return ()
            at = turn % len(models)
            folder = scratch / f"predicted-{turn}"
            turns[at].append(models[at].predict(sources, folder, turn_s))
    return tuple(_sum_up(one, own) for one, own in zip(combinations, turns, strict=True))


def _sum_up(combination: Combination, turns: Sequence[Predicted]) -> StageRow:
    images = max(1, sum(turn.images for turn in turns))
    return StageRow(
        combination=combination,
        images=images,
        images_per_s=images / sum(turn.wall_s for turn in turns),
        stages_ms={
            stage.removesuffix("_s"): sum(turn.stages_s[stage] for turn in turns) / images * 1000
            for stage in turns[0].stages_s
        },
    )
