"""Which combination is the best, and what has to be proved first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from yolokit.jobs.bench import choice
from yolokit.jobs.bench.choice import choose_best, list_compared, list_unproved, prove_on_data
from yolokit.jobs.bench.config import BenchConfig
from yolokit.jobs.bench.record import Check, Combination, MapDrop, Row

if TYPE_CHECKING:
    from collections.abc import Sequence


def row(
    engine: str,
    speedup: float | None,
    verdict: str = "equal",
    *,
    lowest: float | None = None,
    lost: float | None = None,
    **changes: Any,
) -> Row:
    provider, precision = engine.split()
    values: dict[str, Any] = {
        "combination": Combination(provider, precision, 2),
        "rounds": 3,
        "runs": 30,
        "p50_ms": 10 / (speedup or 1),
        "p95_ms": 12.0,
        "p99_ms": 13.0,
        "images_per_s": 100.0,
        "speedup": speedup,
        "speedup_range": (speedup if lowest is None else lowest, speedup) if speedup else None,
        "memory_bytes": None,
        "first_start_s": 1.0,
        "check": Check(verdict=verdict, box_diff_px=0, score_diff=0),  # type: ignore[arg-type]
    }
    if lost is not None:
        values["map_drop"] = MapDrop(map50_95=0.5 - lost, reference=0.5, max_drop=0.005, images=9)
    return Row(**(values | changes))


CPU = row("cpu fp32", 1.0)


@pytest.mark.parametrize(
    ("others", "best"),
    [
        ([row("openvino fp32", 1.5)], "openvino fp32"),
        ([row("openvino fp32", 1.5, "wrong")], "cpu fp32"),
        ([row("openvino bf16", 2.0, "close")], "cpu fp32"),
        ([row("openvino bf16", 2.0, "close", lost=0.004)], "openvino bf16"),
        ([row("openvino bf16", 2.0, "differs", lost=-0.001)], "openvino bf16"),
        ([row("openvino bf16", 2.0, "close", lost=0.006)], "cpu fp32"),
        ([row("openvino bf16", 2.0, "wrong", lost=0.0)], "cpu fp32"),
        ([row("openvino fp32", 1.02)], "cpu fp32"),
        ([row("openvino fp32", 1.2, lowest=0.9)], "cpu fp32"),
        ([row("openvino fp32", 1.5), row("openvino fp16", 1.51, "close", lost=0.0)],
         "openvino fp32"),
    ],
    ids=[
        "faster", "wrong", "unproved", "proved", "differs but proved", "loses", "wrong on data too",
        "noise", "not in every round", "as fast in fp32",
    ],
)  # fmt: skip
def test_the_fastest_that_is_proved_is_the_best(others: Sequence[Row], best: str) -> None:
    chosen = choose_best([CPU, *others], CPU)
    assert chosen is not None
    assert chosen.combination.engine == best


def test_nothing_proved_is_nothing_recommended() -> None:
    assert choose_best([row("openvino fp32", 2.0, "wrong")], None) is None
    wrong_default = row("cpu fp32", 1.0, "wrong")
    right = row("openvino fp32", 0.5)
    assert choose_best([wrong_default, right], wrong_default) is right


def test_what_could_be_proved_is_faster_and_not_wrong() -> None:
    bf16 = row("openvino bf16", 2.0, "close")
    others = [
        row("openvino fp16", 2.5, "wrong"),
        row("cuda fp16", 1.01, "close"),
        row("cuda bf16", 3.0, "close", lost=0.1),
    ]
    assert list_unproved([CPU, bf16, *others]) == [bf16]


def test_only_what_was_compared_in_turn_counts() -> None:
    tried = row("openvino fp32", None, rounds=0)
    larger = row("cpu fp32", 2.0, combination=Combination("cpu", "fp32", 2, 8))
    assert list_compared([CPU, tried, larger], 1) == [CPU]


def test_accuracy_is_measured_of_the_fastest_until_one_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scores = {"fp32": 0.5, "bf16": 0.49, "fp16": 0.499}
    asked: list[str] = []

    def measure(_model: object, _data: object, **options: Any) -> Any:
        precision = options.get("precision", "fp32")
        asked.append(f"{options['provider']} {precision}")
        return type("Found", (), {"map50_95": scores[precision], "images": range(7)})

    monkeypatch.setattr(choice, "measure_accuracy", measure)
    rows = [
        row("openvino bf16", 2.0, "close"),
        row("openvino fp16", 1.5, "close"),
        row("cuda fp16", 1.2, "close"),
    ]
    candidates = list(rows)
    config = BenchConfig.build({"model": "m.onnx", "data": "data.yaml"})
    prove_on_data(config, rows, candidates, lambda _event: None)
    assert asked == ["cpu fp32", "openvino bf16", "openvino fp16"]
    assert [one.is_proved for one in rows] == [False, True, False]
    drop = rows[1].map_drop
    assert drop is not None
    assert (drop.max_drop, drop.images) == (0.005, 7)
    assert drop.drop == pytest.approx(0.001)


def test_without_data_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(choice, "measure_accuracy")
    rows = [row("openvino bf16", 2.0, "close")]
    prove_on_data(BenchConfig.build({"model": "m"}), rows, list(rows), lambda _event: None)
    assert rows[0].map_drop is None
