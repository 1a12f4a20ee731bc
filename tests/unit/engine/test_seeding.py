"""What is random for an image follows from the seed, the epoch and the image alone."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from yolokit.engine import ultralytics_patches  # noqa: F401 - first, as in the engine
from yolokit.engine.seeding import SeededDataset, list_recent, load_recent, seed_images

from ultralytics.data.dataset import YOLODataset  # isort: skip


class Drawing(YOLODataset):  # type: ignore[misc]
    def __init__(self) -> None:
        pass

    def __len__(self) -> int:
        return 4


def draw(_dataset: Any, index: int) -> tuple[int, float, float, float]:
    drawn = float(np.random.rand()), float(torch.rand(1))  # noqa: NPY002 - as upstream draws
    return index, random.random(), *drawn


@pytest.fixture
def dataset(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(YOLODataset, "__getitem__", draw, raising=False)
    monkeypatch.setattr(SeededDataset, "__len__", lambda _self: 4, raising=False)
    made = Drawing()
    seed_images(made, 7)
    return made


def test_an_image_is_augmented_alike_whatever_was_loaded_before(dataset: Any) -> None:
    first = dataset[2]
    random.random()
    assert dataset[3] != first
    assert dataset[2] == first


def test_each_image_each_epoch_and_each_seed_draws_anew(dataset: Any) -> None:
    drawn = [dataset[key] for key in range(12)]
    assert [one[0] for one in drawn] == [0, 1, 2, 3] * 3
    assert len({one[1:] for one in drawn}) == 12
    seed_images(dataset, 8)
    assert dataset[0][1:] != drawn[0][1:]


def test_the_partners_of_mosaics_are_found_again() -> None:
    loaded: list[int] = []
    dataset = SimpleNamespace(buffer=[3, 1, 2], cache=None, load_image=loaded.append)
    load_recent(dataset, list_recent(dataset))
    assert loaded == [3, 1, 2]
    assert list_recent(SimpleNamespace(buffer=torch.zeros(4))) == [], "all images are in memory"
