"""TFRecord files as the scripts of the object detection API and Roboflow write them."""

from __future__ import annotations

import contextlib
import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.conftest import Convert, Read, read_set, write_image, write_text
from tests.unit.formats.tfrecords import (
    example,
    field,
    frame,
    image_bytes,
    record,
)
from yolokit.errors import ConfigError, DataError
from yolokit.formats import tfrecord
from yolokit.formats.tfrecord import WANTED
from yolokit.formats.tfrecord.file import parse_example
from yolokit.formats.toolkit.locate import locate_images
from yolokit.formats.toolkit.plugin import recognise
from yolokit.formats.toolkit.source_tree import SourceTree
from yolokit.labels.ledger import Ledger

BOX = (0.25, 0.5, 0.75, 1.0)
MAP = "item {\n  id: 1\n  name: 'cat'\n}\nitem {\n  id: 3\n  name: 'dog'\n}\n"


def write(root: Path, *records: bytes, name: str = "train.record") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(records))
    return path


def read(root: Path, *records: bytes, **options: Any) -> Read:
    return read_set("tfrecord", write(root, *records), **options)


def test_y_stands_before_x_and_both_are_fractions(tmp_path: Path) -> None:
    found = read(tmp_path, record([BOX, (0, 0, 1, 0.5)], [1, 2], ["cat", "dog"]))
    assert found.boxes == {"a.jpg": [("cat", [16, 24, 48, 48]), ("dog", [0, 0, 64, 24])]}
    assert found.images[0].image.image_wh == (64, 48)
    assert found.images[0].annotations.places.tolist() == [0, 1]


@pytest.mark.parametrize("packed", [True, False])
def test_lists_of_numbers_packed_or_not(packed: bool, tmp_path: Path) -> None:
    found = read(tmp_path, record([BOX] * 2, [1, 2], ["cat", "dog"], packed=packed))
    assert [name for name, _ in found.boxes["a.jpg"]] == ["cat", "dog"]


def test_ids_of_a_label_map_count_from_1_and_have_gaps(tmp_path: Path) -> None:
    write_text(tmp_path / "pascal_label_map.pbtxt", MAP)
    found = read(tmp_path, record([BOX] * 3, [3, 1, 2]))
    assert found.dataset.names == ("cat", "dog")
    assert [name for name, _ in found.boxes["a.jpg"]] == ["dog", "cat"]
    assert found.entries == [("dropped", "unknown-class", 2)]
    assert "pascal_label_map.pbtxt named the classes of 2 boxes" in found.dataset.evidence[0]


@pytest.mark.parametrize(
    "text",
    [
        'item {\n name: "cat",\n id: 1,\n display_name: "cat"\n}\n',  # Roboflow
        'item { id: 1 name: "/m/01yrx" display_name: "cat" }',  # COCO, Open Images
        "# comment {\nitem: < name : 'c\\141t' id:1 >",
        "\ufeffitem {\r\n id: 1\r\n name: 'cat'\r\n keypoints { id: 9 label: 'nose' }\r\n}\r\n",
        "item { frequency: FREQUENT name: 'cat' ancestor_ids: [1, 2] id: 1 exclusivity {} }",
    ],
)
def test_label_maps_of_several_writers(text: str, tmp_path: Path) -> None:
    write_text(tmp_path / "a.pbtxt", text)
    assert read(tmp_path, record([BOX], [1])).dataset.names == ("cat",)


def test_a_label_map_in_the_folder_above_and_other_pbtxt_files(tmp_path: Path) -> None:
    write_text(tmp_path / "map.pbtxt", MAP)
    write_text(tmp_path / "valid/graph.pbtxt", 'node { name: "x" op: "Conv2D" }')
    write(tmp_path, record([BOX], [3]), name="valid/a.tfrecord")
    found = read_set("tfrecord", tmp_path)
    assert found.boxes == {"a.jpg": [("dog", [16, 24, 48, 48])]}
    assert found.images[0].image.split == "val"


def test_each_folder_has_its_own_label_map(tmp_path: Path) -> None:
    write_text(tmp_path / "train/a_label_map.pbtxt", MAP)
    write_text(tmp_path / "test/a_label_map.pbtxt", "item { id: 1 name: 'dog' }")
    write(tmp_path, record([BOX], [1]), name="train/a.tfrecord")
    write(tmp_path, record([BOX], [1], filename="b.jpg"), name="test/a.tfrecord")
    found = read_set("tfrecord", tmp_path)
    assert {name: boxes[0][0] for name, boxes in found.boxes.items()} == {
        "a.jpg": "cat", "b.jpg": "dog",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("item {\n name: 'cat'\n}", "map.pbtxt:1: an item of the label map has no id"),
        ("item {\n id: 1\n}", "the item with id 1 has no name"),
        ("item {\n id: 1 name: 'a'\n", "ends within an item"),
        ("item { id: 1 name: 'a' }\nitem { id: 1 name: 'b' }", "pbtxt:2: two items have the id 1"),
        ("item { id: 1\nname: 'a }", "map.pbtxt:2: the label map has an unexpected character"),
    ],
)
def test_a_broken_label_map_is_an_error_with_its_line(
    text: str, words: str, tmp_path: Path
) -> None:
    write_text(tmp_path / "map.pbtxt", text)
    with pytest.raises(DataError, match=words):
        read(tmp_path, record([BOX], [1]))


def test_two_label_maps_that_disagree_are_an_error(tmp_path: Path) -> None:
    write_text(tmp_path / "a.pbtxt", MAP)
    write_text(tmp_path / "b.pbtxt", "item { id: 1 name: 'bird' }")
    with pytest.raises(DataError, match="id 1 is 'bird' here and 'cat' in another"):
        read(tmp_path, record([BOX], [1]))


def test_a_label_map_counts_more_than_the_text_and_that_is_said(tmp_path: Path) -> None:
    write_text(tmp_path / "a.pbtxt", MAP)
    found = read(tmp_path, record([BOX, BOX], [1, 9], ["Cat", "bird"]))
    assert [name for name, _ in found.boxes["a.jpg"]] == ["cat", "bird"]
    assert "1 box has another name in the record" in " ".join(found.dataset.evidence)


def test_without_a_label_map_and_texts_ids_are_names(tmp_path: Path) -> None:
    found = read(tmp_path, record([BOX], [7]))
    assert found.dataset.names == ("7",)
    assert "the ids are taken as names" in found.dataset.evidence[0]


def test_the_image_stands_inside_and_gets_out_whole(tmp_path: Path, run_convert: Convert) -> None:
    images = {"a.jpg": image_bytes(".jpg"), "sub/b.png": image_bytes(".png", 20, 10)}
    source = write(
        tmp_path / "in",
        record([BOX], [1], ["cat"], encoded=images["a.jpg"]),
        record([BOX], [1], ["cat"], encoded=images["sub/b.png"], filename="sub/b.png",
               width=20, height=10),
        record(filename="empty.jpg"),
    )  # fmt: skip
    before = source.read_bytes()
    result = run_convert(source.parent)
    assert result.from_formats == ("tfrecord",)
    for name, data in images.items():
        assert (result.out / "images/train" / name).read_bytes() == data
    label = (result.out / "labels/train/sub/b.txt").read_text()
    assert [float(value) for value in label.split()] == [0, 0.5, 0.75, 0.5, 0.5]
    assert (result.out / "images/train/empty.jpg").is_file()
    assert source.read_bytes() == before
    assert [path.name for path in source.parent.iterdir()] == ["train.record"]
    assert "image-twice" not in " ".join(result.codes)


def test_images_inside_are_not_linked_and_nothing_is_left(
    tmp_path: Path, run_convert: Convert
) -> None:
    write(tmp_path / "in", record([BOX], [1], ["cat"]))
    with pytest.raises(ConfigError, match="no symlink can point to a part of a file"):
        run_convert(tmp_path / "in", link="symlink")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_labels_only_needs_no_image(tmp_path: Path, run_convert: Convert) -> None:
    write(tmp_path / "in", record([BOX], [1], ["cat"]))
    result = run_convert(tmp_path / "in", labels_only=True)
    assert (result.out / "labels/train/a.txt").is_file()
    assert not (result.out / "images").exists()


@pytest.mark.parametrize(
    ("name", "suffix", "expected"),
    [
        ("285", ".jpg", "285.jpg"),
        ("a.b", ".png", "a.b.png"),
        ("", ".png", "record-000000.png"),
        ("/home/x/a.jpg", ".jpg", "a.jpg"),
        ("C:\\x\\a.jpg", ".jpg", "a.jpg"),
        ("../../a.jpg", ".jpg", "a.jpg"),
        ("../..", ".jpg", "record-000000.jpg"),
        ("a\0b", ".jpg", "record-000000.jpg"),
        ("sub/ü 1.jpg", ".jpg", "sub/ü 1.jpg"),
    ],
)
def test_names_of_images_lead_nowhere(
    name: str, suffix: str, expected: str, tmp_path: Path, run_convert: Convert
) -> None:
    encoded = image_bytes(suffix)
    source = write(
        tmp_path / "in",
        record([BOX], [1], ["cat"], filename=name, source_id="", encoded=encoded),
    )
    result = run_convert(source)
    assert list(read_set("tfrecord", source).boxes) == [expected]
    assert (result.out / "images/train" / expected).read_bytes() == encoded


def test_the_source_id_names_an_image_without_a_name(tmp_path: Path) -> None:
    found = read(tmp_path, record([BOX], [1], ["cat"], filename="", source_id="7"))
    assert list(found.boxes) == ["7.jpg"]


def test_a_size_that_is_wrong_or_missing_does_not_move_boxes(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        record([BOX], [1], ["cat"], width=640, height=480),
        record([BOX], [1], ["cat"], width=[], height=[]),
    )
    assert [one.annotations.xyxy[0].tolist() for one in found.images] == [[16, 24, 48, 48]] * 2
    assert found.entries == [("noted", "size-mismatch", None)]


def test_boxes_of_a_turned_image_turn_with_it(tmp_path: Path) -> None:
    jpeg = image_bytes()
    tags = struct.pack("<HHHIHH", 1, 0x0112, 3, 1, 6, 0) + bytes(4)
    block = b"Exif\x00\x00II*\x00\x08\x00\x00\x00" + tags
    turned = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + jpeg[2:]
    found = read(tmp_path, record([(0, 0, 0.5, 0.25)], [1], ["cat"], encoded=turned))
    (one,) = locate_images(found.images, Ledger())
    assert one.image.image_wh == (48, 64)
    assert one.annotations.xyxy.tolist() == [[36, 0, 48, 32]]


def test_an_image_that_is_not_inside_is_looked_for(tmp_path: Path) -> None:
    write_image(tmp_path / "images/a.jpg", 64, 48)
    found = read(tmp_path, record([BOX], [1], ["cat"], encoded=b""))
    assert found.images[0].image.path is None
    (one,) = locate_images(found.images, Ledger())
    assert one.image.path == str(tmp_path / "images/a.jpg")


@pytest.mark.parametrize(
    ("key", "assume", "kept", "code"),
    [
        ("is_crowd", {}, [0], "crowd"),
        ("group_of", {}, [0], "crowd"),
        ("is_crowd", {"crowd": "keep"}, [0, 1], ""),
        ("difficult", {}, [0, 1], ""),
        ("difficult", {"difficult": "exclude"}, [0], "difficult"),
    ],
)
def test_crowds_and_difficult_objects(
    key: str, assume: dict[str, str], kept: list[int], code: str, tmp_path: Path
) -> None:
    more: dict[str, Any] = {f"object__{key}": [0, 1]}
    found = read(tmp_path, record([BOX] * 2, [1, 1], ["a", "a"], **more), assume=assume)
    assert found.images[0].annotations.places.tolist() == kept
    assert found.entries == ([("excluded", code, 1)] if code else [])


def test_splits_and_parts_of_a_set(tmp_path: Path) -> None:
    for number in (0, 2):
        name = f"coco_train.record-0000{number}-of-00003"
        write(tmp_path, record([BOX], [1], ["cat"], filename=f"{number}.jpg"), name=name)
    write(tmp_path, record(filename="v.jpg"), name="coco_val.record-00000-of-00001")
    found = read_set("tfrecord", tmp_path)
    assert {one.image.file_name: one.image.split for one in found.images} == {
        "0.jpg": "train", "2.jpg": "train", "v.jpg": "val",
    }  # fmt: skip
    assert found.entries == [("noted", "missing-part", None)]
    assert "2 of 3 parts are there" in found.ledger.entries[0].message


@pytest.mark.parametrize(
    ("one", "code", "count"),
    [
        (record([BOX] * 2, [1, 1], ["a"] * 2, object__bbox__xmin=[0.1]), "uneven-lists", 2),
        (record([(0, 0, 300, 200)], [1], ["a"]), "no-fraction", 1),
        (record([(0, float("nan"), 1, 1)], [1], ["a"]), "no-fraction", 1),
        (record([BOX]), "unknown-class", 1),
        (record([BOX], [1], ["a"], encoded=b"no image"), "unreadable-image", 1),
        (record([BOX], [1], ["a"], encoded=b"", height=[]), "unreadable-image", 1),
        (record([BOX], [1], ["a"], encoded=image_bytes(".png")[:-30]), "unreadable-image", 1),
    ],
)
def test_a_faulty_box_or_image_is_entered(
    one: bytes, code: str, count: int, tmp_path: Path
) -> None:
    found = read(tmp_path, record([BOX], [1], ["a"]), one, record([BOX], [1], ["a"]))
    assert found.entries == [("dropped", code, 1 + at) for at in range(count)]
    assert found.ledger.totals.annotations_in == 2 + count
    assert [place for image in found.images for place in image.annotations.places] == [0, 1 + count]


def test_all_damaged_files_are_reported_at_once(tmp_path: Path) -> None:
    whole = record([BOX], [1], ["cat"])
    write(tmp_path, whole, whole[:-9], name="train.record")
    write(tmp_path, frame(b"\x0a\xff\xff\x03"), name="val.record")
    write(tmp_path, gzip.compress(whole), name="test.record")
    with pytest.raises(DataError, match="3 broken record files") as caught:
        read_set("tfrecord", tmp_path)
    assert f"train.record: the file ends at byte {2 * len(whole) - 9}" in str(caught.value)
    assert "val.record: the record at byte 0 is not a tf.train.Example" in str(caught.value)
    assert "test.record: the records are compressed with GZIP" in str(caught.value)


def test_a_compressed_file_is_recognised_and_refused(tmp_path: Path) -> None:
    write(tmp_path, gzip.compress(record([BOX], [1], ["cat"])), name="train.tfrecord")
    assert recognise(tmp_path)[0] == "tfrecord"
    with pytest.raises(DataError, match="GZIP") as caught:
        read_set("tfrecord", tmp_path)
    assert "gunzip" in (caught.value.hint or "")


@pytest.mark.parametrize("first", ["encoded", "object/class/label"])
def test_record_files_are_recognised_wherever_the_image_stands(first: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).bytes(200_000)
    values: dict[str, Any] = {"encoded": noise, "object/class/label": [1]}
    order = {first: values.pop(first), **values}
    data = frame(example({f"image/{key}": value for key, value in order.items()}))
    write(tmp_path, data)
    assert recognise(tmp_path)[0] == "tfrecord"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.record", b"image/object/bbox/xmin"),
        ("a.record", frame(example({"image/class/label": [1], "image/encoded": b"x"}))),
        ("a.records", gzip.compress(b"image/object/")),
        ("a.dat", record([BOX], [1], ["cat"])),
    ],
)
def test_other_files_are_not_recognised(name: str, data: bytes, tmp_path: Path) -> None:
    write(tmp_path, data, name=name)
    assert tfrecord.sniff(SourceTree(tmp_path)) is None


def test_a_file_that_is_named_may_be_called_anything(tmp_path: Path) -> None:
    path = write(tmp_path, record([BOX], [1], ["cat"]), name="a.dat")
    assert recognise(path)[0] == "tfrecord"


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=60))
def test_bytes_that_are_no_message_end_in_an_error(data: bytes) -> None:
    for content in (data, field(1, data), field(1, field(1, field(1, b"image/width") + data))):
        with contextlib.suppress(ValueError):
            parse_example(content, WANTED)


@settings(max_examples=100, deadline=None)
@given(at=st.integers(0, 400), value=st.integers(0, 255))
def test_a_flipped_byte_never_escapes(at: int, value: int) -> None:
    content = bytearray(example({"image/width": 3, "image/object/bbox/xmin": [0.5, 1.0]}))
    content[at % len(content)] = value
    with contextlib.suppress(ValueError):
        parse_example(bytes(content), WANTED)
