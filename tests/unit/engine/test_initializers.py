"""Starts without training: what is taken, what is told, what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from yolokit.engine_protocol.child import child_environment
from yolokit.train.arch import find_arch, find_classifier_arch

pytest.importorskip("onnx", reason="the train extra is not installed")

ASKED = "only the backbone was asked for"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came of each start, all in one process that has torch."""
    folder: Path = tmp_path_factory.mktemp("starts")
    archs = [find_arch(name).write_to(folder) for name in ("yolo26n", "yolov8n-p6")]
    archs.append(find_classifier_arch("yolov8n-cls").write_to(folder))
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("try_initializers.py"), folder, *archs],
        capture_output=True, text=True, check=False,
        env=child_environment(folder) | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    content: dict[str, Any] = json.loads(done.stdout.rsplit("FOUND", 1)[1])
    return content


def fates(report: dict[str, Any]) -> dict[tuple[str, str, str], int]:
    return {
        (group["part"], group["action"], group["reason"]): group["tensors"]
        for group in [*report["groups"], *report["left"]]
    }


def test_all_is_taken_where_names_and_order_are_the_same(found: dict[str, Any]) -> None:
    assert {fate[1:] for fate in fates(found["same"])} == {("taken", "")}


def test_class_rows_move_with_their_names(found: dict[str, Any]) -> None:
    reason = "class rows of kind b, KIND A by name, the others fresh"
    told = fates(found["moved"])
    assert told["head", "reshaped", reason] == 12, "three levels of two branches"
    assert {fate[1] for fate in told if fate[0] != "head"} == {"taken"}
    assert found["moved rows"]


def test_as_many_other_classes_get_no_row(found: dict[str, Any]) -> None:
    reason = "class rows: the source knows no class of these names"
    told = fates(found["others"])
    assert told["head", "fresh", reason] == 12
    assert {fate[1] for fate in told if fate[0] == "backbone"} == {"taken"}, "16 filters, 16 names"
    assert found["others rows"]
    assert fates(found["placeholders"])["head", "fresh", reason] == 12


def test_the_class_branch_keeps_the_width_that_its_source_has(found: dict[str, Any]) -> None:
    assert fates(found["fewer"])["head", "reshaped", "class rows of of many 7 x by name"] == 12
    assert found["fewer width"] == [99, 99, 99]
    assert {fate[1] for fate in fates(found["fewer"])} == {"taken", "reshaped"}


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("nan", "2 of the 64 values of model.3.bn.bias are NaN or infinite"),
        ("nan backbone", "2 of the 64 values of model.3.bn.bias are NaN or infinite"),
        ("extra", "2 of the backbone: the model has no such tensor"),
        ("extra backbone", "layer 3 (Conv) has extra Linear in the source, nothing here"),
        ("act", "layer 3 (Conv) has act Mish in the source, SiLU here"),
        ("act backbone", "layer 3 (Conv) has act Mish in the source, SiLU here"),
        ("imagenet pruned", "layer 6 (C2f) has m.0 Identity in the source, Bottleneck here"),
        ("imagenet other", "ends in Classify, which is not a detection head"),
        ("scratch frozen", "nothing was transferred into the first 3 layers"),
    ],
)
def test_refused(found: dict[str, Any], key: str, words: str) -> None:
    assert isinstance(found[key], str), found[key]
    assert words in found[key]


def test_the_epsilon_that_weights_were_trained_with_is_carried_over(found: dict[str, Any]) -> None:
    assert found["own epsilons"] == {"model.0.bn": 1e-6, "model.3.bn": 1e-6}
    assert found["eps epsilons"] == {"model.0.bn": 1e-3, "model.3.bn": 1e-5}
    assert found["eps rebuilt"] == found["eps epsilons"]
    assert found["imagenet epsilons"] == {"model.0.bn": 1e-5, "model.3.bn": 1e-5}
    assert found["imagenet rebuilt"] == found["imagenet epsilons"]
    assert found["imagenet neck epsilon"] == 1e-3


def test_a_checkpoint_of_older_code_is_as_its_architecture_says(found: dict[str, Any]) -> None:
    told = fates(found["aged"])
    assert {fate[1] for fate in told if fate[0] == "backbone"} == {"taken"}
    assert found["aged"]["frozen"] == list(range(11))
    assert found["aged"]["unfrozen"] == []


def test_a_classifier_that_is_alike_in_part(found: dict[str, Any]) -> None:
    reason = (
        "layer 7 (Conv) is 256 wide in the source, 192 here; those after it would see other "
        "features"
    )
    told = fates(found["imagenet"])
    assert told["backbone", "taken", ""] > 0
    assert told["backbone", "fresh", reason] > 0
    assert told["backbone", "left", reason] > 0
    assert told["head", "left", ASKED] > 0
    assert told["neck", "fresh", ASKED] > 0
    assert found["imagenet"]["frozen"] == found["imagenet"]["whole_layers"] == list(range(7))
    assert found["imagenet"]["unfrozen"][:5] == [7, 8, 9, 10, 11]
