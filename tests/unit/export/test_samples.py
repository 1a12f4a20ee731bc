"""Gates look at some images, and a model is calibrated on others."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from yolokit.errors import DataError
from yolokit.export.samples import iter_calibration_images, load_gate_images


def write_set(root: Path, **splits: int) -> Path:
    """Write a set of single-coloured images; the first five of each split are the same."""
    lines = ["names: [nut]"]
    for split, count in splits.items():
        folder = root / "images" / split
        folder.mkdir(parents=True)
        for index in range(count):
            level = index if index < 5 else 100 + index + 50 * (split == "train")
            # As a BMP or a PNG: other bytes, the same pixels.
            suffix = "bmp" if split == "train" else "png"
            cv2.imwrite(
                str(folder / f"{index:03d}.{suffix}"), np.full((64, 64, 3), level, np.uint8)
            )
        lines.append(f"{split}: images/{split}")
    (root / "data.yaml").write_text("\n".join(lines) + "\n")
    return root / "data.yaml"


def test_the_gates_look_at_the_shipped_images_and_at_those_of_the_set(tmp_path: Path) -> None:
    shipped = load_gate_images(None)
    assert len(shipped) == 16
    assert sum(bgr.shape[0] != bgr.shape[1] for _, bgr in shipped) == 14
    names = [name for name, _ in load_gate_images(write_set(tmp_path, train=4, val=40))]
    assert len(names) == 16 + 4
    assert [name.startswith("shipped/") for name in names] == [*[False] * 16, *[True] * 4]


@pytest.mark.parametrize("splits", [{"train": 60, "val": 40}, {"train": 60}, {"val": 60}])
def test_no_image_is_looked_at_by_both(splits: dict[str, int], tmp_path: Path) -> None:
    data = write_set(tmp_path, **splits)
    gated = load_gate_images(data)
    calibration = list(iter_calibration_images(data, gated))
    assert len(calibration) >= 40
    seen = {bgr.tobytes() for _, bgr in gated}
    assert not [bgr for bgr in calibration if bgr.tobytes() in seen]


def test_where_the_gates_look_at_all_there_is_nothing_to_calibrate_on(tmp_path: Path) -> None:
    data = write_set(tmp_path, val=10)
    with pytest.raises(DataError, match="the gates use all of its images"):
        list(iter_calibration_images(data, load_gate_images(data)))


def test_without_a_set_there_is_nothing_to_calibrate_on() -> None:
    with pytest.raises(DataError, match="the gates use all the shipped ones") as caught:
        list(iter_calibration_images(None, load_gate_images(None)))
    assert caught.value.hint == "name a data set with --data"
