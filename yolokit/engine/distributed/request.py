"""What a worker, one process of a training on several, is asked to do."""

from __future__ import annotations

from typing import Any

import msgspec

from yolokit.core.task import Task

WAIT_FOR_MACHINES_S = 600
# Less than upstream's 3 hours: no operation takes as long as this, the validation included.
WAIT_FOR_WORKERS_S = 1800
LOST_CONNECTION = "it lost the connection to another worker"  # how such a failure begins


class WorkerRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The same for all workers of a machine.

    Attributes:
        task: What the model is for.
        overrides: Settings of upstream's trainer, but for ``device``.
        devices: Upstream's name of the device of each worker of this machine.
        threads: Cores that each of them computes on.
        host: Where all processes of the run meet.
        port: Its port.
    """

    task: Task
    overrides: dict[str, Any]
    devices: list[str]
    threads: int
    host: str
    port: int
