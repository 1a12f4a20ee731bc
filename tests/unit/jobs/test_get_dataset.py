"""Public data sets: laid out as their cards say, converted whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.main import get_command

import yolokit
from tests.loopback import public_sets
from tests.unit.hub.conftest import make_store
from yolokit.cli.main import app
from yolokit.core.events import Event, Notice
from yolokit.errors import ConfigError, DataError, OutputExistsError
from yolokit.hub import catalog as datasets
from yolokit.hub.catalog import DatasetCard
from yolokit.hub.lockfile import read_lock
from yolokit.jobs.get_dataset import _OWN_OPTIONS, GetResult, _for_get


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_store(tmp_path, monkeypatch)
    store = tmp_path / "datasets"
    store.mkdir()
    return store


@pytest.fixture
def publish(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[dict[str, bytes]], None]:
    """Let the real cards lead to small archives of this machine, without sizes and hashes."""
    read, folder = datasets._read, tmp_path / "published"
    folder.mkdir()

    def lead(kind: str, name: str, card_type: Any) -> Any:
        card = read(kind, name, card_type)
        if not isinstance(card, DatasetCard):
            return card
        archives = tuple(
            msgspec.structs.replace(
                one, urls=((folder / one.file).as_uri(),), size_bytes=None, sha256=None
            )
            for one in card.archives
        )
        return msgspec.structs.replace(card, archives=archives)

    monkeypatch.setattr(datasets, "_read", lead)

    def put(files: dict[str, bytes]) -> None:
        for name, content in files.items():
            (folder / name).write_bytes(content)

    return put


def counts(found: GetResult) -> dict[str, tuple[int, int]]:
    assert found.conversion is not None
    return {split: (one.images, one.boxes) for split, one in found.conversion.splits.items()}


THREE = {"train": (1, 1), "val": (1, 1), "test": (1, 1)}
TWO = {"train": (1, 1), "val": (1, 1)}
DEALT = {"train": (8, 8), "val": (1, 1), "test": (1, 1)}


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("coco", {}, TWO),
        ("coco", {"task": "segment"}, TWO),
        ("coco-pose", {}, TWO),
        ("coco-val", {}, {"val": (1, 1)}),
        ("voc2007", {}, THREE),
        ("voc2012", {}, TWO),
        ("bccd", {}, THREE),
        ("kitti", {}, DEALT),
        ("visdrone", {}, THREE),
        ("widerface", {}, TWO),
        ("coco8-pose", {}, TWO),
        ("dota8", {}, TWO),
        ("coco128-seg", {}, DEALT),
        ("coco128-seg", {"task": "detect", "split": "keep"}, {"train": (10, 10)}),
        ("coco128-seg", {"sample": "5", "split": "keep"}, {"train": (5, 5)}),
    ],
)
def test_archives_are_laid_out_as_the_card_says(
    store: Path,
    publish: Callable[[dict[str, bytes]], None],
    name: str,
    options: dict[str, Any],
    expected: dict[str, tuple[int, int]],
) -> None:
    kind = {"coco-pose": "coco", "coco-val": "coco"}.get(name, name).replace("-", "_")
    publish(getattr(public_sets, kind)())
    found = yolokit.get_dataset(name, **options)
    assert counts(found) == expected
    assert found.out == store / name
    assert (found.out / "data.yaml").is_file()
    ledger = (found.out / "ledger.jsonl").read_text("utf-8")
    assert ".yolokit-part-" not in ledger, "no place that is gone"
    assert {one.name for one in store.iterdir()} == {".archives", "datasets.lock", name}
    assert list((store / ".archives").iterdir()) == []
    card = datasets.load_card(name)
    assert read_lock(store, "datasets.lock").keys() == {one.file for one in card.archives}


def test_another_format_and_another_place(
    store: Path, tmp_path: Path, publish: Callable[[dict[str, bytes]], None]
) -> None:
    publish(public_sets.voc2012())
    found = yolokit.get_dataset("voc2012", "mine", to_format="coco", keep_archive=True)
    assert found.out == tmp_path / "mine"
    assert list(found.out.rglob("*.json"))
    (kept,) = found.archives
    assert Path(kept) == store / ".archives" / "VOCtrainval_11-May-2012.tar"
    assert Path(kept).is_file()


def test_what_is_there_is_left_and_kept_archives_are_used(
    store: Path, tmp_path: Path, publish: Callable[[dict[str, bytes]], None]
) -> None:
    publish(public_sets.voc2012())
    yolokit.get_dataset("voc2012", keep_archive=True)
    heard: list[Event] = []
    again = yolokit.get_dataset("voc2012", on_event=heard.append)
    assert again == GetResult(name="voc2012", out=store / "voc2012")
    assert heard == [Notice("voc2012 is there already; --overwrite makes it anew")]
    with pytest.raises(OutputExistsError):
        yolokit.get_dataset("voc2012", sample="1")
    (tmp_path / "published" / "VOCtrainval_11-May-2012.tar").unlink()
    anew = yolokit.get_dataset("voc2012", overwrite=True, offline=True, on_event=heard.append)
    assert counts(anew) == TWO
    assert isinstance(heard[-1], Notice)
    assert heard[-1].message.endswith("was there before and is kept")


def test_a_folder_that_is_no_such_set_is_in_the_way(store: Path) -> None:
    (store / "coco8").mkdir()
    (store / "coco8" / "mine.txt").touch()
    with pytest.raises(OutputExistsError):
        yolokit.get_dataset("coco8")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"task": "pose"}, "voc2012 has labels for detect"),
        ({"to_format": "voq"}, "unknown format 'voq'"),
        ({"allow": ("no-label",)}, "did you mean 'no-labels'"),
        ({"split": "0.5,0.6"}, "split: "),
        ({"tile": 3}, "tile: is left to the set; `yolokit data convert` has this option"),
    ],
)
def test_mistakes_are_told_before_anything_is_fetched(
    store: Path, options: dict[str, Any], said: str
) -> None:
    heard: list[Event] = []
    with pytest.raises(ConfigError) as caught:
        yolokit.get_dataset("voc2012", **options, on_event=heard.append)
    assert said in str(caught.value)
    assert heard == []
    assert list(store.iterdir()) == []


def test_an_archive_that_changed_since_it_was_locked(
    store: Path, tmp_path: Path, publish: Callable[[dict[str, bytes]], None]
) -> None:
    publish(public_sets.voc2012())
    yolokit.get_dataset("voc2012")
    publish({"VOCtrainval_11-May-2012.tar": public_sets.voc2012().popitem()[1] + b"\0"})
    with pytest.raises(DataError, match=r"has \d+ bytes in place of"):
        yolokit.get_dataset("voc2012", overwrite=True)
    assert (store / "voc2012" / "data.yaml").is_file(), "the former set stays"


def test_an_archive_without_what_the_card_names_stays_for_the_user(
    store: Path, publish: Callable[[dict[str, bytes]], None]
) -> None:
    publish({"bccd.zip": public_sets.pack_zip({"other/a.txt": "-", "b.txt": "-"})})
    with pytest.raises(DataError, match="the archives of bccd do not hold 'BCCD'"):
        yolokit.get_dataset("bccd")
    assert not (store / "bccd").exists()
    assert (store / ".archives" / "bccd.zip").is_file()


@pytest.mark.parametrize(
    ("hint", "shown"),
    [
        (None, None),
        ("allow the loss with --max-drop", "allow the loss with --max-drop"),
        (
            "say with --images where the images are",
            (
                "keep the archive with --keep-archive, and use `yolokit data convert` on it: say "
                "with --images where the images are"
            ),
        ),
    ],
)
def test_hints_name_whose_options_they_mean(hint: str | None, shown: str | None) -> None:
    assert _for_get(hint) == shown


def test_its_own_options_are_those_of_the_command() -> None:
    command: Any = get_command(app)
    known = command.commands["data"].commands["get"].params
    assert {option for one in known for option in one.opts} >= _OWN_OPTIONS
