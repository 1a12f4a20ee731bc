"""The file with what a validation found."""

from __future__ import annotations

import contextlib
import os
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yolokit.core.types import Detections
from yolokit.engine_protocol import validations
from yolokit.engine_protocol.validations import (
    ValidatedImage,
    limit_kept,
    read_validation,
    write_validation,
)
from yolokit.errors import TrainError

if TYPE_CHECKING:
    from pathlib import Path


def make_image(path: str, true: int, found: int, wh: tuple[int, int] = (64, 48)) -> ValidatedImage:
    rng = np.random.default_rng(true * 10 + found)
    scores = np.sort(rng.random(found).astype(np.float32))[::-1]
    return ValidatedImage(
        path, wh,
        (rng.random((true, 4)) * 60).astype(np.float32), np.arange(true, dtype=np.int64),
        Detections(
            (rng.random((found, 4)) * 60).astype(np.float32),
            np.ascontiguousarray(scores),
            np.arange(found, dtype=np.int64),
        ),
    )  # fmt: skip


def assert_same(one: ValidatedImage, other: ValidatedImage) -> None:
    assert (one.path, one.image_wh) == (other.path, other.image_wh)
    np.testing.assert_array_equal(one.true_xyxy, other.true_xyxy)
    np.testing.assert_array_equal(one.true_class_ids, other.true_class_ids)
    for part in ("xyxy", "scores", "class_ids"):
        np.testing.assert_array_equal(getattr(one.found, part), getattr(other.found, part))


@given(
    counts=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=5),
    epoch=st.integers(0, 1000),
)
def test_round_trip(
    counts: list[tuple[int, int]], epoch: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("v") / "best.detections.npz"
    images = [make_image(f"/ä/\udce9{n}.jpg", *count) for n, count in enumerate(counts)]
    write_validation(path, epoch, images)
    read = read_validation(path)
    assert (read.epoch, len(read.images)) == (epoch, len(images))
    for one, other in zip(images, read.images, strict=True):
        assert_same(one, other)


def test_a_large_split_keeps_the_best_of_each_image() -> None:
    assert limit_kept(100) >= 300, "all that upstream's validator gives"
    assert limit_kept(5000) == 100
    assert limit_kept(1_000_000) == 10


def test_of_many_detections_the_file_keeps_the_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validations, "_MAX_ROWS", 0)
    image = make_image("a.jpg", 1, 15)
    write_validation(tmp_path / "kept.npz", 1, [image])
    (read,) = read_validation(tmp_path / "kept.npz").images
    np.testing.assert_array_equal(read.found.scores, image.found.scores[:10])


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04junk"])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "best.detections.npz"
    path.write_bytes(content)
    with pytest.raises(TrainError, match=r"best\.detections\.npz is not readable"):
        read_validation(path)


@settings(max_examples=300)
@given(place=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255))
def test_a_changed_byte_is_never_a_crash(
    place: float, value: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("v") / "best.detections.npz"
    write_validation(path, 1, [make_image(f"{n}.jpg", 5, 50) for n in range(5)])
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] = value
    path.write_bytes(content)
    with contextlib.suppress(TrainError):
        read_validation(path)


def test_a_damaged_stream_is_named(tmp_path: Path) -> None:
    path = tmp_path / "best.detections.npz"
    write_validation(path, 1, [make_image("a.jpg", 50, 50)])
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("true_xyxy.npy").header_offset + len("true_xyxy.npy") + 60
    path.write_bytes(content[:start] + b"\xff" * 40 + content[start + 40 :])
    with pytest.raises(TrainError, match="is not readable: Error -3"):
        read_validation(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="is not there"):
        read_validation(tmp_path / "none.npz")


def test_columns_that_do_not_fit_and_pickles_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_validation(path, 1, [make_image("a.jpg", 1, 2)])
    with np.load(path) as file:
        columns = dict(file)
    for name, wrong in (
        ("found_counts", np.array([7], np.int32)),
        ("head", np.array([99, 1, 1])),
        ("paths", np.array([{}], object)),
    ):
        with path.open("wb") as out:
            np.savez(out, **(columns | {name: wrong}))
        with pytest.raises(TrainError, match="is not readable"):
            read_validation(path)


CHANGES = {
    "counts below 0": {"true_counts": np.array([-1, 4], np.int32)},
    "counts of fractions": {"true_counts": np.array([1.5, 1.5])},
    "counts that do not add up": {"found_counts": np.array([9, 9], np.int32)},
    "boxes of two sides": {"found_xyxy": np.zeros((5, 2), np.float32)},
    "boxes in one row": {"true_xyxy": np.zeros(12, np.float32)},
    "scores that are no numbers": {"found_scores": np.full(5, np.nan, np.float32)},
    "words": {"found_xyxy": np.full((5, 4), "x")},
    "a head of one number": {"head": np.array(1)},
    "sizes in one row": {"image_wh": np.zeros(4, np.int32)},
    "scores with two parts": {"found_scores": np.zeros(5, np.complex64)},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_columns_that_do_not_fit_are_damage(change: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "best.detections.npz"
    write_validation(path, 3, [make_image("a.jpg", 1, 2), make_image("b.jpg", 2, 3)])
    columns = dict(np.load(path))
    np.savez_compressed(path, **{**columns, **change})
    with pytest.raises(TrainError, match=r"best\.detections\.npz is not readable"):
        read_validation(path)


@pytest.mark.parametrize("step", [31, 97, 211])
def test_flipped_bits_are_damage(step: int, tmp_path: Path) -> None:
    path = tmp_path / "best.detections.npz"
    write_validation(path, 3, [make_image("a.jpg", 40, 80)])
    content = bytearray(path.read_bytes())
    for at in range(100, len(content), step):
        content[at] ^= 255
    path.write_bytes(content)
    with pytest.raises(TrainError, match="is not readable"):
        read_validation(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "best.detections.npz")
    with pytest.raises(TrainError, match="is a pipe"):
        read_validation(tmp_path / "best.detections.npz")


def test_a_member_that_is_not_an_array_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "best.detections.npz"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("head.npy", b"x")
    with pytest.raises(TrainError, match="is not readable"):
        read_validation(path)


def test_an_array_that_states_a_huge_size_takes_no_memory(tmp_path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000000,), }"
    path = tmp_path / "best.detections.npz"
    with zipfile.ZipFile(path, "w") as file:
        padded = header.ljust(117) + b"\n"
        file.writestr("head.npy", b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded)
    with pytest.raises(TrainError, match="is not readable"):
        read_validation(path)
