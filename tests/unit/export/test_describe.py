"""What an export says of itself: a file beside the weights that is not ours is not believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from yolokit.export.describe import _read_data_sha256

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("content", "sha256"),
    [
        (b'{"data": {"sha256": "ab"}}', "ab"),
        (b'{"data": 5}', ""),
        (b"{", ""),
        (b'{"data": "\xff"}', ""),
        (b'{"x": ' + b"[" * 99_999 + b"]" * 99_999 + b"}", ""),
    ],
)
def test_the_record_of_the_run_may_be_anything(tmp_path: Path, content: bytes, sha256: str) -> None:
    (tmp_path / "run.json").write_bytes(content)
    assert _read_data_sha256(tmp_path / "best.pt") == sha256
