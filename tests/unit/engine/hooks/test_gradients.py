"""Norms of gradients, layer by layer, as torch gives them for planted weights."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from yolokit.engine import ultralytics_patches  # noqa: E402, F401 - before ultralytics
from yolokit.engine.hooks import gradients as hooks  # noqa: E402
from yolokit.engine_protocol.gradients import Gradients  # noqa: E402
from yolokit.train.report.gradients import judge_gradients  # noqa: E402


class Trainer:
    """Steps a network of plain layers."""

    is_first = True

    def __init__(self, *layers: Any, scale: float = 1.0) -> None:
        self.network = torch.nn.Sequential(*layers)
        self.model = SimpleNamespace(model=self.network)
        self.epoch = 0
        self.scaler = SimpleNamespace(get_scale=lambda: scale)
        self.scale = scale
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=0.1)
        self.hook: Any = hooks.GradientNorms()
        self.seen: list[Any] = []

    def step(self, inputs: Any) -> None:
        self.optimizer.zero_grad()
        (self.network(inputs).square().sum() * self.scale).backward()
        self.hook.on_gradients(self)
        for one in self.network.parameters():
            if one.grad is not None:
                one.grad /= self.scale
        self.seen.append(torch.stack([_norm(layer) for layer in self.network if _has(layer)]))
        self.optimizer.step()
        self.hook.on_step(self)


def _has(layer: Any) -> bool:
    return any(one.requires_grad for one in layer.parameters())


def _norm(layer: Any) -> Any:
    return torch.cat([one.grad.flatten() for one in layer.parameters()]).norm()


def watch(
    monkeypatch: pytest.MonkeyPatch, trainer: Trainer, steps: int = 3, factor: float = 1
) -> Gradients:
    sent: list[Gradients] = []
    monkeypatch.setattr(hooks, "send", sent.append)
    trainer.hook.on_epoch_start(trainer)
    for _ in range(steps):
        trainer.step(factor * torch.randn(4, 3))
    trainer.hook.on_epoch_end(trainer)
    return sent[0]


@pytest.mark.parametrize("scale", [1.0, 1024.0])
def test_norms_are_those_of_torch_before_clipping(
    monkeypatch: pytest.MonkeyPatch, scale: float
) -> None:
    torch.manual_seed(0)
    first, second = torch.nn.Linear(3, 5), torch.nn.Linear(5, 2)
    trainer = Trainer(first, torch.nn.ReLU(), second, scale=scale)
    before = torch.cat([one.detach().flatten() for one in second.parameters()])
    found = watch(monkeypatch, trainer, steps=1)
    after = torch.cat([one.detach().flatten() for one in second.parameters()])
    assert [(one.layer, one.name, one.type) for one in found.layers] == [
        (0, "model.0", "Linear"), (2, "model.2", "Linear"),
    ]  # fmt: skip
    assert [one.mean for one in found.layers] == pytest.approx(trainer.seen[0].tolist(), rel=1e-5)
    ratio = float((after - before).norm() / before.norm())
    assert found.layers[1].update_ratio == pytest.approx(ratio, rel=1e-4)


def test_means_and_largest_are_over_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    trainer = Trainer(torch.nn.Linear(3, 5), torch.nn.Linear(5, 2))
    found = watch(monkeypatch, trainer)
    seen = torch.stack(trainer.seen)
    assert [one.mean for one in found.layers] == pytest.approx(seen.mean(0).tolist(), rel=1e-5)
    assert [one.max for one in found.layers] == pytest.approx(seen.amax(0).tolist(), rel=1e-5)
    norms = [math.hypot(*row) for row in seen.tolist()]
    assert (found.steps, found.not_finite) == (3, 0)
    assert found.clipped == sum(norm > 10 for norm in norms)
    assert judge_gradients([found]) == []


def test_frozen_layers_are_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen = torch.nn.Linear(3, 5).requires_grad_(requires_grad=False)
    found = watch(monkeypatch, Trainer(frozen, torch.nn.Linear(5, 2)))
    assert [one.layer for one in found.layers] == [1]


def test_vanishing_gradients_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain of sigmoids in front of a layer of its own: what nobody should train."""
    torch.manual_seed(0)
    deep = [part for _ in range(12) for part in (torch.nn.Linear(3, 3), torch.nn.Sigmoid())]
    for layer in deep[::2]:
        layer.weight.data *= 0.1
    found = watch(monkeypatch, Trainer(*deep, torch.nn.Linear(3, 2)))
    assert found.layers[0].mean < 1e-8 * found.layers[-1].mean
    (sentence,) = judge_gradients([found])
    assert sentence.startswith("Gradients vanish: model.0 (Linear)")


def test_exploding_gradients_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    trainer = Trainer(torch.nn.Linear(3, 5), torch.nn.Linear(5, 2))
    calm = watch(monkeypatch, trainer)
    trainer.epoch = 1
    for layer in trainer.network:
        layer.weight.data *= 30
    wild = watch(monkeypatch, trainer, steps=1)
    assert wild.clipped == wild.steps == 1
    (sentence,) = judge_gradients([calm, wild])
    assert sentence.startswith("Gradients explode: in epoch 2")


def test_steps_without_numbers_are_counted_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = Trainer(torch.nn.Linear(3, 2))
    found = watch(monkeypatch, trainer, steps=2, factor=math.inf)
    assert (found.steps, found.not_finite) == (0, 2)
    assert found.layers[0].mean == 0
    (sentence,) = judge_gradients([found])
    assert "those of 2 of 2 steps were NaN or infinite" in sentence
