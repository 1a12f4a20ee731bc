"""What a bench says of the machine before it begins."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.runtime.conftest import save_model
from yolokit.core.events import Notice, Phase
from yolokit.errors import DataError, InferenceError, JobCancelledError
from yolokit.jobs.bench import job
from yolokit.jobs.bench.config import BenchConfig
from yolokit.jobs.bench.record import Combination
from yolokit.runtime.run_ahead import Stop

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.core.events import Event


@pytest.mark.parametrize(("load", "share"), [(0.0, 0.0), (1.0, 0.25), (9.0, 1.0)])
def test_the_load_is_a_share_of_all_cores(
    load: float, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert job._read_load() == pytest.approx(share)


def test_a_system_that_does_not_tell_is_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "getloadavg", raising=False)
    assert job._read_load() == 0.0


def test_a_wrong_data_set_is_told_before_anything_is_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = save_model(tmp_path / "m.onnx")
    monkeypatch.setattr(job, "Search", lambda *_: pytest.fail("it is timed"))
    config = BenchConfig.build({"model": model, "data": tmp_path / "none.yaml"})
    with pytest.raises(DataError, match=r"none\.yaml"):
        job.bench_model(config)


def test_the_measurement_on_data_is_announced_as_beyond_the_budget() -> None:
    config = BenchConfig.build({"model": "m.onnx", "data": "data.yaml", "budget": 30})
    told = job._announce(config, 73)
    assert "up to 30 s (--budget), and then measuring mAP on 73 images its own time" in told


def test_a_stop_ends_the_measurement_on_data() -> None:
    told: list[Event] = []
    stop = Stop()
    tell = job._until_stopped(told.append, stop)
    tell(Phase("measuring"))
    stop.request()
    with pytest.raises(JobCancelledError):
        tell(Phase("measuring"))
    assert told == [Phase("measuring")]


def test_stages_that_cannot_be_timed_are_told_and_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_files: Any, **_options: Any) -> Any:
        raise InferenceError("stopped before the first image was done")

    told: list[Event] = []
    monkeypatch.setattr(job, "time_stages", fail)
    config = BenchConfig.build({"model": "m.onnx", "source": ["photos"]})
    chosen = [Combination("cpu", "fp32", 1)]
    assert job._try_stages(config, chosen, tmp_path, told.append, Stop()) == ()
    [notice] = told
    assert isinstance(notice, Notice)
    assert "were not timed: stopped before the first image" in notice.message
