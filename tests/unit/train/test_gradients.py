"""``gradients.csv``: what was watched, as it was told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from yolokit.engine_protocol.gradients import Gradients, LayerGradients
from yolokit.errors import TrainError
from yolokit.train.gradients import GradientTable, read_gradients

if TYPE_CHECKING:
    from pathlib import Path


def seen(epoch: int) -> Gradients:
    layers = [
        LayerGradients(layer=0, name="model.0", type="Conv", mean=1.5, max=2.0, update_ratio=1e-3),
        LayerGradients(layer=2, name="model.2", type="C3k2", mean=0.1, max=0.2, update_ratio=None),
    ]
    return Gradients(epoch=epoch, steps=4, clipped=3, not_finite=1, layers=layers)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    table = GradientTable(tmp_path, last_epoch=0)
    table.write(seen(1))
    table.write(seen(2))
    assert read_gradients(tmp_path) == [seen(1), seen(2)]


def test_a_resumed_run_keeps_whole_epochs_and_writes_none_twice(tmp_path: Path) -> None:
    table = GradientTable(tmp_path, last_epoch=0)
    for epoch in (1, 2, 3):
        table.write(seen(epoch))
    after = GradientTable(tmp_path, last_epoch=2)  # epoch 3 was told and not completed
    other = msgspec.structs.replace(seen(3), clipped=0)
    after.write(other)
    assert read_gradients(tmp_path) == [seen(1), seen(2), other]


def test_what_nobody_watched_is_not_there(tmp_path: Path) -> None:
    assert read_gradients(tmp_path) == []


def test_a_broken_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "gradients.csv").write_text("epoch,layer\n1,x\n")
    with pytest.raises(TrainError, match=r"gradients\.csv is not readable"):
        read_gradients(tmp_path)
