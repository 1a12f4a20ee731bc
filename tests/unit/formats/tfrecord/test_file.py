"""The framing of TFRecord files: checksums, and files that are damaged."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from tests.unit.formats.tfrecords import frame
from yolokit.errors import DataError
from yolokit.formats.tfrecord.file import crc32c, iter_records, masked_crc32c


def crc_bit_by_bit(data: bytes) -> int:
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


@pytest.mark.parametrize(
    ("data", "checksum"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),  # the examples of RFC 3720, B.4
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_known_checksums(data: bytes, checksum: int) -> None:
    assert crc32c(data) == checksum


@pytest.mark.parametrize("size", [1, 4, 63, 64, 65, 66, 127, 128, 1000, 4097])
def test_whole_arrays_give_what_bits_give(size: int) -> None:
    data = np.random.default_rng(size).bytes(size)
    assert crc32c(data) == crc_bit_by_bit(data)


def test_what_is_longer_than_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    data = np.random.default_rng(0).bytes(1000)
    for size in (64, 99, 500, 999):
        monkeypatch.setattr("yolokit.formats.tfrecord.file._CHUNK_BYTES", size)
        assert crc32c(data) == crc_bit_by_bit(data)


def test_a_record_as_other_writers_frame_it() -> None:
    expected = "0900000000000000" + "37f97139" + b"123456789".hex() + "e5b08ac7"
    assert frame(b"123456789").hex() == expected


def test_records_come_with_the_offset_of_their_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.record"
    path.write_bytes(frame(b"one") + frame(b"") + frame(b"x" * 5000))
    assert list(iter_records(path)) == [(12, b"one"), (31, b""), (47, b"x" * 5000)]
    (tmp_path / "empty.record").write_bytes(b"")
    assert list(iter_records(tmp_path / "empty.record")) == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (frame(b"one") + frame(b"two")[:7], "ends within the head of a record at byte 19"),
        (frame(b"one") + frame(b"two")[:-3], "ends at byte 35, within the record of 3 bytes at"),
        (frame(b"one") + frame(b"two")[:12] + b"twO" + frame(b"two")[-4:], "record at byte 19 is"),
        (frame(b"one") + b"\x01" + frame(b"two")[1:], "is damaged at byte 19"),
        (b"nothing of the kind", "it may not be a TFRecord file, or may be compressed"),
        (gzip.compress(frame(b"one")), "compressed with GZIP"),
        (
            struct.pack("<Q", 1 << 62)
            + struct.pack("<I", masked_crc32c(struct.pack("<Q", 1 << 62))),
            "ends at byte 12, within the record of 4611686018427387904 bytes",
        ),
    ],
)
def test_a_damaged_file_is_an_error_with_the_byte(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.record"
    path.write_bytes(data)
    with pytest.raises(DataError, match=words) as caught:
        list(iter_records(path))
    assert caught.value.path == path
