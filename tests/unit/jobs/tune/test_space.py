"""What a search may vary, and what is said about anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from yolokit.errors import ConfigError
from yolokit.jobs.tune.config import TuneConfig
from yolokit.jobs.tune.space import (
    DEFAULT_SPACE,
    SEARCHABLE,
    Choice,
    Range,
    read_space,
)
from yolokit.train.config import TrainConfig


def read(tmp_path: Path, text: str, **others: object) -> dict[str, Range | Choice]:
    path = tmp_path / "space.yaml"
    path.write_text(text, "utf-8")
    return read_space(path, others)


def test_each_kind_is_read(tmp_path: Path) -> None:
    text = """
lr: {log: [1e-5, 0.01]}
mosaic: {float: [0, 1]}
nbs: {int: [16, 64]}
optimizer: {choice: [SGD, AdamW]}
schedule: {choice: [linear, cosine]}
"""
    assert read(tmp_path, text) == {
        "lr": Range("log", 1e-5, 0.01),
        "mosaic": Range("float", 0.0, 1.0),
        "nbs": Range("int", 16, 64),
        "optimizer": Choice(("SGD", "AdamW")),
        "schedule": Choice(("linear", "cosine")),
    }


def test_the_default_space_is_small_and_gives_its_reasons() -> None:
    space = read_space(None, {})
    assert {"lr", "weight_decay", "mosaic", "scale"} <= set(space)
    assert len(space) <= 8
    lines = DEFAULT_SPACE.read_text("utf-8").splitlines()
    assert all("  # " in line for line in lines if line and not line.startswith("#"))


def test_the_help_names_what_the_default_space_has() -> None:
    from yolokit.core.options import list_options

    shown = next(one.default for one in list_options(TuneConfig) if one.name == "space")
    assert shown.split(", ") == list(read_space(None, {}))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("mosiac: {float: [0, 1]}", "did you mean 'mosaic'"),
        ("learning_rate: {log: [1e-5, 1e-2]}", "called lr here"),
        ("momentum: {float: [0.8, 0.95]}", "has no effect with optimizer auto"),
        ("lr: {choice: [0.1, 2]}", "must be"),
        ("trials: {int: [1, 2]}", "unknown option"),
        ("epochs: {int: [1, 9]}", "says what a run is about"),
        ("data: {choice: [a, b]}", "says what a run is about"),
        ("seed: {int: [0, 9]}", "says what a run is about"),
        ("mosaic: [0, 1]", "must be {float: [LOW, HIGH]}"),
        ("mosaic: {float: [0, 1, 2]}", "must be {float: [LOW, HIGH]}"),
        ("mosaic: {float: [0]}", "must be {float: [LOW, HIGH]}"),
        ("mosaic: {uniform: [0, 1]}", "must be {float: [LOW, HIGH]}"),
        ("mosaic: {float: [0, 1], log: [1, 2]}", "must be {float: [LOW, HIGH]}"),
        ("mosaic: {float: [0, 2]}", "must be a number of at most 1.0, not 2"),
        ("mosaic: {float: [a, 1]}", "must be a number, not 'a'"),
        ("mosaic: {float: [1, 0]}", "must begin below its end"),
        ("mosaic: {float: [.nan, 1]}", "mosaic"),
        ("mosaic: {log: [0, 1]}", "must begin above 0"),
        ("mosaic: {int: [0, 1]}", "is a number: float or log"),
        ("nbs: {float: [8, 64]}", "is a whole number: int"),
        ("nbs: {int: [8.5, 64]}", "must be a whole number, not 8.5"),
        ("imgsz: {int: [320, 640]}", "takes no range"),
        ("imgsz: {choice: [320, 330]}", "must be a multiple of 32"),
        ("optimizer: {float: [0, 1]}", "takes no range"),
        ("optimizer: {choice: [SGD, Lion]}", "must be one of"),
        ("optimizer: {choice: [SGD, SGD]}", "has one value twice"),
        ("freeze: {choice: [0, backbone]}", "needs weights"),
        ("{optimizer: {choice: [auto, SGD]}, momentum: {float: [0.8, 0.9]}}", "none can be varied"),
        ("", "names no option to vary"),
    ],
)
def test_what_cannot_be_searched_is_told(tmp_path: Path, line: str, problem: str) -> None:
    with pytest.raises(ConfigError, match="cannot be searched") as caught:
        read(tmp_path, line)
    assert problem in str(caught.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "mosiac: {float: [0, 1]}\nepochs: {int: [1, 9]}")
    assert len(caught.value.problems) == 2


def test_a_value_is_tried_beside_what_is_stated(tmp_path: Path) -> None:
    text = "freeze: {choice: [0, backbone]}"
    assert read(tmp_path, text, weights="a.pt") == {"freeze": Choice((0, "backbone"))}


def test_everything_that_can_be_searched_is_an_option_of_train() -> None:
    assert set(TrainConfig.__struct_fields__) >= SEARCHABLE
    assert {"lr", "mosaic", "freeze", "imgsz"} <= SEARCHABLE
    assert not {"data", "weights", "epochs", "patience", "seed", "device", "log"} & SEARCHABLE


def test_the_name_that_the_rate_has_elsewhere_is_understood(tmp_path: Path) -> None:
    assert read(tmp_path, "lr0: {log: [1e-5, 1e-2]}") == {"lr": Range("log", 1e-5, 1e-2)}


@pytest.mark.parametrize("optimizer", ["SGD", "AdamW"])
def test_a_momentum_is_searched_beside_an_optimizer(tmp_path: Path, optimizer: str) -> None:
    text = "momentum: {float: [0.8, 0.95]}"
    assert read(tmp_path, text, optimizer=optimizer)
    assert read(tmp_path, f"{text}\noptimizer: {{choice: [SGD, AdamW]}}")


def test_values_are_rounded_and_stay_within() -> None:
    assert Range("float", 0.0, 1.0).round(0.123456) == 0.1235
    assert Range("log", 1.23412e-5, 1.0).round(1.23412e-5) == 1.23412e-5
    assert Range("int", 8, 64).round(9) == 9
    assert Range("float", 0.0, 1.0).contains(1)
    assert not Range("float", 0.0, 1.0).contains(True)
    assert not Choice((0, 1)).contains(False)
