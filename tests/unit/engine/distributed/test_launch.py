"""Which of several failures is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from yolokit.engine.distributed.launch import explain_failure
from yolokit.engine.distributed.worker import explain
from yolokit.errors import DataError, TrainError


def killed(number: int, at: int = 10) -> Any:
    names = {9: "SIGKILL", 15: "SIGTERM", 11: "SIGSEGV"}
    return SimpleNamespace(
        exitcode=-number, timestamp=at, error_file_data={}, signal_name=lambda: names[number]
    )


def failed(kind: str, message: str, at: int = 10) -> Any:
    said = {"kind": kind, "message": message, "hint": None, "extraInfo": {"timestamp": str(at)}}
    return SimpleNamespace(exitcode=1, timestamp=at, error_file_data={"message": said})


def test_a_worker_that_was_killed_is_named_and_not_those_that_lost_it() -> None:
    failures = {0: failed("TrainError", "it lost the connection", at=9), 1: killed(9)}
    error = explain_failure(failures, 4)
    assert isinstance(error, TrainError)
    assert error.message == "worker 2 of 4 was killed (SIGKILL); the others were ended"
    assert error.hint is not None
    assert "memory" in error.hint
    assert explain_failure({0: killed(11)}, 1).hint is None


def test_a_worker_that_the_agent_ended_is_not_the_cause() -> None:
    error = explain_failure({0: killed(15), 1: failed("TrainError", "no disk", at=20)}, 2)
    assert error.message == "worker 2 of 2 failed: no disk"


def test_the_first_failure_is_told_with_its_own_class() -> None:
    failures = {0: failed("TrainError", "late", at=12), 1: failed("DataError", "bad row", at=11)}
    error = explain_failure(failures, 2)
    assert isinstance(error, DataError)
    assert error.message == "bad row"


def test_a_worker_that_said_nothing() -> None:
    silent = SimpleNamespace(exitcode=3, timestamp=1, error_file_data={"message": ""})
    error = explain_failure({0: silent}, 2)  # type: ignore[dict-item]
    assert error.message == "worker 1 of 2 ended with exit code 3 and said nothing more"


def test_a_worker_that_lost_another_is_not_the_cause_in_the_same_second() -> None:
    lost = failed("TrainError", explain(RuntimeError("Connection closed by peer")).message, at=9)
    error = explain_failure({0: lost, 1: failed("TrainError", "ValueError: no box", at=10)}, 2)
    assert error.message == "worker 2 of 2 failed: ValueError: no box"


@pytest.mark.parametrize(
    "text",
    ["[gloo/pair.cc] Connection closed by peer [127.0.0.1]:5", "NCCL error: no space in /dev/shm"],
)
def test_a_lost_connection_is_told_in_plain_words(text: str) -> None:
    said = explain(RuntimeError(text))
    assert said.message == f"it lost the connection to another worker: {text}"
    assert explain(RuntimeError("x is y")).message == "RuntimeError: x is y"
