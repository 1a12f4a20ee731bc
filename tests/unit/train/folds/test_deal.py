"""Dealing images into folds: each in one, classes alike, what belongs together in one."""

from __future__ import annotations

from collections import Counter, defaultdict
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yolokit.errors import DataError
from yolokit.train.folds.deal import DealtImage, deal, find_rare, join_groups


def make_images(*classes: tuple[int, ...]) -> list[DealtImage]:
    return [DealtImage(f"train/{at}.jpg", f"/{at}.jpg", found) for at, found in enumerate(classes)]


def alone(images: list[DealtImage]) -> list[int]:
    return list(range(len(images)))


@given(
    st.lists(st.lists(st.integers(0, 4), max_size=3), min_size=8, max_size=60),
    st.integers(2, 5),
    st.integers(0, 9),
    st.data(),
)
def test_every_image_is_in_one_fold_and_what_belongs_together_in_the_same(
    classes: list[list[int]], folds: int, seed: int, data: st.DataObject
) -> None:
    images = make_images(*map(tuple, classes))
    labels = data.draw(
        st.lists(st.none() | st.integers(0, 20), min_size=len(images), max_size=len(images))
    )
    groups = join_groups(labels)
    try:
        fold_of = deal(images, groups, folds, seed)
    except DataError:
        labelled = {group for image, group in zip(images, groups, strict=True) if image.class_ids}
        # Only where folds cannot each have a group with a box, or hardly.
        assert len(set(groups)) < folds or len(labelled) < 3 * folds
        return
    assert set(fold_of) == {image.key for image in images}
    assert set(fold_of.values()) == set(range(1, folds + 1))
    folds_of_group = defaultdict(set)
    for image, group in zip(images, groups, strict=True):
        folds_of_group[group].add(fold_of[image.key])
    assert all(len(found) == 1 for found in folds_of_group.values())


def test_the_same_images_and_seed_give_the_same_folds_in_any_order() -> None:
    rng = Random(1)
    images = make_images(*[tuple(rng.choices(range(3), k=2)) for _ in range(40)])
    first = deal(images, alone(images), 4, seed=0)
    order = rng.sample(range(40), 40)
    mixed = [images[at] for at in order]
    assert deal(mixed, alone(mixed), 4, seed=0) == first
    assert deal(images, alone(images), 4, seed=1) != first


def test_classes_are_shared_out_alike_and_a_rare_one_is_in_every_fold() -> None:
    # 60 of class 0, 12 with class 1 as well, 5 of class 2 alone, 20 background.
    images = make_images(*[(0, 0, 0)] * 48, *[(0, 1)] * 12, *[(2,)] * 5, *[()] * 20)
    fold_of = deal(images, alone(images), 5, seed=3)
    having: dict[int, Counter[int]] = defaultdict(Counter)
    for image in images:
        for class_id in set(image.class_ids) or {-1}:
            having[class_id][fold_of[image.key]] += 1
    assert Counter(fold_of.values()) == dict.fromkeys(range(1, 6), 17)
    assert having[2] == dict.fromkeys(range(1, 6), 1)
    assert having[-1] == dict.fromkeys(range(1, 6), 4)
    assert {count in (2, 3) for count in having[1].values()} == {True}
    assert {abs(count - 12) <= 1 for count in having[0].values()} == {True}
    assert find_rare(images, fold_of, 5, ["a", "b", "c"]) == []


def test_a_class_that_folds_lack_is_named_with_the_reason() -> None:
    images = make_images((0, 1), (0,), (0,), (0, 2), (0, 2), (0, 2))
    groups = join_groups([0, 1, 2, "film", "film", "film"])
    told = find_rare(images, deal(images, groups, 3, seed=0), 3, ["a", "b", "c", "unused"])
    together = "since those that are alike stay together"
    assert told == [
        "class b is on 1 image, in 1 of 3 folds: it is measured in that one alone",
        f"class c is on 3 images, in 1 of 3 folds, {together}: it is measured in that one alone",
    ]


def test_groups_are_joined_by_chains_and_none_is_alone() -> None:
    assert join_groups(["a", "a", "b", "b", None, None]) == [0, 0, 2, 2, 4, 5]
    assert join_groups(["a", "a", "b", "b", "c"], [None, 1, 1, None, None]) == [0, 0, 0, 0, 4]


def test_too_few_images_are_told_with_their_groups() -> None:
    images = make_images((0,), (0,), (0,))
    with pytest.raises(DataError, match=r"train and val have 3 images$") as error:
        deal(images, alone(images), 4, seed=0)
    assert error.value.hint == "take fewer --folds"
    with pytest.raises(DataError, match="3 images in 2 groups of images that stay together"):
        deal(images, [0, 0, 2], 3, seed=0)


def test_a_fold_without_a_box_is_refused() -> None:
    images = make_images((0,), (0,), (), (), (), ())
    with pytest.raises(DataError, match="measured on fold 3 of 3: only 2 images have a box"):
        deal(images, alone(images), 3, seed=0)
    assert deal(images, alone(images), 2, seed=0)
