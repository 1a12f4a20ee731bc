"""What a bench says of the machine before it begins."""

from __future__ import annotations

import os

import pytest

from yolokit.jobs.bench import job


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
