"""A run for each fold: what each is given, what is written, what a resumption leaves alone."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from tests.unit.conftest import write_image, write_text
from tests.unit.train.folds.trainings import Trainings
from yolokit.core.events import Event, Notice, OnEvent, ignore
from yolokit.engine_protocol.validations import (
    BEST_VALIDATION,
    read_validation,
    write_validation,
)
from yolokit.errors import (
    ConfigError,
    DataError,
    JobCancelledError,
    OutputExistsError,
    TrainError,
    WeightsError,
)
from yolokit.train.config import TrainConfig
from yolokit.train.config.layers import resolve_options
from yolokit.train.folds import job
from yolokit.train.folds.figures import sum_up
from yolokit.train.folds.job import FoldsRun, train_folds
from yolokit.train.folds.record import read_folds, write_folds
from yolokit.train.folds.resume import resume_folds
from yolokit.train.folds.tables import list_classes
from yolokit.train.record import read_record, write_record
from yolokit.train.run import train_model
from yolokit.train.run_folder import DEALING_NAME, LOCK_NAME, hold_run
from yolokit.train.start import StartPlan


def run(data: Path, on_event: OnEvent = ignore, **options: Any) -> FoldsRun:
    config = TrainConfig.build({"data": str(data), "folds": 3, **options})
    return train_folds(config, on_event, folder=data.parent.parent / "f")


def read_lists(run_dir: Path, fold: int) -> dict[str, list[str]]:
    view = yaml.safe_load((run_dir / f"splits/fold-{fold}.yaml").read_text())
    return {
        split: (run_dir / "splits" / view[split]).read_text().splitlines()
        for split in ("train", "val")
    }


def test_each_image_is_measured_once_and_never_by_what_learnt_it(
    data: Path, trainings: Trainings
) -> None:
    done = run(data)
    lists = [read_lists(done.folder, fold) for fold in (1, 2, 3)]
    everything = sorted(map(str, (data.parent / "images").rglob("*.jpg")))
    assert sorted(path for one in lists for path in one["val"]) == everything
    for one in lists:
        assert sorted(one["train"] + one["val"]) == everything
    assert trainings.begun == ["fold-1", "fold-2", "fold-3"]
    for fold, config in enumerate(trainings.configs, 1):
        assert config.data == str(done.folder / f"splits/fold-{fold}.yaml")
        assert (config.folds, config.seed) == (None, 0)


def test_the_record_says_how_it_was_dealt_and_what_came_of_it(
    data: Path, trainings: Trainings
) -> None:
    done = run(data, seed=5)
    record = read_folds(done.folder)
    assert msgspec.to_builtins(record) == msgspec.to_builtins(done.record)
    assert (record.state, record.dealing.seed) == ("complete", 5)
    assert [one.images for one in record.dealing.folds] == [3, 3, 3]
    assert sum(sum(one.boxes) for one in record.dealing.folds) == 9
    fitness = done.summary.metrics["mAP50-95"]
    assert fitness.values == pytest.approx([0.7, 0.8, 0.9])
    figures = [fitness.mean, fitness.sd, fitness.min, fitness.max]
    assert figures == pytest.approx([0.8, 0.1, 0.7, 0.9])
    assert done.summary.before.mean is None
    assert set(done.summary.classes) == {"cat", "dog"}
    rows = list(csv.DictReader((done.folder / "dealing.csv").read_text().splitlines()))
    assert {row["image"] for row in rows} >= {"train/0.jpg", "val/0.jpg"}
    assert len(rows) == 9
    page = (done.folder / "report.html").read_text()
    assert "over 3 folds" in page
    assert "fold-1" in page


def test_the_last_epoch_and_a_class_that_a_fold_lacks_are_told_apart(
    data: Path, trainings: Trainings
) -> None:
    done = run(data)
    run_dir = done.folder / "fold-2"
    changed = read_record(run_dir)
    changed.epochs[-1].metrics["mAP50-95"] = 0.2
    write_record(changed, run_dir)
    summary = sum_up(done.record, done.folder)
    assert summary.last.values == pytest.approx([0.7, 0.2, 0.9])
    assert summary.metrics["mAP50-95"].values == pytest.approx([0.7, 0.525, 0.9])
    assert summary.best_epochs == [4, 3, 4]
    cats = summary.classes["cat"]
    assert cats.values[1] is None, "what best.pt of epoch 3 found was not kept"
    assert cats.sd is not None
    shutil.rmtree(run_dir)
    assert sum_up(done.record, done.folder).last.values[1] is None


def test_classes_that_are_added_to_others_are_those_of_the_data_set(
    data: Path, trainings: Trainings
) -> None:
    """A model of two old classes and two new ones: ids of the new ones come after the old."""
    done = run(data)
    for fold in (1, 2, 3):
        folder = done.folder / f"fold-{fold}"
        record = read_record(folder)
        names = ["old", "older", *record.data.names]
        record.data = msgspec.structs.replace(record.data, names=names)
        write_record(record, folder)
        found = read_validation(folder / BEST_VALIDATION)
        images = [
            replace(
                one,
                true_class_ids=one.true_class_ids + 2,
                found=replace(one.found, class_ids=one.found.class_ids + 2),
            )
            for one in found.images
        ]
        write_validation(folder / BEST_VALIDATION, found.epoch, images)
    summary = sum_up(done.record, done.folder)
    assert summary.classes["cat"].mean == done.summary.classes["cat"].mean
    assert summary.classes["old"].mean is None
    _, rows = list_classes(done.record, summary)
    assert [row[:2] for row in rows] == [("cat", "5"), ("dog", "4")]


def test_interrupted_folds_go_on_with_the_one_that_was_and_leave_the_done_alone(
    data: Path, trainings: Trainings
) -> None:
    trainings.fails = lambda fold: JobCancelledError("stop") if fold == "fold-2" else None
    with pytest.raises(JobCancelledError) as error:
        run(data)
    folder = data.parent.parent / "f"
    assert "--resume" in (error.value.hint or "")
    assert "fold-2" not in (error.value.hint or ""), "all folds are resumed, not one"
    assert read_folds(folder).state == "interrupted"
    with pytest.raises(OutputExistsError) as exists:
        run(data)
    assert "--resume" in (exists.value.hint or "")
    done = resume_folds(folder, {"batch": 8})
    assert trainings.begun == ["fold-1", "fold-2", "fold-3"]
    assert trainings.resumed == [("fold-2", {"batch": 8})]
    assert trainings.configs[-1].batch == 8
    assert done.record.state == "complete"
    assert [(one.option, one.after) for one in done.record.changes] == [("batch", 8)]
    with pytest.raises(TrainError, match=r"all 3 folds of .* are complete"):
        resume_folds(folder)


def test_a_fold_killed_before_its_first_epoch_begins_anew(data: Path, trainings: Trainings) -> None:
    trainings.fails = lambda fold: JobCancelledError("stop") if fold == "fold-2" else None
    with pytest.raises(JobCancelledError):
        run(data)
    folder = data.parent.parent / "f"
    killed = read_record(folder / "fold-2")
    killed.epochs.clear()
    write_record(killed, folder / "fold-2")
    for name in ("last.pt", "best.pt"):
        (folder / "fold-2" / name).unlink()
    shutil.rmtree(folder / "fold-2/images")
    trainings.fails = lambda _fold: None
    resume_folds(folder)
    assert trainings.begun == ["fold-1", "fold-2", "fold-2", "fold-3"]
    assert trainings.resumed == []


def test_a_fold_killed_before_it_had_a_record_begins_anew(data: Path, trainings: Trainings) -> None:
    trainings.fails = lambda fold: JobCancelledError("stop") if fold == "fold-1" else None
    with pytest.raises(JobCancelledError):
        run(data)
    folder = data.parent.parent / "f"
    (folder / "fold-2").mkdir()
    (folder / "fold-2/.run.lock").touch()
    trainings.fails = lambda _fold: None
    resume_folds(folder)
    assert trainings.begun == ["fold-1", "fold-2", "fold-3"]


def test_data_that_moved_is_found_and_data_that_changed_is_refused(
    data: Path, trainings: Trainings, tmp_path: Path
) -> None:
    trainings.fails = lambda fold: JobCancelledError("stop") if fold == "fold-1" else None
    with pytest.raises(JobCancelledError):
        run(data)
    folder = tmp_path / "f"
    moved = data.parent.rename(tmp_path / "elsewhere") / "data.yaml"
    with pytest.raises(DataError, match="not there any more") as gone:
        resume_folds(folder)
    assert "--data" in (gone.value.hint or "")
    image = moved.parent / "images/train/0.jpg"
    content = image.read_bytes()
    write_image(image, shade=3)
    with pytest.raises(DataError, match=r"1 image has changed(.|\n)*train/0\.jpg"):
        resume_folds(folder, {"data": str(moved)})
    image.write_bytes(content)
    label = moved.parent / "labels/train/0.txt"
    text = label.read_text()
    label.write_text("1 .5 .5 .2 .3\n")
    with pytest.raises(DataError, match="not the data set that was dealt"):
        resume_folds(folder, {"data": str(moved)})
    label.write_text(text)
    before = [Path(path).name for path in read_lists(folder, 2)["val"]]
    done = resume_folds(folder, {"data": str(moved)})
    lists = read_lists(folder, 2)
    assert [Path(path).name for path in lists["val"]] == before
    assert all(Path(path).is_relative_to(moved.parent) for path in lists["val"])
    assert trainings.resumed == [("fold-1", {})], "its data.yaml is where it was"
    assert done.record.data.path == str(moved)


def test_a_folder_that_moved_goes_on_with_its_new_lists(
    data: Path, trainings: Trainings, tmp_path: Path
) -> None:
    trainings.fails = lambda fold: JobCancelledError("stop") if fold == "fold-1" else None
    with pytest.raises(JobCancelledError):
        run(data)
    folder = (tmp_path / "f").rename(tmp_path / "g")
    resume_folds(folder)
    assert trainings.resumed == [("fold-1", {"data": str(folder / "splits/fold-1.yaml")})]


def test_a_dealing_that_was_edited_is_refused(data: Path, trainings: Trainings) -> None:
    trainings.fails = lambda fold: JobCancelledError("stop") if fold == "fold-1" else None
    with pytest.raises(JobCancelledError):
        run(data)
    table = data.parent.parent / "f/dealing.csv"
    table.write_text(table.read_text().replace(",1,", ",2,"))
    with pytest.raises(TrainError, match="not as it was written"):
        resume_folds(table.parent)
    table.unlink()
    with pytest.raises(TrainError, match="cannot be read"):
        resume_folds(table.parent)


@pytest.mark.parametrize("option", ["epochs", "imgsz", "seed"])
def test_what_would_make_folds_differ_cannot_be_changed(
    data: Path, trainings: Trainings, option: str
) -> None:
    trainings.fails = lambda fold: JobCancelledError("stop") if fold == "fold-2" else None
    with pytest.raises(JobCancelledError):
        run(data)
    with pytest.raises(ConfigError) as error:
        resume_folds(data.parent.parent / "f", {option: 64})
    assert error.value.problems == (f"{option}: all folds are trained alike",)


def test_nothing_is_left_of_folds_that_could_not_begin(data: Path, trainings: Trainings) -> None:
    trainings.fails = lambda _fold: WeightsError("no")
    with pytest.raises(WeightsError):
        run(data)
    assert not (data.parent.parent / "f").exists()


def test_folds_in_training_are_held(data: Path, trainings: Trainings) -> None:
    trainings.fails = lambda fold: JobCancelledError("stop") if fold == "fold-2" else None
    with pytest.raises(JobCancelledError):
        run(data)
    folder = data.parent.parent / "f"
    with hold_run(folder), pytest.raises(TrainError, match="still going on"):
        resume_folds(folder)


def test_weights_that_change_between_folds_are_refused(
    data: Path, trainings: Trainings, tmp_path: Path
) -> None:
    trainings.fails = lambda fold: JobCancelledError("stop") if fold == "fold-1" else None
    with pytest.raises(JobCancelledError):
        run(data)
    other = tmp_path / "other.pt"
    other.write_bytes(b"another file")
    record = read_folds(tmp_path / "f")
    record.config = msgspec.structs.replace(record.config, weights=str(other))
    write_folds(record, tmp_path / "f")
    with pytest.raises(WeightsError, match="not the file that fold 1 started from"):
        resume_folds(tmp_path / "f")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"folds": 1}, "folds: must be"),
        ({"nnodes": 2, "rdzv": "a:1"}, "nnodes: folds are trained on one machine"),
        ({"folds": None, "fold_group": "video"}, "fold_group: has no effect without folds"),
        ({"fold_group": "series"}, "fold_group: 'series' is neither"),
    ],
)
def test_options_that_do_not_go_with_folds(data: Path, options: Any, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        TrainConfig.build({"data": str(data), "folds": 3} | options)
    assert any(problem.startswith(told) for problem in error.value.problems)


@pytest.mark.parametrize("more", [{}, {"add_classes": True, "weights": "w.pt"}])
def test_the_options_of_a_last_training_on_all_images_are_valid(
    data: Path, trainings: Trainings, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
) -> None:
    monkeypatch.setattr(job, "plan_start", lambda *_given: StartPlan("network", None))
    done = run(data, epochs=7, **more)
    final = resolve_options({}, file=done.folder / "final.yaml").config
    assert (final.folds, final.epochs, final.patience) == (None, 7, 0)
    assert "leaking-images" in final.allow
    everything = yaml.safe_load((done.folder / "splits/all.yaml").read_text())["train"]
    listed = [(done.folder / "splits" / name).read_text().splitlines() for name in everything]
    assert len({path for one in listed for path in one}) == 9


def test_a_single_training_takes_no_folds(data: Path) -> None:
    for values, train in (({"folds": 3}, train_model), ({}, train_folds)):
        with pytest.raises(ConfigError, match="folds: "):
            train(TrainConfig.build({"data": str(data), **values}))


def test_more_folds_than_images_and_too_small_batches(data: Path, trainings: Trainings) -> None:
    with pytest.raises(DataError, match=r"10 folds need as many images .* have 9 images"):
        run(data, folds=10)
    with pytest.raises(ConfigError, match="no batch can be a single image"):
        run(data, imgsz=32, batch=5)
    assert trainings.begun == []
    assert not (data.parent.parent / "f").exists()


def test_each_fold_is_named_and_what_is_of_all_is_told_once(
    data: Path, trainings: Trainings
) -> None:
    write_text(data.parent / "labels/train/0.txt", "0 .5 .5 .2 .2\n0 .5 .5 .2 .2\n")
    told: list[Event] = []
    run(data, told.append)
    notices = [event.message for event in told if isinstance(event, Notice)]
    assert "fold 1 of 3: trained on 6 images, measured on 3" in notices
    assert [one for one in notices if one.startswith("fold 2 of 3 is done: mAP50-95")]
    assert len([one for one in notices if "twice" in one or "repeat" in one]) <= 1
    assert len([one for one in notices if one.startswith("note: ")]) == 1


def test_a_start_that_has_seen_the_images_is_told(
    data: Path, trainings: Trainings, tmp_path: Path
) -> None:
    from yolokit.checkpoints.lineage import WeightsRecord
    from yolokit.train.folds.images import read_fold_images
    from yolokit.train.folds.seen import warn_of_seen

    found = read_fold_images(TrainConfig(data=str(data), folds=3), ignore)
    weights = WeightsRecord(path=str(tmp_path / "best.pt"), sha256="")
    assert warn_of_seen(weights, found) is None
    lines = [f"{found.digests[0]}  train/x.jpg\n", f"{found.digests[1]}  val/y.jpg\n"]
    (tmp_path / "images.sha256").write_text("".join(lines))
    told = warn_of_seen(weights, found)
    assert told is not None
    assert told.startswith("1 of 9 images was what best.pt was trained on")


def test_folds_that_were_killed_before_their_record_begin_again(
    data: Path, trainings: Trainings
) -> None:
    folder = data.parent.parent / "f"
    folder.mkdir()
    (folder / LOCK_NAME).touch()
    (folder / DEALING_NAME).write_text("image,fold,group,sha256\n")
    assert run(data).folder == folder
    assert trainings.begun == ["fold-1", "fold-2", "fold-3"]
