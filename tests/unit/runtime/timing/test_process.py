"""A model in a process of its own: what it gives, and that nothing of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.processes import list_descendants, wait_for_end
from tests.unit.runtime.conftest import TWO_BOXES
from yolokit.errors import ConfigError, DataError, InferenceError, ProviderError
from yolokit.runtime.timing.orders import TimingSpec
from yolokit.runtime.timing.process import TimedModel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def spec_of(model: Path, **options: object) -> TimingSpec:
    return TimingSpec(model=str(model), threads=1, **options)  # type: ignore[arg-type]


def test_a_model_is_timed_in_a_process_that_ends(bright_model: Path) -> None:
    with TimedModel(spec_of(bright_model)) as model:
        measured = model.measure(runs=5, seconds=60, warm_up=1)
        assert model.pid != os.getpid()
        assert list_descendants(os.getpid()) == [model.pid]
    assert len(measured.samples_ms) == 5
    assert all(sample > 0 for sample in measured.samples_ms)
    assert model.opened.provider == "cpu"
    assert model.start_s > model.opened.open_s > 0
    assert not list_descendants(os.getpid())


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell")
def test_the_memory_is_that_of_the_child(bright_model: Path) -> None:
    ballast = np.ones(64 << 20)  # 512 MiB, which getrusage would count for the child as well
    with TimedModel(spec_of(bright_model)) as model:
        peak_bytes = model.measure(runs=1, seconds=1, warm_up=0).peak_rss_bytes
    assert peak_bytes is not None
    assert 20 << 20 < peak_bytes < ballast.nbytes


def test_a_turn_ends_in_time_with_one_run_at_least(bright_model: Path) -> None:
    with TimedModel(spec_of(bright_model)) as model:
        assert len(model.measure(runs=1000, seconds=0, warm_up=0).samples_ms) == 1


def test_outputs_are_those_of_each_picture(
    make_model: Callable[..., Path], save_image: Callable[..., Path]
) -> None:
    model = make_model(bright_scores=True, input_shape=("batch", 3, 64, 64))
    images = tuple(str(save_image(f"{level}.png", level)) for level in (255, 0, 51))
    with TimedModel(spec_of(model, batch=2, images=images)) as timed:
        found = timed.compute()
    assert sorted(picture for picture, _ in found) == [0, 0, 1, 1, 2, 2]
    for picture, outputs in found:
        brightness = (1, 0, 0.2)[picture]
        np.testing.assert_allclose(outputs["output0"][4:], TWO_BOXES[0, 4:] * brightness, atol=1e-6)


def test_a_model_of_any_size_is_run_at_the_size_asked_for(make_model: Callable[..., Path]) -> None:
    any_size = make_model(input_shape=(1, 3, "height", "width"))
    with TimedModel(spec_of(any_size, input_wh=(96, 32))) as model:
        assert model.measure(runs=1, seconds=1, warm_up=0).samples_ms
    with pytest.raises(ConfigError, match="takes inputs of 64x64 px alone"):
        TimedModel(spec_of(make_model(), input_wh=(96, 32)))


def test_what_cannot_be_opened_is_told_as_the_detector_tells_it(
    bright_model: Path, tmp_path: Path
) -> None:
    with pytest.raises(ProviderError, match="the provider 'qnn' is not installed"):
        TimedModel(TimingSpec(model=str(bright_model), provider="qnn"))
    with pytest.raises(InferenceError, match="there is no model"):
        TimedModel(spec_of(tmp_path / "none.onnx"))
    with pytest.raises(InferenceError, match="takes 1 at a time, not 4"):
        TimedModel(spec_of(bright_model, batch=4))
    with pytest.raises(DataError, match=r"none\.png"):
        TimedModel(spec_of(bright_model, images=(str(tmp_path / "none.png"),)))
    assert not list_descendants(os.getpid())


def test_a_process_that_is_killed_is_an_error_that_says_so(bright_model: Path) -> None:
    with TimedModel(spec_of(bright_model)) as model:
        os.kill(model.pid, signal.SIGKILL)
        with pytest.raises(
            InferenceError, match=r"on cpu in fp32 was ended by the system \(signal 9"
        ):
            model.measure(runs=1, seconds=1, warm_up=0)
        with pytest.raises(InferenceError, match="was ended by the system"):
            model.measure(runs=1, seconds=1, warm_up=0)


def test_a_process_that_hangs_is_killed(bright_model: Path) -> None:
    with TimedModel(spec_of(bright_model), answer_limit_s=0.5) as model:
        os.kill(model.pid, signal.SIGSTOP)
        with pytest.raises(InferenceError, match="did not answer within"):
            model.measure(runs=1, seconds=0, warm_up=0)
        assert not wait_for_end([model.pid], 5)


def test_a_process_ends_with_the_one_that_started_it(bright_model: Path) -> None:
    code = (
        "import sys\n"
        "from yolokit.runtime.timing.orders import TimingSpec\n"
        "from yolokit.runtime.timing.process import TimedModel\n"
        "model = TimedModel(TimingSpec(model=sys.argv[1], threads=1))\n"
        "print(model.pid, flush=True)\n"
        "model.measure(runs=10**9, seconds=600, warm_up=0)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(bright_model)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert not wait_for_end([pid], 10)


def test_what_a_library_prints_is_no_answer(bright_model: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('hello from a library')\n")
    with TimedModel(spec_of(bright_model), variables={"PYTHONPATH": str(tmp_path)}) as model:
        assert model.opened.provider == "cpu"
