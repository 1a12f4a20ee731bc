"""The parent's side of a child process: events, results, errors, interrupts, no orphans."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import msgspec
import pytest

from yolokit.core.events import Notice, Phase
from yolokit.engine_protocol import child
from yolokit.errors import (
    DataError,
    JobCancelledError,
    MissingDependencyError,
    TrainError,
    YolokitError,
)

HEAD = """
import sys, os, time, json
def send(**event):
    os.write(1, b"\\n\\x1eyolokit " + json.dumps(event).encode() + b"\\n")
request = json.loads(sys.stdin.readline())
"""


class Request(msgspec.Struct):
    number: int


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for an engine job: a script that the test writes."""
    path = tmp_path / "job.py"
    monkeypatch.setattr(child, "_command", lambda _job: [sys.executable, str(path)])
    monkeypatch.setattr(child, "is_installed", lambda _module: True)
    return path


def run(script: Path, body: str, events: list[object] | None = None) -> dict[str, object]:
    script.write_text(HEAD + textwrap.dedent(body))
    on_event = (events if events is not None else []).append
    return child.run_job("x", Request(7), log_path=script.with_suffix(".log"), on_event=on_event)


def test_events_arrive_in_order_and_the_rest_is_the_log(script: Path) -> None:
    events: list[object] = []
    result = run(
        script,
        """
        print("hello")
        send(event="phase", name="one")
        print("no newline", end="", flush=True)
        send(event="notice", message="two")
        send(event="done", result={"twice": request["number"] * 2})
        """,
        events,
    )
    assert result == {"twice": 14}
    assert events == [Phase("one"), Notice("two")]
    log = script.with_suffix(".log").read_text()
    assert "hello\n" in log
    assert "no newline" in log
    assert "yolokit {" not in log


def test_a_failure_has_the_class_that_the_child_named(script: Path) -> None:
    with pytest.raises(DataError, match="bad label") as caught:
        run(script, """send(event="failed", kind="DataError", message="bad label", hint="look")""")
    assert caught.value.hint == "look"


def test_a_failure_without_hint_names_the_log(script: Path) -> None:
    with pytest.raises(TrainError) as caught:
        run(script, """send(event="failed", kind="TrainError", message="boom")""")
    assert str(script.with_suffix(".log")) in str(caught.value.hint)


def test_no_hint_names_a_log_that_is_soon_gone(script: Path) -> None:
    script.write_text(HEAD + """send(event="failed", kind="TrainError", message="boom")""")
    log = script.with_suffix(".log")
    with pytest.raises(TrainError) as caught:
        child.run_job("x", Request(7), log_path=log, keeps_log=False)
    assert caught.value.hint is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("sys.exit(3)", "exit code 3"),
        ("os.kill(os.getpid(), 9)", "signal 9.*memory"),
        ('send(event="done", result={}); sys.exit(4)', "exit code 4"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_a_silent_death_is_an_error(script: Path, body: str, message: str) -> None:
    with pytest.raises(YolokitError, match=message):
        run(script, body)


def test_an_error_of_the_listener_stops_the_child(script: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ended"

    def fail(_event: object) -> None:
        raise ZeroDivisionError

    script.write_text(
        HEAD
        + f"""
send(event="phase", name="one")
for line in sys.stdin: pass
open({str(marker)!r}, "w").close()
"""
    )
    with pytest.raises(ZeroDivisionError):
        child.run_job("x", Request(1), log_path=tmp_path / "log", on_event=fail)
    assert marker.exists(), "the child was told by its closed input, and ended before we went on"


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_an_interrupt_asks_the_child_to_stop(script: Path) -> None:
    timer = threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(JobCancelledError, match="saved"):
        run(
            script,
            """
            send(event="phase", name="one")
            line = sys.stdin.readline()
            send(event="cancelled", message="saved" if line == "cancel\\n" else "lost")
            sys.exit(1)
            """,
        )
    timer.join()


@pytest.mark.skipif(os.name == "nt", reason="POSIX")
def test_a_killed_parent_leaves_no_child(script: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ended"
    script.write_text(
        HEAD
        + f"""
send(event="phase", name="one")
for line in sys.stdin: pass
open({str(marker)!r}, "w").close()
"""
    )
    parent = f"""
import sys, msgspec
from pathlib import Path
from yolokit.engine_protocol import child
child._command = lambda job: [sys.executable, {str(script)!r}]
child.is_installed = lambda module: True
class R(msgspec.Struct): number: int
log = Path({str(tmp_path / "log")!r})
child.run_job("x", R(1), log_path=log, on_event=lambda e: print("up", flush=True))
"""
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.kill()
    deadline = time.monotonic() + 10
    while not marker.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert marker.exists()


def test_missing_packages_are_named_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "is_installed", lambda module: module != "ultralytics")
    with pytest.raises(MissingDependencyError, match="ultralytics") as caught:
        child.run_job("x", Request(1), log_path=tmp_path / "log")
    assert "uv sync" in str(caught.value.hint)


def test_the_environment_forbids_what_upstream_does_by_itself(tmp_path: Path) -> None:
    environment = child.child_environment(tmp_path)
    assert environment["YOLO_AUTOINSTALL"] == "False"
    assert environment["YOLO_OFFLINE"] == "1"
    assert environment["ULTRALYTICS_SAFE_LOAD"] == "1"
    assert environment["YOLO_CONFIG_DIR"] == str(tmp_path)
