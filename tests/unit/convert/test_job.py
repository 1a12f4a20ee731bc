"""The job as a whole: every image and every annotation accounted for, or nothing published."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.conftest import (
    Convert,
    coco,
    coco_image,
    shade_of,
    voc_object,
    voc_xml,
    write_coco,
    write_image,
    write_text,
    write_yolo,
)
from yolokit.convert.config import ConvertConfig
from yolokit.convert.job import convert
from yolokit.core.events import Event, Progress
from yolokit.datasets.check import check_dataset
from yolokit.errors import ConfigError, DataError, OutputExistsError

BOX = {"image_id": 1, "category_id": 1, "bbox": [16, 12, 32, 24]}


def ledger(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "ledger.jsonl").read_text().splitlines()]


def files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A COCO set of two splits, with a background image and an empty box."""
    root = tmp_path / "src"
    empty = {**BOX, "bbox": [5, 5, 0, 9]}
    content = coco([coco_image(1, "sub/a b.jpg"), coco_image(2, "bg.jpg")], [BOX, empty])
    write_coco(root / "annotations/train.json", content)
    write_coco(root / "annotations/val.json", coco([coco_image(1, "v.jpg")], [BOX]))
    for name in ("train/sub/a b.jpg", "train/bg.jpg", "val/v.jpg"):
        write_image(root / "images" / name, shade=shade_of(name))
    return root


def test_a_yolo_set_is_complete_and_portable(
    source: Path, run_convert: Convert, tmp_path: Path
) -> None:
    result = run_convert(source)
    out = tmp_path / "out"
    assert files(out) == {
        "data.yaml", "ledger.jsonl",
        "images/train/sub/a b.jpg", "images/train/bg.jpg", "images/val/v.jpg",
        "labels/train/sub/a b.txt", "labels/train/bg.txt", "labels/val/v.txt",
    }  # fmt: skip
    text = "0 0.500000 0.500000 0.500000 0.500000\n"
    assert (out / "labels/train/sub/a b.txt").read_text() == text
    assert (out / "labels/train/bg.txt").read_text() == ""
    yaml = (out / "data.yaml").read_text()
    assert "train: images/train\nval: images/val\nnames:\n  0: cat\n  1: dog\n" in yaml
    assert "path:" not in yaml
    assert str(tmp_path) not in yaml
    moved = shutil.move(out, tmp_path / "moved")
    report = check_dataset(Path(moved) / "data.yaml")
    assert report.splits["train"].images == 2
    assert result.splits["train"].background_images == 1
    assert result.splits["train"].boxes_by_class == (1, 0)
    assert result.names == ("cat", "dog")
    assert any("COCO JSON: train.json, val.json" in one for one in result.evidence)


def test_the_account_balances_and_is_in_the_set(
    source: Path, run_convert: Convert, tmp_path: Path
) -> None:
    result = run_convert(source)
    totals = result.totals
    assert (totals.annotations_in, totals.kept, totals.dropped) == (3, 2, 1)
    head, entry = ledger(tmp_path / "out")
    assert head["totals"]["annotations_in"] == 3
    assert head["from"] == ["coco"]
    assert head["portable"] is True
    assert head["splits"]["val"]["images"] == 1
    assert entry == {
        "path": str(source / "annotations/train.json"), "line": None, "index": 1,
        "action": "dropped", "code": "empty-box",
        "message": "the box has no area: xyxy 5 5 5 14",
    }  # fmt: skip


def test_too_great_a_loss_publishes_nothing(
    source: Path, run_convert: Convert, tmp_path: Path
) -> None:
    for limit in ("0.5%", "0", "33%"):
        with pytest.raises(DataError, match="1 of 3 annotations") as caught:
            run_convert(source, max_drop=limit)
        assert f"{source / 'annotations/train.json'}: annotation 1" in str(caught.value)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["src"]
    assert run_convert(source, max_drop="34%").totals.dropped == 1
    assert run_convert(source, max_drop="1", out=tmp_path / "o2").totals.dropped == 1


@pytest.mark.parametrize("to_format", ["coco", "voc"])
def test_other_targets(to_format: str, source: Path, run_convert: Convert, tmp_path: Path) -> None:
    first = run_convert(source, to_format=to_format)
    again = run_convert(tmp_path / "out", out=tmp_path / "again")
    assert again.from_formats == (to_format,)
    assert again.totals.kept == again.totals.annotations_in == first.totals.kept == 2
    assert {split: counts.images for split, counts in again.splits.items()} == {
        "train": 2,
        "val": 1,
    }
    text = "0 0.500000 0.500000 0.500000 0.500000\n"
    assert (tmp_path / "again/labels/train/sub/a b.txt").read_text() == text


def test_coco_keeps_ids_of_classes_and_has_every_class(
    source: Path, run_convert: Convert, tmp_path: Path
) -> None:
    run_convert(source, to_format="coco")
    content = json.loads((tmp_path / "out/annotations/instances_val.json").read_text())
    assert [(one["id"], one["name"]) for one in content["categories"]] == [(1, "cat"), (7, "dog")]
    assert content["annotations"][0]["bbox"] == [16, 12, 32, 24]
    assert content["annotations"][0]["area"] == 768
    assert content["annotations"][0]["category_id"] == 1
    assert content["images"] == [{"id": 1, "file_name": "v.jpg", "width": 64, "height": 48}]


def test_ids_from_0_become_ids_from_1_in_coco(run_convert: Convert, tmp_path: Path) -> None:
    run_convert(write_yolo(tmp_path / "y", {"a.jpg": "0 .5 .5 .5 .5\n"}), to_format="coco")
    content = json.loads((tmp_path / "out/annotations/instances_train.json").read_text())
    assert [one["id"] for one in content["categories"]] == [1, 2]


def test_an_output_that_exists_stays_unless_told_otherwise(
    source: Path, run_convert: Convert, tmp_path: Path
) -> None:
    run_convert(source, to_format="coco")
    before = files(tmp_path / "out")
    with pytest.raises(OutputExistsError, match="already exists") as caught:
        run_convert(source)
    assert "replace it with --overwrite" in (caught.value.hint or "")
    with pytest.raises(DataError):
        run_convert(source, overwrite=True, max_drop="0")
    assert files(tmp_path / "out") == before, "a failure leaves the old set whole"
    run_convert(source, overwrite=True)
    assert "data.yaml" in files(tmp_path / "out")
    write_text(tmp_path / "out/precious.txt", "x")
    for overwrite in (False, True):
        with pytest.raises(OutputExistsError) as caught:
            run_convert(source, overwrite=overwrite)
        assert caught.value.hint == "choose another --name or --out"
    assert (tmp_path / "out/precious.txt").exists()


@pytest.mark.parametrize("link", ["hardlink", "symlink"])
def test_links_are_marked_as_bound_to_this_machine(
    link: str, source: Path, run_convert: Convert, tmp_path: Path
) -> None:
    result = run_convert(source, link=link)
    image = tmp_path / "out/images/val/v.jpg"
    assert image.samefile(source / "images/val/v.jpg")
    assert image.is_symlink() == (link == "symlink")
    assert any("bound to this machine" in warning for warning in result.warnings)
    assert f"# Bound to this machine: the images are {link}s" in (
        tmp_path / "out/data.yaml"
    ).read_text(encoding="utf-8")
    assert ledger(tmp_path / "out")[0]["portable"] is False


def test_labels_only_needs_no_images(source: Path, run_convert: Convert, tmp_path: Path) -> None:
    shutil.rmtree(source / "images")
    result = run_convert(source, labels_only=True)
    assert files(tmp_path / "out") == {
        "data.yaml", "ledger.jsonl",
        "labels/train/sub/a b.txt", "labels/train/bg.txt", "labels/val/v.txt",
    }  # fmt: skip
    assert result.totals.kept == 2
    assert "put the images into images/<split>" in (tmp_path / "out/data.yaml").read_text()


def test_labels_only_is_refused_where_no_size_is_stated(
    run_convert: Convert, tmp_path: Path
) -> None:
    path = write_text(tmp_path / "a.xml", voc_xml(voc_object(), size=""))
    with pytest.raises(DataError, match=r"size of a.jpg is not stated"):
        run_convert(path, labels_only=True)
    yolo = write_yolo(tmp_path / "y", {"a.jpg": "0 .5 .5 .5 .5\n"})
    with pytest.raises(DataError, match="YOLO labels state no image sizes"):
        run_convert(yolo, labels_only=True)
    assert not (tmp_path / "out").exists()


def test_missing_images_count_as_loss_and_are_named(
    source: Path, run_convert: Convert, tmp_path: Path
) -> None:
    (source / "images/val/v.jpg").unlink()
    (source / "images/train/bg.jpg").unlink()
    with pytest.raises(DataError, match=r"the image v.jpg was not found"):
        run_convert(source, max_drop="40%")
    result = run_convert(source)
    assert result.codes["dropped: missing-image"] == 1
    assert result.codes["noted: missing-image"] == 1
    assert list(result.splits) == ["train"]
    assert any("no val split" in warning for warning in result.warnings)


def test_climbing_names_touch_nothing_outside(run_convert: Convert, tmp_path: Path) -> None:
    write_image(tmp_path / "secret.jpg")
    names = ["../secret.jpg", "..\\secret.jpg", "/secret.jpg", "x/../../secret.jpg", "ok.jpg"]
    images = [coco_image(at, name) for at, name in enumerate(names)]
    boxes = [{**BOX, "image_id": at} for at in range(len(names))]
    source = write_coco(tmp_path / "src/train.json", coco(images, boxes))
    write_image(tmp_path / "src/ok.jpg")
    result = run_convert(source)
    assert result.totals.kept == 1
    assert result.codes["dropped: unsafe-name"] == 3
    assert files(tmp_path / "out") == {
        "data.yaml", "ledger.jsonl", "images/train/ok.jpg", "labels/train/ok.txt",
    }  # fmt: skip
    assert {path.name for path in tmp_path.iterdir()} == {"out", "src", "secret.jpg"}


def test_equal_names_and_stems_do_not_overwrite_each_other(
    run_convert: Convert, tmp_path: Path
) -> None:
    for name in ("one/a.jpg", "two/a.jpg", "two/a.png"):
        write_image(tmp_path / "set" / name)
    write_text(tmp_path / "set/one/a.txt", "0 .5 .5 .5 .5\n")
    write_text(tmp_path / "set/two/a.txt", "1 .5 .5 .5 .5\n")
    path = write_text(tmp_path / "set/data.yaml", "train: [one, two]\nnames: [cat, dog]\n")
    result = run_convert(path)
    out = tmp_path / "out"
    assert files(out / "images") == {"train/a.jpg", "train/a-2.jpg", "train/a-3.png"}
    labels = [(out / f"labels/train/{stem}.txt").read_text()[0] for stem in ("a", "a-2", "a-3")]
    assert labels == ["0", "1", "1"]
    assert result.codes == {"noted: renamed": 2, "noted: shared-labels": 1}


def write_class_files(root: Path, count: int = 5) -> tuple[Path, Path]:
    """Write pictures with a cat and a dog in each, and a COCO file for either class."""
    for at in range(count):
        write_image(root / f"images/{at}.jpg", shade=40 + at)
    paths = []
    for name, category, x in (("cats", 1, 2), ("dogs", 7, 40)):
        boxes = [{"image_id": at, "category_id": category, "bbox": [x, 20, 20, 25]}
                 for at in range(count)]  # fmt: skip
        paths.append(write_coco(root / f"{name}.json", coco(map_images(count), boxes)))
    return paths[0], paths[1]


def map_images(count: int) -> list[dict[str, Any]]:
    return [coco_image(at) for at in range(count)]


@pytest.mark.parametrize("split", ["auto", "keep", "0.4,0.3,0.3"])
@pytest.mark.parametrize("by_name", [False, True])
def test_a_picture_of_several_files_is_one_image(
    split: str, by_name: bool, run_convert: Convert, tmp_path: Path
) -> None:
    files_by_class = write_class_files(tmp_path / "src")
    sources = files_by_class if by_name else (tmp_path / "src",)
    result = run_convert(tmp_path, source=sources, split=split, max_drop="0")
    assert sum(counts.images for counts in result.splits.values()) == 5
    assert result.totals.kept == result.totals.annotations_in == 10
    assert result.codes == {"noted: joined-image": 5}
    written = list((tmp_path / "out/labels").rglob("*.txt"))
    assert len(written) == 5
    for path in written:
        assert [line[0] for line in path.read_text().splitlines()] == ["0", "1"]
    assert any("5 pictures are in the sources several times" in one for one in result.warnings)


def test_a_box_that_two_files_have_of_a_picture_is_one(
    run_convert: Convert, tmp_path: Path
) -> None:
    for name in ("x.json", "y.json"):
        write_coco(tmp_path / "src" / name, coco([coco_image(1, "a.jpg")], [BOX]))
    write_image(tmp_path / "src/a.jpg")
    result = run_convert(tmp_path / "src", split="keep")
    assert result.codes == {"excluded: duplicate": 1, "noted: joined-image": 1}
    assert (result.totals.kept, result.splits["train"].boxes) == (1, 1)
    entry = ledger(tmp_path / "out")[1]
    assert (entry["path"], entry["index"]) == (str(tmp_path / "src/y.json"), 0)
    assert str(tmp_path / "src/x.json") in entry["message"]


def test_archives_that_each_have_the_picture_are_joined(
    run_convert: Convert, tmp_path: Path
) -> None:
    sources = []
    for name, category in (("cats", 1), ("dogs", 7)):
        boxes = [{**BOX, "category_id": category}]
        write_coco(tmp_path / name / "all.json", coco([coco_image(1, "a.jpg")], boxes))
        write_image(tmp_path / name / "a.jpg")
        sources.append(Path(shutil.make_archive(str(tmp_path / name), "zip", tmp_path / name)))
    result = run_convert(tmp_path, source=tuple(sources), split="keep")
    assert (result.splits["train"].images, result.splits["train"].boxes) == (1, 2)
    write_image(tmp_path / "dogs/a.jpg", shade=120)  # another picture of the same name
    apart = (tmp_path / "cats", tmp_path / "dogs")
    result = run_convert(tmp_path, source=apart, split="keep", overwrite=True)
    assert result.splits["train"].images == 2


def test_pictures_of_train_in_another_split_are_refused(
    run_convert: Convert, tmp_path: Path
) -> None:
    root = tmp_path / "src"
    write_image(root / "images/a.jpg")
    for split in ("train", "val", "test"):
        write_coco(root / f"{split}.json", coco([coco_image(1, "a.jpg")], [BOX]))
    with pytest.raises(DataError, match="1 picture is in several of the splits") as caught:
        run_convert(root)
    assert "--split 0.8,0.1,0.1" in str(caught.value.hint)
    assert "--allow train-overlap" in str(caught.value.hint)
    result = run_convert(root, allow=("train-overlap",))
    assert [counts.boxes for counts in result.splits.values()] == [1, 1, 1]
    assert any("allowed: train-overlap" in one for one in result.warnings)
    joined = run_convert(root, split="1", overwrite=True)
    assert (joined.splits["train"].boxes, joined.totals.excluded) == (1, 2)
    (root / "train.json").unlink()
    result = run_convert(root, overwrite=True)
    assert any("1 picture is in both test and val" in one for one in result.warnings)


def test_two_annotators_of_the_same_pictures_are_refused(
    run_convert: Convert, tmp_path: Path
) -> None:
    images = map_images(12)
    for name, x in (("ann.json", 10), ("bob.json", 11)):
        boxes = [{**BOX, "image_id": at, "bbox": [x, 10, 30, 30]} for at in range(12)]
        write_coco(tmp_path / "src" / name, coco(images, boxes))
    for at in range(12):
        write_image(tmp_path / f"src/{at}.jpg", shade=at)
    with pytest.raises(DataError, match="12 objects seem labelled in each"):
        run_convert(tmp_path / "src")
    result = run_convert(tmp_path / "src", allow=("labelled-twice",))
    assert result.totals.kept == 24


def test_a_file_that_names_the_picture_of_another_is_refused(
    run_convert: Convert, tmp_path: Path
) -> None:
    for at, stem in enumerate("ab"):
        write_image(tmp_path / f"src/{stem}.jpg", shade=ord(stem))
        box = {**BOX, "bbox": [4, 6, 20 + at, 24]}
        write_coco(tmp_path / f"src/{stem}.json", coco([coco_image(1, "a.jpg")], [box]))
    with pytest.raises(DataError, match=r"b\.json names a\.jpg") as caught:
        run_convert(tmp_path / "src")
    assert "--allow other-picture" in str(caught.value.hint)
    result = run_convert(tmp_path / "src", allow=("other-picture",))
    assert result.splits["train"].boxes == 2


def test_a_sample_takes_all_files_of_a_picture(run_convert: Convert, tmp_path: Path) -> None:
    write_class_files(tmp_path / "src")
    result = run_convert(tmp_path / "src", sample="3", split="keep")
    assert (result.splits["train"].images, result.splits["train"].boxes) == (3, 6)


def test_copies_under_other_names_are_told(run_convert: Convert, tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        write_image(tmp_path / "src" / name)
    content = coco([coco_image(1, "a.jpg"), coco_image(2, "b.jpg")], [BOX])
    write_coco(tmp_path / "src/all.json", content)
    result = run_convert(tmp_path / "src")
    assert sum("1 picture is byte for byte the same" in one for one in result.warnings) == 1


def many(root: Path, count: int = 40) -> Path:
    images = [coco_image(at) for at in range(count)]
    boxes = [{**BOX, "image_id": at, "category_id": (1, 7)[at % 4 == 0]} for at in range(1, count)]
    for at in range(count):
        write_image(root / f"{at}.jpg")
    return write_coco(root / "all.json", coco(images, boxes))


def test_splits_are_made_where_there_are_none(run_convert: Convert, tmp_path: Path) -> None:
    source = many(tmp_path / "src")
    result = run_convert(source)
    assert {split: counts.images for split, counts in result.splits.items()} == {
        "train": 32, "val": 4, "test": 4,
    }  # fmt: skip
    assert all(min(counts.boxes_by_class) > 0 for counts in result.splits.values())
    again = run_convert(source, out=tmp_path / "again")
    other = run_convert(source, out=tmp_path / "other", seed=1)
    assert files(tmp_path / "again") == files(tmp_path / "out") != files(tmp_path / "other")
    assert again.totals == result.totals == other.totals
    assert result.totals.annotations_in == 39, "two passes count once"


@pytest.mark.parametrize(
    ("split", "counts"),
    [("keep", {"train": 40}), ("0.5,0.5", {"train": 20, "val": 20}), ("0,0,1", {"test": 40})],
)
def test_splits_as_asked_for(
    split: str, counts: dict[str, int], run_convert: Convert, tmp_path: Path
) -> None:
    result = run_convert(many(tmp_path / "src"), split=split)
    assert {name: found.images for name, found in result.splits.items()} == counts


def test_splits_of_the_source_are_kept_or_made_anew(
    source: Path, run_convert: Convert, tmp_path: Path
) -> None:
    assert run_convert(source).splits["val"].images == 1
    result = run_convert(source, split="0.4,0.6", out=tmp_path / "o2")
    assert {name: found.images for name, found in result.splits.items()} == {"train": 1, "val": 2}


def test_images_in_no_split_are_excluded_and_listed(run_convert: Convert, tmp_path: Path) -> None:
    for stem in ("a", "b", "c"):
        text = voc_xml(*([] if stem == "c" else [voc_object()]), filename=f"{stem}.jpg")
        write_text(tmp_path / f"src/Annotations/{stem}.xml", text)
        write_image(tmp_path / f"src/JPEGImages/{stem}.jpg")
    write_text(tmp_path / "src/ImageSets/Main/train.txt", "a\n")
    result = run_convert(tmp_path / "src")
    assert result.totals.excluded == 1
    assert result.codes == {"excluded: in-no-split": 1, "noted: in-no-split": 1}
    assert result.splits["train"].images == 1
    everything = run_convert(tmp_path / "src", split="1", out=tmp_path / "o2")
    assert everything.splits["train"].images == 3


def test_a_polygon_is_reinterpreted_and_listed(run_convert: Convert, tmp_path: Path) -> None:
    path = write_yolo(tmp_path / "y", {"a.jpg": "0 .25 .25 .75 .25 .5 .75\n0 .5 .5 .5 .5\n"})
    result = run_convert(path)
    assert (result.totals.reinterpreted, result.totals.kept) == (1, 1)
    assert ledger(tmp_path / "out")[1]["code"] == "polygon-to-box"
    assert (tmp_path / "out/labels/train/a.txt").read_text().count("\n") == 2


def test_a_source_without_images_is_an_error(run_convert: Convert, tmp_path: Path) -> None:
    source = write_coco(tmp_path / "train.json", coco([], []))
    with pytest.raises(DataError, match="no image was found"):
        run_convert(source)
    source = write_coco(tmp_path / "train.json", coco([coco_image(1)], []))
    with pytest.raises(DataError, match=r"the image 1.jpg was not found"):
        run_convert(source)
    assert not (tmp_path / "out").exists()


def test_a_source_without_a_class_is_an_error(run_convert: Convert, tmp_path: Path) -> None:
    write_text(tmp_path / "src/labels/a.txt", "Car 0 0 0 nan 6 20 30 1 1 1 1 1 1 1\n")
    write_image(tmp_path / "src/images/a.jpg")
    with pytest.raises(DataError, match=r"no class was found in it \(.*a.txt:1: "):
        run_convert(tmp_path / "src", from_format="kitti")
    assert [path.name for path in tmp_path.iterdir()] == ["src"]


def test_a_format_that_does_not_fit_is_an_error_without_a_trace(
    source: Path, run_convert: Convert, tmp_path: Path
) -> None:
    for name in ("voc", "yolo"):
        with pytest.raises(DataError):
            run_convert(source, from_format=name)
    with pytest.raises(ConfigError, match="unknown convention"):
        run_convert(source, assume=("origin=1",))
    assert {path.name for path in tmp_path.iterdir()} == {"src"}


def test_progress_and_stages_are_told(tmp_path: Path) -> None:
    source = many(tmp_path / "src", 200)
    config = ConvertConfig.build({"source": source, "out": tmp_path / "out"})
    events: list[Event] = []
    convert(config, events.append)
    told = [event for event in events if isinstance(event, Progress)]
    begun = list(dict.fromkeys((event.what, event.total) for event in told))
    assert begun == [("reading", None), ("looking at classes", 200), ("converting", 200)]
    done = [event.done for event in told if event.what == "converting"]
    assert done == [0, 64, 128, 192]


def test_a_full_disk_is_an_error_without_a_trace(
    source: Path, run_convert: Convert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from yolokit.formats.yolo import writer

    def fail(path: str, _content: bytes) -> None:
        raise OSError(28, "No space left on device", path)

    monkeypatch.setattr(writer, "_write_new", fail)
    with pytest.raises(DataError, match="No space left on device"):
        run_convert(source)
    assert {path.name for path in tmp_path.iterdir()} == {"src"}


def test_a_working_folder_plays_no_part(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(source)
    values = {"source": Path("annotations"), "out": Path("../out"), "max_drop": "1"}
    convert(ConvertConfig.build(values))
    monkeypatch.chdir(tmp_path)
    assert check_dataset(Path("out/data.yaml")).splits["val"].images == 1


def test_large_images_keep_a_hundredth_of_a_pixel(run_convert: Convert, tmp_path: Path) -> None:
    wide = {"id": 1, "file_name": "a.jpg", "width": 60_000, "height": 40_000}
    box = [12_345.67, 23_456.78, 1.23, 0.02]
    source = write_coco(tmp_path / "train.json", coco([wide], [{**BOX, "bbox": box}]))
    run_convert(source, labels_only=True)
    row = np.array((tmp_path / "out/labels/train/a.txt").read_text().split()[1:], float)
    centre, size = row[:2] * (60_000, 40_000), row[2:] * (60_000, 40_000)
    found = np.concatenate([centre - size / 2, size])
    np.testing.assert_allclose(found, box, atol=0.01)


@pytest.mark.parametrize(
    "to_format",
    ["yolo", "coco", "voc", "cvat", "csv", "kitti", "createml", "labelme", "labelstudio"],
)
@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".bmp"])
def test_an_image_that_is_cut_short_is_noted_whatever_the_format(
    to_format: str, suffix: str, run_convert: Convert, tmp_path: Path
) -> None:
    root = tmp_path / "src"
    images = [coco_image(1, f"a{suffix}"), coco_image(2, "b.jpg")]
    write_coco(root / "annotations/train.json", coco(images, [BOX, {**BOX, "image_id": 2}]))
    for image in images:
        write_image(root / "images/train" / image["file_name"])
    whole = run_convert(root, to_format=to_format, out=tmp_path / "whole")
    assert "noted: cut-short-image" not in whole.codes
    cut = next(whole.out.rglob(f"*a{suffix}"))
    cut.write_bytes(cut.read_bytes()[:-5])
    result = run_convert(whole.out, from_format=to_format)
    assert result.codes["noted: cut-short-image"] == 1
    assert any("1 image is cut short" in warning for warning in result.warnings)
    assert sum(split.boxes for split in result.splits.values()) == 2


def test_a_listed_image_that_is_cut_short_is_noted(run_convert: Convert, tmp_path: Path) -> None:
    cut = write_image(tmp_path / "src/data/a.jpg")
    cut.write_bytes(cut.read_bytes()[:-5])
    write_text(tmp_path / "src/data/a.txt", "0 .5 .5 .2 .2\n")
    write_text(tmp_path / "src/obj.names", "cat\n")
    write_text(tmp_path / "src/train.txt", "data/a.jpg\n")
    write_text(tmp_path / "src/obj.data", "classes=1\ntrain=train.txt\nnames=obj.names\n")
    assert run_convert(tmp_path / "src").codes["noted: cut-short-image"] == 1


def test_no_tile_is_cut_out_of_an_image_that_is_cut_short(
    run_convert: Convert, tmp_path: Path
) -> None:
    write_yolo(tmp_path / "src", {"a.jpg": "0 .5 .5 .2 .2\n", "b.jpg": "0 .5 .5 .2 .2\n"})
    cut = tmp_path / "src/images/train/a.jpg"
    cut.write_bytes(cut.read_bytes()[:-5])
    result = run_convert(tmp_path / "src", tile="32")
    assert result.codes["dropped: unreadable-image"] == 1
    assert {path.name[0] for path in (tmp_path / "out/images").rglob("*.jpg")} == {"b"}


def test_labels_that_say_the_same_are_kept_and_noted(run_convert: Convert, tmp_path: Path) -> None:
    write_coco(tmp_path / "src/a.json", coco([coco_image(1, "a.jpg")], [BOX, BOX]))
    write_image(tmp_path / "src/a.jpg")
    result = run_convert(tmp_path / "src")
    assert result.codes["noted: repeated-label"] == 1
    assert result.splits["train"].boxes == 2
    assert check_dataset(tmp_path / "out", allow=["no-val-boxes"]).splits["train"].boxes == 1


def test_images_in_no_annotation_file_are_told(run_convert: Convert, tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        write_image(tmp_path / "src" / name, shade=ord(name[0]))
    write_coco(tmp_path / "src/all.json", coco([coco_image(1, "a.jpg")], [BOX]))
    result = run_convert(tmp_path / "src")
    told = f"2 more images lie beside those of the set, in no annotation file: {tmp_path}/src/b.jpg"
    assert told in result.warnings


def test_annotations_of_another_format_beside_are_told(
    run_convert: Convert, tmp_path: Path
) -> None:
    root = write_yolo(tmp_path / "src", {"a.jpg": "0 .5 .5 .5 .5\n"}).parent
    write_coco(root / "all.json", coco([coco_image(1, "a.jpg")], [BOX]))
    with pytest.raises(DataError, match="more than one format fits"):
        run_convert(root)
    result = run_convert(root, from_format="yolo")
    assert any("not read: COCO JSON, all.json" in one for one in result.warnings)
    (root / "data.yaml").unlink()
    result = run_convert(root, overwrite=True)
    assert result.from_formats == ("coco",)
    rows = root / "labels/train/a.txt"
    assert any(f"not read: text files of rows, such as {rows}" in one for one in result.warnings)


def test_a_darknet_set_beside_a_yolo_set_is_told(run_convert: Convert, tmp_path: Path) -> None:
    root = write_yolo(tmp_path / "src", {"a.jpg": "0 .5 .5 .5 .5\n"}).parent
    write_image(root / "obj_train_data/c.jpg")
    write_text(root / "obj_train_data/c.txt", "0 .5 .5 .5 .5\n")
    write_text(root / "obj.names", "cat\n")
    write_text(root / "train.txt", "obj_train_data/c.jpg\n")
    write_text(root / "obj.data", "classes = 1\nnames = obj.names\ntrain = train.txt\n")
    result = run_convert(root)
    assert result.from_formats == ("yolo",)
    told = f"{root / 'obj_train_data'}: 1 text file of rows here"
    assert any(one.startswith(told) for one in result.warnings)
    result = run_convert(root, from_format="darknet", overwrite=True)
    assert any("not read: YOLO" in one for one in result.warnings)
    assert any("in no list and left out" in one for one in result.warnings)


@pytest.mark.skipif(sys.platform != "linux", reason="names are text there")
def test_an_image_whose_name_is_not_utf8_is_converted(run_convert: Convert, tmp_path: Path) -> None:
    data = write_yolo(tmp_path / "src", {"a.jpg": "0 0.5 0.5 0.5 0.5"})
    for path in [*data.parent.rglob("a.jpg"), *data.parent.rglob("a.txt")]:
        path.rename(path.with_name(f"caf\udce9{path.suffix}"))
    assert run_convert(data.parent).totals.kept == 1
    written = [name for name in files(tmp_path / "out") if name.endswith(".jpg")]
    assert written == ["images/train/caf_.jpg"]
    ledger(tmp_path / "out")
