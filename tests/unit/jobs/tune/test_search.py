"""A folder holds one search: who joins it asks the same."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.samples.searches import SPACE, make_search
from yolokit.errors import ConfigError, OutputExistsError, TrainError
from yolokit.jobs.tune import search as module
from yolokit.jobs.tune.search import SEARCH_FILE, alone, join_search, read_search
from yolokit.jobs.tune.space import Range


def test_the_same_search_is_joined(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"
    begun, was_there = join_search(folder, make_search())
    assert not was_there
    again = msgspec.structs.replace(make_search(), started="later")
    assert join_search(folder, again) == (begun, True)
    assert read_search(folder) == begun


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"data_sha256": "f" * 64}, "data: has other classes, images or labels"),
        ({"images_sha256": "f" * 64}, "data: has other classes, images or labels"),
        ({"weights_sha256": "f" * 64}, "weights: are another file"),
        ({"space": SPACE | {"lr": Range("log", 1e-6, 1e-2)}},
         "space: lr is 1e-06 to 0.01, where it began with 1e-05 to 0.01"),
        ({"space": SPACE | {"scale": Range("float", 0, 1)}}, "space: scale was not varied"),
        ({"space": {"lr": SPACE["lr"]}}, "space: mosaic was varied, from 0 to 1"),
        ({"options": make_search(epochs=9).options}, "epochs: 9, where it began with 4"),
    ],
)  # fmt: skip
def test_another_search_in_its_folder_is_refused(
    tmp_path: Path, change: dict[str, object], problem: str
) -> None:
    join_search(tmp_path, make_search())
    before = (tmp_path / SEARCH_FILE).read_bytes()
    with pytest.raises(ConfigError, match="holds a search for something else") as caught:
        join_search(tmp_path, msgspec.structs.replace(make_search(), **change))
    assert problem in caught.value.problems
    assert "another --name" in (caught.value.hint or "")
    assert (tmp_path / SEARCH_FILE).read_bytes() == before


def test_an_option_that_an_earlier_version_lacked_is_at_its_default(tmp_path: Path) -> None:
    earlier = make_search()
    options = {name: one for name, one in earlier.options.items() if name != "multi_scale"}
    join_search(tmp_path, msgspec.structs.replace(earlier, options=options))
    assert join_search(tmp_path, make_search())[1]


def test_processes_may_differ_in_where_they_run() -> None:
    assert {"device", "data", "log"} <= module._OF_A_PROCESS
    assert not {"epochs", "imgsz", "batch", "seed", "fraction"} & module._OF_A_PROCESS


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OutputExistsError, match="is not a search"):
        join_search(tmp_path, make_search())
    assert [one.name for one in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_kill_before_anything_was_written_leaves_a_folder_that_is_taken(tmp_path: Path) -> None:
    (tmp_path / ".search.lock").touch()
    assert not join_search(tmp_path, make_search())[1]


def test_a_damaged_record_is_told(tmp_path: Path) -> None:
    (tmp_path / SEARCH_FILE).write_text("{")
    with pytest.raises(TrainError, match="is not readable"):
        join_search(tmp_path, make_search())


def test_without_locks_there_is_no_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path, **_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(module, "take_lock", refuse)
    with pytest.raises(ConfigError, match="cannot lock") as caught, alone(tmp_path):
        pass
    assert "--out" in (caught.value.hint or "")


def test_the_users_own_values_are_those_within_the_space() -> None:
    search = make_search(mosaic=0.5, optimizer="SGD", lr=0.5)
    assert search.own_values == {"mosaic": 0.5, "nbs": 64, "box_loss": "ciou"}
    assert make_search(optimizer="SGD", lr=0.001).own_values["lr"] == 0.001
