"""What ends a command from outside: once it is tidied up, and with the usual exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import find_process_1
from yolokit.cli.signals import Interruptions, interruptions

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
PROGRAM = """
import contextlib, sys, time
from yolokit.cli import main

def work(*_args, **_options):
    try:
        print("begun", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        if sys.argv[1:] == ["0", "in C"]:
            raise ImportError("initialization failed") from None
        raise
    finally:
        print("tidying up", flush=True)
        for _ in range(int(sys.argv[1])):
            with contextlib.suppress(KeyboardInterrupt):
                time.sleep(60)
        print("tidied up", flush=True)

main.app = work
main.main([])
"""


def start(*before: str, stubborn: int = 0, where: str = "") -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [*before, sys.executable, "-c", PROGRAM, str(stubborn), where],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_each_ends_as_ctrl_c_does(name: str, code: int) -> None:
    process = start()
    for _ in range(2):  # as `timeout` does it; no second wish
        process.send_signal(getattr(signal, name))
    shown, said = process.communicate(timeout=60)
    assert (process.returncode, shown, said) == (
        code, "tidying up\ntidied up\n", "interrupted\n",
    )  # fmt: skip


def test_an_error_that_code_in_c_makes_of_one_is_not_ours() -> None:
    """As an extension module does that is interrupted while it is imported."""
    process = start(where="in C")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "interrupted\n")


def test_process_1_of_a_container_notices_as_well(own_numbers: list[str]) -> None:
    process = start(*own_numbers)
    os.kill(find_process_1(process), signal.SIGTERM)
    assert process.communicate(timeout=60)[1] == "interrupted\n"
    assert process.returncode == 143


def test_one_that_was_ignored_stays_ignored() -> None:
    process = start("nohup")
    process.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143


def test_more_of_them_end_what_is_stuck() -> None:
    process = start(stubborn=10)
    assert process.stdout is not None
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "tidying up\n"
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
    assert process.returncode == 143, "the first one counts"
    assert process.communicate()[0] == "", "it was not waited for"


def test_a_closed_terminal_is_no_error() -> None:
    import pty

    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", PROGRAM, "0"])
    assert os.read(terminal, 100).strip() == b"begun"
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 129


SOFT = """
import sys, time
from yolokit.cli import main
from yolokit.cli.signals import stopping_softly

wishes = []

def work(*_args, **_options):
    with stopping_softly(lambda: wishes.append(1)):
        print("begun", flush=True)
        try:
            while len(wishes) < int(sys.argv[1]):
                time.sleep(0.05)
        except KeyboardInterrupt:
            print(f"interrupted after {len(wishes)} wish")
            raise
    print("ended by itself", flush=True)
    if sys.argv[2]:
        print("begun", flush=True)
        time.sleep(60)

main.app = work
main.main([])
"""


def start_soft(wishes: int, *, more_work: bool = False) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SOFT, str(wishes), "more" if more_work else ""],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def test_the_first_may_be_a_wish_that_the_work_heeds_itself() -> None:
    process = start_soft(1)
    process.send_signal(signal.SIGTERM)
    shown, said = process.communicate(timeout=60)
    assert (process.returncode, shown, said) == (0, "ended by itself\n", "")


def test_a_second_one_interrupts_work_that_does_not() -> None:
    process = start_soft(2)
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
    assert process.communicate() == ("interrupted after 1 wish\n", "interrupted\n")
    assert process.returncode == 130


def test_later_work_is_interrupted_as_ever() -> None:
    process = start_soft(0, more_work=True)
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == ["ended by itself\n", "begun\n"]
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[1] == "interrupted\n"
    assert process.returncode == 130


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with interruptions() as handled:
        assert signal.getsignal(signal.SIGTERM) == handled.handle
    assert signal.getsignal(signal.SIGTERM) == before
    assert Interruptions().exit_code == 130
