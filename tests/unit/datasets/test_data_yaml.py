"""``data.yaml``: what people have, and every mistake with its line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.unit.conftest import write_image, write_text, write_yolo
from yolokit.datasets.data_yaml import find_data_yaml, load_data_yaml
from yolokit.datasets.splits import iter_split, list_split_images
from yolokit.errors import ConfigError, DataError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for split in ("train", "valid", "test"):
        write_image(tmp_path / split / "images" / "a.jpg")
    return tmp_path


def load(root: Path, text: str, name: str = "data.yaml") -> Path:
    return write_text(root / name, text)


def test_names_are_a_list_or_a_dict_and_stay_the_text_they_are(root: Path) -> None:
    for names in ("[cat, no, 007, 1e3, on]", "{0: cat, 2: 007, 1: no, 4: on, 3: 1e3}"):
        data = load_data_yaml(load(root, f"train: train/images\nnames: {names}\n"))
        assert data.names == ("cat", "no", "007", "1e3", "on")
        assert data.class_ids == (0, 1, 2, 3, 4)


def test_paths_are_relative_to_the_file_and_not_to_the_working_folder(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = load(root / "conf", "train: ../train/images\nval: ../valid/images\nnames: [cat]\n")
    monkeypatch.chdir(root / "test")
    data = load_data_yaml(Path(os.path.relpath(path)))
    assert data.splits == {"train": (root / "train/images",), "val": (root / "valid/images",)}
    assert data.notes == ()


def test_roboflow_points_one_folder_too_high(root: Path) -> None:
    data = load_data_yaml(load(root, "train: ../train/images\nval: ../valid/images\nnames: [c]\n"))
    assert data.splits["val"] == (root / "valid" / "images",)
    assert len(data.notes) == 2
    assert "`val: ../valid/images` does not exist; using" in data.notes[1]


@pytest.mark.parametrize("text", ["/content/set/train/images", "D:\\\\set\\\\train\\\\images"])
def test_an_absolute_path_of_another_machine(root: Path, text: str) -> None:
    data = load_data_yaml(load(root, f'train: "{text}"\nnames: [cat]\n'))
    assert data.splits["train"] == (root / "train" / "images",)


def test_the_last_part_alone_is_no_match(root: Path) -> None:
    write_image(root / "images" / "a.jpg")
    path = load(root, "train: train/images\nval: /gone/val/images\nnames: [cat]\n")
    with pytest.raises(DataError, match=r"`val: /gone/val/images` does not exist") as caught:
        load_data_yaml(path)
    assert caught.value.line == 2


def test_the_path_key_is_relative_to_the_file(root: Path) -> None:
    data = load_data_yaml(load(root / "conf", "path: ..\ntrain: train/images\nnames: [cat]\n"))
    assert data.splits["train"] == (root / "train/images",)
    data = load_data_yaml(load(root, "path: /gone\ntrain: train/images\nnames: [cat]\n"))
    assert data.splits["train"] == (root / "train/images",)
    assert "`path: /gone` does not exist" in data.notes[0]


def test_lists_of_places_and_other_names_of_splits(root: Path) -> None:
    data = load_data_yaml(
        load(root, "train: [train/images, test/images]\nvalid: valid/images\ntest:\nnames: [c]\n")
    )
    assert data.splits["train"] == (root / "train/images", root / "test/images")
    assert list(data.splits) == ["train", "val"]
    names = [image.path for image in list_split_images(data, "train")]
    assert names == [str(root / "train/images/a.jpg"), str(root / "test/images/a.jpg")]


def test_a_list_file_with_relative_absolute_and_foreign_paths(root: Path) -> None:
    write_image(root / "images" / "sub" / "b.jpg")
    lines = [
        "\ufeff./train/images/a.jpg",
        "",
        str(root / "test" / "images" / "a.jpg"),
        "/home/ann/images/sub/b.jpg",
        "images/gone.jpg",
    ]
    write_text(root / "train.txt", "\r\n".join(lines))
    data = load_data_yaml(load(root, "train: train.txt\nnames: [cat]\n"))
    found = list(list_split_images(data, "train"))
    assert [image.path for image in found] == [
        str(root / path) for path in ("train/images/a.jpg", "test/images/a.jpg", "images/sub/b.jpg")
    ] + [str(root / "images/gone.jpg")]
    assert [image.name for image in found] == ["a.jpg", "a.jpg", "sub/b.jpg", "gone.jpg"]
    assert found[3].place == (str(root / "train.txt"), 5)


def test_download_is_never_run(root: Path) -> None:
    target = root / "hacked"
    text = f"download: |\n  open({str(target)!r}, 'w')\ntrain: train/images\nnames: [cat]\n"
    data = load_data_yaml(load(root, text))
    assert not target.exists()
    assert "`download:` is ignored" in data.notes[0]


def test_tags_make_no_objects(root: Path) -> None:
    text = "train: train/images\nnames: !!python/object/apply:os.system ['echo hi']\n"
    assert load_data_yaml(load(root, text)).names == ("echo hi",)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("train: train/images\nnames: [cat, cat]\n", 2, "two classes are called 'cat'"),
        ("train: train/images\nnames: {0: cat, 2: dog}\n", 2, "without gaps"),
        ("train: train/images\nnames: {a: cat}\n", 2, "not a whole number"),
        ("train: train/images\nnames: {0: cat, 00: dog}\n", 2, "a second time"),
        ("train: train/images\nnames: []\n", 2, "no name at all"),
        ("train: train/images\nnames: ['']\n", 2, "empty name"),
        ("train: train/images\nnames: cat\n", 2, "must be a list"),
        ("train: train/images\nnames: [[cat]]\n", 2, "must be text"),
        ("train: train/images\nnc: 3\nnames: [cat]\n", 2, "`nc` is 3, but 1 name is given"),
        ("names: [cat]\ntrain: none\n", 2, "does not exist"),
        ("names: [cat]\ntrain: ''\nval: {a: b}\n", 3, "must be text"),
        ("names: [cat]\ntrain: train/images\ntrain: x\n", 3, "a second time"),
        ("names: [cat]\ntrain: train/images\nkpt_shape: [17, 4]\n", 3, "kpt_shape"),
        ("names: [cat]\ntrain: train/images\nkpt_shape: 17\n", 3, "kpt_shape"),
        ("train: train/images\nnames: [cat\n", 3, "expected"),
        ("train: a: b\n", 1, "mapping values"),
    ],
)
def test_a_mistake_is_named_with_its_line(root: Path, text: str, line: int, words: str) -> None:
    path = load(root, text)
    with pytest.raises(DataError, match=words) as caught:
        load_data_yaml(path)
    assert caught.value.line == line
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a data.yaml"),
        (b"- a\n- b\n", "not a data.yaml"),
        (b"names: [cat]\n", "no train, val or test"),
        (b"train: train/images\n", "no `names`"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"train: \x00\n", "special characters"),
        (b"names: " + b"[" * 5000, "valid YAML"),
        (b"a: &a [x]\n? *b\n", "undefined alias"),
        (b"x" * (5 << 20), "too large"),
    ],
)
def test_what_is_no_data_yaml(root: Path, content: bytes, words: str) -> None:
    (root / "data.yaml").write_bytes(content)
    with pytest.raises(DataError, match=words):
        load_data_yaml(root / "data.yaml")


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no such data\.yaml"):
        load_data_yaml(tmp_path / "none.yaml")


def test_a_split_that_is_not_needed_may_be_missing(root: Path) -> None:
    """Roboflow names a test folder that its export need not have."""
    path = load(root, "train: ../train/images\nval: ../valid/images\ntest: ../no\nnames: [c]\n")
    with pytest.raises(DataError, match=r"`test: \.\./no` does not exist") as caught:
        load_data_yaml(path, need=("test",))
    assert caught.value.line == 3
    data = load_data_yaml(path, need=("train", "val"))
    assert list(data.splits) == ["train", "val"]
    assert data.notes[-1].startswith("`test: ../no` does not exist below")
    assert data.notes[-1].endswith("; there is no test split")


def test_a_row_that_stands_twice_is_one_true_box(root: Path) -> None:
    row = "0 .5 .5 .2 .2\n"
    write_text(root / "valid/labels/a.txt", row + "0 .5 .5 .2 .3\n" + row)
    data = load_data_yaml(load(root, "val: valid/images\nnames: [c]\n"))
    assert len(next(iter_split(data, "val")).annotations) == 2


def test_gaps_are_allowed_where_they_are_asked_for(root: Path) -> None:
    path = load(root, "train: train/images\nnames: {3: cat, 1: dog}\n")
    data = load_data_yaml(path, sparse=True)
    assert (data.names, data.class_ids) == (("dog", "cat"), (1, 3))


def test_an_unknown_split_gets_a_suggestion(root: Path) -> None:
    data = load_data_yaml(load(root, "train: train/images\nnames: [cat]\n"))
    with pytest.raises(ConfigError, match="did you mean 'train'"):
        data.sources("trian")


def test_splits_stream_in_pixels_with_background_images(tmp_path: Path) -> None:
    path = write_yolo(
        tmp_path,
        {"a.jpg": "1 .5 .5 .5 .5\n0 .1 .1 .4 .4\n", "b.jpg": "", "c.jpg": None, "d.jpg": "\n"},
    )
    found = list(iter_split(load_data_yaml(path), "train"))
    assert [one.image.file_name for one in found] == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    assert [len(one.annotations) for one in found] == [2, 0, 0, 0]
    assert found[0].image.image_wh == (64, 48)
    assert found[0].annotations.category_indices.tolist() == [1, 0]
    assert found[0].annotations.xyxy[0].tolist() == [16, 12, 48, 36]
    assert found[0].annotations.xyxy[1].tolist() == pytest.approx([0, 0, 19.2, 14.4])


def test_a_bad_row_stops_an_evaluation(tmp_path: Path) -> None:
    path = write_yolo(tmp_path, {"a.jpg": "0 .5 .5 .2 .2\n0 .5 .5 .2 .2 .9\n"})
    with pytest.raises(DataError, match="6 columns") as caught:
        list(iter_split(load_data_yaml(path), "train"))
    assert caught.value.line == 2


def test_an_unreadable_image_stops_an_evaluation(tmp_path: Path) -> None:
    path = write_yolo(tmp_path, {"a.jpg": "0 .5 .5 .2 .2\n"})
    (tmp_path / "images/train/a.jpg").write_bytes(b"")
    with pytest.raises(DataError, match="empty"):
        list(iter_split(load_data_yaml(path), "train"))


FOUND = "train: images\nnames: [cat]\n"


@pytest.mark.parametrize("name", ["data.yaml", "dataset.yaml", "coco8.yaml", "parts.yml"])
def test_a_folder_stands_for_its_yaml(tmp_path: Path, name: str) -> None:
    path = write_text(tmp_path / name, FOUND)
    write_text(tmp_path / "args.yaml", "epochs: 3\n")
    assert find_data_yaml(tmp_path) == path
    assert find_data_yaml(path) == path


def test_the_usual_name_comes_first(tmp_path: Path) -> None:
    for name in ("a.yaml", "data.yaml", "z.yaml"):
        write_text(tmp_path / name, FOUND)
    assert find_data_yaml(tmp_path).name == "data.yaml"


def test_several_and_none_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no data\.yaml in this folder"):
        find_data_yaml(tmp_path)
    for name in ("coco8.yaml", "coco128.yaml"):
        write_text(tmp_path / name, FOUND)
    with pytest.raises(DataError, match=r"several files .*: coco128\.yaml, coco8\.yaml"):
        find_data_yaml(tmp_path)
