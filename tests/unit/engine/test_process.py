"""How a job of the engine ends, what counts as a wish to stop, and that no network is reached."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading

import pytest

from yolokit.engine import process
from yolokit.engine.process import is_local

PROGRAM = """
import msgspec, time
from yolokit.engine.process import Job, check_stop, send, serve
from yolokit.core.events import Phase

class Request(msgspec.Struct):
    pass

def job(_request):
    send(Phase("begun"))
    while True:
        check_stop() if {cooperates} else 1 / 0 if stop_requested.is_set() else None
        time.sleep(0.01)

from yolokit.engine.process import stop_requested
serve(Job(Request, job))
"""


@pytest.mark.parametrize(("last", "is_orphan"), [("cancel\n", False), ("", True)])
def test_a_wish_to_stop_is_told_from_a_parent_that_is_gone(
    monkeypatch: pytest.MonkeyPatch, last: str, *, is_orphan: bool
) -> None:
    """An orphan leaves the folder alone: the next run may have taken it."""
    monkeypatch.setattr(process, "stop_requested", threading.Event())
    monkeypatch.setattr(process, "is_orphan", threading.Event())
    monkeypatch.setattr(sys, "stdin", io.StringIO(last))
    monkeypatch.setattr("time.sleep", lambda _s: sys.exit("no patience"))
    with pytest.raises(SystemExit, match="no patience"):
        process._watch_parent()
    assert process.stop_requested.is_set()
    assert process.is_orphan.is_set() == is_orphan


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
@pytest.mark.parametrize("cooperates", [True, False])
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_is_a_wish_to_stop(name: str, cooperates: bool) -> None:
    """A job whose workers were ended by the same signal may fail on the way."""
    job = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(cooperates=cooperates)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert job.stdin is not None
    assert job.stdout is not None
    job.stdin.write("{}\n")
    job.stdin.flush()
    while "begun" not in job.stdout.readline():
        assert job.poll() is None
    job.send_signal(getattr(signal, name))
    shown, _ = job.communicate(timeout=60)
    assert '{"event":"cancelled","message":"interrupted"}' in shown
    assert job.returncode == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.9.9.9", b"localhost", None])
def test_this_machine_is_local(host: object) -> None:
    assert is_local(host)


@pytest.mark.parametrize("host", ["1.1.1.1", "example.org", "10.0.0.1", "fe80::1%eth0", b"a.b"])
def test_everything_else_is_not(host: object) -> None:
    assert not is_local(host)


def test_look_ups_and_connections_are_refused_and_loopback_works() -> None:
    code = """
import socket
from yolokit.engine.process import NetworkForbiddenError, forbid_network
forbid_network()
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname()).close()
refused = 0
for reach in (
    lambda: socket.getaddrinfo("example.org", 443),
    lambda: socket.gethostbyname("example.org"),
    lambda: socket.socket().connect(("1.1.1.1", 53)),
    lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("1.1.1.1", 53)),
):
    try:
        reach()
    except NetworkForbiddenError:
        refused += 1
print("refused", refused)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "refused 4"


FORKING = """
import multiprocessing, os
import msgspec
from yolokit.engine.process import Job, serve

class Request(msgspec.Struct):
    pass

def job(_request):
    child = multiprocessing.get_context("fork").Process(target=int)
    child.start()
    child.join(20)
    ended = child.exitcode
    child.kill()
    return {"ended": ended}

serve(Job(Request, job))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes that load images are forked")
def test_a_process_that_loads_images_does_not_wait_for_our_input() -> None:
    """A thread waits for a line meanwhile; multiprocessing closes the input of what it forks."""
    with subprocess.Popen(
        [sys.executable, "-c", FORKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as engine:
        assert engine.stdin is not None
        assert engine.stdout is not None
        engine.stdin.write("{}\n")
        engine.stdin.flush()
        assert any('"ended":0' in line for line in engine.stdout)
