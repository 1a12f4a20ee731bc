"""What is told of gradients: planted faults, each by the rule that it breaks, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.samples.runs import make_record
from yolokit.engine_protocol.gradients import Gradients, LayerGradients
from yolokit.report.page import Page
from yolokit.report.render import render_page
from yolokit.train.gradients import GradientTable
from yolokit.train.report.gradients import describe_gradients, judge_gradients
from yolokit.train.report.summary import summarize

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# As measured: yolo11n on BCCD from its own checkpoint, first and last layers and the smallest.
HEALTHY = (60.0, 80.0, 0.00108, 30.0)


def epochs(*norms: Sequence[float], not_finite: int = 0) -> list[Gradients]:
    return [
        Gradients(
            epoch=number, steps=10, clipped=10, not_finite=not_finite,
            layers=[
                LayerGradients(
                    layer=index, name=f"model.{index}", type="Conv", mean=norm, max=2 * norm,
                    update_ratio=1e-3,
                )
                for index, norm in enumerate(each)
            ],
        )
        for number, each in enumerate(norms, 1)
    ]  # fmt: skip


@pytest.mark.parametrize("scale", [1, 10, 0.1])
def test_a_healthy_run_says_nothing(scale: float) -> None:
    later = tuple(norm * scale for norm in HEALTHY)
    assert judge_gradients(epochs(HEALTHY, HEALTHY, later, later)) == []


def test_a_layer_that_gets_nothing_is_named() -> None:
    gone = (60.0, 80.0, 1e-9, 30.0)
    (sentence,) = judge_gradients(epochs(HEALTHY, HEALTHY, gone, gone))
    assert sentence.startswith("Gradients vanish: model.2 (Conv) got less")
    assert "--weights" in sentence


def test_one_that_gets_nothing_at_first_alone_is_not() -> None:
    gone = (60.0, 80.0, 0.0, 30.0)
    assert judge_gradients(epochs(gone, HEALTHY, HEALTHY, HEALTHY)) == []


def test_many_layers_are_counted() -> None:
    (sentence,) = judge_gradients(epochs((0.0, 0, 0, 0, 0, 30)))
    assert "model.2 (Conv) and 2 more layers" in sentence


def test_a_whole_network_that_gets_nothing_is_told() -> None:
    (sentence,) = judge_gradients(epochs((1e-12, 1e-12)))
    assert "over the whole network" in sentence


def test_growth_is_told_with_its_epoch() -> None:
    grown = tuple(500 * norm for norm in HEALTHY)
    (sentence,) = judge_gradients(epochs(HEALTHY, HEALTHY, grown, grown))
    assert sentence.startswith("Gradients explode: in epoch 3 their norm is ")
    assert "`--lr`" in sentence


def test_numbers_that_are_none_are_told() -> None:
    (sentence,) = judge_gradients(epochs(HEALTHY, not_finite=5))
    assert "those of 5 of 15 steps were NaN or infinite" in sentence


def test_a_few_in_fp16_are_usual() -> None:
    assert judge_gradients(epochs(HEALTHY, not_finite=1)) == []


def test_the_end_of_a_run_tells_it_first(tmp_path: Path) -> None:
    record = make_record(6)
    assert not any("Gradients" in line for line in summarize(record, tmp_path).advice)
    for one in epochs(HEALTHY, (60.0, 80.0, 0.0, 30.0)):
        GradientTable(tmp_path, last_epoch=one.epoch).write(one)
    assert summarize(record, tmp_path).advice[0].startswith("Gradients vanish: model.2 (Conv)")


def test_the_section(tmp_path: Path) -> None:
    assert describe_gradients(tmp_path) == []
    for one in epochs(HEALTHY, (1.0, 0, 0, 2)):
        GradientTable(tmp_path, last_epoch=one.epoch).write(one)
    (section,) = describe_gradients(tmp_path)
    html = render_page(Page(title="t", lead="", sections=(section,)))
    assert "Gradients explode or vanish" in html
    assert "model.1 (Conv)" in html
    assert "20 of 20 steps were clipped to a norm of 10" in html


def test_an_unreadable_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "gradients.csv").write_text("epoch\nx\n")
    (section,) = describe_gradients(tmp_path)
    assert "is not readable" in str(section.blocks[0])
