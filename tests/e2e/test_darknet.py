"""Darknet's weights compute here what they compute in OpenCV's own reading of the same files."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT
from yolokit.core.child import child_environment
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
    theirs, ours = folder / "opencv.npz", folder / "yolokit.npz"
    subprocess.run(
        [python, SCRIPTS / "opencv_reads.py", cfg, weights, image, str(side_px), theirs], check=True
    )
    arch = Arch(cfg, cfg.stem).write_to(folder)
    subprocess.run(
        [sys.executable, SCRIPTS / "yolokit_reads.py", arch, weights, theirs, ours],
        check=True, env=child_environment(folder) | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    opencv, yolokit = np.load(theirs), np.load(ours)
    activated = [name for name in opencv if re.match(r"(leaky|mish)_\d+$", name)]
    return [opencv[name] for name in activated], [yolokit[name] for name in yolokit]


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


YOLO = "[yolo]\nmask=0,1,2\nanchors=1,2,3,4,5,6\nclasses=2\nnum=3\n"
CONV = "[convolutional]\nbatch_normalize=1\nfilters={}\nsize={}\nstride={}\npad=1\nactivation={}\n"
OUTPUT = "[convolutional]\nfilters=21\nsize=1\nstride=1\npad=1\nactivation=linear\n" + YOLO


def write_mixed_cfg(path: Path) -> list[tuple[int, int, int, bool]]:
    """Write a network with everything that YOLOv3, v3-SPP and v4 have, and list its convolutions.

    Returns:
        Input channels, filters, size and batch norm of each convolution, in order.
    """
    parts = ["[net]\nwidth=64\nheight=64\nchannels=3\n"]
    convolutions: list[tuple[int, int, int, bool]] = []

    def conv(given: int, filters: int, size: int, stride: int = 1, act: str = "leaky") -> None:
        parts.append(CONV.format(filters, size, stride, act))
        convolutions.append((given, filters, size, True))

    def output(given: int) -> None:
        parts.append(OUTPUT)
        convolutions.append((given, 21, 1, False))

    conv(3, 8, 3, 2, "mish")  # 0
    conv(8, 16, 3, 2, "mish")  # 1
    conv(16, 16, 1, 1, "mish")  # 2: one side of a cross-stage block
    parts.append("[route]\nlayers=-2\n")  # 3
    conv(16, 16, 1, 1, "mish")  # 4: the other
    for _ in range(2):  # 5-7, 8-10
        conv(16, 8, 1, 1, "mish")
        conv(8, 16, 3, 1, "mish")
        parts.append("[shortcut]\nfrom=-3\nactivation=linear\n")
    parts.append("[route]\nlayers=-1,-9\n")  # 11: 10 and 2
    conv(32, 24, 3, 2)  # 12, stride 8
    conv(24, 24, 1)  # 13
    conv(24, 24, 3)  # 14: a bottleneck that does not narrow
    parts.append("[shortcut]\nfrom=-3\nactivation=linear\n")  # 15
    conv(24, 32, 3, 2)  # 16, stride 16
    parts.append("[maxpool]\nstride=1\nsize=5\n")  # 17: spatial pyramid
    parts.append("[route]\nlayers=-2\n")  # 18
    parts.append("[maxpool]\nstride=1\nsize=9\n")  # 19
    parts.append("[route]\nlayers=-1,-3,16\n")  # 20
    conv(96, 32, 1)  # 21
    output(32)  # 22, 23
    parts.append("[route]\nlayers=21\n")  # 24
    conv(32, 16, 1)  # 25
    parts.append("[upsample]\nstride=2\n")  # 26
    parts.append("[route]\nlayers=-1,15\n")  # 27
    conv(40, 24, 3)  # 28
    output(24)
    path.write_text("\n".join(parts))
    return convolutions


def write_weights(path: Path, convolutions: list[tuple[int, int, int, bool]]) -> None:
    """Write random weights as Darknet does."""
    rng = np.random.default_rng(0)
    chunks = []
    for given, filters, size, normed in convolutions:
        chunks.append(rng.normal(0, 0.2, filters))  # biases
        if normed:
            chunks += [rng.uniform(0.5, 1.5, filters), rng.normal(0, 0.1, filters)]
            chunks.append(rng.uniform(0.5, 1.5, filters))
        chunks.append(rng.normal(0, (given * size * size) ** -0.5, filters * given * size * size))
    header = struct.pack("<3iq", 0, 2, 5, 32_013_312)
    path.write_bytes(header + np.concatenate(chunks).astype("<f4").tobytes())


def test_every_construct_of_a_cfg_equals_opencv(
    opencv_python: Path, test_data: Path, tmp_path: Path
) -> None:
    """Mish and leaky side by side, cross-stage routes, bottlenecks, a pyramid, an upsampling."""
    cfg, weights = tmp_path / "mixed.cfg", tmp_path / "mixed.weights"
    write_weights(weights, write_mixed_cfg(cfg))
    image = min((test_data / "bccd" / "JPEGImages").glob("*.jpg"))
    theirs, ours = read_both(opencv_python, cfg, weights, image, 64, tmp_path)
    assert len(theirs) == len(ours) == 15
    for expected, found in zip(theirs, ours, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4, rtol=0)
