from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from yolokit.datasets.data_yaml import load_data_yaml
from yolokit.datasets.read_facts import read_facts
from yolokit.errors import ConfigError
from yolokit.evaluate.label_errors import find_label_errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from yolokit.datasets.check_report import FindingGroup
    from yolokit.datasets.label_table import LabelTable

    Make = Callable[..., Path]

RIGHT = "0 0.5 0.5 0.5 0.5\n"  # what the model finds, 16 to 48 px
SECOND = "1 0.0625 0.0625 0.125 0.125\n"  # the bolt that it finds too, 0 to 8 px


@pytest.fixture
def model(make_model: Make) -> Path:
    return make_model([(16, 16, 48, 48), (0, 0, 8, 8)], [[0.9, 0], [0, 0.8]], "nut", "bolt")


def read_table(make_data: Make, labels: dict[str, str]) -> LabelTable:
    right = {f"right{i}": RIGHT + SECOND for i in range(6)}
    data = make_data(right | labels, "nut", "bolt", split="train")
    return read_facts(load_data_yaml(data, need=("train",)), labels_only=True).table


def find(table: LabelTable, model: Path, **options: object) -> dict[str, FindingGroup]:
    return {group.code: group for group in find_label_errors(table, model, **options)}  # type: ignore[arg-type]


def test_each_error_is_told_with_its_place(make_data: Make, model: Path) -> None:
    shifted = "0 0.5 0.375 0.5 0.25\n"
    table = read_table(
        make_data,
        {"lost": RIGHT, "swapped": SECOND + "1 0.5 0.5 0.5 0.5\n", "loose": SECOND + shifted},
    )
    groups = find(table, model)
    assert {code: len(group.findings) for code, group in groups.items()} == {
        "likely-missing-box": 1, "likely-wrong-class": 1, "likely-loose-box": 1,
    }  # fmt: skip
    assert {group.severity for group in groups.values()} == {"warning"}
    (lost,) = groups["likely-missing-box"].findings
    assert (str(lost.image).endswith("lost.png"), lost.path is not None) == (True, True)
    assert (lost.xyxy_px, lost.line, lost.row) == ((0, 0, 8, 8), None, None)
    assert "no label where the model sees a bolt: x 0 to 8, y 0 to 8 px" in lost.message
    (swapped,) = groups["likely-wrong-class"].findings
    assert swapped.path is not None
    assert (swapped.path.name, swapped.line) == ("swapped.txt", 2)
    assert swapped.message == "labelled bolt, but the model sees a nut (confidence 0.90)"
    assert swapped.score == pytest.approx(0.9)
    (loose,) = groups["likely-loose-box"].findings
    assert loose.path is not None
    assert (loose.path.name, loose.line) == ("loose.txt", 2)
    assert loose.row is not None
    np.testing.assert_allclose(table.xyxy[loose.row], (0.25, 0.25, 0.75, 0.5))


def test_the_most_doubtful_image_comes_first_with_all_that_is_wrong_in_it(
    make_data: Make, model: Path
) -> None:
    table = read_table(make_data, {"bolt lost": RIGHT, "both lost": "", "nut lost": SECOND})
    (group,) = find(table, model).values()
    names = [str(finding.image).rsplit("/", 1)[-1] for finding in group.findings]
    assert names == ["both lost.png", "both lost.png", "nut lost.png", "bolt lost.png"]
    scores = [finding.score or 0 for finding in group.findings]
    assert scores[0] > scores[1]


def test_right_labels_are_left_alone_and_a_code_may_be_allowed(
    make_data: Make, model: Path
) -> None:
    assert find(read_table(make_data, {}), model) == {}
    table = read_table(make_data, {"lost": RIGHT})
    done: list[tuple[int, int]] = []
    groups = find(
        table,
        model,
        allow=("likely-missing-box",),
        on_progress=lambda *counts: done.append(counts),
    )
    assert groups["likely-missing-box"].is_allowed
    assert done[-1] == (7, 7)


def test_an_image_that_cannot_be_read_is_passed_over(make_data: Make, model: Path) -> None:
    table = read_table(make_data, {"lost": RIGHT})
    with open(table.images.paths[-1], "wb"):  # noqa: PTH123
        pass
    assert list(find(table, model)) == ["likely-missing-box"]


def test_a_model_of_other_classes_is_refused(make_data: Make, make_model: Make) -> None:
    other = make_model([(16, 16, 48, 48)], [[0.9]], "cat")
    with pytest.raises(ConfigError, match="do not fit together"):
        find(read_table(make_data, {}), other)
