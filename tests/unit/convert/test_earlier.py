"""An earlier conversion is told by its ledger, in whatever format it was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.conftest import (
    Convert,
    coco,
    coco_image,
    write_coco,
    write_image,
    write_text,
    write_yolo,
)
from yolokit.convert.earlier import recognise_set
from yolokit.errors import OutputExistsError
from yolokit.formats.toolkit.plugin import can_write, list_formats, writable_tasks

WRITABLE = [name for name in list_formats() if can_write(name)]
BOX = "0 .5 .5 .5 .5\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    names = (*"abcdefgh", "sub/i", "with.dots [1]")
    return write_yolo(tmp_path / "src", {f"{name}.jpg": BOX for name in names}).parent


@pytest.mark.parametrize("name", WRITABLE)
def test_each_format_is_recognised(
    name: str, source: Path, run_convert: Convert, tmp_path: Path
) -> None:
    task = writable_tasks(name)[0]
    options = {"to_format": name, "task": task, "boxes_as_outlines": task == "obb"}
    run_convert(source, **options)
    run_convert(source, **options, overwrite=True)
    image = next(path for path in (tmp_path / "out").rglob("*.jpg") if path.name == "a.jpg")
    for path in (image.with_name("mine.jpg"), tmp_path / "out" / "notes.md"):
        path.write_bytes(image.read_bytes())
        with pytest.raises(OutputExistsError, match=path.name):
            run_convert(source, **options, overwrite=True)
        path.unlink()


@pytest.mark.parametrize(
    "options", [{"folds": 3}, {"tile": 32}, {"link": "hardlink"}, {"split": "keep"}]
)
def test_each_way_of_writing_is_recognised(
    options: dict[str, object], source: Path, run_convert: Convert, tmp_path: Path
) -> None:
    run_convert(source, **options)
    write_text(tmp_path / "out/labels/train.cache", "what ultralytics leaves")
    run_convert(source, overwrite=True)


@pytest.mark.parametrize("name", ["yolo", "voc", "kitti", "labelme"])
def test_files_that_were_put_among_labels_are_kept(
    name: str, source: Path, run_convert: Convert, tmp_path: Path
) -> None:
    """As LabelImg does with its ``classes.txt``."""
    run_convert(source, to_format=name)
    label = next(
        path for path in (tmp_path / "out").rglob("a.*") if path.suffix in (".txt", ".xml", ".json")
    )
    write_text(label.with_name(f"mine{label.suffix}"), "mine")
    with pytest.raises(OutputExistsError, match="mine"):
        run_convert(source, to_format=name, overwrite=True)


def test_images_that_were_put_beside_labels_are_kept(run_convert: Convert, tmp_path: Path) -> None:
    box = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 40]}
    source = write_coco(tmp_path / "train.json", coco([coco_image(1)], [box]))
    run_convert(source, labels_only=True, split="keep")
    run_convert(source, labels_only=True, split="keep", overwrite=True)
    write_image(tmp_path / "out/images/train/1.jpg")
    with pytest.raises(OutputExistsError, match=r"it holds 1 file where .* wrote 0"):
        run_convert(source, labels_only=True, overwrite=True)


@pytest.mark.parametrize(
    "head",
    ["", "{}", "[]", '{"to": "yolo"}', '{"to": "none", "splits": {}, "totals": {}}',
     '{"to": "voc", "splits": {"train": 3}, "totals": {}}'],
)  # fmt: skip
def test_other_ledgers_are_none(head: str, tmp_path: Path) -> None:
    write_text(tmp_path / "ledger.jsonl", head)
    assert recognise_set(tmp_path) is None


def test_a_set_that_a_list_elsewhere_leads_to_is_not_replaced(
    source: Path, run_convert: Convert, tmp_path: Path
) -> None:
    run_convert(source, split="keep")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")}
    listed = write_text(
        tmp_path / "list/data.yaml", f"train: {tmp_path}/out/images/train\nnames: [cat]\n"
    )
    with pytest.raises(OutputExistsError, match=r"the command reads .*, which is in it"):
        run_convert(listed, overwrite=True)
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")} == before


def test_a_file_that_names_images_in_the_output(
    source: Path, run_convert: Convert, tmp_path: Path
) -> None:
    run_convert(source, split="keep")
    box = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 40]}
    named = coco([coco_image(1, "out/images/train/a.jpg")], [box])
    with pytest.raises(OutputExistsError, match=r"the command reads .*a\.jpg, which is in it"):
        run_convert(write_coco(tmp_path / "train.json", named), overwrite=True)
