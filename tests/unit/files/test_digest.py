"""What a file of weights is when it is checked."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest

from yolokit.errors import WeightsError
from yolokit.files import digest
from yolokit.files.digest import FileDigest, digest_weights, read_weights


def test_hash_and_size(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    expected = FileDigest(sha256=hashlib.sha256(b"abc").hexdigest(), size_bytes=3)
    assert digest_weights(tmp_path / "x") == expected
    with pytest.raises(WeightsError, match="cannot read"):
        digest_weights(tmp_path / "y")


def test_a_file_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "MAX_WEIGHTS_BYTES", 1 << 21)
    (tmp_path / "x").write_bytes(bytes((1 << 21) + 1))
    for path in (tmp_path / "x", Path("/dev/zero")):  # the one says its size, the other has none
        if path.exists():
            with pytest.raises(WeightsError, match="more than 2,097,152 bytes"):
                digest_weights(path)


def test_the_bytes_that_were_checked_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(b"checked")
    digest = digest_weights(path)
    content = read_weights(path, digest)
    path.write_bytes(b"swapped")
    assert content.read() == b"checked"
    with pytest.raises(WeightsError, match="has changed since it was checked"):
        read_weights(path, digest)
    path.write_bytes(b"another size")
    with pytest.raises(WeightsError, match="has changed"):
        read_weights(path, digest)
    assert read_weights(path, None).read() == b"another size"
    path.unlink()
    with pytest.raises(WeightsError, match="cannot read"):
        read_weights(path, digest)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX files")
def test_a_pipe_or_a_device_in_the_place_of_a_file(tmp_path: Path) -> None:
    digest = FileDigest(sha256="0" * 64, size_bytes=1)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        with pytest.raises(WeightsError, match="is not a file"):
            read_weights(tmp_path / name, digest)
