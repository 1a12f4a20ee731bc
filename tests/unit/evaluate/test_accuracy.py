"""What a model scores on labelled images, and on which of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.unit.runtime.conftest import save_model
from yolokit.errors import ConfigError, NoLabelsError
from yolokit.evaluate.accuracy import (
    compare_accuracy,
    key_accuracy,
    load_labelled,
    measure_accuracy,
    open_finder,
)
from yolokit.evaluate.measures.changes import compare_classes

if TYPE_CHECKING:
    from collections.abc import Callable

    from yolokit.core.events import Event

ROW = "0 0.25 0.25 0.25 0.25\n"  # the nut that the tiny model finds in every image


@pytest.fixture
def data(make_data: Callable[..., Path]) -> Path:
    labels = {f"{index:02d}": ROW for index in range(20)} | {"empty": ""}
    return make_data(labels, "nut", "bolt")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_model(tmp_path / "tiny.onnx")


def test_a_model_is_measured_on_all_images(data: Path, model: Path) -> None:
    told: list[Event] = []
    found = measure_accuracy(model, data, provider="cpu", threads=1, on_event=told.append)
    assert len(found.images) == len(told) == 21
    assert found.map50_95 == pytest.approx(1, abs=0.1)
    assert 0.9 < found.shown_f1 < 1, "in the empty image it finds a nut as well"
    assert [one.name for one in found.classes] == ["nut", "bolt"]
    assert found.classes[1].map50_95 is None
    assert (found.model.provider, found.model.precision, found.model.threads) == ("cpu", "fp32", 1)
    same = compare_accuracy(found, found)
    assert (same.low, same.high, same.images) == (0, 0, 21)
    assert compare_classes(found, found)[-1].lost is None


def test_of_many_images_the_same_are_drawn_every_time(data: Path) -> None:
    drawn = [
        [one.image.file_name for one in load_labelled(data, "val", most=7).images] for _ in range(2)
    ]
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 7
    assert drawn[0] == sorted(drawn[0])
    assert drawn[0] != sorted(drawn[0])[:1] + [f"{index:02d}.png" for index in range(1, 7)]
    labelled = load_labelled(data, "val", most=7)
    assert (labelled.available, labelled.unreadable) == (21, 0)


def test_an_image_that_cannot_be_read_is_counted(data: Path, model: Path) -> None:
    (data.parent / "images/val/05.png").write_bytes(b"not an image")
    found = measure_accuracy(model, data, provider="cpu", threads=1)
    assert (len(found.images), found.unreadable) == (20, 1)


def test_without_a_label_nothing_can_be_measured(data: Path, model: Path) -> None:
    for path in data.parent.glob("labels/val/*.txt"):
        path.write_text("")
    with pytest.raises(NoLabelsError, match="no image of the split val has a label"):
        measure_accuracy(model, data, provider="cpu")


def test_a_class_that_the_model_does_not_know_is_a_mistake(
    make_data: Callable[..., Path], model: Path
) -> None:
    data = make_data({"a": ROW}, "screw")
    with pytest.raises(ConfigError, match="'screw'"):
        measure_accuracy(model, data, provider="cpu")


def test_a_measurement_is_kept_under_all_that_it_depends_on(data: Path, model: Path) -> None:
    def key(path: Path = model, **options: object) -> str:
        with open_finder(path, provider="cpu", threads=1) as finder:
            return key_accuracy(finder.facts, load_labelled(data, "val", **options))  # type: ignore[arg-type]

    first = key()
    assert key() == first
    moved = model.with_name("moved.onnx")
    moved.write_bytes(model.read_bytes())
    assert key(moved) == first, "where a file lies says nothing of what it is"
    assert key(most=3) != first
    table = np.zeros((1, 6, 2), np.float32)
    assert key(save_model(model.with_name("other.onnx"), table)) != first
    (data.parent / "labels/val/03.txt").write_text("1 0.5 0.5 0.2 0.2\n")
    assert key() != first
