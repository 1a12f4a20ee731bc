"""The same folders mean the same split in every format, and its images are found there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.samples.formats import Files, list_samples, picture, put_files
from yolokit.formats.toolkit.locate import locate_images
from yolokit.formats.toolkit.plugin import ReadOptions, list_formats, load_format
from yolokit.labels.ledger import Ledger

FOLDERS: Mapping[str, str | None] = {
    "": None,
    "photos": None,
    "testset": None,
    "train_val": None,
    "train": "train",
    "Validation": "val",
    "set 2/val": "val",
    "test/camera 1": "test",
    "training_data/test": "test",
    "test/training_data": "train",
    "test/train_val": "test",
    "valid/annotations": "val",
    "test/whole/day 1": "test",
}

# What states a split in the samples, and what it is called where nothing does.
RENAMED: Mapping[str, Mapping[str, str]] = {
    "bdd100k": {"det_train.json": "det.json"},
    "createml": {"train/": ""},
    "csv": {"train.csv": "boxes.csv", "train/": ""},
    "kitti": {"training/": ""},
    "openimages": {"train-annotations-bbox.csv": "annotations-bbox.csv", "train/": ""},
    "tfrecord": {"train.record": "all.record"},
    "widerface": {"wider_face_train_bbx_gt.txt": "wider_face_bbx_gt.txt", "WIDER_train/": ""},
}
LEFT_OUT = ("val/", "ImageSets/")
AT_THE_TOP = ("classes.txt",)  # YOLO's, which is looked for where labels are and at the top

# The files that hold a whole set, whose own names count first; all others have a file an image.
SET_FILES: Mapping[str, str] = {
    "bdd100k": "det.json",
    "coco": "annotations.json",
    "createml": "_annotations.createml.json",
    "csv": "boxes.csv",
    "cvat": "annotations.xml",
    "datumaro": "default.json",
    "fiftyone": "labels.json",
    "groundtruth": "output.manifest",
    "labelstudio": "project.json",
    "openimages": "annotations-bbox.csv",
    "tfrecord": "all.record",
    "via": "via.json",
    "widerface": "wider_face_bbx_gt.txt",
}


def unsplit_sample(name: str) -> Files:
    """Return a sample of a format in which nothing states a split."""
    if name == "darknet":  # lists of images state splits; folders count where there are none
        rows = b"1 .5 .5 .5 .5\n"
        return {"_darknet.labels": b"cat\ndog\n", "a.txt": rows, "a.jpg": picture()}
    files: dict[str, bytes] = {}
    for file, content in list_samples(name)[-1].items():
        renamed = file
        for old, new in RENAMED.get(name, {}).items():
            renamed = renamed.replace(old, new)
        if not file.startswith(LEFT_OUT):
            files[renamed] = content
    return files


def put_sample(files: Files, place: Path, folder: str) -> Path:
    """Write a sample into a folder of a source, and return the source."""
    source = place / "source"
    put_files({file: files[file] for file in files if file not in AT_THE_TOP}, source / folder)
    return put_files({file: files[file] for file in files if file in AT_THE_TOP}, source)


def found_splits(name: str, source: Path) -> set[str | None]:
    """Return the splits of all images, each of which has to be found."""
    ledger = Ledger()
    dataset = load_format(name).read(source, ReadOptions(), ledger)
    images = list(locate_images(dataset.iter_images(), ledger))
    assert images
    assert not ledger.lost_images()
    return {labelled.image.split for labelled in images}


@pytest.mark.parametrize("folder, split", FOLDERS.items())
@pytest.mark.parametrize("name", list_formats())
def test_folders_mean_the_same_split_in_every_format(
    name: str, folder: str, split: str | None, tmp_path: Path
) -> None:
    assert found_splits(name, put_sample(unsplit_sample(name), tmp_path, folder)) == {split}


@pytest.mark.parametrize("name, file", SET_FILES.items())
def test_the_own_name_of_a_file_of_a_whole_set_counts_first(
    name: str, file: str, tmp_path: Path
) -> None:
    files = {
        one.replace(file, f"val_{file}"): content for one, content in unsplit_sample(name).items()
    }
    assert any("val_" in one for one in files)
    source = put_sample(files, tmp_path, "test")
    named = next(source.rglob("val_*"))  # FiftyOne's files are recognised by their names
    assert found_splits(name, source if name != "fiftyone" else named) == {"val"}


@pytest.mark.parametrize("name", sorted(set(list_formats()) - set(SET_FILES)))
def test_the_name_of_an_image_states_no_split(name: str, tmp_path: Path) -> None:
    files: dict[str, bytes] = {}
    for one, content in unsplit_sample(name).items():
        folder, slash, base = one.rpartition("/")
        is_of_image = base.split(".")[0] in ("a", "000")
        files[f"{folder}{slash}{'train ' * is_of_image}{base}"] = content
    assert found_splits(name, put_sample(files, tmp_path, "test")) == {"test"}


@pytest.mark.parametrize("name", ["cvat", "darknet", "voc"])
def test_what_the_format_itself_states_counts_before_all_names(name: str, tmp_path: Path) -> None:
    files = list_samples(name)[0]
    stated = found_splits(name, put_files(files, tmp_path / "source"))
    assert stated <= {"train", "val"}
    put_files(files, tmp_path / "other/test")
    assert found_splits(name, tmp_path / "other") == stated


@pytest.mark.parametrize("name", list_formats())
def test_the_name_of_the_source_states_no_split(name: str, tmp_path: Path) -> None:
    source = put_sample(unsplit_sample(name), tmp_path / "test", "")
    source = source.rename(source.with_name("train"))
    assert found_splits(name, source) == {None}
