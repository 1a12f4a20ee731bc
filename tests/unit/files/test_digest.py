"""What a file of weights is when it is checked."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from yolokit.errors import WeightsError
from yolokit.files import digest
from yolokit.files.digest import FileDigest, digest_weights


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
