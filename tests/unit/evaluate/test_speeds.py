"""Which of two models is called faster, and when nobody can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from yolokit.evaluate import speeds
from yolokit.evaluate.speeds import MORE_ROUNDS, ROUNDS, compare_speed, judge_speedups
from yolokit.runtime.latency import Timing
from yolokit.runtime.timing.orders import TimingSpec

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.mark.parametrize(
    ("speedups", "verdict"),
    [
        ([1.9, 2.0, 2.1, 1.8, 2.0], "faster"),
        ([0.5, 0.6, 0.55, 0.5, 0.52], "slower"),
        ([1.01, 0.99, 1.0, 1.02, 1.0], "as fast"),
        ([0.97, 0.96, 0.98, 0.97, 0.99], "as fast"),
        ([1.3, 0.9, 1.2, 1.1, 1.4], "undecided"),
        ([1.04, 1.02, 1.3, 1.01, 1.04], "undecided"),
        ([0.7, 1.2, 0.8, 0.9, 0.7], "undecided"),
    ],
)
def test_every_round_has_to_say_so(speedups: list[float], verdict: str) -> None:
    assert judge_speedups(speedups) == verdict


def make_timing(spec: TimingSpec, rounds_ms: Sequence[float]) -> Timing:
    return Timing(
        spec=spec,
        provider="cpu",
        threads=1,
        rounds_ms=tuple((one, one, one) for one in rounds_ms),
        start_s=0.2,
        open_s=0.1,
        first_ms=9,
        peak_rss_bytes=None,
    )


def test_a_measurement_that_decides_nothing_is_repeated_for_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    def time(specs: Sequence[TimingSpec], *, rounds: int, **_: Any) -> list[Timing]:
        asked.append(rounds)
        second = [8 if at % 2 else 12 for at in range(rounds)]
        if rounds == MORE_ROUNDS:
            second = [5] * rounds
        return [make_timing(specs[0], [10] * rounds), make_timing(specs[1], second)]

    monkeypatch.setattr(speeds, "time_in_turn", time)
    found = compare_speed(TimingSpec(model="a.onnx"), TimingSpec(model="b.onnx"))
    assert asked == [ROUNDS, MORE_ROUNDS]
    assert (found.verdict, found.speedup) == ("faster", 2)
    assert found.describe() == (
        "speed 2.00x (2.00x to 2.00x in 10 rounds), 5.00 ms an image, and 10.00 ms"
    )
