"""The proof that an old detector is as it was: it holds, and it finds what was planted."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from tests.unit.engine.tasks.test_class_groups import add, save_detector
from yolokit.engine_protocol.added import AddedClasses, AddingProof, AddingSettings
from yolokit.errors import DataError, TrainError, WeightsError
from yolokit.files.digest import digest_weights

pytest.importorskip("onnx", reason="the train extra is not installed")


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Any, AddingSettings, list[str]]:
    """A model with a class more, what it was before, and a picture."""
    path = save_detector(tmp_path, "yolo11n")
    model, _report = add(path, ["gear"])
    pixels = np.random.default_rng(0).integers(0, 256, (48, 80, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "picture.png"), pixels)
    settings = AddingSettings(weights=str(path), digest=digest_weights(path))
    return model, settings, [str(tmp_path / "picture.png")]


def prove(model: Any, settings: AddingSettings, images: list[str]) -> AddingProof:
    from yolokit.engine import adding
    from yolokit.engine.initializers import save_start

    best = Path(images[0]).parent / "best.pt"
    save_start(model.half(), str(best))
    return adding.prove(best, settings, images, 64)


def test_it_holds_and_states_the_growth(pair: tuple[Any, AddingSettings, list[str]]) -> None:
    from yolokit.engine.adding import require_equal

    proof = prove(*pair)
    assert (proof.images, proof.changed_tensors, proof.problems) == (1, 0, [])
    assert proof.max_score_diff <= 1e-6
    assert proof.parameters[0] < proof.parameters[1] < 1.2 * proof.parameters[0]
    assert proof.flops[0] < proof.flops[1] < 1.3 * proof.flops[0]
    require_equal(proof)


@pytest.mark.parametrize(
    "place",
    ["model.0.conv.weight", "model.4.cv1.bn.running_mean", "model.23.cv2.0.2.bias",
     "model.23.cv3.1.2.weight"],
)  # fmt: skip
def test_one_old_value_that_changed_is_found(
    pair: tuple[Any, AddingSettings, list[str]], place: str
) -> None:
    from yolokit.engine.adding import require_equal

    pair[0].state_dict()[place].view(-1)[0] += 0.25
    proof = prove(*pair)
    assert proof.changed_tensors == 1
    with pytest.raises(TrainError, match=r"1 of \d+ old tensors changed"):
        require_equal(proof)


def test_an_old_class_at_a_new_anchor_is_found(pair: tuple[Any, AddingSettings, list[str]]) -> None:
    pair[0].model[-1].cv3[3][-1].bias.data[0] = 0
    proof = prove(*pair)
    assert proof.changed_tensors == 0
    assert any("where it has no anchors" in problem for problem in proof.problems)


def test_an_old_detector_that_is_gone_or_another_is_told(
    pair: tuple[Any, AddingSettings, list[str]],
) -> None:
    path = Path(pair[1].weights)
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(WeightsError, match="changed"):
        prove(*pair)
    path.unlink()
    with pytest.raises(WeightsError, match="is gone"):
        prove(*pair)


def test_labels_get_their_numbers_in_the_new_detector() -> None:
    from yolokit.engine.adding import renumber

    classes = AddedClasses(old=["nut", "bolt"], new=["gear"], class_ids=[2, 1])
    labels = [{"cls": np.array([[0.0], [1.0], [0.0]], np.float32)}]
    renumber(SimpleNamespace(labels=labels), classes, "train")
    assert labels[0]["cls"].tolist() == [[2], [1], [2]]
    only_old = [{"cls": np.array([[1.0]], np.float32)}]
    with pytest.raises(DataError, match="no image of train has a box of gear"):
        renumber(SimpleNamespace(labels=only_old), classes, "train")
