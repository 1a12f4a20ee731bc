"""``results.csv``: always there, always whole."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from tests.samples.runs import make_epoch, make_record
from yolokit.train.results import write_results

if TYPE_CHECKING:
    from pathlib import Path


def read(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_row_an_epoch_with_the_start(tmp_path: Path) -> None:
    write_results(make_record(2), tmp_path)
    rows = read(tmp_path)
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert list(rows[0]) == [
        "epoch", "seconds", "wait_s", "val_s", "steps", "retries",
        "mAP50", "mAP50-95", "train_box_loss", "learning_rate",
    ]  # fmt: skip
    assert rows[0]["train_box_loss"] == ""
    assert (rows[2]["mAP50-95"], rows[2]["wait_s"]) == ("0.02", "0.25")


def test_it_is_the_record_as_a_table_whatever_was_there(tmp_path: Path) -> None:
    """As after a kill: what was half written is written anew, in one step."""
    (tmp_path / "results.csv").write_text("epoch,seconds\n1,0.")
    record = make_record(1, start=False)
    write_results(record, tmp_path)
    assert [row["epoch"] for row in read(tmp_path)] == ["1"]
    record.epochs.append(make_epoch(2))
    write_results(record, tmp_path)
    assert [row["epoch"] for row in read(tmp_path)] == ["1", "2"]
    assert [path.name for path in tmp_path.iterdir()] == ["results.csv"]


def test_before_any_epoch_there_is_a_heading(tmp_path: Path) -> None:
    write_results(make_record(start=False), tmp_path)
    assert (tmp_path / "results.csv").read_text() == "epoch,seconds,wait_s,val_s,steps,retries\n"
