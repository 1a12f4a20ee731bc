"""Datumaro JSON as Datumaro and CVAT write it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.conftest import (
    Convert,
    Read,
    coco,
    coco_image,
    read_set,
    write_image,
    write_text,
)
from yolokit.errors import DataError
from yolokit.formats import coco as coco_format
from yolokit.formats import datumaro
from yolokit.formats.toolkit.plugin import recognise
from yolokit.formats.toolkit.source_tree import SourceTree

LABELS = ("cat", "dog", "person")


def item(
    *annotations: dict[str, Any], name: str = "a", image: Any = None, **more: Any
) -> dict[str, Any]:
    image = {"path": f"{name}.jpg", "size": [48, 64]} if image is None else image
    return {
        "id": name,
        "annotations": list(annotations),
        "attr": {"frame": 0},
        "image": image,
        **more,
    }


def one(kind: str = "bbox", label: Any = 0, group: Any = 0, **more: Any) -> dict[str, Any]:
    if kind == "bbox":
        more = {"bbox": [4.0, 6.0, 16.0, 24.0], **more}
    return {
        "id": 0, "type": kind, "attributes": {"occluded": False}, "group": group,
        "label_id": label, "z_order": 0, **more,
    }  # fmt: skip


def content(
    *items: Any, labels: Sequence[str] = LABELS, points: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    described = [{"name": name, "parent": "", "attributes": []} for name in labels]
    return {
        "dm_format_version": "1.0",
        "media_type": 2,
        "infos": {},
        "categories": {
            "label": {"labels": described, "label_groups": [], "attributes": []},
            **({"points": {"items": list(points)}} if points else {}),
        },
        "items": list(items),
    }


def read_items(tmp_path: Path, value: dict[str, Any], **options: Any) -> Read:
    path = write_text(tmp_path / "annotations/default.json", json.dumps(value))
    return read_set("datumaro", path, **options)


POINTS = {"label_id": 2, "labels": ["left", "nose", "right"], "joints": [], "positions": []}


def test_a_box_is_x_y_width_height_and_a_label_a_position(tmp_path: Path) -> None:
    found = read_items(tmp_path, content(item(one(), one(label=2)), item(name="b")))
    assert found.dataset.names == LABELS
    assert found.boxes == {
        "a.jpg": [("cat", [4, 6, 20, 30]), ("person", [4, 6, 20, 30])],
        "b.jpg": [],
    }
    assert found.images[0].annotations.is_plain


def test_a_size_is_height_width(tmp_path: Path) -> None:
    found = read_items(tmp_path, content(item(), item(name="b", image={"path": "b.jpg"})))
    assert found.images[0].image.image_wh == (64, 48)
    assert found.images[1].image.width_px is None


def test_places_count_through_the_file(tmp_path: Path) -> None:
    found = read_items(tmp_path, content(item(one(), one(label=9)), item(one(), name="b")))
    assert [image.annotations.places.tolist() for image in found.images] == [[0], [2]]
    assert found.entries == [("dropped", "bad-annotation", 1)]


def test_polygons(tmp_path: Path) -> None:
    value = content(item(one("polygon", points=[1, 2, 30, 4, 20, 40])))
    found = read_items(tmp_path, value, task="segment").images[0].annotations
    assert found.shapes[0].rings[0].tolist() == [[1, 2], [30, 4], [20, 40]]
    assert found.xyxy.tolist() == [[1, 2, 30, 40]]


@pytest.mark.parametrize("counts", ["52203", [5, 2, 2, 0, 3]])
def test_masks_have_the_run_lengths_of_coco(counts: Any, tmp_path: Path) -> None:
    # 3 rows of 4 columns, counted down the columns: pixels 5 and 6, and 9 to 11 not.
    rle = {"size": [3, 4], "counts": [5, 2, 5] if isinstance(counts, list) else "525"}
    found = read_items(tmp_path, content(item(one("mask", rle=rle))), task="segment")
    shape = found.images[0].annotations.shapes[0]
    assert shape.remark is not None
    assert shape.remark.startswith("mask-to-polygon")
    assert shape.xyxy == [1, 0, 3, 3]
    assert not shape.box_stated


def test_an_ellipse_is_the_one_in_its_box(tmp_path: Path) -> None:
    value = content(item(one("ellipse", points=[10, 20, 30, 24])))
    shape = read_items(tmp_path, value, task="segment").images[0].annotations.shapes[0]
    assert [round(value, 6) for value in shape.xyxy] == [10, 20, 30, 24]
    assert shape.remark is not None
    assert shape.remark.startswith("circle-to-polygon: ")


def test_a_box_that_cvat_has_turned(tmp_path: Path) -> None:
    value = content(item(one(bbox=[10, 20, 20, 10], attributes={"rotation": 90.0})))
    found = read_items(tmp_path, value)
    assert found.images[0].annotations.xyxy.round(6).tolist() == [[15, 15, 25, 35]]
    assert found.images[0].annotations.shapes[0].kind == "rotated"
    assert "attribute `rotation`" in found.dataset.evidence[0]
    shapes = read_items(tmp_path, value, task="obb").images[0].annotations.shapes
    assert shapes[0].rings[0].round(6).tolist() == [[25, 15], [25, 35], [15, 35], [15, 15]]
    value = content(item(one(attributes={"rotation": "to the left"})))  # a user's own attribute
    assert read_items(tmp_path, value).images[0].annotations.is_plain


def test_parts_of_one_group_and_label_are_one_object(tmp_path: Path) -> None:
    value = content(
        item(
            one("polygon", 0, 5, points=[4, 6, 20, 6, 20, 10]),
            one("bbox", 0, 5),
            one("polygon", 0, 5, points=[4, 20, 20, 20, 20, 30]),
            one("bbox", 1, 5),
        ),
        item(one("bbox", 0, 5), name="b"),
    )
    found = read_items(tmp_path, value, task="segment")
    assert [len(rows) for rows in found.boxes.values()] == [2, 1]
    annotations = found.images[0].annotations
    assert annotations.places.tolist() == [1, 3]
    assert len(annotations.shapes[0].rings) == 2
    assert annotations.shapes[0].box_stated
    assert found.entries == [("reinterpreted", "group-joined", at) for at in (0, 2)]
    assert found.ledger.totals.annotations_in == 5
    assert "2 annotations were joined" in found.dataset.evidence[0]
    apart = read_items(tmp_path, value, assume={"group": "separate"})
    assert [len(rows) for rows in apart.boxes.values()] == [4, 1]
    assert apart.entries == []


def test_a_group_of_two_boxes_is_two_objects(tmp_path: Path) -> None:
    found = read_items(tmp_path, content(item(one("bbox", 0, 5), one("bbox", 0, 5))))
    assert len(found.boxes["a.jpg"]) == 2
    assert found.dataset.evidence == ()


def test_points_are_keypoints_where_a_category_describes_them(tmp_path: Path) -> None:
    points = one("points", 2, 1, points=[5, 8, 0, 0, 9, 10], visibility=[2, 0, 1])
    alone = {**points, "group": 0}
    value = content(item(points, one("bbox", 2, 1), alone, one()), points=[POINTS])
    found = read_items(tmp_path, value, task="pose")
    assert found.dataset.pose is not None
    assert found.dataset.pose.names == ("left", "nose", "right")
    annotations = found.images[0].annotations
    assert annotations.keypoints is not None
    expected = [[5, 8, 2], [0, 0, 0], [9, 10, 1]]
    assert annotations.keypoints.tolist() == [expected, expected, [[0, 0, 0]] * 3]
    assert annotations.xyxy.tolist()[:2] == [[4, 6, 20, 30], [5, 8, 9, 10]]
    assert annotations.reinterpreted[1].startswith("skeleton-to-box")
    assert found.entries == [("reinterpreted", "group-joined", 0)]
    boxes = read_items(tmp_path, value)
    assert boxes.dataset.pose is None
    assert len(boxes.boxes["a.jpg"]) == 3


def test_skeletons_of_cvat_go_by_the_labels_of_their_points(tmp_path: Path) -> None:
    labels = ("person", "right", "nose", "left")
    elements = [
        one("points", at, points=[at, at + 1], visibility=[2]) for at in (2, 3, 1)
    ]  # nose, left, right
    value = content(
        item(one("skeleton", 0, elements=elements)),
        labels=labels,
        points=[{**POINTS, "label_id": 0}],
    )
    found = read_items(tmp_path, value, task="pose")
    assert found.dataset.names == ("person",)
    keypoints = found.images[0].annotations.keypoints
    assert keypoints is not None
    assert keypoints.tolist() == [[[3, 4, 2], [2, 3, 2], [1, 2, 2]]]


FLAT = [100, 50, 2, 200, 60, 1, 7, 7, 0]


@pytest.mark.parametrize(
    ("task", "wanted"), [("pose", [[[100, 50, 2], [200, 60, 1], [0, 0, 0]]]), ("detect", None)]
)
def test_skeletons_of_cvat_are_flat_in_the_order_of_their_points(
    task: Any, wanted: Any, tmp_path: Path
) -> None:
    labels = ("person", "right", "nose", "left")
    value = content(
        item(one("skeleton", 0, points=FLAT)), labels=labels, points=[{**POINTS, "label_id": 0}]
    )
    found = read_items(tmp_path, value, task=task)
    assert found.boxes == {"a.jpg": [("person", [100, 50, 200, 60])]}
    keypoints = found.images[0].annotations.keypoints
    assert (None if keypoints is None else keypoints.tolist()) == wanted


@pytest.mark.parametrize(
    ("points", "words"),
    [(FLAT[:-1], "not x, y, visibility"), ([1, 2, 3], "other than 0"), (FLAT[:6], "2 points, and")],
)
def test_a_flat_skeleton_may_be_broken(points: list[int], words: str, tmp_path: Path) -> None:
    value = content(item(one("skeleton", 2, points=points)), points=[POINTS])
    found = read_items(tmp_path, value, task="pose")
    assert found.entries == [("dropped", "bad-annotation", 0)]
    assert words in found.ledger.entries[0].message


def test_a_fragment_in_the_group_of_an_outline_is_left_aside(tmp_path: Path) -> None:
    def part(points: list[int], group: int) -> dict[str, Any]:
        return one("polygon", group=group, points=points)

    whole = [1, 2, 30, 4, 20, 40]
    value = content(item(part([1, 2, 3, 4], 5), part(whole, 5), part([1, 2], 6), part([1, 2], 0)))
    found = read_items(tmp_path, value, task="segment")
    assert found.boxes == {"a.jpg": [("cat", [1, 2, 30, 40])]}
    assert found.entries == [
        ("excluded", "fragment-aside", 0),
        ("dropped", "bad-annotation", 2),
        ("dropped", "bad-annotation", 3),
    ]


def test_labels_with_different_points_are_no_one_pose(tmp_path: Path) -> None:
    points = [POINTS, {**POINTS, "label_id": 0, "labels": ["tail"]}]
    with pytest.raises(DataError, match="have different points"):
        read_items(tmp_path, content(item(), points=points), task="pose")


def test_crowds_are_excluded_unless_wanted(tmp_path: Path) -> None:
    value = content(item(one(attributes={"is_crowd": True}), one(attributes={"is_crowd": False})))
    found = read_items(tmp_path, value)
    assert len(found.boxes["a.jpg"]) == 1
    assert found.entries == [("excluded", "iscrowd", 0)]
    assert len(read_items(tmp_path, value, assume={"iscrowd": "keep"}).boxes["a.jpg"]) == 2


def test_what_is_no_area_is_excluded_with_its_reason(tmp_path: Path) -> None:
    value = content(
        item(
            one("label"),
            {"id": 0, "type": "caption", "attributes": {}, "group": 0, "caption": "a cat"},
            one("polyline", points=[1, 2, 3, 4]),
            one("points", points=[1, 2], visibility=[2]),
            one("cuboid_3d"),
        )
    )
    found = read_items(tmp_path, value)
    assert found.boxes == {"a.jpg": []}
    assert sorted(found.entries) == [("excluded", "not-an-area", at) for at in range(5)]
    assert found.ledger.totals.annotations_in == 5


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (None, "not an object"),
        ({"bbox": [1, 2, 3, 4]}, "not an object with a `type`"),
        (one("unheard of"), "not known"),
        (one(label=None), "not in `categories`"),
        (one(label=-1), "not in `categories`"),
        (one(label="0"), "not in `categories`"),
        (one(bbox=[1, 2, 3]), "not 4 numbers"),
        (one(bbox=[1, 2, 3, None]), "not a list of numbers"),
        (one(bbox=[1, 2, 3, float("nan")]), "nowhere in an image"),
        (one(bbox=[1, 2, 3, 1e300]), "nowhere in an image"),
        (one(bbox=[1, 2, 3, 10**400]), "nowhere in an image"),
        (one(bbox=[1, 2, -3, 4], attributes={"rotation": 5}), "before it begins"),
        (one("polygon", points=[1, 2, 3, 4]), "three points"),
        (one("polygon", points=[[1, 2], [3, 4], [5, 6]]), "not a list of numbers"),
        (one("mask"), "no `rle`"),
        (one("mask", rle={"size": [2, 2], "counts": "zzz"}), "mask"),
        (one("mask", rle={"size": [2, 2], "counts": [4]}), "covers nothing"),
        (one("ellipse", points=[3, 2, 1, 4]), "no area"),
        (one("points", points=[1]), "not x, y pairs"),
        (one("points", points=[1, 2], visibility=[7]), "other than 0, 1 and 2"),
        (one("points", 2, points=[1, 2]), "1 point, and its label 3"),
        (one("skeleton", elements=[]), "neither `points` nor `elements`"),
    ],
)
def test_a_faulty_annotation_is_dropped_by_its_index(
    annotation: Any, words: str, tmp_path: Path
) -> None:
    found = read_items(tmp_path, content(item(one(), annotation), points=[POINTS]))
    assert len(found.boxes["a.jpg"]) == 1
    assert found.entries == [("dropped", "bad-annotation", 1)]
    assert words in found.ledger.entries[0].message


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "no list `items`"),
        ({"items": {}}, "no list `items`"),
        ({"items": []}, "no object `categories`"),
        ({"items": [], "categories": {"label": {}}}, "no list `labels`"),
        ({"items": [], "categories": {"label": {"labels": [{"name": ""}]}}}, "has no name"),
        (content(labels=["a", "a"]), "have one name"),
        (content(3), "item 0 of `items` is not an object"),
        (content({"annotations": 3, "id": "a"}), "are not a list"),
        (content({"annotations": []}), "neither an `id` nor a path"),
        (content(points=[{"label_id": 77, "labels": ["a"]}]), "categories.points"),
    ],
)
def test_what_is_no_datumaro_file(value: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        read_items(tmp_path, value)


def test_videos_and_points_in_space_are_no_images(tmp_path: Path) -> None:
    frame = {"video_path": "a.mp4", "frame_index": 3}
    items = [item(one(), image={}, video_frame=frame), item(image={}, point_cloud={"path": "a"})]
    found = read_items(tmp_path, content(*items))
    assert found.images == []
    assert found.entries == [("dropped", "not-an-image", 0), ("noted", "not-an-image", None)]


def test_subsets_are_splits_and_ids_find_their_images(tmp_path: Path, run_convert: Convert) -> None:
    for subset in ("train", "validation"):
        text = json.dumps(content(item(one(), name="a", image={"size": [48, 64]})))
        write_text(tmp_path / f"set/annotations/{subset}.json", text)
        write_image(tmp_path / f"set/images/{subset}/a.png")
    result = run_convert(tmp_path / "set", to_format="yolo")
    assert result.from_formats == ("datumaro",)
    assert {split: counts.images for split, counts in result.splits.items()} == {
        "train": 1,
        "val": 1,
    }
    assert result.totals.kept == 2


def test_names_never_lead_outside(tmp_path: Path, run_convert: Convert) -> None:
    write_image(tmp_path / "a.jpg")
    text = json.dumps(content(item(one(), image={"path": "../../../a.jpg"})))
    write_text(tmp_path / "in/set/annotations/default.json", text)
    with pytest.raises(DataError, match="no image was found"):
        run_convert(tmp_path / "in/set", to_format="yolo")


def test_sniffing(tmp_path: Path) -> None:
    path = write_text(
        tmp_path / "dm/annotations/train.json", "\ufeff" + json.dumps(content(item()))
    )
    assert recognise(path)[0] == recognise(tmp_path / "dm")[0] == "datumaro"
    assert coco_format.sniff(SourceTree(tmp_path / "dm")) is None
    value = coco([coco_image(1)], [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}])
    others = {"coco": value, "labels": {"categories": {"a": 1}}, "items": {"items": []}}
    for name, other in others.items():
        write_text(tmp_path / name / "a.json", json.dumps(other))
        assert datumaro.sniff(SourceTree(tmp_path / name)) is None, name
    with pytest.raises(DataError, match="no JSON file with `categories` and `items`"):
        read_set("datumaro", tmp_path / "items")


def test_sniffing_looks_at_a_few_files(tmp_path: Path) -> None:
    for number in range(50):
        write_text(tmp_path / f"{number}.json", "{}")
    tree = SourceTree(tmp_path)
    assert datumaro.sniff(tree) is None
    assert len(tree._heads) <= 20
