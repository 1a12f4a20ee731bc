"""The folder of a data set stands for the one YAML file in it that describes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.conftest import write_text
from yolokit.datasets.data_yaml_place import find_data_yaml
from yolokit.errors import DataError

YAML = "train: images\nnames: [cat]\n"


@pytest.mark.parametrize("name", ["data.yaml", "dataset.yaml", "coco8.yaml", "parts.yml"])
def test_a_folder_stands_for_its_yaml(tmp_path: Path, name: str) -> None:
    path = write_text(tmp_path / name, YAML)
    write_text(tmp_path / "args.yaml", "epochs: 3\n")
    assert find_data_yaml(tmp_path) == path
    assert find_data_yaml(path) == path


def test_the_usual_name_comes_first(tmp_path: Path) -> None:
    for name in ("a.yaml", "data.yaml", "z.yaml"):
        write_text(tmp_path / name, YAML)
    assert find_data_yaml(tmp_path).name == "data.yaml"


def test_several_and_none_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no data\.yaml in this folder"):
        find_data_yaml(tmp_path)
    for name in ("coco8.yaml", "coco128.yaml"):
        write_text(tmp_path / name, YAML)
    with pytest.raises(DataError, match=r"several files .*: coco128\.yaml, coco8\.yaml"):
        find_data_yaml(tmp_path)
