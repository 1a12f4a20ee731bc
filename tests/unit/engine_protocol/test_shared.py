"""Several jobs in one process: which share it, and that it ends with the block or a failure."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from yolokit.core.events import Notice
from yolokit.engine_protocol import child
from yolokit.engine_protocol.shared import share_process
from yolokit.errors import ExportError, JobCancelledError, MissingDependencyError, YolokitError

# A job tells its number and the process; of the engine it is process.py alone, so no torch.
JOB = """
import os, sys, time
import msgspec
from yolokit.core.events import Notice
from yolokit.engine import process
from yolokit.errors import ExportError

class Request(msgspec.Struct):
    number: int

def work(request):
    print("job", request.number, flush=True)
    process.send(Notice("begun"))
    if request.number == 13:
        raise ExportError("unlucky", hint="take another")
    if request.number == 99:
        os._exit(7)
    while request.number == 0:
        process.check_stop()
        time.sleep(0.01)
    return {"number": request.number, "process": os.getpid(), "job": NAME}

NAME = ""
def find(name):
    global NAME
    NAME = name
    return process.Job(Request, work, failure="ExportError")

if sys.argv[1] == "shared":
    process.serve_each(find)
else:
    process.serve(find(sys.argv[1]))
"""


class Request(msgspec.Struct):
    number: int


@pytest.fixture(autouse=True)
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "job.py"
    path.write_text(JOB)
    monkeypatch.setattr(child, "_command", lambda job: [sys.executable, str(path), job])
    monkeypatch.setattr(child, "is_installed", lambda _module: True)
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def run(job: str, number: int, log: Path, **options: Any) -> dict[str, Any]:
    return child.run_job(job, Request(number), log_path=log, **options)


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_jobs_of_a_block_share_a_process_that_ends_with_it(log: Path) -> None:
    events: list[object] = []
    with share_process():
        results = [run(job, 5, log, on_event=events.append) for job in ("start", "export", "infer")]
        with share_process():
            results.append(run("export", 6, log))
        assert run("infer", 7, log)["process"] == results[0]["process"], "the outer block goes on"
    assert [result["job"] for result in results] == ["start", "export", "infer", "export"]
    assert [result["number"] for result in results] == [5, 5, 5, 6]
    assert len({result["process"] for result in results}) == 1
    assert events == [Notice("begun")] * 3
    assert log.read_text().split("\n").count("job 5") == 3
    if os.name == "posix":
        assert not is_running(results[0]["process"])
    assert run("export", 8, log)["process"] != results[0]["process"]


def test_training_has_a_process_of_its_own(log: Path) -> None:
    with share_process():
        before, training, after = (run(job, 5, log) for job in ("export", "train", "infer"))
    assert before["process"] == after["process"] != training["process"]


@pytest.mark.parametrize(
    ("number", "error", "message"),
    [(13, ExportError, "unlucky"), (99, YolokitError, "exit code 7")],
)
def test_after_a_failure_another_process_goes_on(
    log: Path, number: int, error: type[YolokitError], message: str
) -> None:
    with share_process():
        first = run("export", 5, log)
        with pytest.raises(error, match=message):
            run("export", number, log)
        second = run("export", 6, log)
    assert second["number"] == 6
    assert second["process"] != first["process"]


def test_an_error_of_the_listener_stops_the_process(log: Path) -> None:
    def fail(_event: object) -> None:
        raise ZeroDivisionError

    with share_process():
        first = run("export", 5, log)
        with pytest.raises(ZeroDivisionError):
            run("export", 0, log, on_event=fail)
        assert run("export", 6, log)["process"] != first["process"]


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_an_interrupt_asks_the_job_to_stop(log: Path) -> None:
    timer = threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with share_process(), pytest.raises(JobCancelledError, match="interrupted"):
        run("export", 0, log)
    timer.join()


def test_the_process_starts_before_the_first_job(log: Path, script: Path) -> None:
    begun = script.with_name("begun")
    script.write_text(f"open({str(begun)!r}, 'w').close()\n{JOB}")
    with share_process():
        deadline = time.monotonic() + 30
        while not begun.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert begun.exists()
        begun.unlink()
        run("export", 5, log)
        assert not begun.exists()


def test_missing_packages_are_named_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(child, "is_installed", lambda module: module != "torch")
    with pytest.raises(MissingDependencyError, match="torch"), share_process():
        pass
