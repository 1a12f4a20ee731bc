"""The README's first command, whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import cv2
import pytest

from tests.conftest import run_yolokit

pytestmark = pytest.mark.slow


def test_quickstart(tmp_path: Path) -> None:
    done = run_yolokit("quickstart", "--out", "out", "--json", cwd=tmp_path, timeout=1800)
    result = json.loads(done.stdout)
    check_account(result, done.stderr)
    check_training(json.loads((tmp_path / "out/train/run.json").read_text("utf-8")))
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


def check_account(result: dict[str, Any], told: str) -> None:
    """Each step is told as it begins, and what was found is counted for a beginner."""
    for number, step in enumerate(result["steps"], 1):
        assert f"{number} of 9: {step['purpose']}\n$ {step['command']}\n" in told
        assert f"  {step['outcome']} (" in told
    before, after = result["before"], result["after"]
    assert after["map50"] == result["map50_after"]
    assert before["parts"] == after["parts"] > 200
    assert before["found"] < after["found"] <= after["marked"]
    assert after["found"] >= 0.8 * after["parts"]
    assert after["marked"] - after["found"] <= 0.2 * after["marked"]


def check_training(record: dict[str, Any]) -> None:
    """Curves have something to show, and the start knew no class of the demo."""
    assert sum("mAP50" in epoch["metrics"] for epoch in record["epochs"]) >= 5
    fresh = [group for group in record["start"]["groups"] if group["action"] == "fresh"]
    assert [group["reason"] for group in fresh] == [
        "class rows: the source knows no class of these names"
    ]
