"""The data set of a run, compared with what is there now: labels, images, and what is not known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.conftest import shade_of, write_image, write_text
from tests.unit.train.test_run import make_record
from yolokit.core.events import Progress, ignore
from yolokit.datasets.check import check_dataset
from yolokit.jobs.runs.data_links import DataLinks
from yolokit.train.data import record_data
from yolokit.train.image_hashes import HASHES_FILE, write_hashes

if TYPE_CHECKING:
    from yolokit.core.events import Event
    from yolokit.train.record import RunRecord

IMAGES = ("train/a", "train/b", "val/a")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in IMAGES:
        write_image(tmp_path / f"set/images/{name}.jpg", shade=shade_of(name))
        write_text(tmp_path / f"set/labels/{name}.txt", "0 .5 .5 .2 .2\n")
    text = "train: images/train\nval: images/val\nnames: [cat]\n"
    return write_text(tmp_path / "set/data.yaml", text)


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


@pytest.fixture
def record(data: Path, run_dir: Path) -> RunRecord:
    record, found = make_record(), check_dataset(data)
    record.data = record_data(found)
    write_hashes(found, run_dir)
    return record


def test_nothing_has_changed(record: RunRecord, run_dir: Path) -> None:
    told: list[Event] = []
    link = DataLinks(told.append).describe(record, run_dir)
    assert (link.sha256, link.gaps, link.faults) == (record.data.sha256, (), ())
    assert link.facts["images of train"] == "2"
    assert link.facts["sha256 of images"] == record.data.images_sha256
    assert told[-1] == Progress("comparing images", 3, 3)


def test_images_that_changed_or_are_gone_are_named(
    record: RunRecord, run_dir: Path, data: Path
) -> None:
    write_image(data.parent / "images/train/b.jpg", shade=7)
    link = DataLinks(ignore).describe(record, run_dir)
    assert link.faults == ("1 image has changed or gone: train/b.jpg",)
    (data.parent / "images/val/a.jpg").unlink()
    link = DataLinks(ignore).describe(record, run_dir)
    assert link.faults[0].startswith("classes, image names or labels are not those of then")
    assert link.faults[1] == "2 images have changed or gone: train/b.jpg, val/a.jpg"


def test_labels_that_changed(record: RunRecord, run_dir: Path, data: Path) -> None:
    write_text(data.parent / "labels/train/a.txt", "0 .5 .5 .3 .3\n")
    (fault,) = DataLinks(ignore).describe(record, run_dir).faults
    assert fault.startswith("classes, image names or labels are not those of then: now ")


def test_what_is_not_known_is_a_gap(record: RunRecord, run_dir: Path, data: Path) -> None:
    (run_dir / HASHES_FILE).write_text("of other images\n")
    link = DataLinks(ignore).describe(record, run_dir)
    gap = "the run has no images.sha256 that it recorded: whether an image has changed is not known"
    assert (link.gaps, link.faults) == ((gap,), ())
    data.unlink()
    link = DataLinks(ignore).describe(record, run_dir)
    assert link.gaps == ("it is not there any more, or cannot be read: only its hash is known",)


def test_images_of_several_runs_are_read_once(
    record: RunRecord, run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def count(path: Path) -> str:
        read.append(path)
        return ""

    monkeypatch.setattr("yolokit.jobs.runs.data_links.sha256_file", count)
    links = DataLinks(ignore)
    for _ in range(2):
        assert len(links.describe(record, run_dir).faults) == 1
    assert len(read) == len(IMAGES)
