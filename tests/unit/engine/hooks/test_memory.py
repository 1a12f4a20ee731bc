"""A leak is told; memory that settles, jumps once or goes up and down is not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from yolokit.core.events import Event, Notice
from yolokit.engine.hooks import memory as module
from yolokit.engine.hooks.memory import MemoryWatch, find_growth

MB = 1_000_000


@pytest.mark.parametrize(
    ("seen_mb", "growth_mb"),
    [
        ([900 + 50 * epoch for epoch in range(11)], 50),
        ([900, 1500, 1600, *(1600 + 40 * epoch for epoch in range(8))], 40),
        ([900 + 50 * epoch for epoch in range(10)], None),  # too early to tell
        ([900 + 5 * epoch for epoch in range(11)], None),  # as allocators do
        ([8000 + 80 * epoch for epoch in range(11)], None),  # little beside what there is
        ([900, 1500, 1600, 1650, *[1655] * 20], None),  # settled
        ([900, 900, 900, 900, 900, 900, 900, 1500, 1501, 1502, 1503, 1504], None),  # one leap
        ([900 + 200 * (epoch % 3) for epoch in range(20)], None),  # up and down
    ],
)
def test_growth(seen_mb: list[int], growth_mb: int | None) -> None:
    found = find_growth([seen * MB for seen in seen_mb])
    assert found == (None if growth_mb is None else growth_mb * MB)


def test_a_leak_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Event] = []
    held = iter(range(1000 * MB, 5000 * MB, 100 * MB))
    monkeypatch.setattr(module, "send", told.append)
    monkeypatch.setattr(module, "read_memory_bytes", lambda: next(held))
    monkeypatch.setattr(module, "read_free_bytes", lambda: 2000 * MB)
    watch = MemoryWatch()
    for epoch in range(20):
        trainer: Any = SimpleNamespace(epoch=epoch, epochs=100, is_first=True)
        watch.on_epoch_end(trainer)
    (notice,) = told
    assert isinstance(notice, Notice)
    assert "memory keeps growing: 2.0 GB after epoch 11, 100.0 MB more with each" in notice.message
    assert "the 89 epochs left take 8.9 GB more, and 2.0 GB are free" in notice.message
    assert "yolokit train --resume" in notice.message
