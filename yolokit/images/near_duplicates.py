"""Pictures whose difference hashes differ in few bits, found among very many.

Hashes that differ in at most k bits are alike in one of k + 1 bands of their bits, so only those
that share a band are compared. Measured on the 364 pictures of BCCD: of copies that were
recompressed, resized, brightened or mirrored all are found, of those that lost 2 % of their height
and width 99 %, 4 % about half; two pictures that are not copies differ in 27 bits at least.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt

from yolokit.core.types import I64, Bool
from yolokit.images.difference_hash import mirror_hashes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.core.types import U8

NEAR_BITS = 10
_BANDS = NEAR_BITS + 1
_MOST_COMPARISONS = 200_000_000  # some seconds; where all bands are alike it would be hours
_MATCH_COST = 20  # of one that is near, in comparisons
_MIRRORED = 1 << 8  # such a match counts as farther than any other

_SHIFT = 32  # a match is one number: its distance above, its kind below
_KIND_MASK = (1 << _SHIFT) - 1
_NO_MATCH = np.iinfo(np.int64).max

_Words = npt.NDArray[np.uint64]


class Matches(msgspec.Struct, frozen=True, eq=False):
    """For each of N pictures the one most like it, of each of S sets of pictures.

    Attributes:
        nearest: (S, N) int64, another picture that is of the set; -1 where none is near.
        is_mirrored: (S, N) bool, whether that is so in a mirror only.
        groups: (N,) int64, the same number, that of its first picture, for all that are near each
            other or linked by a chain of such.
        is_complete: Whether all hashes were compared that share a band; else those in the most
            crowded bands were compared with some of the others there only.
    """

    nearest: I64
    is_mirrored: Bool
    groups: I64
    is_complete: bool = True


def match_equal(keys: Sequence[bytes], set_of: I64, sets: int) -> Matches:
    """Match what has equal keys, such as the digests of files; an empty key equals none.

    Args:
        keys: N of them.
        set_of: (N,) int64, the set of each, below ``sets``.
        sets: How many there are.
    """
    ids: dict[bytes, int] = {}
    own = [ids.setdefault(key, at) if key else at for at, key in enumerate(keys)]
    groups = np.array(own, np.int64)
    nearest = _match_within(groups, set_of, _first_members(groups, set_of, sets))
    return Matches(nearest, np.zeros(nearest.shape, np.bool_), groups)


def match_near(
    hashes: Sequence[U8 | None],
    set_of: I64,
    sets: int,
    *,
    most_comparisons: int = _MOST_COMPARISONS,
) -> Matches:
    """Match pictures whose hashes differ in at most ``NEAR_BITS`` bits, if need be in a mirror.

    Args:
        hashes: N of (128,) uint8; a flat picture, which has none, is like no other.
        set_of: (N,) int64, the set of each, below ``sets``.
        sets: How many there are.
        most_comparisons: Where the search gives up what it has not compared.
    """
    hashed = np.array([at for at, bits in enumerate(hashes) if bits is not None], np.int64)
    found = Matches(
        np.full((sets, len(hashes)), -1, np.int64),
        np.zeros((sets, len(hashes)), np.bool_),
        np.arange(len(hashes), dtype=np.int64),
    )
    if not len(hashed):
        return found
    bits = np.array([hashes[at] for at in hashed.tolist()], np.uint8)
    among = _match_hashes(bits, set_of[hashed], sets, most_comparisons)
    found.nearest[:, hashed] = np.where(among.nearest < 0, -1, hashed[among.nearest])
    found.is_mirrored[:, hashed] = among.is_mirrored
    found.groups[hashed] = hashed[among.groups]
    return msgspec.structs.replace(found, is_complete=among.is_complete)


def _match_hashes(hashes: U8, set_of: I64, sets: int, most_comparisons: int) -> Matches:
    """Match (N, 128) hashes; equal ones are compared as one, so that many cost nothing."""
    firsts, kinds = _find_kinds(hashes)
    members = _first_members(kinds, set_of, sets)
    best = np.full(members.shape, _NO_MATCH)
    labels = np.arange(len(firsts))
    search = _Search(hashes[firsts], most_comparisons)
    for pairs, distances in search.iter_pairs():
        both, twice = np.concatenate([pairs, pairs[:, ::-1]]), np.concatenate([distances] * 2)
        for of_set, member in zip(best, members, strict=True):
            there = member[both[:, 1]] >= 0
            np.minimum.at(of_set, both[there, 0], (twice << _SHIFT | both[:, 1])[there])
        labels = _join(labels, pairs)
    equal = _match_within(kinds, set_of, members)
    others = best[:, kinds]
    is_near = (equal < 0) & (others != _NO_MATCH)
    near = np.take_along_axis(members, np.where(is_near, others & _KIND_MASK, 0), axis=1)
    is_mirrored = is_near & (others >> _SHIFT >= _MIRRORED)
    return Matches(
        np.where(is_near, near, equal), is_mirrored, firsts[labels][kinds], search.is_complete
    )


def _find_kinds(hashes: U8) -> tuple[I64, I64]:
    """Return the first place of each distinct hash, in that order, and (N,) which each has."""
    words = _pack(hashes)
    order = np.lexsort((words[:, 1], words[:, 0]))
    is_new = np.ones(len(order), np.bool_)
    is_new[1:] = (words[order[1:]] != words[order[:-1]]).any(axis=1)
    first_of = order[is_new]  # lexsort is stable
    rank = np.empty(len(first_of), np.int64)
    rank[np.argsort(first_of)] = np.arange(len(first_of))
    kinds = np.empty(len(order), np.int64)
    kinds[order] = rank[np.cumsum(is_new) - 1]
    return np.sort(first_of), kinds


def _pack(hashes: U8) -> _Words:
    return np.ascontiguousarray(np.packbits(hashes, axis=1)).view(np.uint64)


def _first_members(kinds: I64, set_of: I64, sets: int) -> I64:
    """Return (S, K), the first picture of each kind in each set; -1 where there is none."""
    members = np.full((sets, int(kinds.max(initial=-1)) + 1), -1, np.int64)
    backwards = np.arange(len(kinds))[::-1]
    members[set_of[backwards], kinds[backwards]] = backwards  # the first is written last
    return members


def _match_within(kinds: I64, set_of: I64, members: I64) -> I64:
    """Return (S, N), another picture of the same kind in each set; -1 where there is none."""
    forwards = np.arange(len(kinds))
    last = np.full(members.shape, -1, np.int64)
    last[set_of, kinds] = forwards
    first = members[:, kinds]
    return np.where(
        first != forwards, first, np.where(last[:, kinds] != forwards, last[:, kinds], -1)
    )


def _join(labels: I64, pairs: I64) -> I64:
    """Return labels, each the least number of its group, with the groups of each pair joined."""
    labels = labels.copy()
    while True:
        ends = labels[pairs]
        low, high = ends.min(axis=1), ends.max(axis=1)
        if (low == high).all():
            return labels
        np.minimum.at(labels, high, low)
        while (labels[labels] != labels).any():
            labels = labels[labels]


class _Search:
    """Compares distinct hashes that share a band.

    Attributes:
        is_complete: Whether all of them were compared.
    """

    def __init__(self, hashes: U8, most_comparisons: int) -> None:
        self.is_complete = True
        self._count = len(hashes)
        self._hashes = np.concatenate([hashes, mirror_hashes(hashes)])
        self._words = _pack(self._hashes)
        self._most_in_band = most_comparisons // _BANDS

    def iter_pairs(self) -> Iterator[tuple[I64, I64]]:
        """Yield (P, 2) kinds that are near, the lower first, and (P,) how far they are apart.

        The distance of those that are near in a mirror has ``_MIRRORED`` added.
        """
        for band in range(_BANDS):
            # Every eleventh bit: those of neighbouring cells say much the same.
            bits = np.ascontiguousarray(self._hashes[:, band::_BANDS])
            for places, found in self._iter_band(bits):
                ends = np.sort(places, axis=1)
                is_mirrored = ends[:, 1] >= self._count
                pairs = np.sort(ends - is_mirrored[:, None] * np.array([0, self._count]), axis=1)
                # Two mirrored ones are found as they are, and one may be like itself in a mirror.
                is_pair = (ends[:, 0] < self._count) & (pairs[:, 0] != pairs[:, 1])
                if is_pair.any():
                    yield pairs[is_pair], (found + is_mirrored * _MIRRORED)[is_pair]

    def _iter_band(self, bits: U8) -> Iterator[tuple[I64, I64]]:
        """Yield (P, 2) places of near hashes with equal bits in a band, and (P,) distances."""
        keys = np.packbits(bits, axis=1).astype(np.uint32)
        key = keys[:, 0] << 8 | keys[:, 1]
        order = np.lexsort((self._words[:, 1], self._words[:, 0], key))
        low, high = self._words[order].T.copy()
        ends = np.searchsorted(key[order], key[order], side="right")
        at, left = np.arange(len(order)), self._most_in_band
        for ahead in range(1, len(order)):
            at = at[at + ahead < ends[at]]
            if not len(at) or left < 0:
                self.is_complete = self.is_complete and not len(at)
                return
            other = at + ahead
            differ = np.bitwise_count(low[at] ^ low[other]) + np.bitwise_count(
                high[at] ^ high[other]
            )
            near = np.flatnonzero(differ <= NEAR_BITS)
            left -= len(at) + _MATCH_COST * len(near)
            if len(near):
                places = np.stack([order[at[near]], order[other[near]]], axis=1)
                yield places, differ[near].astype(np.int64)
