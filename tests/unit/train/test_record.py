"""run.json survives a round trip, and the curves are a real picture."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from yolokit.errors import TrainError
from yolokit.train import record as records
from yolokit.train.config import TrainConfig
from yolokit.train.report.curves import draw_curves
from yolokit.train.report.end import describe_end

METRICS = {
    "train_box_loss": 1.5,
    "mAP50-95": 0.4,
    "mAP50": 0.6,
    "precision": 0.7,
    "recall": 0.5,
    "learning_rate": 0.01,
}


def make_epoch(epoch: int, metrics: dict[str, float]) -> records.EpochRecord:
    return records.EpochRecord(epoch=epoch, seconds=1.0, metrics=metrics, steps=1)


def make_record() -> records.RunRecord:
    return records.RunRecord(
        config=TrainConfig(data="d.yaml", epochs=2),
        data=records.DataRecord(
            path="d.yaml", sha256="ab", names=["a"], images={"train": 1}, boxes={"train": 3}
        ),
        weights=None,
        arch="yolo26n",
        versions=records.collect_versions(),
        started=records.now(),
        epochs=[
            make_epoch(1, METRICS),
            make_epoch(2, METRICS | {"mAP50-95": 0.3}),
        ],
    )


def test_round_trip(tmp_path: Path) -> None:
    record = make_record()
    records.write_record(record, tmp_path)
    assert records.read_record(tmp_path) == record
    assert record.best is not None
    assert record.best.epoch == 1
    assert {"yolokit", "python", "torch", "ultralytics"} <= record.versions.keys()


def test_a_record_has_todays_names_of_options(tmp_path: Path) -> None:
    record = make_record()
    records.write_record(record, tmp_path)
    plain = json.loads((tmp_path / "run.json").read_text())
    del plain["config"]["lr"], plain["config"]["schedule"]
    plain["config"] |= {"lr0": 0.002, "cos_lr": True}
    (tmp_path / "run.json").write_text(json.dumps(plain))
    read = records.read_record(tmp_path).config
    assert (read.lr, read.schedule) == (0.002, "cosine")
    plain["config"] |= {"lr": 0.1}
    (tmp_path / "run.json").write_text(json.dumps(plain))
    with pytest.raises(TrainError, match=r"run\.json is not readable"):
        records.read_record(tmp_path)


def record_of(*figures: float | None, patience: int = 50, epochs: int = 100) -> records.RunRecord:
    """A run with these mAPs; None for an epoch that was not validated."""
    record = make_record()
    record.config = TrainConfig(data="d.yaml", epochs=epochs, patience=patience)
    record.epochs = [
        make_epoch(epoch, {} if x is None else {"mAP50-95": x})
        for epoch, x in enumerate(figures, 1)
    ]
    return record


@pytest.mark.parametrize(
    ("figures", "best"),
    [
        ((0.1, 0.3, 0.3, 0.2), 2),  # of equal ones the first
        ((0.0, 0.0, 0.0), 3),  # nothing was found: the last
        ((0.0, 0.2, 0.0), 2),
        ((None, None, 0.2), 3),
        ((None, None), None),
    ],
)
def test_the_best_epoch(figures: tuple[float | None, ...], best: int | None) -> None:
    found = record_of(*figures).best
    assert (found.epoch if found else None) == best


def test_the_start_is_the_best_until_it_is_beaten() -> None:
    record = record_of(0.2, 0.3, 0.4)
    record.start_epoch = make_epoch(0, {"mAP50-95": 0.3})
    assert record.best is not None
    assert record.best.epoch == 3
    record.epochs.pop()
    assert record.best.epoch == 0
    assert record.best_trained is not None
    assert record.best_trained.epoch == 2


RECALLS = (0.2, 0.6, 0.5, 0.6)


def judged_by(fitness: str, *, patience: int = 50, start: float | None = None) -> records.RunRecord:
    """A run whose mAP rises from epoch to epoch, while its recall at a precision does not."""
    record = record_of(0.1, 0.2, 0.3, 0.4, patience=patience)
    record.config = msgspec.structs.replace(record.config, fitness=fitness)
    for epoch, recall in zip(record.epochs, RECALLS, strict=True):
        epoch.metrics["recall@0.9"] = recall
        epoch.metrics["mAP50"] = 1 - epoch.metrics["mAP50-95"]
    if start is not None:
        record.start_epoch = make_epoch(0, {"mAP50-95": 0.0, "mAP50": 0.0, "recall@0.9": start})
    return record


@pytest.mark.parametrize(
    ("fitness", "best"), [("map50-95", 4), ("mAP50", 1), ("recall@0.9", 2), ("recall@.90", 2)]
)
def test_the_best_epoch_is_that_of_the_fitness(fitness: str, best: int) -> None:
    record = judged_by(fitness)
    assert record.best is not None
    assert record.best.epoch == best
    assert record.stop("epochs").best == best


def test_start_and_patience_go_by_the_fitness() -> None:
    record = judged_by("recall@0.9", patience=2, start=0.7)
    record.stopped = record.stop("epochs")
    assert (record.stopped.reason, record.stopped.best) == ("patience", 0)
    notes = describe_end(record)
    assert notes[0].endswith("none was better than epoch 2 in 2 epochs (patience), by recall@0.9")
    assert "recall@0.9 0.6000 at best, in epoch 2, and 0.7000 before training" in notes[1]
    assert judged_by("map50-95", patience=2, start=0.7).stop("epochs").reason == "epochs"


def test_a_precision_that_is_never_reached_is_said() -> None:
    record = judged_by("recall@0.9")
    record.data.boxes["val"] = 3
    for epoch in record.epochs:
        epoch.metrics["recall@0.9"] = 0.0
    record.stopped = record.stop("epochs")
    (note,) = describe_end(record)
    assert note == "recall@0.9 is 0 in every epoch: best.pt is the last epoch, 4"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda record: record["config"].update(fitness="map75"), "fitness must be map50-95, map5"),
        (lambda record: record["start_epoch"]["metrics"].pop("recall@0.9"), "has no recall@0.9"),
    ],
)
def test_a_record_whose_fitness_is_not_there_is_refused(
    damage: Callable[[dict[str, Any]], object], said: str, tmp_path: Path
) -> None:
    records.write_record(judged_by("recall@0.9", start=0.1), tmp_path)
    assert records.read_record(tmp_path).fitness == "recall@0.9"
    content = json.loads((tmp_path / "run.json").read_text())
    damage(content)
    (tmp_path / "run.json").write_text(json.dumps(content))
    with pytest.raises(TrainError, match=said):
        records.read_record(tmp_path)


@pytest.mark.parametrize(
    ("record", "reason", "said"),
    [
        (record_of(0.2, 0.1, patience=1), "patience", "after epoch 2 of 100: none was better"),
        (record_of(0.2, 0.1, 0.2, patience=2), "patience", "than epoch 1 in 2 epochs (patience)"),
        (record_of(0.2, 0.1, patience=1, epochs=2), "epochs", None),
        (record_of(0.2, 0.1, patience=0), "epochs", None),
        (record_of(None, None, patience=1, epochs=2), "epochs", None),
        (record_of(0.0, 0.0, epochs=2), "epochs", "without boxes: best.pt is the last epoch, 2"),
    ],
)
def test_why_a_run_ended_is_recorded_and_said(
    record: records.RunRecord, reason: str, said: str | None
) -> None:
    record.stopped = record.stop("epochs")
    assert record.stopped.reason == reason
    assert record.stopped.epoch == len(record.epochs)
    notes = describe_end(record)
    assert (said in notes[0]) if said else not notes


def test_a_run_that_is_worse_than_its_start_says_so_with_both_figures() -> None:
    record = record_of(0.2, 0.27, 0.25)
    record.start_epoch = make_epoch(0, {"mAP50-95": 0.35})
    record.stopped = record.stop("epochs")
    assert record.stopped.best == 0
    (note,) = describe_end(record)
    assert "no epoch was better than the start: mAP50-95 0.2700" in note
    assert "0.3500 before training" in note


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="is not a run"):
        records.read_record(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(TrainError, match=r"run\.json is not readable"):
        records.read_record(tmp_path)


def test_a_record_that_is_a_pipe_or_beyond_memory_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "run.json")
    with pytest.raises(TrainError, match="is a pipe"):
        records.read_record(tmp_path)
    (tmp_path / "run.json").unlink()
    with (tmp_path / "run.json").open("wb") as stream:
        stream.truncate(10 << 30)  # a hole: it takes no place on the disk
    with pytest.raises(TrainError, match=r"the file has 10\.7 GB"):
        records.read_record(tmp_path)


@pytest.mark.parametrize("content", [b"[" * 100_000, b"\xff\xfe", b'{"state": "\\ud800"}', b"{}"])
def test_a_damaged_record_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(TrainError, match=r"run\.json is not readable"):
        records.read_record(tmp_path)


def test_a_start_without_its_figure_is_damage(tmp_path: Path) -> None:
    record = make_record()
    record.start_epoch = make_epoch(0, {})
    records.write_record(record, tmp_path)
    with pytest.raises(TrainError, match="start_epoch has no mAP50-95"):
        records.read_record(tmp_path)


def test_curves_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    import cv2

    draw_curves(make_record().epochs, "run", tmp_path / "curves.png")
    picture = cv2.imread(str(tmp_path / "curves.png"))
    assert picture is not None
    assert picture.shape[1] > 900
    assert len({tuple(pixel) for pixel in picture[::5, ::5].reshape(-1, 3)}) > 20


def test_a_run_without_validation_has_no_empty_boxes(tmp_path: Path) -> None:
    import cv2

    full, short = make_record().epochs, [make_epoch(1, {"train_box_loss": 1.5})]
    widths = []
    for epochs in (full, short):
        draw_curves(epochs, "run", tmp_path / "curves.png")
        picture = cv2.imread(str(tmp_path / "curves.png"))
        assert picture is not None
        widths.append(picture.shape[1])
    assert widths[1] == pytest.approx(widths[0] / 3, abs=2), "one panel instead of three"


@pytest.mark.parametrize("name", ["../../home", "a/b", "", "x*", "a\n"])
def test_an_id_that_is_more_than_a_name_is_refused(tmp_path: Path, name: str) -> None:
    record = make_record()
    record.id = name
    records.write_record(record, tmp_path)
    with pytest.raises(TrainError, match="not readable"):
        records.read_record(tmp_path)
