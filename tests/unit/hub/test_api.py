"""Weights from Python: the public function does what the command does."""

from __future__ import annotations

from pathlib import Path

import pytest

import yolokit
from yolokit.files.digest import sha256_file


def test_pull_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLOKIT_HOME", str(tmp_path / "home"))
    source = tmp_path / "mine.pt"
    source.write_bytes(b"weights")
    found = yolokit.pull_weights(source.as_uri(), offline=True)
    assert found.path == tmp_path / "home" / "weights" / "mine.pt"
    assert found.sha256 == sha256_file(source)
    with pytest.raises(yolokit.YolokitError, match="yolo26n"):
        yolokit.pull_weights("yolo26n", offline=True)
