"""The check before training finds every mistake at once and changes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.conftest import write_image, write_text, write_yolo
from yolokit.datasets.check import check_dataset
from yolokit.errors import DataError

GIF = (
    b"GIF89a\x10\0\x10\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x10\0\x10\0\0\x02\x0e\x84\x8f\xa9\xcb"
    b"\xed\x0f\xa3\x9c\xb4\xda\x8b\xb3\x3e\x05\0;"
)
YAML = "train: images/train\nval: images/val\nnames: [cat, dog]\n"


@pytest.fixture
def good(tmp_path: Path) -> Path:
    write_yolo(tmp_path / "set", {"v.jpg": "1 .5 .5 .2 .2\n"}, split="val")
    labels = {"a.jpg": "0 .5 .5 .2 .2\n1 .5 .5 1 1\n0 .2 .2 .1 .1\n", "b.jpg": "", "c.png": None}
    return write_yolo(tmp_path / "set", labels, yaml=YAML)


def test_a_report_counts_images_and_boxes(good: Path) -> None:
    report = check_dataset(good)
    assert report.path == good
    assert report.names == ("cat", "dog")
    train = report.splits["train"]
    assert (train.images, train.background_images, train.boxes) == (3, 2, 3)
    assert train.boxes_by_class == (2, 1)
    assert report.splits["val"].boxes_by_class == (0, 1)
    folder = good.parent / "images"
    labels = good.parent / "labels/train/c.txt"
    assert report.warnings == (
        f"{folder / 'train/c.png'}: there is no {labels}: taken as background",
        "1 class has no box in val: cat",
    )
    assert report.images["train"] == [
        str(folder / "train" / f) for f in ("a.jpg", "b.jpg", "c.png")
    ]
    assert report.images["val"] == [str(folder / "val/v.jpg")]


def test_label_files_without_an_image_are_told(good: Path) -> None:
    """As where images got lost, or have a suffix that no training takes; `classes.txt` has none."""
    labels = good.parent / "labels"
    write_text(labels / "train/classes.txt", "cat\ndog\n")
    write_text(labels / "train/empty.txt", "")
    before = check_dataset(good).warnings
    write_text(labels / "val/lost.txt", "0 .5 .5 .2 .2\n")
    one = f"{labels / 'val/lost.txt'}: no image has these labels: passed over"
    assert sorted(check_dataset(good).warnings) == sorted((*before, one))
    (good.parent / "images/train/a.jpg").rename(good.parent / "images/train/a.gif")
    assert any(
        note.startswith(f"2 label files without an image, such as {labels / 'train/a.txt'}")
        for note in check_dataset(good, allow=("no-train-boxes",)).warnings
    )


def test_an_image_that_a_split_names_twice_is_told(good: Path) -> None:
    before = check_dataset(good).warnings
    write_text(good, YAML.replace("train: images/train", "train: [images/train, train.txt]"))
    write_text(good.parent / "train.txt", "images/train/a.jpg\n")
    report = check_dataset(good)
    assert report.splits["train"].images == 4
    assert "1 image of train is listed again, and counts each time" in report.warnings
    assert len(report.warnings) == len(before) + 1


def test_the_hash_stays_where_the_set_moves_and_changes_with_labels(
    good: Path, tmp_path: Path
) -> None:
    first = check_dataset(good).sha256
    assert len(first) == 64
    moved = shutil.copytree(good.parent, tmp_path / "elsewhere" / "set")
    assert check_dataset(moved / "data.yaml").sha256 == first
    write_text(moved / "labels/train/a.txt", "0 .5 .5 .2 .2\n1 .5 .5 1 1\n0 .2 .2 .1 .11\n")
    other_label = check_dataset(moved / "data.yaml").sha256
    write_text(good, YAML.replace("cat, dog", "dog, cat"))
    other_names = check_dataset(good).sha256
    (good.parent / "images/train/c.png").unlink()
    other_images = check_dataset(good).sha256
    assert len({first, other_label, other_names, other_images}) == 4


def test_the_hash_does_not_depend_on_an_order(good: Path) -> None:
    hashes = set()
    for names in (("a.jpg", "b.jpg"), ("b.jpg", "a.jpg")):
        write_text(good.parent / "list.txt", "".join(f"images/train/{name}\n" for name in names))
        write_text(good, "train: list.txt\nval: images/val\nnames: [cat, dog]\n")
        hashes.add(check_dataset(good).sha256)
    assert len(hashes) == 1


def test_the_hash_tells_splits_apart(good: Path) -> None:
    first = check_dataset(good).sha256
    write_text(good, YAML.replace("images/train", "x").replace("images/val", "images/train")
               .replace("x", "images/val"))  # fmt: skip
    assert check_dataset(good).sha256 != first


def test_all_problems_are_listed_with_their_places(good: Path) -> None:
    folder = good.parent / "labels" / "train"
    write_text(folder / "a.txt", "0 1.2 .5 .2 .2\n2 .5 .5 .1 .1\n0 .5 .5 .2 .2 .9\n")
    write_text(folder / "b.txt", "0 .5 .5 .2 .2\n0 .1 .1 .2 .1 .2 .2\n")
    (good.parent / "images/val/v.jpg").write_bytes(b"no image")
    with pytest.raises(DataError) as caught:
        check_dataset(good)
    text = str(caught.value)
    assert "5 problems" in text
    assert f"{folder / 'a.txt'}:1: box 1.2" in text
    assert f"{folder / 'a.txt'}:2: class 2 is not one of 0 to 1" in text
    assert f"{folder / 'a.txt'}:3: 6 columns" in text
    assert f"{folder / 'b.txt'}:2: a polygon is among boxes" in text
    assert f"{good.parent / 'images/val/v.jpg'}: this is not an image" in text


def test_many_problems_are_cut_to_a_count(good: Path) -> None:
    write_text(good.parent / "labels/train/a.txt", "x .5 .5 .2 .2\n" * 50)
    with pytest.raises(DataError, match="50 problems") as caught:
        check_dataset(good)
    assert str(caught.value).count("a.txt:") == 20
    assert "30 more" in str(caught.value)


def test_one_problem_is_the_error_itself(good: Path) -> None:
    write_text(good.parent / "labels/train/a.txt", "\n\nx .5 .5 .2 .2\n")
    with pytest.raises(DataError) as caught:
        check_dataset(good)
    assert caught.value.line == 3


def test_images_that_training_leaves_out_are_problems(good: Path) -> None:
    write_image(good.parent / "images/train/tiny.png", 9, 30)
    with pytest.raises(DataError, match=r"9x30 px; training needs 10 px"):
        check_dataset(good)


def test_an_empty_split_and_a_missing_listed_image_are_problems(good: Path) -> None:
    (good.parent / "empty").mkdir()
    write_text(good.parent / "list.txt", "images/train/a.jpg\nimages/train/gone.jpg\n")
    write_text(good, "train: list.txt\nval: empty\nnames: [cat, dog]\n")
    with pytest.raises(DataError) as caught:
        check_dataset(good)
    assert "the val split has no images" in str(caught.value)
    assert f"{good.parent / 'list.txt'}:2: " in str(caught.value)
    assert "gone.jpg" in str(caught.value)


def test_oddities_are_warnings(good: Path) -> None:
    write_text(good.parent / "labels/train/a.txt", "0 .5 .5 0 .2\n")
    write_text(good, "train: [images/train, images/val]\ntest: images/val\nnames: [cat, dog]\n")
    with pytest.raises(DataError, match=r"1 of 1 image of test is in train.*\(leaking-images\)"):
        check_dataset(good)
    report = check_dataset(good, allow=["leaking-images"])
    assert report.warnings[0].endswith("will look too good (allowed: leaking-images)")
    assert report.warnings[1:] == (
        f"{good.parent / 'labels/train/a.txt'}:1: the box of this cat has no area",
        (
            f"{good.parent / 'images/train/c.png'}: there is no "
            f"{good.parent / 'labels/train/c.txt'}: taken as background"
        ),
        "there is no `val` split, which training needs",
    )


def break_images(folder: Path) -> None:
    """Write what ultralytics would leave out, or stumble over in the middle of an epoch."""
    content = write_image(folder / "cut.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(content[:-20])
    (folder / "gif.jpg").write_bytes(GIF)
    write_text(folder.parents[1] / "labels/train/cut.txt", "0 .5 .5 .2 .2\n")


def test_images_that_cannot_be_used_are_named_all_together(good: Path) -> None:
    break_images(good.parent / "images/train")
    with pytest.raises(DataError, match="2 problems in the data set") as caught:
        check_dataset(good)
    assert "cut.jpg: the file is cut short" in str(caught.value)
    assert "gif.jpg: it is a GIF image, whatever its name says" in str(caught.value)
    assert "--allow unusable-images" in (caught.value.hint or "")


def test_allowed_images_are_left_out_of_counts_and_lists(good: Path) -> None:
    before = check_dataset(good)
    break_images(good.parent / "images/train")
    contents = {path: path.read_bytes() for path in good.parent.rglob("*.jpg")}
    report = check_dataset(good, allow=["unusable-images"])
    assert report.images == before.images
    assert report.splits["train"] == before.splits["train"]
    assert report.warnings[0].startswith("2 images that cannot be used for training, such as ")
    assert report.warnings[0].endswith("(allowed: unusable-images)")
    assert {path: path.read_bytes() for path in good.parent.rglob("*.jpg")} == contents


def test_a_split_of_which_nothing_is_left_is_refused(good: Path) -> None:
    (good.parent / "images/val/v.jpg").write_bytes(GIF)
    with pytest.raises(DataError, match="not one of the 1 image of val can be used"):
        check_dataset(good, allow=["unusable-images"])


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_split_without_a_box_is_refused_unless_allowed(good: Path, split: str) -> None:
    for path in (good.parent / "labels" / split).iterdir():
        path.write_text("")
    with pytest.raises(DataError, match=f"{split} has no box in its") as caught:
        check_dataset(good)
    code = f"no-{split}-boxes"
    assert f"--allow {code}" in (caught.value.hint or "")
    assert any(code in warning for warning in check_dataset(good, allow=[code]).warnings)


@pytest.mark.parametrize("split", ["train", "val"])
def test_no_label_file_at_all_says_where_such_files_lie(good: Path, split: str) -> None:
    (good.parent / "labels" / split).rename(good.parent / f"annotations-{split}")
    with pytest.raises(DataError) as caught:
        check_dataset(good)
    assert f"looked for is {good.parent / 'labels' / split}" in str(caught.value)
    assert str(good.parent / f"annotations-{split}") in (caught.value.hint or "")


def test_labels_of_another_kind_are_found_too(good: Path) -> None:
    shutil.rmtree(good.parent / "labels/train")
    write_text(good.parent / "xml/b.xml", "<annotation/>")
    with pytest.raises(DataError) as caught:
        check_dataset(good)
    assert f"`yolokit data convert` makes label files of those in {good.parent / 'xml'}" in (
        caught.value.hint or ""
    )


def test_images_mostly_without_a_label_file_show_where_it_would_be(good: Path) -> None:
    (good.parent / "labels/train/b.txt").unlink()
    folder = good.parent
    assert (
        f"2 images without a label file, such as {folder / 'images/train/b.jpg'}: there is no "
        f"{folder / 'labels/train/b.txt'}: taken as background"
    ) in check_dataset(good).warnings


def test_rows_that_stand_twice_count_once(good: Path) -> None:
    row = "0 .5 .5 .2 .2\n"
    write_text(
        good.parent / "labels/train/a.txt", row + "1 .5 .5 .2 .2\n" + "0 0.50 .5 .2 .2\n" + row
    )
    report = check_dataset(good)
    assert report.splits["train"].boxes == 2
    assert report.warnings[0] == (
        "2 labels that repeat another one of their image, such as "
        f"{good.parent / 'labels/train/a.txt'}:3: this cat repeats line 1, and counts once"
    )


LEANING = ".5 .1 .9 .5 .5 .9 .1 .5"
STRAIGHT = ".1 .1 .9 .1 .9 .5 .1 .5"


def test_rotated_boxes_are_refused_unless_allowed(good: Path) -> None:
    write_text(good.parent / "labels/train/a.txt", f"0 {LEANING}\n1 {STRAIGHT}\n")
    with pytest.raises(DataError, match="2 rows of train hold the corners of a rotated box"):
        check_dataset(good)
    report = check_dataset(good, allow=["rotated-boxes"])
    assert "(allowed: rotated-boxes)" in report.warnings[0]


@pytest.mark.parametrize("rows", [f"0 {STRAIGHT}\n", f"0 {LEANING}\n0 .1 .1 .9 .1 .5 .9\n"])
def test_outlines_are_trained_as_boxes_with_a_note(good: Path, rows: str) -> None:
    write_text(good.parent / "labels/train/a.txt", rows)
    note = "of boxes knows only the upright box around it"
    assert any(warning.endswith(note) for warning in check_dataset(good).warnings)


def test_what_is_wrong_with_a_test_split_is_a_note(good: Path) -> None:
    before = check_dataset(good).sha256
    write_text(good, YAML + "test: images/test\n")
    assert "there is no test split" in check_dataset(good).warnings[0]
    write_image(good.parent / "images/test/bad.png").write_bytes(b"no image")
    write_image(good.parent / "images/test/row.png")
    write_text(good.parent / "labels/test/row.txt", "7 .5 .5 .2 .2\n")
    report = check_dataset(good)
    assert any(
        warning.startswith("2 problems in a split that training does not read, such as ")
        and "labels/test/row.txt:1: class 7 is not one of 0 to 1" in warning
        for warning in report.warnings
    )
    assert report.sha256 == before, "it is of what is trained on"


def test_a_linked_folder_in_a_split_is_checked_with_the_rest(good: Path) -> None:
    for kind in ("images", "labels"):
        (good.parent / kind / "val").rename(good.parent / f"{kind}-elsewhere")
        (good.parent / kind / "val").mkdir()
        link = good.parent / kind / "val" / "part"
        link.symlink_to(good.parent / f"{kind}-elsewhere", target_is_directory=True)
    report = check_dataset(good)
    assert report.images["val"] == [str(good.parent / "images/val/part/v.jpg")]
    assert report.splits["val"].boxes == 1


def test_a_folder_stands_for_the_yaml_in_it(good: Path) -> None:
    assert check_dataset(good.parent) == check_dataset(good)


def test_progress_is_told(good: Path) -> None:
    told: list[tuple[int, int]] = []
    check_dataset(good, on_progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (4, 4)


def test_pose_labels_are_checked_by_their_own_layout(good: Path) -> None:
    write_text(good, YAML + "kpt_shape: [2, 3]\n")
    write_text(good.parent / "labels/train/a.txt", "0 .5 .5 .2 .2 .1 .1 2 .3 .3 2\n")
    assert check_dataset(good).splits["train"].boxes == 1


def test_nothing_is_written(good: Path) -> None:
    before = sorted(good.parent.rglob("*"))
    check_dataset(good)
    assert sorted(good.parent.rglob("*")) == before


def test_labels_in_another_unicode_form_are_a_problem(tmp_path: Path) -> None:
    write_image(tmp_path / "images/train/caf\u00e9.jpg")
    write_text(tmp_path / "labels/train/cafe\u0301.txt", "0 .5 .5 .5 .5\n")
    path = write_text(tmp_path / "data.yaml", "names: [cat]\ntrain: images/train\n")
    with pytest.raises(DataError, match="spelled in another Unicode form"):
        check_dataset(path)
