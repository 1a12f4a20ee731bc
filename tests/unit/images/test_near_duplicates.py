"""Near pairs are those that comparing all with all finds; crowded sets end, and say so."""

from __future__ import annotations

import numpy as np
import pytest

from yolokit.core.types import I64, U8
from yolokit.images.difference_hash import HASH_BITS, mirror_hashes
from yolokit.images.near_duplicates import NEAR_BITS, match_equal, match_near


def draw(count: int, seed: int = 0) -> U8:
    return np.random.default_rng(seed).integers(0, 2, (count, HASH_BITS)).astype(np.uint8)


def flip(bits: U8, count: int, seed: int = 0) -> U8:
    changed = bits.copy()
    changed[np.random.default_rng(seed).choice(HASH_BITS, count, replace=False)] ^= 1
    return changed


def sets(*numbers: int) -> I64:
    return np.array(numbers, np.int64)


@pytest.mark.parametrize("seed", range(3))
def test_it_finds_what_comparing_all_with_all_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hashes = draw(600, seed)
    for at in range(120):
        source, target = rng.integers(0, len(hashes), 2)
        copy = mirror_hashes(hashes[source][None])[0] if at % 3 == 0 else hashes[source]
        hashes[target] = flip(copy, int(rng.integers(0, NEAR_BITS + 3)), at)
    set_of = rng.integers(0, 2, len(hashes))
    found = match_near(list(hashes), set_of, 2)
    plain = (hashes[:, None] != hashes).sum(axis=2)
    mirrored = (mirror_hashes(hashes)[:, None] != hashes).sum(axis=2)
    np.fill_diagonal(plain, HASH_BITS)
    np.fill_diagonal(mirrored, HASH_BITS)
    assert found.is_complete
    for number in range(2):
        others = np.flatnonzero(set_of == number)
        is_near = (plain[:, others] <= NEAR_BITS).any(axis=1)
        in_mirror = (mirrored[:, others] <= NEAR_BITS).any(axis=1)
        assert is_near.any()
        assert np.array_equal(found.nearest[number] >= 0, is_near | in_mirror)
        assert np.array_equal(found.is_mirrored[number], in_mirror & ~is_near)
        rows = np.flatnonzero(is_near)
        distances = plain[rows, found.nearest[number][rows]]
        assert np.array_equal(distances, plain[rows][:, others].min(axis=1))


def test_a_chain_of_near_pictures_is_one_group() -> None:
    first, alone = draw(2)
    second = flip(first, NEAR_BITS, seed=1)
    third = flip(second, NEAR_BITS, seed=2)
    assert (first != third).sum() > NEAR_BITS
    found = match_near([alone, third, first, second], sets(0, 0, 0, 0), 1)
    assert found.groups.tolist() == [0, 1, 1, 1]


def test_flat_pictures_are_like_no_other() -> None:
    bits = draw(1)[0]
    found = match_near([None, bits, None, bits], sets(0, 0, 1, 1), 2)
    assert found.nearest.tolist() == [[-1, -1, -1, 1], [-1, 3, -1, -1]]
    assert found.groups.tolist() == [0, 1, 2, 1]
    assert match_near([None], sets(0), 1).nearest.tolist() == [[-1]]
    assert match_near([], sets(), 1).nearest.shape == (1, 0)


def test_a_picture_is_not_its_own_match_though_it_is_symmetrical() -> None:
    bits = draw(1)[0].reshape(2, 8, 8)
    bits[0, :, 4:] = 1 - bits[0, :, 3::-1]
    bits[1, :, 4:] = bits[1, :, 3::-1]
    symmetrical = bits.reshape(HASH_BITS)
    assert np.array_equal(mirror_hashes(symmetrical[None])[0], symmetrical)
    assert match_near([symmetrical], sets(0), 1).nearest.tolist() == [[-1]]


def test_many_equal_pictures_are_one_to_compare() -> None:
    hashes = np.repeat(draw(3), 20_000, axis=0)
    found = match_near(list(hashes), np.arange(len(hashes)) % 2, 2, most_comparisons=1000)
    assert found.is_complete
    assert len(np.unique(found.groups)) == 3
    assert (found.nearest >= 0).all()


def test_a_crowded_set_is_given_up_and_that_is_told() -> None:
    noise = np.random.default_rng(0).random((3000, HASH_BITS)) < 0.02
    hashes = draw(1) ^ noise.astype(np.uint8)
    found = match_near(list(hashes), np.zeros(len(hashes), np.int64), 1, most_comparisons=100_000)
    assert not found.is_complete
    assert (found.nearest[0] >= 0).mean() > 0.9, "most have a neighbour all the same"


def test_equal_keys_match_over_all_sets_and_empty_ones_never() -> None:
    found = match_equal([b"a", b"b", b"a", b"", b"", b"a"], sets(0, 0, 1, 0, 1, 1), 2)
    assert found.nearest.tolist() == [[-1, -1, 0, -1, -1, 0], [2, -1, 5, -1, -1, 2]]
    assert found.groups.tolist() == [0, 1, 0, 3, 4, 0]
