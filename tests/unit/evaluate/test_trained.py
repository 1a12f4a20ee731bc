from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from yolokit.datasets.check import check_dataset, hash_labels
from yolokit.datasets.data_yaml import DataYaml, load_data_yaml
from yolokit.evaluate.trained import find_trained

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Make = Callable[..., Path]

ROW = "0 0.5 0.5 0.5 0.5\n"
BEST, LAST = "b" * 64, "c" * 64


@pytest.fixture
def data(make_data: Make) -> DataYaml:
    make_data({"a": ROW}, "nut", split="train")
    path = make_data({"b": ROW, "c": ""}, "nut", split="val")
    path.write_text("train: images/train\nval: images/val\nnames: [nut]\n")
    return load_data_yaml(path)


def metrics(value: float) -> dict[str, float]:
    return {"mAP50": value, "mAP50-95": value / 2}


@pytest.fixture
def record(data: DataYaml, tmp_path: Path) -> dict[str, Any]:
    return {
        "data": {"sha256": hash_labels(data), "path": "elsewhere"},
        "epochs": [{"epoch": 1, "metrics": metrics(0.8)}, {"epoch": 2, "metrics": metrics(0.6)}],
        "start_epoch": {"epoch": 0, "metrics": metrics(0.2)},
        "stopped": {"reason": "epochs", "epoch": 2, "best": 1},
        "outputs": {"best.pt": BEST, "last.pt": LAST},
        "precision": "bf16",
    }


def find(
    record: dict[str, Any], data: DataYaml, tmp_path: Path, sha256: str = BEST, split: str = "val"
) -> tuple[str, int, float, float] | None:
    (tmp_path / "run.json").write_text(json.dumps(record))
    found = find_trained(tmp_path / "best.onnx", sha256, data, split)
    if found is None:
        return None
    return found.weights, found.epoch, found.map50, found.map50_95


def test_the_hash_is_the_one_that_training_writes(data: DataYaml) -> None:
    assert hash_labels(data) == check_dataset(data.path, allow=("leaking-images",)).sha256


def test_the_epoch_whose_weights_were_exported(
    record: dict[str, Any], data: DataYaml, tmp_path: Path
) -> None:
    assert find(record, data, tmp_path) == ("best.pt", 1, 0.8, 0.4)
    assert find(record, data, tmp_path, LAST) == ("last.pt", 2, 0.6, 0.3)
    record["stopped"]["best"] = 0
    assert find(record, data, tmp_path) == ("best.pt", 0, 0.2, 0.1)


def test_the_recall_that_judged_the_training_comes_along(
    record: dict[str, Any], data: DataYaml, tmp_path: Path
) -> None:
    def find_recall(fitness: str) -> dict[str, float]:
        (tmp_path / "run.json").write_text(json.dumps({**record, "config": {"fitness": fitness}}))
        found = find_trained(tmp_path / "best.onnx", BEST, data, "val")
        assert found is not None
        return found.recall_at

    record["epochs"][0]["metrics"]["recall@0.9"] = 0.7
    assert find_recall("recall@0.90") == {"0.9": 0.7}
    assert find_recall("map50") == {}
    assert find_recall("recall@0.5") == {}, "this epoch has it not"
    assert find_recall("of a later version") == {}


def test_what_is_not_the_same_is_not_compared(
    record: dict[str, Any], data: DataYaml, tmp_path: Path
) -> None:
    assert find(record, data, tmp_path, "d" * 64) is None
    assert find(record, data, tmp_path, "") is None
    assert find(record, data, tmp_path, split="train") is None
    label = data.path.parent / "labels/val/c.txt"
    label.write_text(ROW)
    assert find(record, data, tmp_path) is None, "a label more"


def test_a_record_that_is_torn_or_missing_says_nothing(data: DataYaml, tmp_path: Path) -> None:
    assert find_trained(tmp_path / "best.onnx", BEST, data, "val") is None
    deep = '{"x": ' + "[" * 99_999 + "]" * 99_999 + "}"
    for text in ("{", "[]", '{"epochs": []}', deep):
        (tmp_path / "run.json").write_text(text)
        assert find_trained(tmp_path / "best.onnx", BEST, data, "val") is None


def test_an_epoch_that_was_not_validated_has_no_figure(
    record: dict[str, Any], data: DataYaml, tmp_path: Path
) -> None:
    record["epochs"][0]["metrics"] = {"train_box_loss": 1.0}
    assert find(record, data, tmp_path) is None
