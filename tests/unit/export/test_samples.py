"""Gates look at some images, and a model is calibrated on others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from yolokit.errors import DataError
from yolokit.export.samples import find_calibration_images, load_gate_images
from yolokit.runtime import model_input
from yolokit.runtime.manifest import ModelIO

if TYPE_CHECKING:
    from yolokit.core.types import F32, U8

IO = ModelIO(input_name="images", shape=(1, 3, 32, 32), input_wh=(32, 32))


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
    calibration = find_calibration_images(data, gated, IO, 128)
    assert len(calibration) >= 40 - 5
    assert calibration.split == next(name for name in ("train", "val") if name in splits)
    prepared = {make_input(bgr).tobytes() for _, bgr in gated}
    seen = [tensor.tobytes() for tensor in calibration]
    assert len(seen) == len(set(seen)) == len(calibration)
    assert not prepared & set(seen)


def make_input(bgr: U8) -> F32:
    letterbox = model_input.plan_letterbox((bgr.shape[1], bgr.shape[0]), IO)
    return model_input.make_input(bgr, letterbox, IO)


def test_a_calibration_is_the_same_each_time_and_looks_at_no_more_than_asked(
    tmp_path: Path,
) -> None:
    data = write_set(tmp_path, train=60, val=40)
    gated = load_gate_images(data)
    few, again = (find_calibration_images(data, gated, IO, 8) for _ in range(2))
    assert len(few) == len(list(few)) == 8 - 1, "the first is one that the gates look at"
    assert few.paths == again.paths
    assert few.sha256 == again.sha256 != find_calibration_images(data, gated, IO, 9).sha256
    first, second = ([tensor.tobytes() for tensor in few] for _ in range(2))
    assert first == second
    assert next(iter(few)).shape == (1, 3, 32, 32)


@pytest.mark.parametrize(
    ("splits", "is_judged"),
    [
        ({"train": 30, "val": 20}, False),
        ({"val": 5, "test": 30}, False),
        ({"val": 60}, True),
        ({"train": 60}, False),
    ],
)
def test_it_is_known_whether_accuracy_is_measured_on_the_same_split(
    splits: dict[str, int], is_judged: bool, tmp_path: Path
) -> None:
    data = write_set(tmp_path, **splits)
    found = find_calibration_images(data, load_gate_images(data), IO, 40)
    assert found.is_judged == is_judged


def test_where_the_gates_look_at_all_there_is_nothing_to_calibrate_on(tmp_path: Path) -> None:
    data = write_set(tmp_path, val=10)
    with pytest.raises(DataError, match="the gates use all of its images"):
        find_calibration_images(data, load_gate_images(data), IO, 128)


def test_a_split_without_images_is_named(tmp_path: Path) -> None:
    data = write_set(tmp_path, train=0, val=3)
    with pytest.raises(DataError, match="the split train has no images"):
        find_calibration_images(data, load_gate_images(data), IO, 128)
