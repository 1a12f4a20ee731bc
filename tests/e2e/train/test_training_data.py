"""What is trained on is what was checked, and the user's files stay as they are."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import run_yolokit

pytestmark = pytest.mark.slow
SMALL = ("--arch", "yolo11n", "--imgsz", "32", "--batch", "4", "--device", "cpu", "--epochs", 1)


def add_long_text(png: Path) -> None:
    """Add a text that is so long when unpacked that Pillow alone refuses the picture."""
    kind = b"zTXt" + b"Comment\0\0" + zlib.compress(bytes(2 << 20))
    chunk = struct.pack(">I", len(kind) - 4) + kind + struct.pack(">I", zlib.crc32(kind))
    content = png.read_bytes()
    png.write_bytes(content[:33] + chunk + content[33:])


def test_what_the_engine_alone_leaves_out_is_refused_or_not_counted(squares: Path) -> None:
    folder = squares.parent
    add_long_text(folder / "images/train/3.png")
    jpeg = folder / "images/train/0.jpg"  # with something behind its end, as cameras write it
    (folder / "images/train/0.png").unlink()
    _, content = cv2.imencode(".jpg", np.full((64, 64, 3), 90, np.uint8))
    jpeg.write_bytes(content.tobytes() + b"film")
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}

    done = run_yolokit("train", "--data", folder, *SMALL, "--name", "a", cwd=folder, code=3)
    assert f"{folder / 'images/train/3.png'}: " in done.stderr
    assert not (folder / "runs/train/a").exists()
    assert "Decompressed data too large" in done.stderr

    allow = ("--allow", "unusable-images")
    run_yolokit("train", "--data", folder, *SMALL, "--name", "b", *allow, cwd=folder)
    run = folder / "runs/train/b"
    data = json.loads((run / "run.json").read_text())["data"]
    assert data["images"] == {"train": 7, "val": 4}
    assert data["boxes"] == {"train": 7, "val": 4}
    assert "restored" not in (run / "train.log").read_text()
    assert {path: path.read_bytes() for path in before} == before
