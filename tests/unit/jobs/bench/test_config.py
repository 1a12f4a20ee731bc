"""The options of bench, checked together."""

from __future__ import annotations

from typing import Any

import pytest

from yolokit.errors import ConfigError
from yolokit.jobs.bench.config import BenchConfig


def build(**values: Any) -> BenchConfig:
    return BenchConfig.build({"model": "m.onnx", **values})


def test_numbers_are_taken_from_both_sides() -> None:
    config = build(threads=["4", "1", "4"], batch=(8, 1))
    assert config.thread_counts == [1, 4]
    assert config.batch_sizes == [1, 8]


def test_a_quick_bench_takes_a_third() -> None:
    assert build(quick=True, budget=30).budget_s == pytest.approx(10)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"threads": ["0"]}, "threads: must be whole numbers of at least 1, not 0"),
        ({"batch": ["two"]}, "batch: must be whole numbers of at least 1, not two"),
        ({"providers": ["openvno"]}, "providers: .*did you mean 'openvino'"),
        ({"precisions": ["fp8"]}, "precisions: "),
        ({"max_map_drop": 0.01}, "max_map_drop: has no effect without data"),
        ({"quick": True, "threads": [1]}, "threads: has no effect beside quick"),
        ({"budget": 1}, "budget: must be a whole number of at least 5"),
        ({"imgsz": 320}, "imgsz: belongs to the file"),
    ],
    ids=str,
)
def test_mistakes_are_told(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        build(**values)
