"""Small data sets to train on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Pictures that differ, each with objects of its own, none in the middle."""
    rng = np.random.default_rng(0)
    root = tmp_path / "set"
    for split, count in (("train", 10), ("val", 2)):
        for kind in ("images", "labels"):
            (root / kind / split).mkdir(parents=True)
        for index in range(count):
            picture = rng.integers(0, 90, (64, 64, 3), dtype=np.uint8)
            picture[8:24, 4:20] = (255, 20 * index, 0)
            cv2.imwrite(str(root / "images" / split / f"{index}.png"), picture)
            (root / "labels" / split / f"{index}.txt").write_text(
                f"{index % 2} 0.1875 0.25 0.25 0.25\n"
            )
    path = root / "data.yaml"
    path.write_text("train: images/train\nval: images/val\nnames: [even, odd]\n")
    return path
