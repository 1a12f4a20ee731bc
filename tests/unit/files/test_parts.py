"""What killed processes leave goes, what living ones build stays, whatever their numbers are."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from yolokit.errors import OutputExistsError
from yolokit.files import parts
from yolokit.files.atomic import fresh_path, publish_file, publish_folder, scratch_folder

PROGRAM = """
import os, sys, time
from pathlib import Path
from yolokit.files.atomic import publish_folder
with publish_folder(Path(sys.argv[1])) as part:
    (part / "half").touch()
    print(os.getpid(), flush=True)
    if not sys.stdin.readline():
        time.sleep(600)  # who started it is gone, and it will be killed as well
"""


def build(out: Path, *before: str) -> subprocess.Popen[str]:
    """Start a process that builds ``out`` until it gets a line, and wait until it has begun."""
    process = subprocess.Popen(
        [*before, sys.executable, "-c", PROGRAM, str(out)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline().strip().isdigit()
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    out = tmp_path / "out"
    kill(build(out))
    assert not out.exists()
    assert len(os.listdir(tmp_path)) == 2, "a part and its lock, both hidden"
    with publish_folder(out) as part:
        (part / "whole").touch()
    assert os.listdir(tmp_path) == ["out"]
    assert os.listdir(out) == ["whole"]


def test_what_was_killed_in_a_container_goes(tmp_path: Path, own_numbers: list[str]) -> None:
    """Process 1 lives always, and in the next container it is the process that looks."""
    for name in ("run", "run-2"):
        kill(build(tmp_path / name, *own_numbers))
    assert fresh_path(tmp_path, "run").name == "run"
    assert os.listdir(tmp_path) == [], "leftovers of names further on go as well"
    kill(build(tmp_path / "out", *own_numbers))
    second = build(tmp_path / "out", *own_numbers)
    second.communicate("\n")
    assert os.listdir(tmp_path) == ["out"]


def test_what_is_built_in_another_container_stays(tmp_path: Path, own_numbers: list[str]) -> None:
    """Its number is nobody's here, or somebody else's."""
    out = tmp_path / "out"
    first, second = build(out, *own_numbers), build(out, *own_numbers)
    with scratch_folder(out):
        pass
    assert fresh_path(tmp_path, "out").name == "out-2"
    assert len(list(tmp_path.glob(".out.yolokit-part-*/half"))) == 2
    first.communicate("\n")
    assert first.returncode == 0
    second.communicate("\n")
    assert second.returncode == 1, "the first one was quicker, and is not replaced"
    assert os.listdir(out) == ["half"]
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.skipif(os.name == "nt", reason="SIGSTOP is POSIX")
def test_who_stands_still_lives(tmp_path: Path) -> None:
    process = build(tmp_path / "out")
    process.send_signal(signal.SIGSTOP)
    parts.remove_leftovers(tmp_path / "out")
    assert len(list(tmp_path.glob(".out.*/half"))) == 1
    kill(process)


def test_a_living_process_keeps_its_part(tmp_path: Path) -> None:
    with publish_file(tmp_path / "out.txt") as first:
        first.write_text("1")
        with publish_file(tmp_path / "out.txt") as second:
            second.write_text("2")
        assert first.exists()
        (tmp_path / "out.txt").unlink()
    assert (tmp_path / "out.txt").read_text() == "1"


def test_names_that_begin_alike_are_not_mixed_up(tmp_path: Path) -> None:
    for name in ("out", "out.v2", "[out]"):
        kill(build(tmp_path / name))
    with publish_folder(tmp_path / "out"):
        pass
    assert len(os.listdir(tmp_path)) == 1 + 4
    parts.remove_leftovers(tmp_path / "out.v2")
    parts.remove_leftovers(tmp_path / "[out]")
    assert os.listdir(tmp_path) == ["out"]


def test_without_a_lock_it_is_a_leftover_once_nothing_changed_for_a_day(tmp_path: Path) -> None:
    """A former version wrote none; neither does one on a file system without locks."""
    part = tmp_path / ".out.yolokit-part-1-0123abcd"
    (part / "images").mkdir(parents=True)
    (part / "images" / "a.jpg").touch()
    for path in (part, part / "images"):
        os.utime(path, (0, 0))
    parts.remove_leftovers(tmp_path / "out")
    assert part.exists(), "a picture is new"
    assert fresh_path(tmp_path, "out").name == "out-2"
    os.utime(part / "images" / "a.jpg", (0, 0))
    assert fresh_path(tmp_path, "out").name == "out"
    assert os.listdir(tmp_path) == []


def test_a_file_system_without_locks_is_good_enough_to_publish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        path.touch()
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(parts, "take_lock", refuse)
    with publish_folder(tmp_path / "out") as part:
        parts.remove_leftovers(tmp_path / "out")
        (part / "x").touch()
    assert os.listdir(tmp_path) == ["out"]


def test_a_lock_that_can_never_be_had_is_not_tried_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "take_lock", lambda _place: None)
    with publish_file(tmp_path / "out.txt") as part:
        part.write_text("all")
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]


def test_a_full_disk_is_told_of_the_file_that_was_written(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left") as caught, publish_file(tmp_path / "a.html"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.filename == str(tmp_path / "a.html")


def test_a_file_is_named_as_it_will_be(tmp_path: Path) -> None:
    with publish_folder(tmp_path / "set") as part:
        place = part / "images" / "a.jpg"
        assert parts.final_path(place) == tmp_path / "set" / "images" / "a.jpg"
    with parts.hidden_part(tmp_path / "page.html") as part:
        assert parts.final_path(part) == tmp_path / "page.html"


def test_what_was_there_comes_back_after_a_kill_between_the_two_renames(tmp_path: Path) -> None:
    code = f"""
import os, pathlib
from yolokit.files import parts
out = pathlib.Path({str(tmp_path / "out")!r})
out.mkdir()
(out / "precious").touch()
rename = pathlib.Path.rename
def rename_and_die(self, target):
    rename(self, target)
    os._exit(9)
pathlib.Path.rename = rename_and_die
with parts.hidden_part(out) as part:
    part.mkdir()
    parts.swap_in(part, out)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    assert not (tmp_path / "out").exists()
    with pytest.raises(OutputExistsError), publish_folder(tmp_path / "out"):
        pass
    assert os.listdir(tmp_path / "out") == ["precious"]
    assert os.listdir(tmp_path) == ["out"]


def test_what_was_there_comes_back_after_an_interrupt_between_the_two_renames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "precious").touch()
    rename = Path.rename

    def rename_and_stop(path: Path, target: Path) -> None:
        rename(path, target)
        monkeypatch.undo()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), parts.hidden_part(out) as part:
        part.mkdir()
        monkeypatch.setattr(Path, "rename", rename_and_stop)
        parts.swap_in(part, out)
    assert os.listdir(tmp_path) == ["out"]
    assert os.listdir(out) == ["precious"]
