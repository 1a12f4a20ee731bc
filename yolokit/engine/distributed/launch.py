"""Starts the workers of a run with torch's elastic agent, and says in one sentence why it ended."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.elastic.rendezvous import rendezvous_handler_registry
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from yolokit import errors
from yolokit.core.events import Notice
from yolokit.core.plural import counted
from yolokit.engine import process
from yolokit.engine.distributed.rendezvous import (
    LOOPBACK,
    Meeting,
    bind,
    host_store,
    is_loopback,
    reach_store,
)
from yolokit.engine.distributed.request import (
    LOST_CONNECTION,
    WAIT_FOR_MACHINES_S,
    WAIT_FOR_WORKERS_S,
    WorkerRequest,
)
from yolokit.errors import JobCancelledError, TrainError, YolokitError

if TYPE_CHECKING:
    from torch.distributed import TCPStore  # type: ignore[attr-defined]
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

    from yolokit.core.task import Task
    from yolokit.engine_protocol.own_settings import OwnSettings

RESULT_FILE = "result.json"
_MODULE = "yolokit.engine.distributed.worker"


def launch(task: Task, overrides: dict[str, Any], own: OwnSettings, threads: int) -> dict[str, Any]:
    """Train on the devices that ``overrides`` list, one process each, on each machine.

    Returns:
        What the first worker returned; nothing on any machine but the first.

    Raises:
        TrainError: A worker failed or was killed; all others are ended by then.
        JobCancelledError: The parent asked for an end.
    """
    devices = overrides.pop("device").split(",")
    _tell(own, len(devices))
    store = _open_store(own)
    with tempfile.TemporaryDirectory(prefix="yolokit-workers-") as scratch:
        request = WorkerRequest(
            task=task,
            overrides=overrides,
            devices=devices,
            threads=max(1, threads // len(devices)),
            host=store.host,
            port=store.port,
        )
        path = Path(scratch) / "request.json"
        path.write_bytes(msgspec.json.encode(request))
        _use_loopback(store.host)
        _run_agent(_make_meeting(store, own), own.machines, len(devices), path)
        result = Path(scratch) / RESULT_FILE
        return dict(json.loads(result.read_bytes())) if own.leads else {}


def _open_store(own: OwnSettings) -> TCPStore:
    if own.machines == 1:
        return host_store(bind(LOOPBACK, 0), WAIT_FOR_WORKERS_S)
    host, _, port = own.rdzv.rpartition(":")
    host = host.strip("[]")
    process.allow_host(host)
    if own.leads:
        return host_store(bind(host, int(port)), WAIT_FOR_WORKERS_S)
    return reach_store(host, int(port), WAIT_FOR_MACHINES_S)


def _tell(own: OwnSettings, workers: int) -> None:
    waits = f"one that does not answer for {WAIT_FOR_WORKERS_S // 60} minutes ends the run"
    if own.machines == 1:
        process.send(Notice(f"{counted(workers, 'process', 'processes')}, one a device; {waits}"))
        return
    others = counted(own.machines - 1, "other machine")
    waiting = f"waiting for {others} at {own.rdzv}"
    if not own.leads:
        waiting = (
            f"{own.rdzv} is not free on this machine, so it is not the first: waiting for that one"
        )
    process.send(
        Notice(
            f"{waiting}, {WAIT_FOR_MACHINES_S // 60} minutes at most; "
            f"{counted(workers, 'process', 'processes')} here, {waits}"
        )
    )


def _use_loopback(host: str) -> None:
    """Have gloo and NCCL listen on loopback as well, where the run stays on this machine."""
    if sys.platform == "linux" and is_loopback(host):
        for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
            os.environ.setdefault(name, "lo")


def _make_meeting(store: TCPStore, own: OwnSettings) -> Meeting:
    return Meeting(
        store, own.machines, leads=own.leads, command=own.command, timeout_s=WAIT_FOR_MACHINES_S
    )


def _run_agent(meeting: Meeting, machines: int, workers: int, request: Path) -> None:
    rendezvous_handler_registry.register(Meeting.NAME, lambda _parameters: meeting)
    config = LaunchConfig(
        min_nodes=machines,
        max_nodes=machines,
        nproc_per_node=workers,
        run_id=Meeting.NAME,
        rdzv_backend=Meeting.NAME,
        rdzv_endpoint=f"{LOOPBACK}:0",  # not used: the meeting has its store
        max_restarts=0,
        logs_specs=DefaultLogsSpecs(log_dir=str(request.parent)),
    )
    # The agent ends its workers when a signal reaches it, and only then.
    process.on_stop(lambda: os.kill(os.getpid(), signal.SIGTERM))
    try:
        elastic_launch(config, sys.executable)("-P", "-m", _MODULE, str(request))
    except SignalException as error:
        raise JobCancelledError("interrupted") from error
    except ChildFailedError as error:
        if process.stop_requested.is_set():
            raise JobCancelledError("interrupted") from error
        raise explain_failure(error.failures, machines * workers) from error


def explain_failure(failures: dict[int, ProcessFailure], workers: int) -> YolokitError:
    """Return what happened first: the others fail since they lose the one that failed.

    Args:
        failures: What the agent knows, by the number of the worker.
        workers: How many there are, on all machines.
    """
    rank, failure = min(failures.items(), key=lambda item: _rank_cause(item[1]))
    which = f"worker {rank + 1} of {workers}"
    if failure.exitcode < 0:
        return TrainError(
            f"{which} was killed ({failure.signal_name()}); the others were ended",
            hint="the system may have run out of memory: a smaller --batch or --imgsz needs less"
            if -failure.exitcode == signal.SIGKILL
            else None,
        )
    said = _read_reason(failure)
    if not said:
        return TrainError(f"{which} ended with exit code {failure.exitcode} and said nothing more")
    kind = getattr(errors, said["kind"], TrainError)
    own = said["kind"] != "TrainError"  # the same on each worker
    message = said["message"] if own else f"{which} failed: {said['message']}"
    return kind(message, hint=said["hint"])


def _read_reason(failure: ProcessFailure) -> dict[str, Any]:
    """Return what a worker said of its failure; nothing if it said nothing."""
    said = failure.error_file_data.get("message")
    return said if isinstance(said, dict) and "kind" in said else {}


def _rank_cause(failure: ProcessFailure) -> tuple[int, int]:
    """Return what sorts causes in front: who was killed cannot have failed for another's sake.

    Times alone do not tell, which are in whole seconds: others lose the one that failed at once.
    """
    if failure.exitcode >= 0:
        is_lost = _read_reason(failure).get("message", "").startswith(LOST_CONNECTION)
        return 2 if is_lost else 1, failure.timestamp
    # The agent itself ends the others with SIGTERM.
    return 3 if -failure.exitcode == signal.SIGTERM else 0, failure.timestamp
