"""Images are matched by their bytes, by what they show, and where neither is known by path."""

from __future__ import annotations

import msgspec
import numpy as np

from tests.unit.datasets.tables import WHOLE, make_table
from yolokit.datasets.duplicates import find_duplicates, find_other_labels
from yolokit.images.difference_hash import mirror_hashes
from yolokit.images.scan import ImageScan

BITS = np.random.default_rng(0).integers(0, 2, 128).astype(np.uint8)
OTHER = np.random.default_rng(1).integers(0, 2, 128).astype(np.uint8)


def scan(digest: bytes, bits: np.ndarray | None = None) -> ImageScan:
    return ImageScan(digest=digest, hash_bits=bits)


def test_equal_and_near_images_are_told_apart() -> None:
    table = make_table([("train", [])] * 2 + [("val", [])] * 3)
    digests = [scan(b"a", BITS), scan(b"b", OTHER), scan(b"a", BITS), scan(b"c", OTHER)]
    mirrored = scan(b"d", mirror_hashes(BITS[None])[0])
    paths = table.images.paths
    found = find_duplicates(table, dict(zip(paths, [*digests, mirrored], strict=True)))
    assert [ids.tolist() for ids in found.equal_in("val", "train")] == [[2], [0]]
    images, others = found.near_in("val", "train")
    assert (images.tolist(), others.tolist()) == ([3, 4], [1, 0])
    assert found.is_mirrored(images, "train").tolist() == [False, True]
    assert [group.tolist() for group in found.groups()] == [[0, 2, 4], [1, 3]]


def test_where_nothing_was_read_the_same_path_is_the_same_image() -> None:
    table = make_table([("train", []), ("val", [])])
    paths = ["/set/a.jpg", "/set/a.jpg"]
    images = msgspec.structs.replace(table.images, paths=paths)
    found = find_duplicates(msgspec.structs.replace(table, images=images), {})
    assert found.equal_in("val", "train")[0].tolist() == [1]
    assert found.near_in("val", "train")[0].tolist() == []


def test_a_file_that_a_split_lists_twice_is_not_a_copy_of_itself() -> None:
    table = make_table([("train", []), ("train", [])])
    images = msgspec.structs.replace(table.images, paths=["/set/a.jpg", "/set/a.jpg"])
    found = find_duplicates(
        msgspec.structs.replace(table, images=images), {"/set/a.jpg": scan(b"a", BITS)}
    )
    assert found.equal_in("train", "train")[0].tolist() == []
    assert found.groups() == []


def test_images_without_a_path_are_like_none() -> None:
    table = make_table([("", []), ("", [])])
    images = msgspec.structs.replace(table.images, paths=["", ""])
    found = find_duplicates(msgspec.structs.replace(table, images=images), {})
    assert found.groups() == []


def test_labels_are_the_same_in_any_order() -> None:
    small = (1, 0.1, 0.1, 0.2, 0.2)
    table = make_table([("", [WHOLE, small]), ("", [small, WHOLE]), ("", [small])])
    assert find_other_labels(table, iter([(0, 1)])) == 0
    assert find_other_labels(table, iter([(0, 1), (0, 2)])) == 1
