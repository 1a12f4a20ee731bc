"""Start a job of ``yolokit.engine`` in a process of its own and talk to it through typed events.

The engine uses ultralytics, whose import edits global state, takes seconds and reaches for
the network. So it never shares a process with anything else: the parent sends one request and
receives events, one JSON line each, marked in the child's output; every other line is its log.
When its standard input closes, the child knows that its parent is gone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from contextvars import ContextVar
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

import msgspec

from yolokit import errors
from yolokit.core.events import (
    BatchEnd,
    EpochEnd,
    Event,
    Notice,
    OnEvent,
    Phase,
    StartScore,
    StopTraining,
    ignore,
)
from yolokit.core.extras import is_installed, missing
from yolokit.core.privacy import engine_variables
from yolokit.engine_protocol.gradients import Gradients
from yolokit.engine_protocol.training import TransferReport, UsedSettings
from yolokit.errors import EngineKilledError, JobCancelledError, YolokitError

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENT_MARK = "\x1eyolokit "
_STOP_S = 60.0
_SIGKILL = 9
_ENGINE_MODULES = ("torch", "torchvision", "ultralytics", "onnx")


class DataRead(Event, frozen=True, tag="data"):
    """The engine has read a split; ``left_out`` are images that it was given and does not use."""

    split: str
    images: int
    boxes: int
    left_out: list[str]


class Started(Event, frozen=True, tag="started"):
    """The model to start from is made, with an account of what was transferred to it."""

    transfer: TransferReport


class Settled(Event, frozen=True, tag="settled"):
    """All settings left to ``auto`` are chosen."""

    used: UsedSettings


class Done(Event, frozen=True, tag="done"):
    """The job is complete; ``result`` has the fields that the job documents."""

    result: dict[str, Any]


class Cancelled(Event, frozen=True, tag="cancelled"):
    """The job stopped because it was asked to."""

    message: str


class Failed(Event, frozen=True, tag="failed"):
    """The job failed; ``kind`` names a class of ``yolokit.errors``."""

    kind: str
    message: str
    hint: str | None = None


class Order(msgspec.Struct, frozen=True):
    """A request to a process that does several jobs, with the name of the job."""

    job: str
    request: msgspec.Raw


AnyEvent = (
    Phase
    | Notice
    | DataRead
    | Started
    | Settled
    | StartScore
    | BatchEnd
    | EpochEnd
    | Gradients
    | Done
    | Cancelled
    | Failed
)
_decoder = msgspec.json.Decoder(AnyEvent)


class SharedProcess(Protocol):
    """Does several jobs, one after another: see ``engine_protocol.shared``."""

    def takes(self, job: str) -> bool:
        """Tell whether it does such jobs."""

    def run_job(
        self, job: str, request: msgspec.Struct, *, log_path: Path, on_event: OnEvent
    ) -> dict[str, Any]:
        """Run a job as the function of this name does."""


sharing: ContextVar[SharedProcess | None] = ContextVar("sharing", default=None)


def run_job(
    job: str,
    request: msgspec.Struct,
    *,
    log_path: Path,
    on_event: OnEvent = ignore,
    keeps_log: bool = True,
) -> dict[str, Any]:
    """Run ``python -m yolokit.engine.<job>`` to its end.

    Args:
        job: Module of ``yolokit.engine``; in a process of its own, or in the one that is shared.
        request: What the job needs; it is sent as one line of JSON.
        log_path: File that the child's own output is appended to.
        on_event: Called with every event but the last, in order, in the caller's thread.
        keeps_log: Whether the user can read that file if the job fails.

    Returns:
        The result of the child's ``Done`` event.

    Raises:
        MissingDependencyError: A package that the engine needs is not installed.
        JobCancelledError: The user interrupted the job; the child has stopped by itself.
        YolokitError: The class that the child named, with its message.
    """
    require_engine()
    shared = sharing.get()
    if shared is not None and shared.takes(job):
        return shared.run_job(job, request, log_path=log_path, on_event=on_event)
    with tempfile.TemporaryDirectory(prefix="yolokit-") as scratch:
        process = start_process(job, Path(scratch))
        try:
            with open_log(log_path) as log:
                last = converse(process, msgspec.json.encode(request), log, on_event)
        finally:
            end_process(process)
    return conclude(last, process.returncode, log_path if keeps_log else None)


def require_engine() -> None:
    """Check that the engine's packages are there, without loading them.

    Raises:
        MissingDependencyError: One is not installed.
    """
    for module in _ENGINE_MODULES:
        if not is_installed(module):
            raise missing(module, extra="train", purpose="What runs a checkpoint")


def open_log(path: Path) -> IO[str]:
    """Open a log of the child's own output, to be appended to."""
    return path.open("a", encoding="utf-8", errors="replace")


def child_environment(scratch: Path) -> dict[str, str]:
    """Return the environment in which upstream neither sends, installs, downloads nor shares.

    And does not unpickle arbitrary classes (ultralytics ``nn/tasks.py``).
    """
    return (
        os.environ
        | engine_variables(scratch)
        | {
            "ULTRALYTICS_SAFE_LOAD": "1",
            "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "0",
            "MPLBACKEND": "Agg",
            "PYTHONUNBUFFERED": "1",
            "PYTHONSAFEPATH": "1",
            "PYTHONIOENCODING": "utf-8",
        }
    )


def start_process(job: str, scratch: Path) -> subprocess.Popen[str]:
    """Start a module of ``yolokit.engine``; ``scratch`` is its folder for settings of upstream."""
    new_group = (
        {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined,unused-ignore]
        if sys.platform == "win32"
        else {"start_new_session": True}
    )
    # A group of its own: Ctrl-C reaches the parent alone, which then asks the child to stop.
    return subprocess.Popen(
        _command(job),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=child_environment(scratch),
        text=True,
        encoding="utf-8",
        errors="replace",
        **new_group,
    )


def _command(job: str) -> list[str]:
    # -P: nothing in the working folder is imported, whatever it is called.
    return [sys.executable, "-P", "-m", f"yolokit.engine.{job}"]


def converse(
    process: subprocess.Popen[str],
    request: bytes,
    log: IO[str],
    on_event: OnEvent,
    *,
    stays: bool = False,
) -> AnyEvent | None:
    """Send a line, pass events on, and return the last one.

    Where the process ``stays`` for another job, a success is the last event, else the one before
    its output ends.
    """
    assert process.stdout is not None
    _write(process, request.decode())
    try:
        try:
            return _pass_on(_read_events(process.stdout, log), on_event, stays=stays)
        except StopTraining:
            _write(process, "finish")
        return _pass_on(_read_events(process.stdout, log), on_event, stays=stays)
    except KeyboardInterrupt:
        _write(process, "cancel")
    try:
        last = _pass_on(_read_events(process.stdout, log), on_event)
    except KeyboardInterrupt:  # a second one: at once
        _kill_group(process)
        return Cancelled("interrupted")
    return last if isinstance(last, Cancelled) else Cancelled("interrupted")


def _write(process: subprocess.Popen[str], line: str) -> None:
    """Send one line; if the child is gone, its log says why."""
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.write(line + "\n")
        process.stdin.flush()


def _pass_on(
    events: Iterator[AnyEvent], on_event: OnEvent, *, stays: bool = False
) -> AnyEvent | None:
    last: AnyEvent | None = None
    for event in events:
        last = event
        if stays and isinstance(event, Done):
            break
        if not isinstance(event, Done | Cancelled | Failed):  # how it ends is raised or returned
            on_event(event)
    return last


def _read_events(stream: IO[str], log: IO[str]) -> Iterator[AnyEvent]:
    for line in stream:
        text, mark, payload = line.partition(EVENT_MARK)
        if text:
            log.write(text if mark else line)
            log.flush()
        if mark and (event := _decode(payload)) is not None:
            yield event


def _decode(payload: str) -> AnyEvent | None:
    """Return an event; None for one that another process cut in two."""
    try:
        event: AnyEvent = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
    return event


def end_process(process: subprocess.Popen[str]) -> None:
    """Leave no process running: a closed input asks the child to stop, then it is killed."""
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    try:
        process.wait(_STOP_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        _kill_group(process)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _kill_group(process: subprocess.Popen[str]) -> None:
    """Kill the child and what it started; it leads a group of its own."""
    if sys.platform == "win32":
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def conclude(last: AnyEvent | None, returncode: int, log_path: Path | None) -> dict[str, Any]:
    """Return the result of a job, or raise what its process said or how it ended."""
    where = None if log_path is None else f"the whole log is {log_path}"
    if isinstance(last, Done) and returncode == 0:
        return last.result
    if isinstance(last, Cancelled):
        raise JobCancelledError(last.message)
    if isinstance(last, Failed):
        kind = getattr(errors, last.kind, YolokitError)
        raise kind(last.message, hint=last.hint or where)
    if returncode == -_SIGKILL:
        raise EngineKilledError(
            f"the system ended the engine (signal {_SIGKILL}), as it does where memory runs out",
            hint=where,
        )
    how = f"signal {-returncode}" if returncode < 0 else f"exit code {returncode}"
    raise YolokitError(f"the engine ended with {how} and said nothing more", hint=where)
