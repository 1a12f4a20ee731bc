"""Few images that show much are chosen, and the same ones again."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from yolokit.jobs.show.choose import Candidate, rank


def make(count: int, split: str = "", classes: tuple[int, ...] = (0,)) -> list[Candidate]:
    return [Candidate(f"{split}-{classes}-{index}.jpg", split, classes) for index in range(count)]


def test_the_same_seed_chooses_the_same_images_in_any_order() -> None:
    candidates = make(50)
    first = list(islice(rank(candidates, 0), 10))
    assert first == list(islice(rank(candidates[::-1], 0), 10))
    assert first != list(islice(rank(candidates, 1), 10))
    assert list(islice(rank(candidates, 0), 5)) == first[:5], "more hold those of fewer"


def test_each_image_comes_once_and_all_come() -> None:
    candidates = make(7, "train", (0, 1)) + make(3, "val") + make(2, "val", ())
    keys = list(rank(candidates, 0))
    assert sorted(keys) == sorted(one.key for one in candidates)
    assert list(rank([], 0)) == []


def test_splits_take_turns_and_a_small_one_ends() -> None:
    candidates = make(90, "train") + make(9, "val") + make(1, "test")
    chosen = [key.partition("-")[0] for key in islice(rank(candidates, 0), 9)]
    assert Counter(chosen) == {"train": 4, "val": 4, "test": 1}
    assert chosen[:3] == ["train", "val", "test"]


def test_a_rare_class_is_seen_among_few_images() -> None:
    candidates = make(500, classes=(0,)) + make(40, classes=(1,)) + make(1, classes=(2,))
    chosen = list(islice(rank(candidates, 3), 6))
    assert chosen[0] == "-(2,)-0.jpg"
    assert Counter(key.split("-")[1] for key in chosen) == {"(2,)": 1, "(1,)": 3, "(0,)": 2}


def test_backgrounds_are_shown_and_are_few() -> None:
    candidates = make(50, classes=(0,)) + make(50, classes=())
    chosen = [key.split("-")[1] for key in islice(rank(candidates, 0), 14)]
    assert chosen[0] == "(0,)"
    assert Counter(chosen) == {"(0,)": 12, "()": 2}
