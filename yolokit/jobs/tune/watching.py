"""What a search does with the events of its trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from yolokit.core.events import EpochEnd, Event, Notice, OnEvent, Phase, StartScore, StopTraining
from yolokit.engine_protocol.child import Started

if TYPE_CHECKING:
    from collections.abc import Callable

PRUNED = "pruned: worse than half of the other trials at this epoch"


class TrialEvents:
    """Takes the events of one trial: scores its epochs, and hands on what was not told before."""

    def __init__(
        self,
        score: Callable[[int, float], bool],
        fitness: str,
        told: set[bytes],
        on_event: OnEvent,
    ) -> None:
        """Begin a trial.

        Args:
            score: Called with each epoch and its score; tells whether the trial is to be ended.
            fitness: Name of the metric that is scored.
            told: What other trials have told, added to: most have the same to say.
            on_event: Who listens.
        """
        self._score, self._told, self._on_event = score, told, on_event
        self._fitness, self._is_over = fitness, False

    def __call__(self, event: Event) -> None:
        """Take an event.

        Raises:
            StopTraining: The trial is to be ended.
        """
        # What a run says at its end, as which command comes next, is of one that stands alone.
        if not self._is_over and self._is_new(event):
            self._on_event(event)
        if not isinstance(event, EpochEnd):
            return
        self._is_over = event.is_last
        value = event.metrics.get(self._fitness)
        is_bad = value is not None and self._score(event.epoch, value)
        if is_bad and not event.is_last:
            self._is_over = True
            raise StopTraining(PRUNED)

    def _is_new(self, event: Event) -> bool:
        if not isinstance(event, Notice | Phase | Started | StartScore):
            return True
        key = b"start" if isinstance(event, StartScore) else msgspec.json.encode(event)
        is_new = key not in self._told
        self._told.add(key)
        return is_new
