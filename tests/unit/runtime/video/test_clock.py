"""Time stamps that lack, go back or leap become times that ascend."""

from __future__ import annotations

import pytest

from yolokit.runtime.video.clock import Clock


def tell(*stamps: int | None, frame: int = 10, leap: int = 1000) -> list[int]:
    clock = Clock(frame, leap)
    return [clock.tell(pts) for pts in stamps]


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ((0, 10, 20), [0, 10, 20]),
        ((7, 11, 400, 1390), [7, 11, 400, 1390]),  # uneven, with a pause
        ((-20, -10, 0), [-20, -10, 0]),
        ((None, None, None), [0, 10, 20]),
        ((5, None, None, 40), [5, 15, 25, 40]),
        ((100, 110, 120, 100, 110), [100, 110, 120, 120, 120]),  # jitter
        ((100, 110, 120, 0, 10, 20), [100, 110, 120, 130, 140, 150]),  # joined
        ((100, 110, 9000, 9010), [100, 110, 120, 130]),  # the clock was set
        ((100, 110, 9000, 9010, 0, 10), [100, 110, 120, 130, 140, 150]),
        ((8580, 8590, 0, 10), [8580, 8590, 8600, 8610]),  # wrapped
    ],
)
def test_times(stamps: tuple[int | None, ...], expected: list[int]) -> None:
    assert tell(*stamps) == expected
