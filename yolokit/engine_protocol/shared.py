"""One process of the engine for several jobs: torch takes seconds to start, on some machines 20."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.engine_protocol.child import (
    Done,
    Order,
    conclude,
    converse,
    end_process,
    open_log,
    require_engine,
    sharing,
    start_process,
)

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from yolokit.core.events import OnEvent

# Not training: it leaves torch with other seeds, threads and algorithms, on which the reference
# of a proof must not depend.
_JOBS = frozenset({"start", "export", "infer"})


@contextlib.contextmanager
def share_process() -> Iterator[None]:
    """Do all jobs of the block, but for training, in one process.

    It is started at once, so that torch is loaded while the caller prepares. A block within
    another shares the process of the outer one.

    Raises:
        MissingDependencyError: A package that the engine needs is not installed.
    """
    if sharing.get() is not None:
        yield
        return
    require_engine()
    with tempfile.TemporaryDirectory(prefix="yolokit-") as scratch:
        shared = _Shared(Path(scratch))
        token = sharing.set(shared)
        try:
            yield
        finally:
            sharing.reset(token)
            shared.close()


class _Shared:
    """The process; one that ended with a failure is followed by another."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._process: subprocess.Popen[str] | None = start_process("shared", scratch)

    def takes(self, job: str) -> bool:
        """Tell whether it does such jobs."""
        return job in _JOBS

    def run_job(
        self, job: str, request: msgspec.Struct, *, log_path: Path, on_event: OnEvent
    ) -> dict[str, Any]:
        """Run a job as ``child.run_job`` does."""
        process = self._process = self._process or start_process("shared", self._scratch)
        order = msgspec.json.encode(Order(job, msgspec.Raw(msgspec.json.encode(request))))
        last = None
        try:
            with open_log(log_path) as log:
                last = converse(process, order, log, on_event, stays=True)
        finally:
            if not isinstance(last, Done):
                self.close()
        return conclude(last, process.returncode or 0, log_path)

    def close(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            end_process(process)
