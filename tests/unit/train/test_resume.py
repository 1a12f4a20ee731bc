"""What a run may be gone on with: its data set elsewhere, another device, less memory."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from tests.unit.conftest import shade_of, write_image, write_text
from tests.unit.train.test_run import make_record
from yolokit.core.events import ignore
from yolokit.datasets.check import check_dataset
from yolokit.errors import ConfigError, DataError, TrainError
from yolokit.train.data import record_data
from yolokit.train.image_hashes import write_hashes
from yolokit.train.record import EpochRecord, RunRecord, Stop
from yolokit.train.resume import (
    check_changes,
    choose_epochs,
    describe_epochs,
    find_data,
    record_changes,
    require_last,
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for split in ("train", "val"):
        write_image(tmp_path / f"old/images/{split}/a.jpg", shade=shade_of(split))
        write_text(tmp_path / f"old/labels/{split}/a.txt", "0 .5 .5 .2 .2\n")
    return write_text(
        tmp_path / "old/data.yaml", "train: images/train\nval: images/val\nnames: [cat]\n"
    )


@pytest.fixture
def record(data: Path) -> RunRecord:
    record = make_record()
    found = check_dataset(data)
    record.data = msgspec.structs.replace(record.data, path=str(data), sha256=found.sha256)
    return record


def test_a_set_that_moved_is_found_where_data_says(data: Path, record: RunRecord) -> None:
    moved = shutil.move(data.parent, data.parent.with_name("new"))
    new, last = Path(moved) / "data.yaml", data.parent / "last.pt"
    with pytest.raises(DataError, match="not there any more") as error:
        find_data(record, {}, last, ignore)
    assert "--data" in (error.value.hint or "")
    found = find_data(record, {"data": str(new)}, last, ignore)
    (note,) = record_changes(record, {"data": str(new)}, found)
    assert note == f"data: {new}, no longer {data}"
    assert record.data.path == record.config.data == str(new)
    assert (record.changes[0].option, record.changes[0].after) == ("data", str(new))


def test_another_set_is_refused_by_its_content(data: Path, record: RunRecord) -> None:
    shutil.copytree(data.parent, data.parent.with_name("other"))
    other = data.parent.with_name("other") / "data.yaml"
    write_text(other.parent / "labels/train/a.txt", "0 .5 .5 .3 .3\n")
    with pytest.raises(DataError, match="not the data set that the run began with"):
        find_data(record, {"data": str(other)}, Path("last.pt"), ignore)
    shutil.copy(other.parent / "labels/train/a.txt", data.parent / "labels/train/a.txt")
    with pytest.raises(DataError, match="the data set has changed") as error:
        find_data(record, {}, Path("last.pt"), ignore)
    assert "--weights last.pt" in (error.value.hint or "")


def test_classes_and_images_that_differ_are_named(data: Path, record: RunRecord) -> None:
    record.data = record_data(check_dataset(data))
    last = data.parent.parent / "last.pt"
    write_hashes(check_dataset(data), last.parent)
    write_text(data, "train: images/train\nval: images/val\nnames: [dog]\n")
    with pytest.raises(DataError, match="classes are dog; they were cat"):
        find_data(record, {}, last, ignore)
    write_text(data, "train: images/train\nval: images/val\nnames: [cat]\n")
    for split in ("labels", "images"):
        for path in (data.parent / split / "train").iterdir():
            path.rename(path.with_stem("b"))
    with pytest.raises(DataError, match=r"came, went or changed:\n  train/a.jpg\n  train/b.jpg"):
        find_data(record, {}, last, ignore)


def test_of_labels_it_is_said_that_they_differ(data: Path, record: RunRecord) -> None:
    record.data = record_data(check_dataset(data))
    write_hashes(check_dataset(data), data.parent)
    write_text(data.parent / "labels/train/a.txt", "0 .5 .5 .3 .3\n")
    with pytest.raises(DataError, match="rows of its label files, or its classes, differ"):
        find_data(record, {}, data.parent / "last.pt", ignore)


def test_batch_imgsz_and_device_may_change_and_are_checked(data: Path, record: RunRecord) -> None:
    changes = check_changes(record, {"batch": 2, "device": "cpu", "imgsz": 640})
    record_changes(record, changes, check_dataset(data))
    assert (record.config.batch, record.config.device) == (2, "cpu")
    told = {change.option: (change.before, change.after) for change in record.changes}
    assert told == {"batch": ("auto", 2), "device": ("auto", "cpu")}, "imgsz was that before"
    with pytest.raises(ConfigError, match="multiple of 32"):
        check_changes(record, {"imgsz": 333})
    with pytest.raises(ConfigError, match="multiple of the number of devices"):
        check_changes(record, {"device": "0,1", "batch": 3})
    with pytest.raises(ConfigError, match="seed: a resumed run keeps what it began with"):
        check_changes(record, {"seed": 3})
    with pytest.raises(ConfigError, match=r"best\.pt was chosen by that, and the weights of other"):
        check_changes(record, {"fitness": "map50"})


@pytest.mark.parametrize(
    ("state", "asked", "total"),
    [
        ("complete", "+50", 53),
        ("complete", 60, 60),
        ("complete", "60", 60),
        ("interrupted", "+50", 150),  # to those that were asked for
        ("interrupted", None, 100),
        ("interrupted", 4, 4),
    ],
)
def test_epochs_are_counted_from_what_was_done_or_asked_for(
    record: RunRecord, state: str, asked: object, total: int
) -> None:
    done = [EpochRecord(epoch=number, seconds=1.0, metrics={}) for number in (1, 2, 3)]
    record = msgspec.structs.replace(
        record, state=state, epochs=done, config=msgspec.structs.replace(record.config, epochs=100)
    )
    assert choose_epochs(record, asked) == total


@pytest.mark.parametrize("asked", [3, "2", "+0", "-1", "many", "+"])
def test_epochs_that_add_nothing_are_refused(record: RunRecord, asked: object) -> None:
    done = [EpochRecord(epoch=number, seconds=1.0, metrics={}) for number in (1, 2, 3)]
    with pytest.raises(ConfigError, match="epochs"):
        choose_epochs(msgspec.structs.replace(record, state="complete", epochs=done), asked)


def test_what_becomes_of_the_schedule_is_said(record: RunRecord) -> None:
    config = msgspec.structs.replace(record.config, epochs=10, close_mosaic=2)
    done = [EpochRecord(epoch=epoch, seconds=1.0, metrics={"mAP50-95": 0.5}) for epoch in (1, 2)]
    record.config, record.epochs = config, done
    assert describe_epochs(record, 10) == []
    longer = [
        "the learning rate goes on as in a run of 20 epochs, of which 2 are done",
        "mosaics end with the last 2 epochs of it",
    ]
    assert describe_epochs(record, 20) == longer
    record.stopped = Stop(reason="patience", epoch=2, best=1)
    assert describe_epochs(record, 20) == [*longer, "patience counts anew from here"]
    assert describe_epochs(record, 10) == ["patience counts anew from here"]


def test_a_run_without_its_last_checkpoint_says_what_it_can_go_on_from(
    tmp_path: Path, record: RunRecord
) -> None:
    record.epochs = []
    with pytest.raises(TrainError, match="first epoch was not completed"):
        require_last(record, tmp_path)
    record.epochs = [EpochRecord(epoch=1, seconds=1.0, metrics={})]
    with pytest.raises(TrainError, match="is not there, or is not a file") as caught:
        require_last(record, tmp_path)
    assert caught.value.hint is None
    for name, hint in (("best.pt", "--weights"), ("state.pt", "copy")):
        (tmp_path / name).touch()
        with pytest.raises(TrainError) as caught:
            require_last(record, tmp_path)
        assert hint in (caught.value.hint or "")
    (tmp_path / "last.pt").touch()
    assert require_last(record, tmp_path) == tmp_path.resolve() / "last.pt"
