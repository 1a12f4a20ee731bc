"""Ranges of values, in memory that does not grow with the images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.unit.export.quantizers.graphs import Images, write_detector
from yolokit.errors import ExportError
from yolokit.export.quantizers.toolkit import QuantSettings, ranges
from yolokit.export.quantizers.toolkit.graph_parts import iter_float_values, load_graph
from yolokit.export.quantizers.toolkit.ranges import find_ranges

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yolokit.core.types import F32
    from yolokit.export.quantizers.toolkit.ranges import Ranges


def find(path: Path, images: Images, **settings: object) -> Ranges:
    model = load_graph(path)
    names = list(iter_float_values(model.graph))
    return find_ranges(model, names, images, QuantSettings(**settings))  # type: ignore[arg-type]


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    return write_detector(tmp_path / "full.onnx")


def test_the_whole_range_is_that_of_all_images(detector: Path) -> None:
    found = find(detector, Images(), method="minmax")
    tensors = list(Images())
    assert found["images"] == (min(t.min() for t in tensors), max(t.max() for t in tensors))
    for name, (low, high) in find(detector, Images(2), method="minmax").items():
        assert found[name][0] <= low <= high <= found[name][1]
    assert 0 < found["scores"][0] < found["scores"][1] < 1


def test_the_other_methods_narrow_it_and_keep_zero(detector: Path) -> None:
    whole = find(detector, Images(), method="minmax")
    rare = find(detector, Images(), method="percentile", percentile=98.0)
    for name, (low, high) in rare.items():
        assert min(whole[name][0], 0) <= low <= 0 <= high <= max(whole[name][1], 0)
    assert rare["c0"][0] > whole["c0"][0]
    assert rare["c0"][1] < whole["c0"][1]


def test_one_per_cent_is_left_out_at_each_end() -> None:
    counts = np.ones(ranges.BINS, np.int64)
    low, high = ranges._cut_ends(counts, (-10.0, 10.0), 98.0)
    assert low == pytest.approx(-9.8, abs=0.02)
    assert high == pytest.approx(9.8, abs=0.02)


def test_entropy_cuts_off_a_single_far_value_and_nothing_of_an_even_spread() -> None:
    even = np.full(ranges.BINS, 1000, np.int64)
    assert ranges._keep_information(even, (-1.0, 1.0)) == (-1.0, 1.0)
    places = np.linspace(-1, 1, ranges.BINS)
    peak = (1e6 * np.exp(-((places / 0.05) ** 2))).astype(np.int64)
    peak[-1] = 1
    low, high = ranges._keep_information(peak, (-1.0, 1.0))
    assert -0.3 < low < -0.1
    assert 0.1 < high < 0.3


def test_values_are_looked_at_a_part_at_a_time(
    detector: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = find(detector, Images(), method="percentile")
    monkeypatch.setattr(ranges, "_HELD_BYTES", 4 * 600)
    assert find(detector, Images(), method="percentile") == at_once
    assert ranges._group(["a", "b", "c", "d"], [5, 4, 9, 1], 9) == [["a", "b"], ["c"], ["d"]]


def test_a_value_that_is_not_finite_is_an_error(detector: Path) -> None:
    class Broken(Images):
        def __iter__(self) -> Iterator[F32]:
            for tensor in super().__iter__():
                yield tensor * np.float32(np.inf)

    with pytest.raises(ExportError, match="the value images of the graph is not finite"):
        find(detector, Broken())
