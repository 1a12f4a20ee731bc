"""The loss of a box, on boxes whose measures were worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch

from yolokit.engine import ultralytics_patches  # noqa: F401 - before upstream
from yolokit.engine.network.box_loss import FLAGS, use_box_loss

import ultralytics.utils.loss as upstream  # isort: skip - after our edits
from ultralytics.cfg import get_cfg  # isort: skip
from ultralytics.nn.tasks import DetectionModel  # isort: skip
from ultralytics.utils.metrics import bbox_iou  # isort: skip

# Overlap 4, union 12, enclosing box 4 x 4, centres 1 apart, diagonal^2 32.
CROSSED = ([0.0, 0, 4, 2], [1.0, 0, 3, 4])
# No overlap, areas 1 and 1, enclosing box 4 x 1, centres 3 apart, diagonal^2 17.
APART = ([0.0, 0, 1, 1], [3.0, 0, 4, 1])
V = 4 / math.pi**2 * (math.atan(2 / 4) - math.atan(4 / 2)) ** 2
PROPORTIONS = V * V / (1 - 1 / 3 + V)


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    yield
    use_box_loss("ciou")


def measure(predicted: list[float], true: list[float]) -> tuple[float, torch.Tensor]:
    """Return upstream's loss of one box, and its gradient."""
    box = torch.tensor([[predicted]], requires_grad=True)
    loss, _ = upstream.BboxLoss(reg_max=1)(
        torch.zeros(1, 1, 4), box, torch.zeros(1, 2), torch.tensor([[true]]),
        torch.ones(1, 1, 1), torch.tensor(1.0), torch.ones(1, 1, dtype=torch.bool),
        torch.tensor([8.0, 8.0]), torch.ones(1, 1),
    )  # fmt: skip
    loss.backward()
    assert box.grad is not None
    return loss.item(), box.grad


@pytest.mark.parametrize(
    ("kind", "boxes", "value"),
    [
        ("iou", CROSSED, 1 / 3),
        ("giou", CROSSED, 1 / 3 - 4 / 16),
        ("diou", CROSSED, 1 / 3 - 1 / 32),
        ("ciou", CROSSED, 1 / 3 - 1 / 32 - PROPORTIONS),
        ("iou", APART, 0.0),
        ("giou", APART, -2 / 4),
        ("diou", APART, -9 / 17),
        ("ciou", APART, -9 / 17),
    ],
)
def test_known_boxes(kind: str, boxes: tuple[list[float], list[float]], value: float) -> None:
    use_box_loss(kind)
    loss, gradient = measure(*boxes)
    assert loss == pytest.approx(1 - value, abs=1e-5)
    assert bool(gradient.any()) == (kind != "iou" or boxes is CROSSED)


def test_ciou_is_upstreams_own() -> None:
    use_box_loss("giou")
    use_box_loss("ciou")
    assert upstream.bbox_iou is bbox_iou


@pytest.mark.parametrize("arch", ["yolo11n.yaml", "yolo26n.yaml"])
def test_each_head_is_trained_by_it(arch: str) -> None:
    """Also both branches of an end-to-end head."""
    torch.manual_seed(0)
    model = DetectionModel(arch, nc=2, verbose=False)
    model.args = get_cfg()
    batch = {
        "img": torch.rand(2, 3, 160, 160), "batch_idx": torch.tensor([0.0, 1]),
        "cls": torch.tensor([[0.0], [1]]),
        "bboxes": torch.tensor([[0.5, 0.5, 0.95, 0.3], [0.4, 0.5, 0.2, 0.95]]),
    }  # fmt: skip
    model.train()
    predicted = model(batch["img"])
    sums, boxes = set(), set()
    for kind in FLAGS:
        use_box_loss(kind)
        loss, items = model.loss(batch, predicted)
        sums.add(loss.sum().item())
        boxes.add(items["box_loss"].item())
    assert len(sums) == len(boxes) == len(FLAGS)
