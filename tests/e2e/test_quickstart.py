"""The README's first command, whole."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import pytest

from tests.conftest import run_yolokit

pytestmark = pytest.mark.slow


def test_quickstart(tmp_path: Path) -> None:
    done = run_yolokit("quickstart", "--out", "out", "--json", cwd=tmp_path, timeout=1800)
    result = json.loads(done.stdout)
    assert result["map50_before"] < 0.3
    assert result["map50_after"] >= 0.90
    assert result["matched"] >= 20
    assert len(result["steps"]) == 9
    sheet = cv2.imread(str(tmp_path / result["files"]["contact sheet"]))
    assert sheet is not None
    assert sheet.shape[1] > 1000
    with av.open(str(tmp_path / result["files"]["annotated video"])) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert sum(1 for _ in container.decode(video=0)) > 100
    for path in result["files"].values():
        assert (tmp_path / path).exists()
