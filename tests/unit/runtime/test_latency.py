"""Models timed in turn, and what is made of their times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import pytest

from yolokit.errors import InferenceError
from yolokit.runtime import latency
from yolokit.runtime.latency import Timing, TimingSpec, find_quantile, list_speedups, time_in_turn
from yolokit.runtime.timing.orders import Measured, Opened

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def timing(*rounds_ms: tuple[float, ...], batch: int = 1) -> Timing:
    return Timing(
        spec=TimingSpec(model="m.onnx", batch=batch),
        provider="cpu",
        threads=1,
        rounds_ms=rounds_ms,
        start_s=0.5,
        open_s=0.1,
        first_ms=9.0,
        peak_rss_bytes=None,
    )


class FakeModel:
    """A model that keeps whose turn it was."""

    turns: list[str] = []  # noqa: RUF012 - of all of them together

    def __init__(self, spec: TimingSpec) -> None:
        self.spec = spec
        self.start_s = 0.5
        self.opened = Opened(provider="cpu", threads=2, open_s=0.1, first_ms=3.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.turns.append(f"{self.spec.model} ends")

    def measure(self, **_limits: Any) -> Measured:
        self.turns.append(self.spec.model)
        return Measured((float(len(self.turns)),), 7)


def test_models_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "TimedModel", FakeModel)
    monkeypatch.setattr(FakeModel, "turns", [])
    told: list[tuple[int, int]] = []
    specs = [TimingSpec(model=name) for name in "ab"]
    a, b = time_in_turn(specs, rounds=3, on_turn=lambda *turn: told.append(turn))
    assert FakeModel.turns == ["a", "b", "a", "b", "a", "b", "b ends", "a ends"]
    assert a.rounds_ms == ((1.0,), (3.0,), (5.0,))
    assert b.samples_ms == (2.0, 4.0, 6.0)
    assert (a.p50_ms, b.threads, b.peak_rss_bytes) == (3.0, 2, 7)
    assert told == [(turn, 6) for turn in range(1, 7)]


def test_real_models_are_timed(bright_model: Path, make_model: Callable[..., Path]) -> None:
    specs = [TimingSpec(model=str(path), threads=1) for path in (bright_model, make_model())]
    timings = time_in_turn(specs, rounds=2, runs=4)
    assert [one.spec for one in timings] == specs
    assert [[len(samples) for samples in one.rounds_ms] for one in timings] == [[4, 4], [4, 4]]


def test_one_that_cannot_be_opened_ends_it(bright_model: Path, tmp_path: Path) -> None:
    specs = [TimingSpec(model=str(path)) for path in (bright_model, tmp_path / "none.onnx")]
    with pytest.raises(InferenceError, match="there is no model"):
        time_in_turn(specs)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1.0), (0.5, 2.5), (0.95, 3.85), (1.0, 4.0)])
def test_quantiles_lie_between_neighbours(share: float, expected: float) -> None:
    assert find_quantile([4.0, 1.0, 3.0, 2.0], share) == pytest.approx(expected)


def test_a_speedup_counts_images_and_compares_within_a_round() -> None:
    slow, fast = timing((10.0, 12.0, 11.0), (22.0,)), timing((11.0,), (11.0,), batch=2)
    assert list_speedups(fast, slow) == pytest.approx([2.0, 4.0])
    assert fast.images_per_s == pytest.approx(2000 / 11)
