"""COCO JSON as its many writers write it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.conftest import (
    Convert,
    coco,
    coco_image,
    read_set,
    write_coco,
    write_image,
    write_text,
)
from yolokit.errors import DataError
from yolokit.formats import coco as coco_format
from yolokit.formats.toolkit.source_tree import SourceTree


def annotation(
    image: Any = 5, category: Any = 1, box: Any = (4, 6, 16, 24), **more: Any
) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, "bbox": box, **more}


def test_ids_with_gaps_and_from_0_go_by_name(tmp_path: Path) -> None:
    categories = [{"id": 90, "name": "dog"}, {"id": 0, "name": "cat"}, {"id": 13, "name": "cow"}]
    content = coco(
        [coco_image(0), coco_image(5), coco_image(10**12)],
        [annotation(10**12, 90), annotation(0, 0), annotation(10**12, 13)],
        categories,
    )
    found = read_set("coco", write_coco(tmp_path / "a.json", content))
    assert found.dataset.names == ("cat", "cow", "dog")
    assert [category.source_id for category in found.dataset.categories] == [0, 13, 90]
    assert found.boxes == {
        "0.jpg": [("cat", [4, 6, 20, 30])],
        "5.jpg": [],
        f"{10**12}.jpg": [("dog", [4, 6, 20, 30]), ("cow", [4, 6, 20, 30])],
    }
    assert [one.annotations.places.tolist() for one in found.images] == [[1], [], [0, 2]]


def test_ids_may_be_texts_and_larger_than_64_bits(tmp_path: Path) -> None:
    content = coco(
        [coco_image(5, id="a"), coco_image(6, id=2**70)],
        [annotation("a", "k"), annotation(2**70, "k"), annotation("b", "k")],
        [{"id": "k", "name": "cat"}],
    )
    found = read_set("coco", write_coco(tmp_path / "a.json", content))
    assert [len(boxes) for boxes in found.boxes.values()] == [1, 1]
    assert found.entries == [("dropped", "unknown-image", 2)]


def test_an_unused_supercategory_is_left_out_and_said(tmp_path: Path) -> None:
    categories = [
        {"id": 0, "name": "cells", "supercategory": "none"},
        {"id": 1, "name": "RBC", "supercategory": "cells"},
        {"id": 2, "name": "unused", "supercategory": "cells"},
    ]
    content = coco([coco_image(5)], [annotation(5, 1)], categories)
    found = read_set("coco", write_coco(tmp_path / "a.json", content))
    assert found.dataset.names == ("RBC", "unused")
    assert "'cells' is left out" in found.dataset.evidence[0]
    content["annotations"][0]["category_id"] = 0
    found = read_set("coco", write_coco(tmp_path / "a.json", content))
    assert found.dataset.names == ("cells", "RBC", "unused")


def test_crowds_are_excluded_unless_wanted(tmp_path: Path) -> None:
    content = coco([coco_image(5)], [annotation(iscrowd=1), annotation(iscrowd=0)])
    path = write_coco(tmp_path / "a.json", content)
    found = read_set("coco", path)
    assert len(found.boxes["5.jpg"]) == 1
    assert found.entries == [("excluded", "iscrowd", 0)]
    assert len(read_set("coco", path, assume={"iscrowd": "keep"}).boxes["5.jpg"]) == 2


RUNS = {"size": [48, 64], "counts": [48 * 4 + 6, 24, 24, 24, 48 * 64 - 48 * 4 - 78]}


def test_brush_masks_that_are_all_marked_as_crowds_are_objects(
    run_convert: Convert, tmp_path: Path
) -> None:
    brushed = [annotation(iscrowd=1, segmentation=RUNS) for _ in range(2)]
    boxed = annotation(segmentation=[])
    path = write_coco(tmp_path / "src/a.json", coco([coco_image(5)], [*brushed, boxed]))
    write_image(tmp_path / "src/5.jpg")
    found = read_set("coco", path)
    assert len(found.boxes["5.jpg"]) == 3
    assert "each of 2 masks is marked as a crowd" in found.dataset.evidence[0]
    excluded = read_set("coco", path, assume={"iscrowd": "exclude"})
    assert excluded.entries[1:] == [("excluded", "iscrowd", 0), ("excluded", "iscrowd", 1)]
    result = run_convert(path, task="segment", max_drop="50%")
    assert result.codes == {
        "reinterpreted: mask-to-polygon": 2, "dropped: no-outline": 1, "noted: box-differs": 1,
        "noted: repeated-label": 1,
    }  # fmt: skip
    # A set with polygons has crowds that are such, and that is told.
    outlined = annotation(segmentation=[[4, 6, 20, 6, 20, 30]])
    write_coco(path, coco([coco_image(5)], [*brushed, outlined]))
    result = run_convert(path, task="segment", overwrite=True)
    assert result.codes == {"excluded: iscrowd": 2}
    assert result.evidence[-1] == "2 crowds are left out (--assume iscrowd=exclude|keep)"


def test_unknown_ids_are_dropped_by_index(tmp_path: Path) -> None:
    content = coco(
        [coco_image(5)], [annotation(6), annotation(), annotation(5, 2), annotation(6, 2)]
    )
    found = read_set("coco", write_coco(tmp_path / "a.json", content))
    assert len(found.boxes["5.jpg"]) == 1
    assert found.entries == [
        ("dropped", "unknown-image", 0),
        ("dropped", "unknown-image", 3),
        ("dropped", "unknown-category", 2),
    ]
    assert found.ledger.totals.annotations_in == 4


@pytest.mark.parametrize(
    "mask",
    [
        [[4, 6, 20, 6, 20, 30]],
        [[4, 6, 10, 6, 10, 10], [12, 20, 20, 20, 20, 30]],
        [4, 6, 20, 6, 20, 30],
    ],
)
@pytest.mark.parametrize("box", [None, [], "absent"])
def test_polygons_without_a_box_are_reinterpreted(box: Any, mask: Any, tmp_path: Path) -> None:
    one = annotation(box=box, segmentation=mask)
    if box == "absent":
        del one["bbox"]
    content = coco([coco_image(5)], [annotation(), one])
    found = read_set("coco", write_coco(tmp_path / "a.json", content))
    assert found.boxes["5.jpg"] == [("cat", [4, 6, 20, 30])] * 2
    assert list(found.images[0].annotations.reinterpreted) == [1]


def test_a_box_beside_a_mask_is_kept_as_it_stands(tmp_path: Path) -> None:
    one = annotation(segmentation=[[0, 0, 60, 0, 60, 40]])
    found = read_set("coco", write_coco(tmp_path / "a.json", coco([coco_image(5)], [one])))
    assert found.boxes["5.jpg"] == [("cat", [4, 6, 20, 30])]
    assert found.images[0].annotations.reinterpreted == {}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bbox": [1, 2, 3]}, "not [x, y, width, height]"),
        ({"bbox": [1, 2, 3, None]}, "not four numbers"),
        ({"bbox": "1 2 3 4"}, "not [x, y, width, height]"),
        ({"bbox": None}, "neither a `bbox` nor a `segmentation`"),
        ({"bbox": None, "segmentation": [[1, 2, 3]]}, "three or more x, y pairs"),
        ({"bbox": None, "segmentation": [[1, 2, 3, 4, "x", 6]]}, "not a number"),
        ({"bbox": None, "segmentation": "x"}, "neither polygons nor run lengths"),
        ({"bbox": None, "segmentation": {"size": [4, 4], "counts": [16]}}, "covers nothing"),
        ({"bbox": None, "segmentation": {"size": [4, 4], "counts": [9]}}, "do not add up"),
        ({"image_id": None}, "image_id"),
        ({"category_id": [1]}, "category_id"),
    ],
)
def test_a_bad_annotation_is_dropped_by_index(
    changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    content = coco([coco_image(5)], [annotation(), annotation(**changes)])
    found = read_set("coco", write_coco(tmp_path / "a.json", content))
    assert len(found.boxes["5.jpg"]) == 1
    assert found.entries == [("dropped", "bad-annotation", 1)]
    assert words in found.ledger.entries[0].message


def test_what_is_no_object_among_the_annotations(tmp_path: Path) -> None:
    content = coco([coco_image(5)], [annotation()])
    content["annotations"].append(7)
    found = read_set("coco", write_coco(tmp_path / "a.json", content))
    assert found.entries == [("dropped", "bad-annotation", 1)]


def test_numbers_as_text_and_odd_types_are_read_where_they_are_clear(tmp_path: Path) -> None:
    content = coco(
        [coco_image(5, width=64.0, height="48"), coco_image(6, width="x", height=None)],
        [annotation(box=["4", 6, "16.0", 24], iscrowd=False)],
        [{"id": 1, "name": " cat ", "supercategory": None}],
    )
    found = read_set("coco", write_coco(tmp_path / "a.json", content))
    assert found.boxes["5.jpg"] == [("cat", [4, 6, 20, 30])]
    assert found.images[0].image.image_wh == (64, 48)
    assert found.images[1].image.width_px is None


@pytest.mark.parametrize("wrong", ["NaN", "Infinity", "-Infinity"])
def test_nan_as_python_writes_it_is_read_and_left_to_be_dropped(wrong: str, tmp_path: Path) -> None:
    content = coco([coco_image(5)], [annotation(), annotation(box=(1, 2, float(wrong), 4))])
    path = write_coco(tmp_path / "a.json", content)
    assert wrong in path.read_text()
    found = read_set("coco", path)
    assert len(found.boxes["5.jpg"]) == 2
    assert found.entries == []


def test_the_same_file_listed_twice_is_one_image(tmp_path: Path) -> None:
    content = coco(
        [coco_image(5, "a.jpg"), coco_image(6, "a.jpg")], [annotation(5), annotation(6, 7)]
    )
    found = read_set("coco", write_coco(tmp_path / "a.json", content))
    assert found.boxes == {"a.jpg": [("cat", [4, 6, 20, 30]), ("dog", [4, 6, 20, 30])]}
    assert found.entries == [("noted", "duplicate-image", None)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (coco([coco_image(5, "a.jpg"), coco_image(5, "b.jpg")], []), "means both 'a.jpg' and 'b"),
        (coco([coco_image(5, file_name="")], []), "no `file_name`, and no `coco_url`"),
        (coco([], [], [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]), "means both 'a' and 'b'"),
        (coco([], [], [{"id": 1, "name": " "}]), "has no name"),
        (coco([{"id": 1}], []), "no `file_name`, and no `coco_url`"),
        (coco([coco_image(5)], [], [{"id": 1}]), r"item 0 of `categories`: .*name"),
        ({"images": [], "annotations": []}, "`categories` is missing"),
        ({"images": {}, "annotations": [], "categories": []}, "`images` is not a list"),
        ([1], "no object at the top"),
    ],
)
def test_a_file_that_makes_no_sense_is_an_error(content: Any, words: str, tmp_path: Path) -> None:
    path = write_coco(tmp_path / "a.json", content)
    with pytest.raises(DataError, match=words) as caught:
        read_set("coco", path)
    assert str(caught.value.path) == str(path)


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (lambda text: text[:-30], None, "ends before it is complete"),
        (lambda text: text.replace('"id": 5', '"id": 5,,'), 4, "not JSON"),
        (lambda text: text.replace('"id": 5', '"id": five'), 4, "not JSON"),
        (lambda _text: "", 1, "ends before it is complete"),
        (lambda _text: '{"images": [NaN', 1, "not JSON"),
        (lambda _text: '{"images": [NaN, ' + "1" * 5000 + "]}", None, "too many digits"),
        (lambda _text: '{"images":\n' + "[" * 100_000, None, "nested too deep"),
        (lambda text: text.replace('"id": 5', '"id": NaN,,'), 4, "not JSON"),
    ],
)
def test_broken_json_is_an_error_with_its_line(
    change: Any, line: int | None, words: str, tmp_path: Path
) -> None:
    text = json.dumps(coco([coco_image(5)], [annotation()]), indent=1)
    path = write_text(tmp_path / "a.json", change(text))
    with pytest.raises(DataError, match=words) as caught:
        read_set("coco", path)
    assert caught.value.path == path
    expected = change(text).count("\n") + 1 if "before" in words else line
    assert caught.value.line == expected


def test_a_byte_order_mark_is_no_error_and_latin_1_is(tmp_path: Path) -> None:
    content = json.dumps(coco([coco_image(5, "ä.jpg")], []), ensure_ascii=False)
    path = write_text(tmp_path / "a.json", content, "utf-8-sig")
    assert list(read_set("coco", path).boxes) == ["ä.jpg"]
    with pytest.raises(DataError, match=r"UTF-8|not JSON"):
        read_set("coco", write_text(path, content, "latin-1"))
    with pytest.raises(DataError):
        read_set("coco", write_text(path, content, "utf-16"))


def test_a_folder_in_place_of_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    with pytest.raises(DataError, match="no JSON file"):
        read_set("coco", tmp_path)


LAYOUTS = {
    "annotations/instances_train2017.json": "images/train2017/5.jpg",
    "annotations/train.json": "images/train/5.jpg",
    "annotations/instances_val.json": "val/5.jpg",
    "train/_annotations.coco.json": "train/5.jpg",
    "valid/_annotations.coco.json": "valid/5.jpg",
    "test.json": "test/5.jpg",
    "train.json": "images/5.jpg",
}


@pytest.mark.parametrize(("json_name", "image_name"), LAYOUTS.items())
def test_where_splits_and_images_are(json_name: str, image_name: str, tmp_path: Path) -> None:
    write_coco(tmp_path / json_name, coco([coco_image(5)], [annotation()]))
    write_image(tmp_path / image_name)
    image = read_set("coco", tmp_path).images[0].image
    split = next(word for word in ("train", "val", "test") if word in json_name)
    assert image.split == split
    assert str((tmp_path / image_name).parent) in image.source.image_roots


def test_each_split_looks_into_its_own_folder_first(tmp_path: Path) -> None:
    for split in ("train", "val"):
        write_coco(tmp_path / f"annotations/{split}.json", coco([coco_image(1)], []))
        write_image(tmp_path / f"images/{split}/1.jpg")
    images = read_set("coco", tmp_path).images
    assert len(images) == 2
    for one in images:
        first = next(
            root for root in one.image.source.image_roots if (Path(root) / "1.jpg").exists()
        )
        assert first == str(tmp_path / "images" / str(one.image.split))


def test_images_elsewhere_are_looked_for_there_alone(tmp_path: Path) -> None:
    write_coco(tmp_path / "train.json", coco([coco_image(1)], []))
    image = read_set("coco", tmp_path, images=tmp_path / "x").images[0].image
    assert all(root.startswith(str(tmp_path / "x")) for root in image.source.image_roots)
    assert str(tmp_path / "x" / "train") in image.source.image_roots


def test_a_file_without_a_split_in_its_name(tmp_path: Path) -> None:
    write_coco(tmp_path / "cells.json", coco([coco_image(1)], []))
    found = read_set("coco", tmp_path)
    assert found.images[0].image.split is None
    assert not found.dataset.has_splits


def test_beside_instances_no_other_file_is_read(tmp_path: Path) -> None:
    content = coco([coco_image(5)], [annotation()])
    write_coco(tmp_path / "annotations/instances_train.json", content)
    write_coco(tmp_path / "annotations/person_keypoints_train.json", content)
    write_text(tmp_path / "results.json", "[]")
    write_text(tmp_path / "package.json", '{"images": 1}')
    found = read_set("coco", tmp_path)
    assert found.ledger.totals.annotations_in == 1
    match = coco_format.sniff(SourceTree(tmp_path))
    assert match is not None
    assert match.evidence.startswith("instances_train.json: lists of `images`")


def test_for_a_pose_the_file_with_keypoints_is_read(tmp_path: Path) -> None:
    write_coco(tmp_path / "annotations/instances_val.json", coco([coco_image(5)], [annotation()]))
    person = [{"id": 1, "name": "person", "keypoints": ["nose"]}]
    content = coco([coco_image(5)], [annotation(keypoints=[5, 7, 2])], person)
    write_coco(tmp_path / "annotations/person_keypoints_val.json", content)
    found = read_set("coco", tmp_path, task="pose")
    assert found.dataset.names == ("person",)
    assert found.images[0].annotations.keypoints is not None
    assert "instances_val.json: not read" in found.dataset.evidence[-1]
    found = read_set("coco", tmp_path, task="segment")
    assert "person_keypoints_val.json: not read" in found.dataset.evidence[-1]


def test_classes_of_several_files_are_one_list(tmp_path: Path) -> None:
    first = coco([coco_image(1)], [annotation(1, 3)], [{"id": 3, "name": "dog"}])
    second = coco(
        [coco_image(2)], [annotation(2, 3)], [{"id": 3, "name": "cat"}, {"id": 8, "name": "dog"}]
    )
    write_coco(tmp_path / "train.json", first)
    write_coco(tmp_path / "val.json", second)
    found = read_set("coco", tmp_path)
    assert found.dataset.names == ("dog", "cat")
    assert found.boxes["1.jpg"][0][0] == "dog"
    assert found.boxes["2.jpg"][0][0] == "cat"


def test_two_ids_of_one_name_are_one_class(tmp_path: Path) -> None:
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "cat"}]
    content = coco([coco_image(5)], [annotation(5, 1), annotation(5, 2)], categories)
    found = read_set("coco", write_coco(tmp_path / "a.json", content))
    assert found.dataset.names == ("cat",)
    assert len(found.boxes["5.jpg"]) == 2


def test_only_json_with_all_three_lists_is_recognised(tmp_path: Path) -> None:
    good = write_coco(tmp_path / "a.json", coco([], []))
    assert coco_format.sniff(SourceTree(good)) is not None
    for text in ("[]", "", "{}", '{"images": []}', '"images": ["categories"'):
        assert coco_format.sniff(SourceTree(write_text(tmp_path / "b.json", text))) is None
    assert coco_format.sniff(SourceTree(tmp_path / "none.json")) is None
    large = '{"x": "' + "y" * 200_000 + '",' + json.dumps(coco([], []))[1:]
    assert coco_format.sniff(SourceTree(write_text(tmp_path / "c.json", large))) is not None


def test_a_file_that_is_cut_short_is_recognised_so_that_its_fault_is_told(tmp_path: Path) -> None:
    text = json.dumps(coco([coco_image(5)], [annotation()]))
    write_text(tmp_path / "train.json", text[: text.index('"categories"')])
    match = coco_format.sniff(SourceTree(tmp_path))
    assert match is not None
    assert match.score < 1
    with pytest.raises(DataError, match="ends before it is complete"):
        read_set("coco", tmp_path)
    write_coco(tmp_path / "val.json", coco([], []))
    with pytest.raises(DataError, match="ends before it is complete"):
        read_set("coco", tmp_path)


def test_annotations_stay_in_the_order_of_the_file(tmp_path: Path) -> None:
    boxes = [annotation(at % 2, 1, (at % 50, 1, 5, 5)) for at in range(400)]
    content = coco([coco_image(1), coco_image(0)], boxes)
    found = read_set("coco", write_coco(tmp_path / "a.json", content))
    assert [one.annotations.places.tolist() for one in found.images] == [
        list(range(1, 400, 2)),
        list(range(0, 400, 2)),
    ]


@pytest.mark.parametrize(
    ("task", "aside"),
    [
        ("detect", {"outline-aside": 2, "keypoints-aside": 1}),
        ("segment", {"keypoints-aside": 1}),
        ("obb", {"keypoints-aside": 1}),
        ("pose", {"outline-aside": 2}),
    ],
)
@pytest.mark.parametrize("box", [(4, 6, 16, 24), ("4", 6, 16, 24)])
def test_what_a_task_leaves_aside_is_counted(
    box: Any, task: Any, aside: dict[str, int], tmp_path: Path
) -> None:
    runs = {"size": [48, 64], "counts": [100, 200, 2772]}
    annotations = [
        annotation(box=box, segmentation=[[4, 6, 20, 6, 20, 30]], keypoints=[4.5, 6, 2, 0, 0, 0]),
        annotation(segmentation=runs, keypoints=[0, 0, 0, 0.0, 0, 0]),
        annotation(segmentation=[], keypoints=[]),
        annotation(segmentation=[[]]),
    ]
    categories = [{"id": 1, "name": "cat", "keypoints": ["a", "b"]}]
    content = coco([coco_image(5)], annotations, categories)
    found = read_set("coco", write_coco(tmp_path / "a.json", content), task=task)
    noted = {
        entry.code: int(entry.message.split()[0])
        for entry in found.ledger.entries
        if entry.action == "noted"
    }
    assert noted == aside
