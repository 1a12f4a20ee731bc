"""How often Python looks for cyclic garbage is as it was when bulk work is over."""

from __future__ import annotations

import gc

import pytest

from yolokit.core.gc import collector_paused, collector_seldom


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_paused_and_goes_on_only_if_it_ran(*, enabled: bool) -> None:
    was_enabled = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with pytest.raises(ValueError, match="broken"), collector_paused():
            assert not gc.isenabled()
            raise ValueError("broken")
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if was_enabled else gc.disable)()


def test_the_collector_runs_seldom_and_as_before_afterwards() -> None:
    before = gc.get_threshold()
    try:
        gc.set_threshold(700, 10, 10)
        with pytest.raises(ValueError, match="broken"), collector_seldom():
            assert gc.get_threshold() == (70_000, 10, 10)
            raise ValueError("broken")
        assert gc.get_threshold() == (700, 10, 10)
        gc.set_threshold(0, 10, 10)
        with collector_seldom():
            assert gc.get_threshold() == (0, 10, 10)
    finally:
        gc.set_threshold(*before)
