"""A provider that computes wrong is found, whatever it says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.unit.runtime.conftest import save_model
from yolokit.jobs.bench.proof import PICTURES, Reference, choose_pictures
from yolokit.runtime.predict import open_sources
from yolokit.runtime.timing.orders import TimingSpec
from yolokit.runtime.timing.process import TimedModel

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.runtime.tasks.toolkit import Outputs

Found = list[tuple[int, "Outputs"]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model") / "m.onnx", bright_scores=True)


@pytest.fixture(scope="module")
def reference(model: Path) -> Reference:
    return Reference(model, choose_pictures([]))


@pytest.fixture(scope="module")
def found(model: Path) -> Found:
    spec = TimingSpec(model=str(model), threads=1, images=choose_pictures([]))
    with TimedModel(spec) as timed:
        return timed.compute()


def changed(found: Found, add: float, rows: slice) -> Found:
    result: Found = []
    for picture, outputs in found:
        table = outputs["output0"].copy()
        table[rows] += np.float32(add)
        result.append((picture, {"output0": table}))
    return result


BOXES, SCORES = slice(0, 4), slice(4, None)


def test_pictures_are_the_users_and_shipped_ones(tmp_path: Path, model: Path) -> None:
    shipped = choose_pictures([])
    assert len(shipped) == PICTURES
    for number in range(20):
        (tmp_path / f"{number:02d}.png").write_bytes(b"")
    mixed = choose_pictures(open_sources([str(tmp_path / "*.png")]))
    assert len(mixed) == PICTURES
    assert [one for one in mixed if one.startswith(str(tmp_path))] == [
        str(tmp_path / f"{number:02d}.png") for number in range(0, 18, 3)
    ]


def test_the_same_engine_gives_the_same(reference: Reference, found: Found) -> None:
    check = reference.check(found, "fp32")
    assert check.verdict == "equal"
    assert check.box_diff_px == 0
    assert check.compared >= PICTURES


@pytest.mark.parametrize(
    ("add", "rows", "fp32", "fp16"),
    [
        (0.005, BOXES, "equal", "equal"),
        (0.3, BOXES, "wrong", "close"),
        (5.0, BOXES, "wrong", "differs"),
        (0.01, SCORES, "wrong", "close"),
        (np.nan, SCORES, "wrong", "wrong"),
    ],
    ids=["rounding", "a third of a pixel", "five pixels", "scores", "not a number"],
)
def test_what_is_wrong_depends_on_the_precision(
    reference: Reference, found: Found, add: float, rows: slice, fp32: str, fp16: str
) -> None:
    other = changed(found, add, rows)
    assert reference.check(other, "fp32").verdict == fp32
    check = reference.check(other, "fp16")
    assert check.verdict == fp16
    assert bool(check.problem) == (fp16 != "equal")


def test_swapped_pictures_are_wrong(reference: Reference, found: Found) -> None:
    swapped = [(picture, found[number - 1][1]) for number, (picture, _) in enumerate(found)]
    assert reference.check(swapped, "fp32").verdict == "wrong"
