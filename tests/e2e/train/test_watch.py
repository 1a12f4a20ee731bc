"""``--watch gradients`` on a network that cannot learn, and on one that can."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import run_yolokit
from yolokit.train.gradients import read_gradients

pytestmark = pytest.mark.slow
SMALL = ("--imgsz", 64, "--batch", 4, "--epochs", 2, "--device", "cpu", "--watch", "gradients")
SIGMOIDS = 14


def write_deep(folder: Path) -> Path:
    """Write a detector behind a chain of sigmoids without batch norm."""
    pair = ["  - [-1, 1, nn.Conv2d, [16, 16, 3, 1, 1]]", "  - [-1, 1, nn.Sigmoid, []]"]
    down = "  - [-1, 1, Conv, [16, 3, 2]]"
    last = 1 + 2 * SIGMOIDS + 3
    lines = [
        "nc: 1", "backbone:", down, *(pair * SIGMOIDS), *[down] * 4, "head:",
        f"  - [[{last - 2}, {last - 1}, {last}], 1, Detect, [nc]]",
    ]  # fmt: skip
    path = folder / "deep.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_gradients_that_vanish_are_told_with_the_layers(squares: Path) -> None:
    arch = write_deep(squares.parent)
    said = run_yolokit(
        "train", "--data", squares, "--arch", arch, *SMALL, "--out", "deep", cwd=squares.parent
    ).stderr
    assert "try: Gradients vanish: model.0 (Conv), model.1 (Conv2d), " in said
    (*_, last) = read_gradients(squares.parent / "deep")
    norms = {layer.layer: layer.mean for layer in last.layers}
    assert norms[0] < norms[2 * SIGMOIDS - 1] / 1e6
    assert "Gradients explode or vanish" in (squares.parent / "deep" / "report.html").read_text()


def test_a_sound_network_says_nothing(squares: Path) -> None:
    said = run_yolokit(
        "train", "--data", squares, "--arch", "yolo11n", *SMALL, "--out", "sound",
        cwd=squares.parent,
    ).stderr  # fmt: skip
    assert "Gradients" not in said
    assert len(read_gradients(squares.parent / "sound")) == 2
    assert "Gradients are sound" in (squares.parent / "sound" / "report.html").read_text()
