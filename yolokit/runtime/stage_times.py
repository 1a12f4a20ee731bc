"""How long the stages of a run are busy."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ADDING = threading.Lock()


@dataclass(slots=True)
class StageTimes:
    """Busy time of each stage in s, in all its threads.

    Stages overlap, and so do the threads of one, so that their sum exceeds the wall time.
    """

    read_s: float = 0.0
    preprocess_s: float = 0.0
    infer_s: float = 0.0
    decode_s: float = 0.0
    write_s: float = 0.0

    @contextlib.contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time spent inside to one stage, e.g. ``infer_s``."""
        start_s = time.perf_counter()
        try:
            yield
        finally:
            spent_s = time.perf_counter() - start_s
            with _ADDING:
                setattr(self, stage, getattr(self, stage) + spent_s)
