"""Compiled models are kept whole, within a limit, and are never needed."""

from __future__ import annotations

import os
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from yolokit.errors import InferenceError
from yolokit.runtime.providers.toolkit import EngineOptions, compiled
from yolokit.runtime.providers.toolkit.compiled import (
    claim_folder_for,
    drop_entry,
    measure,
    name_entry,
    open_with_kept,
    read_entry,
    trim,
    write_entry,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_the_name_depends_on_the_model_and_on_all_else(make_model: Any) -> None:
    one, other = make_model(), make_model(bright_scores=True)
    assert name_entry(one, "a", "bc") == name_entry(one, "a", "bc")
    names = {name_entry(one, "a", "bc"), name_entry(one, "ab", "c"), name_entry(other, "a", "bc")}
    assert len(names) == 3


def test_a_model_with_weights_in_other_files_has_no_name(tmp_path: Path, make_model: Any) -> None:
    import onnx

    model = onnx.load(make_model())
    path = tmp_path / "external.onnx"
    onnx.save(model, path, save_as_external_data=True, location="w", size_threshold=0)
    assert (tmp_path / "w").is_file()
    assert name_entry(path) is None


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    assert read_entry(tmp_path, "a") is None
    write_entry(tmp_path, "a", b"compiled")
    assert read_entry(tmp_path, "a") == b"compiled"
    assert measure(tmp_path)[0] == 1


@pytest.mark.parametrize(
    "damage", [lambda kept: kept[:-1], lambda kept: kept[:-1] + b"x", lambda _: b""]
)
def test_what_has_changed_is_as_good_as_absent(tmp_path: Path, damage: Any) -> None:
    write_entry(tmp_path, "a", b"compiled")
    path = tmp_path / "a"
    path.write_bytes(damage(path.read_bytes()))
    assert not read_entry(tmp_path, "a")


def test_what_was_used_longest_ago_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "LIMIT_BYTES", 3 * (1000 + 32))
    for age, name in enumerate("abc"):
        write_entry(tmp_path, name, bytes(1000))
        os.utime(tmp_path / name, (0, 100 + age))
    assert read_entry(tmp_path, "a") is not None  # used just now
    write_entry(tmp_path, "d", bytes(1000))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c", "d"]


def test_an_entry_larger_than_the_limit_is_kept_until_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "LIMIT_BYTES", 10)
    write_entry(tmp_path, "a", bytes(1000))
    assert read_entry(tmp_path, "a") is not None
    os.utime(tmp_path / "a", (0, 0))
    write_entry(tmp_path, "b", bytes(1000))
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_leftovers_of_a_killed_process_go_after_a_day(tmp_path: Path) -> None:
    old, new = tmp_path / ".a.part", tmp_path / ".b.part"
    for path, age_s in ((old, 2 * 24 * 3600), (new, 60)):
        path.write_bytes(b"half")
        os.utime(path, (0, time.time() - age_s))
    trim(tmp_path, keep="x")
    assert [path.name for path in tmp_path.iterdir()] == [new.name]


def test_folders_are_entries_too(
    tmp_path: Path, make_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, cache = make_model(), tmp_path / "cache"
    assert claim_folder_for("cpu", model, EngineOptions(threads=1)) is None
    options = EngineOptions(threads=1, cache=cache)
    folder = claim_folder_for("cpu", model, options)
    assert folder is not None
    assert folder.parent == cache
    assert not drop_entry(cache, folder.name)
    folder.mkdir(parents=True)
    (folder / "one.engine").write_bytes(bytes(1000))
    assert measure(cache)[1] >= 1000
    monkeypatch.setattr(compiled, "LIMIT_BYTES", 1100)
    assert claim_folder_for("cpu", model, options) == folder
    os.utime(folder, (0, 0))
    write_entry(cache, "other", bytes(200))
    assert not folder.exists()


@pytest.mark.parametrize("is_curable", [True, False])
def test_a_folder_of_damaged_engines_is_not_fatal(
    tmp_path: Path, make_model: Any, is_curable: bool
) -> None:
    model, options = make_model(), EngineOptions(threads=1, cache=tmp_path / "cache")
    folder = claim_folder_for("cpu", model, options)
    assert folder is not None
    folder.mkdir(parents=True)
    tried = []

    def open_engine(path: Path, _options: EngineOptions) -> Any:
        tried.append(path)
        if folder.exists() or not is_curable:
            raise InferenceError("cannot read the engine")
        return "opened"

    if is_curable:
        engine: Any = open_with_kept("cpu", open_engine, model, options)
        assert engine == "opened"
    else:
        with pytest.raises(InferenceError, match="cannot read the engine"):
            open_with_kept("cpu", open_engine, model, options)
    assert len(tried) == 2


@pytest.mark.skipif(os.name == "nt", reason="permissions of folders are other ones there")
def test_a_place_that_cannot_be_written_is_not_needed(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_bytes(b"")
    for folder in (taken, taken / "below"):
        [note] = write_entry(folder, "a", b"compiled")
        assert f"cannot be kept in {folder} (" in note
    assert read_entry(taken, "a") is None


def test_an_engine_whose_folder_cannot_be_made_says_so(tmp_path: Path, make_model: Any) -> None:
    (tmp_path / "file").write_bytes(b"")
    options = EngineOptions(threads=1, cache=tmp_path / "file" / "below")
    model, opened = make_model(), SimpleNamespace(notes=())
    assert claim_folder_for("cpu", model, options) is None
    open_with_kept("cpu", cast(Any, lambda _path, _options: opened), model, options)
    assert "every start compiles it" in opened.notes[0]


def write_and_read(folder: Path, number: int) -> bool:
    for round_ in range(10):
        write_entry(folder, f"n{(number + round_) % 4}", bytes([round_]) * 100_000)
        kept = read_entry(folder, f"n{round_ % 4}")
        if kept is not None and len(set(kept)) != 1:
            return False
    return True


def test_processes_that_write_at_once_never_see_a_half(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3) as pool:
        assert all(pool.map(partial(write_and_read, tmp_path), range(3)))
    assert {path.name for path in tmp_path.iterdir()} <= {"n0", "n1", "n2", "n3"}
