"""Which candidates are tried, in which order, and which never."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from tests.samples.optimizing import ENGINES, FIGURES, FakeSearch, Figures
from yolokit.jobs.optimize.candidates import Engine
from yolokit.jobs.optimize.plan import Setup, propose
from yolokit.jobs.optimize.ranking import Limits

FIRST = [
    "fp32.cpu-fp32", "fp32.openvino-fp32", "fp32.openvino-bf16",
    "fp16.cpu-fp32", "fp16.openvino-fp32",
    "int8.cpu-fp32", "int8.openvino-fp32", "int8.openvino-bf16",
    "int8-inputs.cpu-fp32", "int8-inputs.openvino-fp32", "int8-inputs.openvino-bf16",
]  # fmt: skip
# 8-bit numbers are fast here, and lose too much.
FAST_INT8: Figures = FIGURES | {"int8.cpu-fp32": (2.2, 0.43)}
FASTEST = "int8.cpu-fp32"


def tried(folder: Path, figures: Figures, **options: Any) -> list[str]:
    """Return the recipes that a search tried after the first candidates, in order."""
    search = FakeSearch(folder, figures)
    search.run(**options)
    made = [what.removeprefix("make ") for what in search.shop.asked if what.startswith("make ")]
    assert made[: len(FIRST)] == [key.partition(".")[0] for key in FIRST]
    return made[len(FIRST) :]


def test_cheap_files_come_first_on_all_engines() -> None:
    setup = Setup(engines=ENGINES, threads=2)
    steps = propose(setup, {}, 0.46, Limits(max_map_drop=0.01))
    assert [one.key for one in steps] == FIRST
    assert setup.count_first() == len(FIRST)
    assert setup.count_most() == len(FIRST) + 14


def test_precisions_that_cannot_be_made_are_left_out() -> None:
    setup = Setup(engines=ENGINES[:1], threads=2, precisions=("fp16",))
    steps = propose(setup, {}, 0.46, Limits(max_map_drop=0.01))
    assert [one.key for one in steps] == ["fp32.cpu-fp32", "fp16.cpu-fp32"]
    assert setup.count_most() == 2


def test_8_bit_files_are_varied_only_where_they_would_win(tmp_path: Path) -> None:
    assert tried(tmp_path, FIGURES) == []


def test_an_accurate_8_bit_file_is_not_varied(tmp_path: Path) -> None:
    assert tried(tmp_path, FIGURES | {FASTEST: (2.2, 0.455)}) == []


def test_a_slow_8_bit_file_is_not_varied_even_where_no_limit_is_kept(tmp_path: Path) -> None:
    assert tried(tmp_path, FIGURES, min_speedup=5) == []


def test_other_ranges_come_before_layers_in_float(tmp_path: Path) -> None:
    figures = FAST_INT8 | {
        "int8-minmax.cpu-fp32": (2.2, 0.43),
        "int8-entropy.cpu-fp32": (2.2, 0.452),
    }
    assert tried(tmp_path, figures) == ["int8-minmax", "int8-entropy"]


def test_the_most_accurate_ranges_get_more_and_more_layers_in_float(tmp_path: Path) -> None:
    figures = FAST_INT8 | {
        "int8-minmax.cpu-fp32": (2.2, 0.42),
        "int8-entropy.cpu-fp32": (2.2, 0.44),
        "int8-symmetric.cpu-fp32": (2.2, 0.41),
        "int8-entropy-float1.cpu-fp32": (2.1, 0.445),
        "int8-entropy-float2.cpu-fp32": (2.0, 0.451),
        "int8-entropy-float4.cpu-fp32": (1.9, 0.459),
    }
    found = tried(tmp_path, figures)
    assert found[-2:] == ["int8-entropy-float1", "int8-entropy-float2"]


def test_layers_in_float_end_where_the_file_is_no_longer_the_fastest(tmp_path: Path) -> None:
    figures = FAST_INT8 | {
        "int8-minmax.cpu-fp32": (2.2, 0.42),
        "int8-entropy.cpu-fp32": (2.2, 0.44),
        "int8-symmetric.cpu-fp32": (2.2, 0.41),
        "int8-entropy-float1.cpu-fp32": (1.7, 0.445),
        "int8-entropy-float2.cpu-fp32": (1.6, 0.46),
    }
    assert tried(tmp_path, figures)[-1] == "int8-entropy-float1"


def test_half_of_many_threads_are_tried_for_the_winner() -> None:
    many = Setup(engines=ENGINES[:1], threads=8, precisions=())
    assert many.halves_threads
    assert not msgspec.structs.replace(many, may_halve=False).halves_threads
    assert not msgspec.structs.replace(many, threads=2).halves_threads
    assert Engine(provider="cpu", threads=4).title == "cpu, 4 threads"
    assert Engine(provider="cpu", threads=4).key == "cpu-fp32-4"
