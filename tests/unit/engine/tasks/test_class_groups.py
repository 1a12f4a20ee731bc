"""More classes in a head: what is old computes the same, and the new has branches of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from yolokit.core.task import Task
from yolokit.engine_protocol.requests import StartRequest
from yolokit.errors import ConfigError, WeightsError
from yolokit.files.digest import digest_weights
from yolokit.train.arch import find_arch

pytest.importorskip("onnx", reason="the train extra is not installed")

FAMILIES = ("yolov8n", "yolov10n", "yolo11n", "yolo26n")
NAMES = ["nut", "bolt"]


def save_detector(folder: Path, family: str, *, half: bool = True) -> Path:
    """Write a detector of two classes whose weights are all random."""
    import torch

    from yolokit.engine.initializers import save_start
    from yolokit.engine.network.arch import make_model, read_arch

    torch.manual_seed(0)
    model = make_model(read_arch(str(find_arch(family).write_to(folder))), NAMES, Task.DETECT)
    for tensor in model.state_dict().values():
        if tensor.is_floating_point() and tensor.ndim == 1:
            tensor.add_(torch.rand_like(tensor) * 0.1)
    path = folder / f"{family}.pt"
    save_start(model.half() if half else model, str(path))
    return path


def add(path: Path, names: list[str]) -> tuple[Any, Any]:
    """Return the detector with the classes of a data set added, and the account of it."""
    from yolokit.engine.initializers import build_start

    request = StartRequest(
        kind="added", weights=str(path), digest=digest_weights(path), arch=None, names=names
    )
    return build_start(request)


def run(model: Any) -> Any:
    """Return what a model gives at every anchor of one picture, (4 + C, A)."""
    import torch

    model.model[-1].end2end = False
    torch.manual_seed(1)
    with torch.inference_mode():
        return model.eval().float()(torch.rand(1, 3, 64, 96))[0][0]


def assert_same(new: Any, old: Any) -> None:
    """Compare boxes in px and scores, to the rounding of FP32."""
    assert float((new[:4] - old[:4]).abs().max()) < 1e-4
    assert float((new[4:] - old[4:]).abs().max()) < 1e-6


@pytest.mark.parametrize("family", FAMILIES)
def test_old_boxes_and_scores_are_the_same_at_every_anchor(family: str, tmp_path: Path) -> None:
    from yolokit.engine.ultralytics_patches import load_model

    path = save_detector(tmp_path, family)
    old = run(load_model(str(path))[0])
    model, report = add(path, ["washer", "bolt", "gear"])
    new = run(model)
    anchors = old.shape[1]
    assert new.shape == (4 + 4, 2 * anchors)
    assert_same(new[:6, :anchors], old)
    assert float(new[6:, :anchors].max()) < 1e-12, "no new class at an old anchor"
    assert float(new[4:6, anchors:].max()) < 1e-12, "no old class at a new anchor"
    assert float(new[6:, anchors:].min()) > 1e-9, "but the new ones"
    assert report.added.names == ["nut", "bolt", "washer", "gear"]
    assert report.added.class_ids == [2, 1, 3]
    assert {group.action for group in report.groups} == {"taken", "reshaped", "fresh"}


def test_classes_are_added_to_what_was_extended_before(tmp_path: Path) -> None:
    from yolokit.engine.initializers import save_start
    from yolokit.engine.tasks._class_groups import find_last_group
    from yolokit.engine.ultralytics_patches import load_model

    first, _report = add(save_detector(tmp_path, "yolo11n"), ["washer"])
    save_start(first.half(), str(tmp_path / "first.pt"))
    old = run(load_model(str(tmp_path / "first.pt"))[0])
    second, _report = add(tmp_path / "first.pt", ["gear", "screw"])
    new = run(second)
    assert new.shape[1] == old.shape[1] // 2 * 3
    assert_same(new[:7, : old.shape[1]], old)
    group = find_last_group(second)
    assert (group.level, group.levels, group.class_id, group.classes) == (6, 3, 3, 2)


def test_a_model_that_is_trained_as_a_whole_forgets_its_groups(tmp_path: Path) -> None:
    from yolokit.engine.initializers import build_start, save_start
    from yolokit.engine.tasks._class_groups import GROUPS_KEY

    first, _report = add(save_detector(tmp_path, "yolo11n"), ["washer"])
    save_start(first.half(), str(tmp_path / "first.pt"))
    request = StartRequest(
        kind="network", weights=str(tmp_path / "first.pt"), arch=None,
        names=["nut", "bolt", "washer"],
    )  # fmt: skip
    model, report = build_start(request)
    assert report.knows_classes
    assert GROUPS_KEY in first.yaml
    assert GROUPS_KEY not in model.yaml


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["bolt", "nut"], "the weights know every class of the data set: bolt, nut"),
        (["Bolt ", "gear"], "'Bolt ', and the weights have 'bolt': are they the same?"),
    ],
)
def test_classes_that_are_not_new_are_refused(names: list[str], said: str) -> None:
    from yolokit.engine.tasks._class_groups import combine_names

    with pytest.raises(ConfigError, match=said.replace("?", r"\?")):
        combine_names(NAMES, names)


def test_weights_that_would_be_rounded_are_refused(tmp_path: Path) -> None:
    path = save_detector(tmp_path, "yolov8n", half=False)
    with pytest.raises(WeightsError, match="in more than FP16"):
        add(path, ["gear"])


def test_only_the_last_group_is_trained(tmp_path: Path) -> None:
    """Its loss gives a gradient to new rows of new branches alone."""
    import torch
    from ultralytics.cfg import get_cfg

    from yolokit.engine.tasks._class_groups import list_frozen_parts
    from yolokit.engine.tasks._new_classes_loss import make_criterion

    model, _report = add(save_detector(tmp_path, "yolo26n"), ["gear"])
    model.args = get_cfg()
    model.train()
    batch = {
        "batch_idx": torch.zeros(2),
        "cls": torch.tensor([[0.0], [2.0]]),
        "bboxes": torch.tensor([[0.5, 0.5, 0.4, 0.4], [0.3, 0.3, 0.2, 0.2]]),
    }
    criterion = make_criterion(model)
    loss, _items = criterion(model(torch.rand(1, 3, 64, 64)), batch)
    loss.sum().backward()
    frozen = tuple(f"model.{part}." for part in list_frozen_parts(model))
    head = f"model.{len(model.model) - 1}."
    for name, parameter in model.named_parameters():
        moves = parameter.grad is not None and bool(parameter.grad.any())
        if not name.startswith(head):
            continue  # frozen as whole layers, by upstream
        if name.startswith(frozen):
            assert not moves, name
        elif "cv3" in name:  # a box is not learnt at every level
            assert moves, name
            if name.rsplit(".", 2)[1] == "2":
                assert not parameter.grad[:2].any(), "rows of old classes"


def test_labels_of_old_classes_do_not_matter_to_the_loss(tmp_path: Path) -> None:
    import torch
    from ultralytics.cfg import get_cfg

    from yolokit.engine.tasks._new_classes_loss import make_criterion

    model, _report = add(save_detector(tmp_path, "yolo11n"), ["gear"])
    model.args = get_cfg()
    given = model.train()(torch.rand(1, 3, 64, 64))
    boxes = torch.tensor([[0.3, 0.3, 0.2, 0.2], [0.5, 0.5, 0.4, 0.4]])
    losses = [
        make_criterion(model)(
            given,
            {"batch_idx": torch.zeros(n), "cls": torch.tensor([[2.0], [0.0]])[:n],
             "bboxes": boxes[:n]},
        )[0]
        for n in (1, 2)
    ]  # fmt: skip
    assert torch.equal(*losses)
    assert losses[0].sum() > 0


def test_class_weights_compare_the_new_classes_alone(tmp_path: Path) -> None:
    import torch
    from ultralytics.cfg import get_cfg

    from yolokit.engine.tasks._new_classes_loss import make_criterion

    model, _report = add(save_detector(tmp_path, "yolo11n"), ["gear", "screw"])
    model.args = get_cfg()
    model.class_weights = torch.tensor([1.9, 1.7, 0.1, 0.3])
    assert make_criterion(model).class_weights.flatten().tolist() == pytest.approx([0.5, 1.5])
