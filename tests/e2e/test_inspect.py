"""``yolokit inspect`` on files, as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import yolokit

SHIPPED = Path(yolokit.__file__).parent / "jobs" / "assets" / "parts-n.pt"


def run(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "yolokit", "inspect", *map(str, words)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    pixels = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    cv2.imwrite(str(path), pixels)
    return path


def test_a_graph_is_shown_with_totals_and_advice(tmp_path: Path, bccd_model: Path) -> None:
    done = run(tmp_path, bccd_model)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].split() == [
        "layer", "type", "kernel", "stride", "pad", "output", "sees", "px", "every", "px",
        "parameters", "MFLOPs",
    ]  # fmt: skip
    assert " parameters, " in done.stdout.splitlines()[-1]
    assert "GFLOPs an image of" in done.stdout.splitlines()[-1]
    assert "uvx netron" in done.stderr


def test_a_graph_as_json(tmp_path: Path, bccd_model: Path) -> None:
    found = json.loads(run(tmp_path, bccd_model, "--json").stdout)
    assert found["network"]["layers"]
    assert found["picture"] is None


def test_maps_of_an_image_are_drawn_and_kept(tmp_path: Path, photo: Path) -> None:
    done = run(tmp_path, SHIPPED, "--image", photo, "--layer", "model.4", "--layer", "model.9")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "parts-n-maps.png"
    picture = cv2.imread(str(tmp_path / "parts-n-maps.png"))
    assert picture is not None
    assert picture.shape[0] > 600
    again = run(tmp_path, SHIPPED, "--image", photo)
    assert (again.returncode, "already exists" in again.stderr) == (2, True)


def test_maps_of_a_graph(tmp_path: Path, photo: Path, bccd_model: Path) -> None:
    layers = json.loads(run(tmp_path, bccd_model, "--json").stdout)["network"]["layers"]
    name = next(layer["name"] for layer in layers if len(layer["shape"]) == 4)
    done = run(tmp_path, bccd_model, "--image", photo, "--layer", name, "--out", "maps.jpg")
    assert done.returncode == 0, done.stderr
    assert cv2.imread(str(tmp_path / "maps.jpg")) is not None


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["none.onnx"], 6, "none.onnx"),
        (["none.pt"], 4, "none.pt"),
        (["photo.jpg"], 4, "photo.jpg"),
        ([SHIPPED, "--image", "none.jpg"], 3, "none.jpg"),
    ],
)
def test_what_cannot_be_looked_into_is_named(
    tmp_path: Path, photo: Path, words: list[object], code: int, said: str
) -> None:
    assert photo.is_file()
    done = run(tmp_path, *words)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert done.stdout == ""
