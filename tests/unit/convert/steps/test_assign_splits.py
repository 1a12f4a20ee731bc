"""Splits: recognised by name, or made alike for every class on every machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from yolokit.convert.steps.assign_splits import SplitPlan, stratify
from yolokit.formats.toolkit.layout import split_from_name
from yolokit.labels.splits import SPLITS, name_folds, order_splits


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("instances_train2017", "train"),
        ("valid", "val"),
        ("Validation", "val"),
        ("my-test-set", "test"),
        ("TRAIN", "train"),
        ("_annotations.coco", None),
        ("trainval", None),
        ("train_and_val", None),
        ("latest", None),
        ("constraints", None),
        ("", None),
    ],
)
def test_a_split_is_recognised_by_a_whole_word(name: str, split: str | None) -> None:
    assert split_from_name(name) == split


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("0.8,0.1,0.1", (0.8, 0.1, 0.1)),
        ("0.8,0.2", (0.8, 0.2, 0.0)),
        ("1", (1.0, 0.0, 0.0)),
        ("0,0,1", (0.0, 0.0, 1.0)),
    ],
)
def test_shares_are_read(text: str, shares: tuple[float, float, float]) -> None:
    assert SplitPlan.parse(text) == SplitPlan("shares", shares)


@pytest.mark.parametrize(
    "text", ["", "x", "0.8", "0.8,0.1", "0.5,0.5,0.5", "-1,2", "1,0,0,0", "nan", "0.8;0.2"]
)
def test_shares_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        SplitPlan.parse(text)


def shares_of(*shares: float) -> dict[str, float]:
    return dict(zip(SPLITS, shares, strict=True))


def stratify_images(
    images: Mapping[str, Sequence[int]], shares: tuple[float, ...], seed: int
) -> dict[str, str]:
    return stratify({name: [found] for name, found in images.items()}, shares_of(*shares), seed)


def deal(count: int, seed: int = 0) -> dict[str, tuple[int, ...]]:
    rng = np.random.default_rng(seed)
    return {
        f"{at:05d}.jpg": tuple(np.flatnonzero(rng.random(6) < [0.5, 0.3, 0.1, 0.05, 0.02, 0.3]))
        for at in range(count)
    }


def test_every_class_and_the_background_is_shared_out_alike() -> None:
    images = deal(1000)
    splits = stratify_images(images, (0.8, 0.1, 0.1), seed=0)
    assert Counter(splits.values()) == {"train": 800, "val": 100, "test": 100}
    for label in range(6):
        owners = [splits[name] for name, classes in images.items() if label in classes]
        for split, share in (("train", 0.8), ("val", 0.1), ("test", 0.1)):
            assert abs(owners.count(split) - share * len(owners)) <= max(2.0, 0.03 * len(owners))
    background = [splits[name] for name, classes in images.items() if not classes]
    assert abs(background.count("train") - 0.8 * len(background)) <= 0.05 * len(background)


def test_a_class_in_three_images_is_in_every_split() -> None:
    images = {f"{at}.jpg": (0,) for at in range(27)} | {f"r{at}.jpg": (0, 1) for at in range(3)}
    splits = stratify_images(images, (0.4, 0.3, 0.3), seed=0)
    assert {splits[f"r{at}.jpg"] for at in range(3)} == {"train", "val", "test"}


def test_the_split_is_this_one_on_every_machine() -> None:
    splits = stratify_images(
        {f"{at}.jpg": (at % 2,) for at in range(12)}, (0.5, 0.25, 0.25), seed=7
    )
    chosen = {
        split: [n for n in splits if splits[n] == split] for split in ("train", "val", "test")
    }
    assert {split: sorted(names) for split, names in chosen.items()} == {
        "train": ["1.jpg", "10.jpg", "2.jpg", "3.jpg", "5.jpg", "8.jpg"],
        "val": ["0.jpg", "6.jpg", "7.jpg"],
        "test": ["11.jpg", "4.jpg", "9.jpg"],
    }


def test_the_order_of_images_does_not_matter_and_the_seed_does() -> None:
    images = deal(200)
    backwards = dict(reversed(images.items()))
    first = stratify_images(images, (0.8, 0.1, 0.1), seed=1)
    assert stratify_images(backwards, (0.8, 0.1, 0.1), seed=1) == first
    assert stratify_images(images, (0.8, 0.1, 0.1), seed=2) != first


@pytest.mark.parametrize("count", range(12))
def test_no_split_is_left_empty_where_there_are_enough_images(count: int) -> None:
    splits = stratify_images({f"{at}.jpg": (0,) for at in range(count)}, (0.8, 0.1, 0.1), seed=0)
    assert len(splits) == count
    found = set(splits.values())
    assert len(found) == min(count, 3)
    if count:
        assert "train" in found


def test_a_share_of_zero_gets_nothing() -> None:
    splits = stratify_images(deal(50), (0.8, 0.2, 0.0), seed=0)
    assert Counter(splits.values()) == {"train": 40, "val": 10}


def test_groups_stay_whole_and_fill_the_splits() -> None:
    rng = np.random.default_rng(5)
    groups = {
        f"g{at}": [tuple(rng.integers(0, 4, 2)) for _ in range(rng.integers(1, 30))]
        for at in range(60)
    }
    splits = stratify(groups, shares_of(0.7, 0.2, 0.1), seed=3)
    assert splits.keys() == groups.keys()
    sizes = Counter[str]()
    for name, images in groups.items():
        sizes[splits[name]] += len(images)
    total = sum(sizes.values())
    for split, share in (("train", 0.7), ("val", 0.2), ("test", 0.1)):
        assert abs(sizes[split] / total - share) < 0.05


def test_one_group_alone_is_not_torn_apart() -> None:
    assert set(stratify({"a": [(0,)] * 10}, shares_of(0.8, 0.1, 0.1), seed=0).values()) == {"train"}


def test_folds_are_equal_and_ordered_by_number() -> None:
    folds = name_folds(11)
    splits = stratify({str(at): [(at % 3,)] for at in range(110)}, folds, seed=0)
    assert set(Counter(splits.values()).values()) == {10}
    assert order_splits(folds)[8:] == ["fold-9", "fold-10", "fold-11"]
    assert order_splits({"test", "val", "train"}) == ["train", "val", "test"]
