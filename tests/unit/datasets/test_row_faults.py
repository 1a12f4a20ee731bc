"""Rows that a training removes, as ultralytics finds them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.unit.conftest import write_image, write_text
from yolokit.datasets.label_rows import parse_labels
from yolokit.datasets.row_faults import find_repeated

CASES = {
    "nothing": ("", []),
    "one": ("0 .5 .5 .2 .2\n", [False]),
    "none": ("0 .5 .5 .2 .2\n1 .5 .5 .2 .2\n", [False, False]),
    "text": ("0 .5 .5 .2 .2\n0 0.50 0.5 2e-1 .2\n", [False, True]),
    "single": ("0 .5 .5 .2 .2\n0 .50000000001 .5 .2 .2\n", [False, True]),
    "zero": ("0 0 .5 .2 .2\n0 -0.0 .5 .2 .2\n", [False, True]),
    "three": ("0 .5 .5 .2 .2\n1 .5 .5 .1 .1\n0 .5 .5 .2 .2\n0 .5 .5 .2 .2\n",
              [False, False, True, True]),
    "outlines": ("0 .1 .1 .9 .1 .9 .9\n0 .1 .1 .9 .1 .9 .9\n", [False, True]),
    "one box, two outlines": ("0 .1 .1 .9 .1 .9 .9\n0 .1 .1 .1 .9 .9 .9\n", [False, False]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_rows_that_say_the_same(case: str) -> None:
    text, repeated = CASES[case]
    assert find_repeated(parse_labels(text.encode(), "a.txt")).tolist() == repeated


@pytest.mark.parametrize("case", CASES)
def test_ultralytics_counts_the_same(case: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("ultralytics") is None:
        pytest.skip("ultralytics is not installed")
    from ultralytics.data.utils import verify_image_label

    text, repeated = CASES[case]
    image, labels = write_image(tmp_path / "a.jpg"), write_text(tmp_path / "a.txt", text)
    found = verify_image_label((str(image), str(labels), "", False, 2, 0, 0, False))
    assert len(found[1]) == len(repeated) - sum(repeated)
