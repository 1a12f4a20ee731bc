"""A set has one table of labels, whether it is read as YOLO or by any reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.samples.formats import make_dataset
from tests.unit.conftest import shade_of, write_image
from yolokit.core.task import Task
from yolokit.datasets.label_table import LabelTable
from yolokit.formats.toolkit.plugin import load_format
from yolokit.jobs.check.config import CheckConfig
from yolokit.jobs.check.job import check_data


def read_as(name: str, task: Task, folder: Path) -> LabelTable:
    """Write three images with their labels in a format, and return their table."""
    module, dataset = load_format(name), make_dataset(task)
    for one in dataset.iter_images():
        place = folder / module.IMAGE_FOLDER.format(split=one.image.split)
        write_image(place / one.image.file_name, 64, 48, shade=shade_of(one.image.file_name))
    module.write(dataset, folder, [])
    return check_data(CheckConfig.build({"source": folder})).table


@pytest.mark.parametrize(
    ("task", "other"),
    [
        (Task.DETECT, "coco"), (Task.DETECT, "voc"), (Task.SEGMENT, "coco"),
        (Task.SEGMENT, "labelme"), (Task.POSE, "coco"), (Task.OBB, "dota"),
    ],
)  # fmt: skip
def test_formats_give_one_table(task: Task, other: str, tmp_path: Path) -> None:
    ours, theirs = read_as("yolo", task, tmp_path / "a"), read_as(other, task, tmp_path / "b")
    assert set(ours.names) == set(theirs.names)
    rows = {name: at for at, name in enumerate(theirs.images.names)}
    for image, name in enumerate(ours.images.names):
        twin = rows[name]
        assert ours.images.splits[image] == theirs.images.splits[twin]
        assert ours.images.wh_px[image].tolist() == theirs.images.wh_px[twin].tolist() == [64, 48]
        here = range(ours.starts[image], ours.starts[image + 1])
        there = range(theirs.starts[twin], theirs.starts[twin + 1])
        assert len(here) == len(there)
        for a, b in zip(here, there, strict=True):
            expect_same_row(ours, a, theirs, b)
            if task == Task.OBB:  # as YOLO, outlines of four corners look alike
                assert a in ours.rotated
                assert b in theirs.rotated


def expect_same_row(ours: LabelTable, a: int, theirs: LabelTable, b: int) -> None:
    assert ours.names[ours.class_ids[a]] == theirs.names[theirs.class_ids[b]]
    assert np.abs(ours.xyxy[a] - theirs.xyxy[b]).max() < 0.02, "VOC has whole pixels"
    assert (a in ours.shapes) == (b in theirs.shapes)
    for one, other in zip(ours.shapes.get(a, ()), theirs.shapes.get(b, ()), strict=True):
        assert np.abs(one - other).max() < 0.02
    assert (a in ours.keypoints) == (b in theirs.keypoints)
    if a in ours.keypoints:
        assert np.abs(ours.keypoints[a] - theirs.keypoints[b]).max() < 0.02


def test_rows_of_an_image_follow_each_other(tmp_path: Path) -> None:
    table = read_as("yolo", Task.DETECT, tmp_path)
    assert len(table) == table.starts[-1] == 4
    assert (np.diff(table.image_of) >= 0).all()
    assert table.wh_px.tolist() == [[64, 48]] * 4
    assert table.sides_px[0].tolist() == pytest.approx([15.5, 24], abs=1e-3)
