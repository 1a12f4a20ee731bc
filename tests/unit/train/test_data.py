"""What a training asks of a data set and its options together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.conftest import write_image, write_text
from yolokit.errors import ConfigError
from yolokit.train.config import TrainConfig
from yolokit.train.data import check_data


@pytest.fixture
def five(tmp_path: Path) -> Path:
    for number in range(5):
        for split in ("train", "val"):
            write_image(tmp_path / f"images/{split}/{number}.jpg")
            write_text(tmp_path / f"labels/{split}/{number}.txt", "0 0.5 0.5 0.2 0.2\n")
    text = "train: images/train\nval: images/val\nnames: [cat]\n"
    return write_text(tmp_path / "data.yaml", text)


def check(data: Path, **options: Any) -> None:
    check_data(data, TrainConfig(data=str(data), **options), lambda _event: None)


@pytest.mark.parametrize(
    "options",
    [{"batch": 2}, {"batch": 4}, {"batch": 1}, {"batch": 8, "fraction": 0.2}, {"fraction": 0.1}],
)
def test_a_batch_of_one_image_is_refused_where_it_cannot_be_normalised(
    five: Path, options: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match="at imgsz 32 no batch can be a single image") as caught:
        check(five, imgsz=32, **options)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("take --imgsz 64 or more")
    check(five, imgsz=64, **options)


@pytest.mark.parametrize("options", [{"batch": 3}, {"batch": 5}, {"batch": 64}, {}])
def test_other_batches_are_right(five: Path, options: dict[str, Any]) -> None:
    check(five, imgsz=32, **options)
