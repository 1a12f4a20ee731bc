"""Receptive fields of known networks."""

from __future__ import annotations

import math

from yolokit.core.receptive_field import Reach, join


def walk(*windows: tuple[int, int]) -> Reach:
    reach = Reach()
    for kernel, stride in windows:
        reach = reach.through_window(kernel, stride)
    return reach


def test_two_small_windows_see_as_much_as_a_large_one() -> None:
    assert walk((3, 1), (3, 1)) == walk((5, 1)) == Reach(5, 1)


def test_vgg16_sees_212_px_at_its_last_pooling() -> None:
    """Published: Araujo et al. 2019, table 1."""
    two, three = ((3, 1),) * 2 + ((2, 2),), ((3, 1),) * 3 + ((2, 2),)
    assert walk(*two, *two, *three, *three, *three) == Reach(212, 32)


def test_alexnet_sees_195_px() -> None:
    """Published: likewise."""
    windows = ((11, 4), (3, 2), (5, 1), (3, 2), (3, 1), (3, 1), (3, 1), (3, 2))
    assert walk(*windows) == Reach(195, 32)


def test_dilation_widens_the_window() -> None:
    assert Reach(1, 2).through_window(3, 1, dilation=4) == Reach(17, 2)


def test_a_resized_map_sees_no_more_but_is_denser() -> None:
    assert Reach(30, 32).through_resize(2) == Reach(30, 16)


def test_of_several_maps_the_widest_counts_and_the_densest() -> None:
    assert join([Reach(30, 16), Reach(8, 8)]) == Reach(30, 8)
    assert join([]) is None


def test_attention_sees_everything() -> None:
    assert math.isinf(Reach(3, 8).everywhere().field_px)
