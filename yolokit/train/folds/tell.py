"""What is told while folds are trained: what each run tells, with the fold, and nothing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.core.events import Notice, Phase
from yolokit.core.plural import counted
from yolokit.engine_protocol.child import Started
from yolokit.train.data import LOOKING
from yolokit.train.report.draw import DRAWING

if TYPE_CHECKING:
    from yolokit.core.events import Event, OnEvent
    from yolokit.train.folds.record import FoldsRecord
    from yolokit.train.record import RunRecord


class FoldTeller:
    """Hands the events of the folds on.

    What the check of the data set notes was told of all images before, and what to do after a run
    is told of all folds in the end.
    """

    def __init__(self, record: FoldsRecord, on_event: OnEvent) -> None:
        self._record, self._on_event = record, on_event
        self._told: set[str] = set()
        self._has_started = False

    def skip(self, fold: int, run: RunRecord) -> None:
        """Say that a fold was complete already."""
        self._on_event(Notice(f"{self._name(fold)} is complete{_describe(run)}"))

    def begin(self, fold: int) -> OnEvent:
        """Say which fold begins, and return what takes the events of its run."""
        total = sum(dealt.images for dealt in self._record.dealing.folds)
        held = self._record.dealing.folds[fold - 1].images
        learnt = counted(total - held, "image")
        self._on_event(Notice(f"{self._name(fold)}: trained on {learnt}, measured on {held}"))
        phase = ""

        def tell(event: Event) -> None:
            nonlocal phase
            if isinstance(event, Phase):
                phase = event.name
                self._on_event(Phase(f"{self._name(fold)}: {phase}"))
            elif isinstance(event, Notice):
                self._note(fold, event.message, phase)
            elif isinstance(event, Started) and self._has_started:
                pass  # each starts from the same
            else:
                self._has_started = self._has_started or isinstance(event, Started)
                self._on_event(event)

        return tell

    def end(self, fold: int, run: RunRecord) -> None:
        """Say what came of a fold."""
        self._on_event(Notice(f"{self._name(fold)} is done{_describe(run)}"))

    def _note(self, fold: int, message: str, phase: str) -> None:
        """Hand a notice on, unless it is told of all folds together: see the class."""
        is_note = message.startswith("note: ")
        if message in self._told or phase == (LOOKING if is_note else DRAWING):
            return
        self._told.add(message)
        self._on_event(Notice(f"{self._name(fold)}: {message}"))

    def _name(self, fold: int) -> str:
        return f"fold {fold} of {self._record.count}"


def _describe(run: RunRecord) -> str:
    best = run.best
    return f": {run.fitness} {best.metrics[run.fitness]:.4f}" if best else ""
