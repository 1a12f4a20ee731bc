"""Locks are those of the system, or there are none."""

from __future__ import annotations

import errno
import os
import sys
import threading
from pathlib import Path

import pytest

from yolokit.errors import FetchError
from yolokit.files.atomic import publish_folder
from yolokit.files.locks import clear_lock, drop_lock, hold_alone, take_lock


def test_a_lock_is_taken_once_and_leaves_nothing(tmp_path: Path) -> None:
    lock = take_lock(tmp_path / "lock")
    assert lock is not None
    assert take_lock(tmp_path / "lock") is None
    drop_lock(lock)
    assert os.listdir(tmp_path) == []


def test_a_file_of_the_store_is_held_by_one_at_a_time_and_its_lock_goes(tmp_path: Path) -> None:
    held, waited = threading.Event(), threading.Event()
    order: list[str] = []

    def second() -> None:
        held.wait(60)
        with hold_alone(tmp_path / "store" / "x.pt", on_wait=waited.set):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with hold_alone(tmp_path / "store" / "x.pt"):
        held.set()
        assert waited.wait(60)
        order.append("first")
    thread.join(60)
    assert order == ["first", "second"]
    assert os.listdir(tmp_path / "store") == []


def test_a_lock_that_a_killed_process_left_is_removed_and_one_that_is_held_is_not(
    tmp_path: Path,
) -> None:
    path, lock = tmp_path / "x.pt", tmp_path / ".x.pt.lock"
    clear_lock(path)
    lock.touch()
    clear_lock(path)
    assert not lock.exists()
    with hold_alone(path):
        clear_lock(path)
        assert lock.exists()


def test_a_store_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    with (
        pytest.raises(FetchError, match="cannot write to the store"),
        hold_alone(tmp_path / "store" / "x.pt"),
    ):
        pytest.fail("it was held")


@pytest.mark.skipif(sys.platform == "win32", reason="flock")
@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOTSUP])
def test_a_file_system_without_locks_gets_no_substitute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A file that stands for a lock would stay when its process is killed."""
    import fcntl

    def refuse(_descriptor: int, _operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match=os.strerror(number)):
        take_lock(tmp_path / "lock")
    with publish_folder(tmp_path / "out"):
        assert not [name for name in os.listdir(tmp_path) if "yolokit-lock" in name]
    assert (tmp_path / "out").is_dir()
