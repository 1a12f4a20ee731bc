"""A start that finds its objects is led on gently where a run has few steps."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from yolokit.engine import ultralytics_patches  # noqa: E402, F401 - before ultralytics
from yolokit.engine.hooks import make_hooks  # noqa: E402
from yolokit.engine.hooks.gentle_start import FAIR_SHARE, FEW_STEPS, GOOD_SHARE, GentleStart  # noqa: E402
from yolokit.engine_protocol.added import AddingSettings  # noqa: E402
from yolokit.engine_protocol.own_settings import OwnSettings  # noqa: E402
from yolokit.files.digest import FileDigest  # noqa: E402

USUAL = 0.002


def make_trainer(
    *, steps: int = 8, fitness: float | None = 0.4, optimizer: str = "AdamW", lr: float = USUAL
) -> Any:
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4))
    made = getattr(torch.optim, optimizer)(model.parameters(), lr=lr)
    return SimpleNamespace(
        model=model.train(), optimizer=made, fitness=fitness, device=torch.device("cpu"),
        scheduler=torch.optim.lr_scheduler.LambdaLR(made, lambda epoch: 1 / (epoch + 1)),
        cadence=SimpleNamespace(count_steps=lambda _epoch: steps), epochs=1,
        args=SimpleNamespace(lr0=lr), lr0_reason=None,
        metrics={"metrics/mAP50-95(B)": fitness}, metric_names={"metrics/mAP50-95(B)": "mAP50-95"},
    )  # fmt: skip


def begin(trainer: Any, *, knows_classes: bool = True) -> GentleStart:
    hook = GentleStart(knows_classes=knows_classes)
    hook.on_start(trainer)
    return hook


def is_held(hook: GentleStart, trainer: Any) -> bool:
    """Show the network a batch, and tell whether the statistics stayed as they were."""
    before = trainer.model[1].running_mean.clone()
    hook.on_batch(trainer, {})
    trainer.model(torch.ones(2, 3, 4, 4))
    return bool((trainer.model[1].running_mean == before).all())


def test_few_steps_from_a_start_that_detects_are_gentle() -> None:
    trainer = make_trainer()
    hook = begin(trainer)
    assert trainer.args.lr0 == USUAL * GOOD_SHARE
    assert trainer.lr0_reason.startswith("the start knows the classes and finds its objects, and 8")
    assert is_held(hook, trainer)
    trainer.optimizer.step()
    trainer.scheduler.step()
    assert trainer.optimizer.param_groups[0]["lr"] == USUAL * GOOD_SHARE / 2, (
        "the schedule goes on from it"
    )


def test_a_start_that_finds_some_objects_learns_the_statistics_of_the_new_images() -> None:
    trainer = make_trainer(fitness=0.2)
    hook = begin(trainer)
    assert trainer.args.lr0 == USUAL * FAIR_SHARE
    assert "finds some objects" in trainer.lr0_reason
    assert "statistics" not in trainer.lr0_reason
    assert not is_held(hook, trainer)


def test_a_start_is_as_good_as_its_map_whatever_chooses_the_best_epoch() -> None:
    trainer = make_trainer(fitness=0.2)
    trainer.fitness = 0.9  # --fitness map50
    begin(trainer)
    assert trainer.args.lr0 == USUAL * FAIR_SHARE


@pytest.mark.parametrize(
    ("case", "knows_classes"),
    [
        ({"steps": FEW_STEPS + 1}, True),
        ({"fitness": 0.01}, True),
        ({"optimizer": "SGD"}, True),
        ({"fitness": None}, False),
    ],
    ids=["many steps", "finds nothing yet", "another optimizer", "fresh classes"],
)
def test_all_else_is_trained_as_usual(case: dict[str, Any], knows_classes: bool) -> None:
    trainer = make_trainer(**case)
    hook = begin(trainer, knows_classes=knows_classes)
    assert (trainer.args.lr0, trainer.lr0_reason) == (USUAL, None)
    assert trainer.optimizer.param_groups[0]["lr"] == USUAL
    assert not is_held(hook, trainer)


def test_a_start_that_was_not_measured_is_not_said_to_find_anything() -> None:
    trainer = make_trainer(fitness=None)
    assert is_held(begin(trainer), trainer)
    assert "finds" not in trainer.lr0_reason
    assert trainer.lr0_reason.startswith("the start knows the classes, and 8 steps would not")


@pytest.mark.parametrize("is_worker", [False, True])
@pytest.mark.parametrize("fitness", [0.4, 0.0])
def test_a_resumed_run_keeps_what_was_decided(fitness: float, is_worker: bool) -> None:
    first = begin(make_trainer(fitness=fitness))
    resumed = GentleStart(knows_classes=False)  # nobody looks at the start again
    resumed.load_state_dict(first.state_dict())
    trainer = make_trainer(fitness=0.9 - fitness)
    if is_worker:  # none but the first has metrics
        trainer.metrics = None
    resumed.on_start(trainer)
    assert trainer.args.lr0 == USUAL, "the checkpoint has the rate"
    assert (trainer.lr0_reason is not None) == (fitness == 0.4)
    assert is_held(resumed, trainer) == (fitness == 0.4)


def test_a_run_that_was_killed_before_it_began_decides_when_it_is_resumed() -> None:
    resumed = GentleStart(knows_classes=False)
    resumed.load_state_dict(GentleStart(knows_classes=True).state_dict())
    trainer = make_trainer()
    resumed.on_start(trainer)
    assert is_held(resumed, trainer)


def test_it_is_asked_where_the_rate_is_left_open() -> None:
    adding = AddingSettings(weights="w.pt", digest=FileDigest(sha256="ab", size_bytes=1))
    for settings, asked in (({}, True), ({"lr": 0.1}, False), ({"adding": adding}, False)):
        hooks = make_hooks(OwnSettings(run_dir="r", **settings))
        assert any(isinstance(hook, GentleStart) for hook in hooks) is asked
