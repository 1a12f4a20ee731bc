"""A training without room on the disk or in /dev/shm is refused before it begins."""

from __future__ import annotations

import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from yolokit.engine import room
from yolokit.engine.room import count_written_bytes, require_room
from yolokit.errors import TrainError

if TYPE_CHECKING:
    from pathlib import Path

LOADER = SimpleNamespace(num_workers=0, batch_size=16, prefetch_factor=None)


def make_trainer(run_dir: Path, **loader: Any) -> Any:
    model = torch.nn.Linear(1000, 10_000)  # 40 MB
    return SimpleNamespace(
        run_dir=run_dir, model=model, optimizer=torch.optim.AdamW(model.parameters()),
        args=SimpleNamespace(imgsz=640),
        train_loader=SimpleNamespace(**(vars(LOADER) | loader)), test_loader=LOADER,
    )  # fmt: skip


def leave(monkeypatch: pytest.MonkeyPatch, free_bytes: int) -> None:
    usage = SimpleNamespace(free=free_bytes)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)


def test_a_disk_that_is_too_small_is_told_with_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(monkeypatch, 500_000_000)
    with pytest.raises(TrainError, match=r"writes about 640\.\d MB.* has 500\.0 MB left"):
        require_room(make_trainer(tmp_path))
    leave(monkeypatch, 700_000_000)
    require_room(make_trainer(tmp_path))


def test_what_a_resumed_run_has_on_its_disk_already_is_not_needed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(monkeypatch, 500_000_000)
    with (tmp_path / "state.pt").open("wb") as file:
        file.truncate(160_000_000)
    require_room(make_trainer(tmp_path))


@pytest.mark.parametrize(("free_bytes", "fits"), [(64_000_000, 0), (200_000_000, 2)])
def test_a_small_shm_is_told_with_the_workers_that_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_bytes: int, fits: int
) -> None:
    monkeypatch.setattr(room, "_SHM", tmp_path)
    monkeypatch.setattr(room, "_require_disk", lambda _trainer: None)
    leave(monkeypatch, free_bytes)
    with pytest.raises(TrainError, match=r"8 processes that load images .* 629\.1 MB") as caught:
        require_room(make_trainer(tmp_path, num_workers=8, prefetch_factor=4))
    assert f"`--set workers={fits}`" in str(caught.value.hint)
    require_room(make_trainer(tmp_path, num_workers=0))


def test_momentum_alone_takes_less_than_two_moments() -> None:
    assert count_written_bytes(100, "SGD") < count_written_bytes(100, "AdamW")
