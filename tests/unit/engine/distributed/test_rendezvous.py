"""Where machines meet."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from yolokit.engine.distributed.rendezvous import (
    LOOPBACK,
    Meeting,
    bind,
    host_store,
    is_loopback,
    reach_store,
)
from yolokit.engine.process import allow_host
from yolokit.errors import ConfigError, TrainError


def meet(commands: list[str], machines: int, timeout_s: float = 20.0) -> list[Any]:
    """Return what each machine, the first one in front, gets from the meeting."""
    server = host_store(bind(LOOPBACK, 0), timeout_s)
    got: dict[int, Any] = {}

    def take_part(index: int) -> None:
        store = reach_store(server.host, server.port, timeout_s) if index else server
        meeting = Meeting(
            store, machines, leads=index == 0, command=commands[index], timeout_s=timeout_s
        )
        try:
            got[index] = meeting.next_rendezvous().rank
        except (ConfigError, TrainError) as error:
            got[index] = error

    threads = [threading.Thread(target=take_part, args=(index,)) for index in range(len(commands))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [got[index] for index in range(len(commands))]


def test_the_first_machine_is_number_0_whoever_comes_first() -> None:
    ranks = meet(["a", "a", "a"], 3)
    assert ranks[0] == 0
    assert sorted(ranks) == [0, 1, 2]


def test_another_command_is_refused_on_all_machines() -> None:
    for error in meet(["a", "b"], 2):
        assert isinstance(error, ConfigError)
        assert "between the first machine and machine 2" in error.message


def test_one_machine_too_many_is_refused() -> None:
    results = meet(["a", "a", "a"], 2)
    refused = [result for result in results if isinstance(result, ConfigError)]
    assert [error.message for error in refused] == ["the run has its 2 machines already"]


def test_a_machine_that_does_not_come_is_told() -> None:
    (error,) = meet(["a"], 2, timeout_s=0.3)
    assert isinstance(error, TrainError)
    assert error.message == "1 machine did not come within 0 s"


def test_nobody_answers() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(TrainError, match=rf"nobody answered at {LOOPBACK}:{port} for 0 s"):
        reach_store(LOOPBACK, port, 0.1)


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ConfigError, match="cannot listen on"):
            bind(LOOPBACK, port)


def test_what_is_loopback() -> None:
    assert is_loopback("127.0.0.1")
    assert is_loopback("localhost")
    assert not is_loopback("0.0.0.0")
    assert not is_loopback("192.0.2.1")


def test_a_host_that_does_not_exist_is_told_at_once() -> None:
    allow_host("no-such-host.invalid")  # other tests forbid the network for good
    with pytest.raises(ConfigError, match="there is no host"):
        reach_store("no-such-host.invalid", 29500, timeout_s=600)


def test_a_service_that_takes_connections_and_says_nothing_is_told_soon() -> None:
    """torch alone would wait for ever."""
    with socket.create_server((LOOPBACK, 0)) as silent:
        host, port = silent.getsockname()
        with pytest.raises(TrainError, match="is not a run of yolokit"):
            reach_store(host, port, timeout_s=1.0)
