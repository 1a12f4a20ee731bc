"""A killed engine and a full disk are told with what would have fitted, and where."""

from __future__ import annotations

import errno
import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from yolokit.core.events import Event, Notice
from yolokit.engine_protocol.training import MemoryNeeds
from yolokit.errors import EngineKilledError, TrainError
from yolokit.train import engine_end as module
from yolokit.train.engine_end import advise_after_kill, train_in_engine, write_end

if TYPE_CHECKING:
    from pathlib import Path


def make_record(batch: int, free_bytes: int | None) -> Any:
    if free_bytes is None:
        return SimpleNamespace(used=None)
    needs = MemoryNeeds(start_bytes=0, image_bytes=100_000_000, free_bytes=free_bytes)
    return SimpleNamespace(used=SimpleNamespace(batch=batch, memory=needs))


@pytest.mark.parametrize(
    ("free_bytes", "words"),
    [
        (1_000_000_000, "1.6 GB, and 1.0 GB were free when training began: --batch 9 fits"),
        (50_000_000, "take a smaller --imgsz"),
        (9_000_000_000, "another program may have needed it; --batch 8 leaves it more"),
    ],
)
def test_the_batch_that_fits_is_named(free_bytes: int, words: str) -> None:
    assert words in advise_after_kill(make_record(16, free_bytes))


def test_before_anything_was_measured_there_is_a_general_word() -> None:
    assert "a smaller --batch or --imgsz" in advise_after_kill(make_record(1, None))


def fail(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def run_job(*_arguments: Any, **_options: Any) -> None:
        raise error

    monkeypatch.setattr(module, "run_job", run_job)


def test_the_advice_comes_before_the_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fail(monkeypatch, EngineKilledError("killed", hint="the whole log is train.log"))
    with pytest.raises(EngineKilledError) as caught:
        train_in_engine(None, make_record(16, 10**9), tmp_path, lambda _event: None)  # type: ignore[arg-type]
    assert str(caught.value.hint).endswith("--batch 9 fits; the whole log is train.log")


def test_a_disk_that_is_full_here_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    part = tmp_path / ".run.json.yolokit-part-1.json"
    fail(monkeypatch, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(part)))
    with pytest.raises(TrainError, match=f"the disk of {tmp_path} is full"):
        train_in_engine(None, make_record(16, 10**9), tmp_path, lambda _event: None)  # type: ignore[arg-type]


def test_a_record_without_room_does_not_hide_how_the_run_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told: list[Event] = []

    def write_record(*_arguments: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "write_record", write_record)
    write_end(make_record(1, 1), tmp_path, told.append)
    assert told == [Notice("note: run.json has no room on the disk; it stays as of the last epoch")]
