"""What the images of a run were: recorded, and compared where it goes on."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from tests.unit.conftest import shade_of, write_image, write_text
from tests.unit.train.test_run import make_record
from yolokit.core.events import Event, Notice, ignore
from yolokit.datasets.check import check_dataset
from yolokit.errors import DataError
from yolokit.train.data import record_data
from yolokit.train.image_hashes import HASHES_FILE, write_hashes
from yolokit.train.record import RunRecord
from yolokit.train.resume import find_data, record_changes


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in ("train/a", "train/b", "val/a"):
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


def test_the_file_is_as_sha256sum_writes_it_and_its_own_hash_is_recorded(
    data: Path, record: RunRecord, run_dir: Path
) -> None:
    content = (run_dir / HASHES_FILE).read_bytes()
    assert hashlib.sha256(content).hexdigest() == record.data.images_sha256
    names = [line.split("  ")[1] for line in content.decode().splitlines()]
    assert sorted(names) == ["train/a.jpg", "train/b.jpg", "val/a.jpg"]
    if shutil.which("sha256sum"):
        subprocess.run(
            ["sha256sum", "-c", run_dir / HASHES_FILE], cwd=data.parent / "images", check=True
        )


def test_a_changed_image_is_named(data: Path, record: RunRecord, run_dir: Path) -> None:
    write_image(data.parent / "images/train/b.jpg", shade=shade_of("another"))
    with pytest.raises(DataError) as error:
        find_data(record, {}, run_dir / "last.pt", ignore)
    assert error.value.message == "1 image has changed since the run began:\n  train/b.jpg"
    assert "put them back" in (error.value.hint or "")


def test_images_that_were_swapped_are_named(data: Path, record: RunRecord, run_dir: Path) -> None:
    images = data.parent / "images"
    for old, new in (("train/a", "c"), ("val/a", "train/a"), ("c", "val/a")):
        (images / f"{old}.jpg").rename(images / f"{new}.jpg")
    with pytest.raises(DataError, match=r"2 images have changed[^:]*:\n  train/a.jpg\n  val/a.jpg"):
        find_data(record, {}, run_dir / "last.pt", ignore)


@pytest.mark.parametrize("kept", [None, b"\xff"])
def test_without_a_readable_list_it_is_told_all_the_same(
    kept: bytes | None, data: Path, record: RunRecord, run_dir: Path
) -> None:
    (run_dir / HASHES_FILE).unlink()
    if kept is not None:
        (run_dir / HASHES_FILE).write_bytes(kept)
    write_image(data.parent / "images/train/b.jpg", shade=shade_of("another"))
    with pytest.raises(DataError) as error:
        find_data(record, {}, run_dir / "last.pt", ignore)
    assert error.value.message == "images have changed since the run began"


def test_a_set_that_moved_has_the_same_hashes(data: Path, record: RunRecord, run_dir: Path) -> None:
    moved = shutil.move(data.parent, data.parent.with_name("elsewhere"))
    new = {"data": str(Path(moved) / "data.yaml")}
    assert find_data(record, new, run_dir / "last.pt", ignore).path.parent == Path(moved)


def test_a_run_of_an_earlier_version_says_that_it_cannot_tell_and_records_them_now(
    data: Path, run_dir: Path
) -> None:
    record, found = make_record(), check_dataset(data)
    record.data = msgspec.structs.replace(record_data(found), images_sha256=None)
    said: list[Event] = []
    find_data(record, {}, run_dir / "last.pt", said.append)
    assert [e for e in said if isinstance(e, Notice) and "no hashes of its images" in e.message]
    record_changes(record, {}, found)
    assert record.data.images_sha256 == record_data(found).images_sha256
