"""Which machine is the first, and what must be equal on all."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

import pytest

from yolokit.errors import ConfigError
from yolokit.train.config import TrainConfig
from yolokit.train.machines import describe_command, leads


def config(**options: Any) -> TrainConfig:
    return TrainConfig.build({"data": __file__} | options)


def test_the_machine_with_the_address_and_a_free_port_is_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What trains forbids look-ups for good, and other tests import it.
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [])
    assert leads(config())
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = f"127.0.0.1:{server.getsockname()[1]}"
        assert not leads(config(nnodes=2, rdzv=where)), "a run has begun there"
    assert leads(config(nnodes=2, rdzv=where))
    assert not leads(config(nnodes=2, rdzv="192.0.2.1:29500")), "an address of nobody here"


@pytest.mark.parametrize("error", [socket.gaierror(-2, "unknown"), UnicodeError()])
def test_a_host_that_does_not_exist_is_told_before_anything_is_read(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def look_up(*_given: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(ConfigError, match="rdzv: there is no host 'nowhere'"):
        leads(config(nnodes=2, rdzv="nowhere:29500"))


def test_places_may_differ_between_machines_and_nothing_else() -> None:
    data: Any = SimpleNamespace(sha256="a" * 64)
    first = describe_command(config(device="0"), data)
    assert describe_command(config(device="1", workers=2), data) == first
    assert describe_command(config(epochs=7), data) != first
    assert describe_command(config(), SimpleNamespace(sha256="b" * 64)) != first  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"nnodes": 2}, "nnodes: 2 machines need rdzv"),
        ({"rdzv": "a:1"}, "rdzv: is for several machines"),
        ({"nnodes": 2, "rdzv": "here"}, "rdzv: must be HOST:PORT"),
        ({"nnodes": 2, "rdzv": "a:99999"}, "rdzv: must be HOST:PORT"),
        ({"nnodes": 2, "rdzv": "a/b:1"}, "rdzv: must be HOST:PORT"),
        ({"device": "cpu,0"}, "device"),
        ({"device": "cpu,cpu", "batch": 3}, "multiple of the number of devices (2)"),
        ({"device": "0,1", "nnodes": 2, "rdzv": "a:1", "batch": 6}, "number of devices (4)"),
    ],
)
def test_what_does_not_go_together(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config(**options)
    assert said in str(caught.value)


@pytest.mark.parametrize("where", ["node1.lab:29500", "10.0.0.5:1", "[fd00::1]:29500"])
def test_addresses(where: str) -> None:
    assert config(nnodes=2, rdzv=where).rdzv == where
