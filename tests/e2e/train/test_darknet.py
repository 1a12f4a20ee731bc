"""Darknet's weights compute here what they compute in OpenCV's own reading of the same files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.darknet import networks
from yolokit.engine_protocol.child import child_environment
from yolokit.train.arch import Arch

pytestmark = pytest.mark.slow
SCRIPTS = ROOT / "tests" / "darknet"
OPENCV = "opencv-python-headless==4.12.0.88"  # 5 has no importer for Darknet any more


@pytest.fixture(scope="module")
def opencv_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with OpenCV 4, in an environment of its own."""
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    folder = tmp_path_factory.mktemp("opencv4") / "env"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    away = folder.parent  # this project's pins are for OpenCV 5
    try:
        subprocess.run([uv, "venv", "-q", "-p", sys.executable, folder], check=True, cwd=away)
        install: list[str | Path] = [uv, "pip", "install", "-q", "-p", python, OPENCV]
        subprocess.run(install, check=True, cwd=away)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"an environment with {OPENCV} could not be made: {error}")
    return python


def read_both(
    python: Path, cfg: Path, weights: Path, image: Path, side_px: int, folder: Path
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the outputs of all activated convolutions, in order: OpenCV's and ours."""
    theirs = folder / "opencv.npz"
    subprocess.run(
        [python, SCRIPTS / "opencv_reads.py", cfg, weights, image, str(side_px), theirs], check=True
    )
    opencv = np.load(theirs)
    activated = [name for name in opencv if re.match(r"(leaky|mish)_\d+$", name)]
    arch = Arch(cfg, cfg.stem).write_to(folder)
    return [opencv[name] for name in activated], read_ours(arch, weights, folder)


def read_ours(arch: Path, weights: Path, folder: Path) -> list[np.ndarray]:
    """Return our outputs of all activated convolutions for the input that OpenCV had."""
    theirs, ours = folder / "opencv.npz", folder / "yolokit.npz"
    subprocess.run(
        [sys.executable, SCRIPTS / "yolokit_reads.py", arch, weights, theirs, ours],
        check=True, env=child_environment(folder) | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    yolokit = np.load(ours)
    return [yolokit[name] for name in yolokit]


def test_the_published_weights_equal_opencv_on_a_real_image(
    opencv_python: Path, test_data: Path, tmp_path: Path
) -> None:
    """Every layer of yolov3-tiny, within 1e-4, on a real image; the stride-1 pool included."""
    darknet = test_data / "darknet"
    image = min((test_data / "bccd" / "JPEGImages").glob("*.jpg"))
    cfg, weights = darknet / "yolov3-tiny.cfg", darknet / "yolov3-tiny.weights"
    theirs, ours = read_both(opencv_python, cfg, weights, image, 416, tmp_path)
    assert len(theirs) == len(ours) == 11
    assert np.abs(theirs[6]).max() > 1
    for expected, found in zip(theirs, ours, strict=True):
        assert expected.shape == found.shape
        np.testing.assert_allclose(found, expected, atol=1e-4, rtol=0)


def test_every_construct_of_a_cfg_equals_opencv(
    opencv_python: Path, test_data: Path, tmp_path: Path
) -> None:
    """Mish and leaky side by side, cross-stage routes, bottlenecks, a pyramid, an upsampling."""
    cfg, weights = tmp_path / "mixed.cfg", tmp_path / "mixed.weights"
    network = networks.mixed()
    cfg.write_text(network.text)
    network.write_weights(weights)
    image = min((test_data / "bccd" / "JPEGImages").glob("*.jpg"))
    theirs, ours = read_both(opencv_python, cfg, weights, image, 64, tmp_path)
    assert len(theirs) == len(ours) == 15
    for expected, found in zip(theirs, ours, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("network", "weights_bytes", "partial", "partial_bytes"),
    [
        (networks.yolov3, 248_007_048, "darknet53.conv.74", 162_482_580),
        (networks.yolov4, 257_717_640, "yolov4.conv.137", 170_038_676),
    ],
)
def test_whole_networks_and_their_first_layers_equal_opencv(
    opencv_python: Path, test_data: Path, tmp_path: Path, network: Callable[[], networks.Cfg],
    weights_bytes: int, partial: str, partial_bytes: int,
) -> None:  # fmt: skip
    """Random weights in files as long as the published ones, each layer within 1e-4 of its size."""
    net = network()
    cfg, weights = tmp_path / "net.cfg", tmp_path / "net.weights"
    cfg.write_text(net.text)
    net.write_weights(weights)
    assert weights.stat().st_size == weights_bytes
    image = min((test_data / "bccd" / "JPEGImages").glob("*.jpg"))
    theirs, ours = read_both(opencv_python, cfg, weights, image, 96, tmp_path)
    assert len(theirs) == len(ours) == sum(normed for *_, normed in net.convolutions)
    compare(theirs, ours)
    first = tmp_path / partial
    first.write_bytes(weights.read_bytes()[:partial_bytes])
    found = read_ours(tmp_path / "net.yaml", first, tmp_path)
    count = net.count_convolutions(int(partial.rpartition(".")[2]))
    compare(theirs[:count], found[:count])
    assert np.abs(found[count] - theirs[count]).max() > 0.01, "this one is not in the file"
    weights.unlink()  # half a gigabyte
    first.unlink()


def compare(theirs: list[np.ndarray], ours: list[np.ndarray]) -> None:
    """Compare outputs to 1e-4 of the largest value of each."""
    for expected, found in zip(theirs, ours, strict=True):
        largest = np.abs(expected).max()
        assert 0.1 < largest < 1e6, "neither died out nor overflowed"
        np.testing.assert_allclose(found, expected, atol=1e-4 * largest, rtol=0)
