"""The child's side of ``engine_protocol.child``: request, events and the safe frame of a job.

No connection leaves it: an audit hook refuses every address that is not this machine.
Import this before ultralytics; it imports neither torch nor ultralytics itself.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import queue
import signal
import socket
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from yolokit.engine.failures import explain
from yolokit.engine_protocol.child import EVENT_MARK, Cancelled, Done, Failed, Order
from yolokit.errors import JobCancelledError, YolokitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from yolokit.core.events import Event

_Request = TypeVar("_Request", bound=msgspec.Struct)

stop_requested = threading.Event()
finish_requested = threading.Event()
is_orphan = threading.Event()  # the parent is gone; its folder may belong to another process now
# Less than the parent's own patience: the child ends its group before it is killed alone.
_GRACE_S = 50.0
_on_stop: list[Callable[[], None]] = []
_allowed_hosts: set[str] = set()
_LOCAL_NAMES = {"localhost", "localhost.localdomain", "", None}


def send(event: Event) -> None:
    """Send one event to the parent, in one write so that lines of other threads stay whole."""
    sys.stdout.flush()
    line = f"\n{EVENT_MARK}".encode() + msgspec.json.encode(event) + b"\n"
    os.write(1, line)


class FinishAsked(Exception):  # noqa: N818 - a wish and no error
    """The parent asked a training to end now, as if its epochs were done."""


def check_stop() -> None:
    """Raise if the parent asked this job to stop or to finish, or is gone.

    Raises:
        JobCancelledError: It is to stop.
        FinishAsked: It is to finish.
    """
    if finish_requested.is_set():
        finish_requested.clear()
        raise FinishAsked
    if stop_requested.is_set():
        raise JobCancelledError("interrupted")


@dataclass(frozen=True, slots=True)
class Job(Generic[_Request]):
    """What a module of ``engine`` does.

    Attributes:
        request_type: What the request is decoded to.
        run: Does the work and returns its result.
        failure: The class of ``yolokit.errors`` for what torch or ultralytics raise.
    """

    request_type: type[_Request]
    run: Callable[[_Request], dict[str, Any]]
    failure: str = "TrainError"


def serve(job: Job[Any]) -> None:
    """Read one request from stdin, run the job, report its end, and exit."""
    _prepare()
    line = sys.stdin.readline()
    threading.Thread(target=_watch_parent, daemon=True).start()
    _run(job, line)


def serve_each(find_job: Callable[[str], Job[Any]]) -> None:
    """Run the job of each :class:`Order` from stdin, until it closes or a job does not succeed.

    Args:
        find_job: Returns the job of a name.
    """
    _prepare()
    orders: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_watch_parent, args=(orders.put,), daemon=True).start()
    while line := orders.get():
        order = msgspec.json.decode(line, type=Order)
        _run(find_job(order.job), order.request)


def _prepare() -> None:
    forbid_network()
    _stop_on_signals()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_leave_stdin)


def _leave_stdin() -> None:
    """Leave our input alone in a process that loads images.

    It is a copy of this one, made while another thread waits for a line; closing the input, as
    multiprocessing does there, would wait for that thread, which the copy does not have.
    """
    sys.stdin = None


def _run(job: Job[Any], request: str | msgspec.Raw) -> None:
    """Run a job and report its end; the process ends with one that does not succeed."""
    decoded = msgspec.json.decode(request, type=job.request_type)
    try:
        send(Done(job.run(decoded)))
    except JobCancelledError as error:
        send(Cancelled(error.message))
    except YolokitError as error:
        traceback.print_exc()
        send(Failed(type(error).__name__, error.message, error.hint))
    except Exception as error:  # noqa: BLE001 - the boundary: whatever upstream raises ends here
        traceback.print_exc()
        # A job that is asked to stop may fail on the way, as where its workers were asked too.
        stopped = stop_requested.is_set()
        send(Cancelled("interrupted") if stopped else explain(error, job.failure))
    else:
        return
    sys.stdout.flush()
    # Data loader threads of a stopped run must not keep the process alive.
    os._exit(1)


def on_stop(call: Callable[[], None]) -> None:
    """Have this called, in a thread, when the parent asks for an end or is gone.

    For a job that waits for processes of its own, which do not ask ``check_stop``.
    """
    _on_stop.append(call)


def _stop_on_signals() -> None:
    """Take signals as the parent's wish to stop: systemd sends them to all processes of a job."""
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda *_: stop_requested.set())


def _watch_parent(on_line: Callable[[str], None] = lambda _line: None) -> None:
    """Set ``stop_requested`` on ``cancel`` or when the parent closes our input or dies.

    Every other line is handed on, and an empty one after the last.

    A job that does not stop by itself in time is ended with all processes that it started;
    checkpoints are published in one step, so the last one stays whole.
    """
    for line in sys.stdin:
        word = line.strip()
        if word == "finish" and not _on_stop:
            finish_requested.set()
            continue
        if word in ("cancel", "finish"):  # what only waits for other processes is stopped
            break
        on_line(line)
    else:
        is_orphan.set()
    stop_requested.set()
    on_line("")
    for call in _on_stop:
        call()
    time.sleep(_GRACE_S)
    send(Cancelled("interrupted"))
    if os.name == "posix" and os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGTERM)
    os._exit(1)


class NetworkForbiddenError(OSError):
    """Something tried to reach the network; OSError, since libraries handle that as offline."""


def forbid_network() -> None:
    """Refuse name look-ups and connections that would leave this machine, for good.

    Loopback stays open: the processes of a training talk over it. An audit hook cannot be removed
    again, which is what is wanted here.
    """
    sys.addaudithook(_refuse)


def allow_host(host: str) -> None:
    """Allow one host all the same: the one where the machines of a run meet."""
    _allowed_hosts.add(host)
    with contextlib.suppress(OSError):  # whoever connects to it says that it is unknown
        _allowed_hosts.update(str(found[4][0]) for found in socket.getaddrinfo(host, None))


def _refuse(event: str, args: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = args[0]
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = args[1]
        if not isinstance(address, tuple):
            return  # a Unix socket
        host = address[0]
    elif event in ("socket.gethostbyname", "socket.gethostbyaddr"):
        host = args[0]
    else:
        return
    if host not in _allowed_hosts and not is_local(host):
        print(f"yolokit: refused to reach {host}", flush=True)
        raise NetworkForbiddenError(f"yolokit's engine does not use the network (asked for {host})")


def is_local(host: object) -> bool:
    """Tell whether a host name or address is this machine."""
    if isinstance(host, (bytes, bytearray)):
        host = host.decode("ascii", "replace")
    if host in _LOCAL_NAMES:
        return True
    try:
        address = ipaddress.ip_address(str(host).split("%", 1)[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
