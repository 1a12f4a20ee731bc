"""Images with rare classes come more often, in an order that seed and epoch alone decide."""

from __future__ import annotations

from itertools import chain, islice
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from yolokit.engine.repeat_factor import (
    EndlessBatches,
    RepeatFactorSampler,
    count_images,
    count_shown,
    draw_epoch,
    find_repeats,
    show_rare_classes_more,
)

# Class 0 is on all of 16 images, class 1 on the last one: a sixteenth.
LABELS: list[Any] = [{"cls": np.zeros((2, 1))} for _ in range(15)]
LABELS.append({"cls": np.array([[0.0], [1.0], [1.0]])})


def test_factors_are_those_of_the_paper() -> None:
    assert find_repeats(LABELS, 0.25).tolist() == [1.0] * 15 + [2.0], "sqrt(0.25 * 16)"
    assert find_repeats(LABELS, 0.01).tolist() == [1.0] * 16
    assert find_repeats([*LABELS, {"cls": np.zeros((0, 1))}], 1.0)[-1] == 1, "without any object"
    assert find_repeats([{"cls": np.zeros((0, 1))}], 1.0).tolist() == [1.0]


def test_an_epoch_shows_each_image_and_the_rare_ones_more_often() -> None:
    repeats = np.array([1.0, 1.0, 2.4, 1.3, 3.0])
    counts = np.zeros(5)
    for epoch in range(400):
        shown = draw_epoch(repeats, 0, epoch)
        assert len(shown) == count_shown(repeats) == 9
        each = np.bincount(shown, minlength=5)
        assert (each >= np.floor(repeats)).all()
        counts += each
    scale = 1 + 0.3 / 0.7  # one more image an epoch, where the fractions ask for 0.7
    expected = [1, 1, 2 + 0.4 * scale, 1 + 0.3 * scale, 3]
    np.testing.assert_allclose(counts / 400, expected, atol=0.08)


def test_seed_and_epoch_alone_decide() -> None:
    repeats = np.full(20, 1.5)
    first = draw_epoch(repeats, 3, 7).tolist()
    assert draw_epoch(repeats, 3, 7).tolist() == first
    assert draw_epoch(repeats, 3, 8).tolist() != first != draw_epoch(repeats, 4, 7).tolist()


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_processes_share_an_epoch(world_size: int) -> None:
    repeats = np.array([1.0, 2.0, 1.0, 3.0])
    parts = [RepeatFactorSampler(repeats, 0, rank=r, world_size=world_size)
             for r in range(world_size)]  # fmt: skip
    drawn = [part.draw(5) for part in parts]
    assert {len(part) for part in drawn} == {len(parts[0])}
    whole = draw_epoch(repeats, 0, 5).tolist()
    dealt = [drawn[at % world_size][at // world_size] for at in range(len(whole))]
    assert dealt == whole


def test_batches_of_later_epochs_are_right_however_early_they_are_fetched() -> None:
    """Upstream's processes fetch the next epoch's first, and ``set_epoch`` comes after that."""
    sampler = RepeatFactorSampler(np.array([1.0, 2.0, 1.0]), 0)
    sampler.set_epoch(4)
    batches = EndlessBatches(sampler, 3)
    assert len(batches.sampler) == 2
    endless = iter(batches)
    fourth = list(islice(endless, 3))  # one too early
    sampler.set_epoch(5)
    fifth = [fourth.pop(), *islice(endless, 1)]
    assert [*chain(*fourth)] == sampler.draw(4)
    assert [*chain(*fifth)] == sampler.draw(5) == list(sampler)


def test_upstreams_loader_takes_it() -> None:
    from yolokit.engine import ultralytics_patches  # noqa: F401 - before upstream

    from ultralytics.data.build import build_dataloader  # isort: skip

    class Images:
        labels = LABELS

        def __len__(self) -> int:
            return len(LABELS)

        def __getitem__(self, index: int) -> int:
            return index

    loader = build_dataloader(Images(), 4, 0, device="cpu")
    assert count_images(loader) == 16
    show_rare_classes_more(loader, 0.25, seed=0)
    assert (count_images(loader), len(loader), len(loader.sampler)) == (17, 5, 17)
    for epoch in (0, 1):
        shown = [int(index) for batch in loader for index in batch]
        assert shown == draw_epoch(find_repeats(LABELS, 0.25), 0, epoch).tolist()
    assert count_images(SimpleNamespace(dataset=range(3))) == 3
