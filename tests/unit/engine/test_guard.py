"""Nothing in the engine's process reaches the network."""

from __future__ import annotations

import subprocess
import sys

import pytest

from yolokit.engine.guard import is_local


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.9.9.9", b"localhost", None])
def test_this_machine_is_local(host: object) -> None:
    assert is_local(host)


@pytest.mark.parametrize("host", ["1.1.1.1", "example.org", "10.0.0.1", "fe80::1%eth0", b"a.b"])
def test_everything_else_is_not(host: object) -> None:
    assert not is_local(host)


def test_look_ups_and_connections_are_refused_and_loopback_works() -> None:
    code = """
import socket
from yolokit.engine.guard import NetworkForbiddenError, forbid_network
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
