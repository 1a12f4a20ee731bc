"""Label Studio as its exports, its cloud storage and its annotators leave it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.conftest import Convert, Read, read_set, write_image, write_text
from yolokit.errors import DataError
from yolokit.formats import labelstudio
from yolokit.formats.labelstudio.images import name_of_reference
from yolokit.formats.toolkit.source_tree import SourceTree

WH = (200, 100)


def result(value: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Make a result as the editor serialises it."""
    return {
        "original_width": WH[0],
        "original_height": WH[1],
        "image_rotation": 0,
        "value": value,
        "from_name": "label",
        "to_name": "image",
        "type": "rectanglelabels",
        "origin": "manual",
        **more,
    }


def box(label: str = "cat", rotation: float = 0, **more: Any) -> dict[str, Any]:
    place = {"x": 10.0, "y": 20.0, "width": 30.0, "height": 40.0, "rotation": rotation}
    return result({**place, "rectanglelabels": [label]}, **more)


def annotation(*results: Any, **more: Any) -> dict[str, Any]:
    return {"id": 1, "completed_by": 1, "was_cancelled": False, "result": list(results), **more}


def task(*annotations: Any, image: str = "/data/upload/3/0a1b2c3d-a.jpg", **more: Any) -> Any:
    return {"id": 7, "annotations": list(annotations), "predictions": [], "data": {"image": image},
            "project": 3, **more}  # fmt: skip


def read(tmp_path: Path, *tasks: Any, **options: Any) -> Read:
    path = write_text(tmp_path / "project-3.json", json.dumps(list(tasks)))
    return read_set("labelstudio", path, **options)


def shapes(found: Read) -> list[Any]:
    return [one.annotations.shapes for one in found.images]


NAME = "0a1b2c3d-a.jpg"


def test_percent_of_the_original_size(tmp_path: Path) -> None:
    found = read(tmp_path, task(annotation(box())))
    assert found.boxes == {NAME: [("cat", [20, 20, 80, 60])]}
    assert found.images[0].image.image_wh == WH
    assert found.ledger.totals.annotations_in == 1


def test_rotation_is_about_the_top_left_corner_in_pixels(tmp_path: Path) -> None:
    """Turned in percent space, the box of an image that is not square would be sheared."""
    found = read(tmp_path, task(annotation(box(rotation=30))))
    (shape,) = shapes(found)[0].values()
    assert shape.kind == "rotated"
    cos, sin = math.cos(math.radians(30)), math.sin(math.radians(30))
    corner = np.array([20, 20])
    right, down = np.array([60 * cos, 60 * sin]), np.array([-40 * sin, 40 * cos])
    expected = [corner, corner + right, corner + right + down, corner + down]
    np.testing.assert_allclose(shape.rings[0], expected, atol=1e-9)


def test_oriented_boxes_take_an_angle_of_0_too(tmp_path: Path) -> None:
    found = read(tmp_path, task(annotation(box())), task="obb")
    (shape,) = shapes(found)[0].values()
    assert shape.rings[0].tolist() == [[20, 20], [80, 20], [80, 60], [20, 60]]


def test_a_turned_view_does_not_move_anything(tmp_path: Path) -> None:
    found = read(tmp_path, task(annotation(box(image_rotation=90))))
    assert found.boxes == {NAME: [("cat", [20, 20, 80, 60])]}


def test_a_size_swapped_by_exif_is_turned_with_the_image(
    tmp_path: Path, run_convert: Convert
) -> None:
    """The file is 48x64 px as stored and turned by its Exif: 64x48 as seen."""
    import cv2

    done, data = cv2.imencode(".jpg", np.zeros((64, 48, 3), np.uint8))
    assert done
    tiff = b"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00"
    exif = b"Exif\x00\x00" + tiff + b"\x00" * 4
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    jpeg = data.tobytes()
    (tmp_path / "a.jpg").write_bytes(jpeg[:2] + segment + jpeg[2:])
    stored = box(original_width=48, original_height=64)
    write_text(tmp_path / "in.json", json.dumps([task(annotation(stored))]))
    done_ = run_convert(tmp_path / "in.json", split="keep")
    assert done_.codes["reinterpreted: exif-orientation"] == 1


def test_cancelled_annotations_are_excluded_and_their_task_left_out(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        task(annotation(box(), was_cancelled=True), annotation(box("dog"))),
        task(annotation(box(), was_cancelled=True), image="b.jpg"),
    )
    assert found.boxes == {NAME: [("dog", [20, 20, 80, 60])]}
    assert found.entries == [
        ("excluded", "cancelled", 0),
        ("excluded", "cancelled", 2),
        ("noted", "task-left-out", None),
    ]


@pytest.mark.parametrize(
    ("rule", "names"), [("last", ["new"]), ("first", ["old"]), ("all", ["old", "new", "mid"])]
)
def test_several_annotations_of_one_task(rule: str, names: list[str], tmp_path: Path) -> None:
    annotations = [
        annotation(box(name), created_at=f"2024-01-0{created}", updated_at=f"2024-02-0{updated}")
        for name, created, updated in (("old", 1, 1), ("new", 2, 9), ("mid", 3, 3))
    ]
    found = read(tmp_path, task(*annotations), assume={"annotators": rule})
    assert [name for name, _ in found.boxes[NAME]] == names
    assert found.ledger.totals.excluded == 3 - len(names)
    assert "1 task has several annotations" in " ".join(found.dataset.evidence)
    if rule == "last":
        annotations[0]["ground_truth"] = True
        found = read(tmp_path, task(*annotations))
        assert [name for name, _ in found.boxes[NAME]] == ["old"]


def test_predictions_are_no_annotations(tmp_path: Path) -> None:
    guessed = task(predictions=[annotation(box(), model_version="v1", score=0.9)])
    found = read(tmp_path, guessed, task(annotation(box()), image="b.jpg"))
    assert found.boxes == {NAME: [], "b.jpg": [("cat", [20, 20, 80, 60])]}
    assert "1 prediction not read: only annotations are" in found.dataset.evidence
    with pytest.raises(DataError, match="no annotation in its 1 task; 1 prediction is"):
        read(tmp_path, guessed)
    found = read(tmp_path, guessed, assume={"unlabelled": "background"})
    assert found.boxes == {NAME: []}


def test_a_task_that_nobody_labelled_is_a_background_image_or_none(tmp_path: Path) -> None:
    tasks = [task(), task(annotation(), image="b.jpg")]
    assert read(tmp_path, *tasks).boxes == {NAME: [], "b.jpg": []}
    found = read(tmp_path, *tasks, assume={"unlabelled": "exclude"})
    assert found.boxes == {"b.jpg": []}
    assert found.entries == [("noted", "task-left-out", None)]


def test_several_controls_are_all_read_and_counted_by_from_name(tmp_path: Path) -> None:
    polygon = result({"points": [[0, 0], [50, 0], [50, 100]], "polygonlabels": ["dog"]},
                     from_name="seg", type="polygonlabels")  # fmt: skip
    found = read(tmp_path, task(annotation(box(from_name="bbox"), box(from_name="bbox"), polygon)))
    assert len(found.boxes[NAME]) == 3
    sentence = "regions come from several controls, all of which are read: bbox (2), seg (1)"
    assert sentence in found.dataset.evidence


def test_polygons_ellipses_and_labels_beside_a_rectangle(tmp_path: Path) -> None:
    ellipse = {"x": 50, "y": 50, "radiusX": 10, "radiusY": 40, "rotation": 90}
    place = {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0}
    found = read(
        tmp_path,
        task(
            annotation(
                result({"points": [[0, 0], [50, 0], [50, 100]], "polygonlabels": ["dog"]}),
                result({**ellipse, "ellipselabels": ["eye"]}, type="ellipselabels"),
                result(place, id="x", type="rectangle", from_name="rect"),
                result({**place, "labels": ["cat"]}, id="x", type="labels"),
                result({**place, "text": ["hm"]}, id="x", type="textarea", from_name="t"),
            )
        ),
        task="segment",
    )
    boxes = dict(found.boxes[NAME])
    assert boxes["dog"] == [0, 0, 100, 100]
    np.testing.assert_allclose(boxes["eye"], [60, 30, 140, 70], atol=0.1)
    assert boxes["cat"] == [20, 20, 80, 60]
    assert found.ledger.totals.annotations_in == 3
    assert shapes(found)[0][1].remark.startswith("circle-to-polygon: an ellipse")


def pack(mask: np.ndarray[Any, Any]) -> list[int]:
    """Pack an RGBA image of a mask as @thi.ng/rle-pack does."""
    values = np.repeat(mask.reshape(-1)[:, None], 4, axis=1).reshape(-1).astype(int) * 255
    bits = f"{len(values):032b}" + f"{7:05b}" + "".join(f"{size - 1:04b}" for size in (3, 4, 8, 16))
    at = 0
    while at < len(values):
        end = at
        while end < len(values) and values[end] == values[at] and end - at < 65536:
            end += 1
        if end - at == 4:  # for both kinds of runs to occur
            bits += "0" + "01" + f"{3:04b}" + f"{values[at]:08b}" * 4
        else:
            bits += "1" + "11" + f"{end - at - 1:016b}" + f"{values[at]:08b}"
        at = end
    bits += "0" * (-len(bits) % 8)
    return [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]


def brush(rle: Any) -> dict[str, Any]:
    return result({"format": "rle", "rle": rle, "brushlabels": ["cat"]}, type="brushlabels")


def test_brush_masks_are_unpacked(tmp_path: Path) -> None:
    mask = np.zeros((WH[1], WH[0]), np.bool_)
    mask[10:20, 30:50] = True
    mask[20, 30] = True
    found = read(tmp_path, task(annotation(brush(pack(mask)))), task="segment")
    assert found.boxes == {NAME: [("cat", [30, 10, 50, 21])]}
    assert shapes(found)[0][0].remark.startswith("mask-to-polygon")


@pytest.mark.parametrize(
    ("rle", "words"),
    [
        ([0, 1], "cut short"),
        ([255] * 30, "has 4294967295 values"),
        (pack(np.zeros((WH[1], WH[0]), np.bool_))[:-3], "cut short"),
        (pack(np.zeros((3, 3), np.bool_)), "has 36 values, not those of 200x100 px"),
        (pack(np.zeros((WH[1], WH[0]), np.bool_)), "covers nothing"),
        ("abc", "not a list of bytes"),
        ([1, 300], "not a list of bytes"),
        (None, "not a list of bytes"),
    ],
)
def test_broken_brush_masks_are_dropped(rle: Any, words: str, tmp_path: Path) -> None:
    found = read(tmp_path, task(annotation(brush(rle))))
    assert found.entries == [("dropped", "bad-region", 0)]
    assert words in found.ledger.entries[0].message


def test_a_brush_on_a_huge_canvas_is_not_unpacked(tmp_path: Path) -> None:
    region = {**brush([1]), "original_width": 1 << 20, "original_height": 1 << 20}
    assert read(tmp_path, task(annotation(region))).entries == [("dropped", "bad-region", 0)]


CONFIG = """<View><Image name="image" value="$image"/>
<RectangleLabels name="label" toName="image"><Label value="dog"/><Label value="cat"/>
</RectangleLabels><KeyPointLabels name="kp" toName="image">
<Label value="right eye" model_index="1"/><Label value="left eye" model_index="0"/>
</KeyPointLabels></View>"""


def keypoint(label: str, x: float, parent: str | None, **more: Any) -> dict[str, Any]:
    value = {"x": x, "y": 50.0, "width": 0.3, "keypointlabels": [label]}
    linked = {} if parent is None else {"parentID": parent}
    return result(value, type="keypointlabels", from_name="kp", **linked, **more)


def test_keypoints_are_a_pose_of_their_parent(tmp_path: Path) -> None:
    write_text(tmp_path / "config.xml", CONFIG)
    hidden = {"x": 20, "y": 50.0, "width": 0.3, "choices": ["hidden"]}
    found = read(
        tmp_path,
        task(
            annotation(
                keypoint("right eye", 10, "r1"),
                box("cat", id="r1"),
                keypoint("left eye", 20, "r1", id="k"),
                result(hidden, id="k", type="choices"),
                box("dog", id="r2"),
                keypoint("left eye", 70, None),
            )
        ),
        task="pose",
    )
    assert found.dataset.names == ("dog", "cat")
    assert found.dataset.pose is not None
    assert found.dataset.pose.names == ("left eye", "right eye")
    assert found.dataset.pose.flip_indices == (1, 0)
    points = found.images[0].annotations.keypoints
    assert points is not None
    assert points.tolist() == [[[40, 50, 1], [20, 50, 2]], [[0, 0, 0], [0, 0, 0]]]
    assert found.entries == [("excluded", "not-an-area", 4)]
    assert found.ledger.totals.annotations_in == 3
    assert "by config.xml" in " ".join(found.dataset.evidence)
    assert "1 keypoint hidden, by a choice on the region" in found.dataset.evidence


def test_relations_and_choices_of_the_whole_image_are_no_objects(tmp_path: Path) -> None:
    relation = {"from_id": "a", "to_id": "b", "type": "relation", "direction": "right"}
    choice = {"value": {"choices": ["night"]}, "from_name": "when", "type": "choices", "id": "q"}
    found = read(tmp_path, task(annotation(box(), relation, choice)))
    assert len(found.boxes[NAME]) == 1
    assert found.entries == [("excluded", "not-an-area", 1)]
    assert "1 relation between regions not read" in found.dataset.evidence


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("/data/upload/3/0a1b2c3d-a%20b.jpg", "0a1b2c3d-a b.jpg"),
        ("/data/upload/0a1b2c3d-a.jpg", "0a1b2c3d-a.jpg"),
        ("http://localhost:8080/data/upload/3/0a1b2c3d-a.jpg", "0a1b2c3d-a.jpg"),
        ("/data/local-files/?d=some%20where/a.jpg", "some where/a.jpg"),
        ("http://x.y/data/local-files/?d=b/a.jpg", "b/a.jpg"),
        ("s3://bucket/in%20it/a.jpg", "in%20it/a.jpg"),
        ("https://x.y/p/a%20b.jpg?sig=1#f", "p/a b.jpg"),
        ("plain 100%.jpg", "plain 100%.jpg"),
    ],
)
def test_names_of_references(reference: str, name: str) -> None:
    assert name_of_reference(reference) == name


def test_an_upload_is_found_under_the_name_that_it_had(
    tmp_path: Path, run_convert: Convert
) -> None:
    for name in ("a.jpg", "b.jpg"):
        write_image(tmp_path / "images" / name, *WH)
    tasks = [
        task(annotation(box()), image="/data/upload/3/0a1b2c3d-a.jpg"),
        task(annotation(box()), image="/data/upload/3/11112222-b.jpg"),
        task(annotation(box()), image="/data/upload/3/33334444-b.jpg"),
    ]
    write_text(tmp_path / "in.json", json.dumps(tasks))
    done = run_convert(tmp_path / "in.json", split="keep")
    assert done.totals.kept == 1  # which of two uploads of that name b.jpg is, nothing tells
    assert done.codes["dropped: missing-image"] == 2


def test_without_a_stated_size_the_image_is_looked_at(tmp_path: Path) -> None:
    bare = {"type": "rectanglelabels", "from_name": "label", "value": box()["value"]}
    found = read(tmp_path, task(annotation(bare), image="a.jpg"))
    assert found.entries == [("dropped", "missing-image", 0)]
    write_image(tmp_path / "a.jpg", 400, 100)
    found = read(tmp_path, task(annotation(bare), image="a.jpg"))
    assert found.boxes == {"a.jpg": [("cat", [40, 20, 160, 60])]}
    with pytest.raises(DataError, match="--labels-only reads no image"):
        read(tmp_path, task(annotation(bare), image="a.jpg"), labels_only=True)


def test_json_min_has_results_under_the_names_of_controls(tmp_path: Path) -> None:
    value = {**box()["value"], "original_width": WH[0], "original_height": WH[1]}
    items = [
        {"image": "a.jpg", "id": 1, "label": [value], "annotator": 1, "annotation_id": 4,
         "created_at": "2024-01-01", "updated_at": "2024-01-01", "lead_time": 2.5},
        {"image": "a.jpg", "id": 1, "label": [value, value], "weather": "sunny", "annotator": 2,
         "annotation_id": 5, "created_at": "2024-01-02", "updated_at": "2024-01-02"},
        {"image": "b.jpg", "id": 2, "annotator": 1, "annotation_id": 6},
    ]  # fmt: skip
    found = read(tmp_path, *items)
    assert [len(boxes) for boxes in found.boxes.values()] == [2, 0]
    assert found.boxes["a.jpg"][0] == ("cat", [20, 20, 80, 60])
    assert found.ledger.totals.excluded == 1
    assert labelstudio.sniff(SourceTree(tmp_path)) is not None


def test_a_folder_of_files_one_a_task_or_one_an_annotation(tmp_path: Path) -> None:
    write_text(tmp_path / "train/1.json", json.dumps(task(annotation(box()), image="a.jpg")))
    stored = {**annotation(box("dog")), "task": {"id": 9, "data": {"image": "b.jpg"}}}
    write_text(tmp_path / "val/2.json", json.dumps(stored))
    write_text(tmp_path / "package.json", '{"name": "x"}')
    found = read_set("labelstudio", tmp_path)
    assert set(found.boxes) == {"a.jpg", "b.jpg"}
    assert [one.image.split for one in found.images] == ["train", "val"]


def test_an_image_of_two_tasks_is_one(tmp_path: Path) -> None:
    found = read(tmp_path, task(annotation(box())), task(annotation(box("dog"))))
    assert [name for name, _ in found.boxes[NAME]] == ["cat", "dog"]
    assert found.entries == [("noted", "duplicate-image", None)]


def test_several_images_of_one_task(tmp_path: Path) -> None:
    both = {"id": 1, "data": {"pages": ["a.jpg", "b.jpg"]},
            "annotations": [annotation(box(item_index=1), box(item_index=2))]}  # fmt: skip
    found = read(tmp_path, both)
    assert [len(boxes) for boxes in found.boxes.values()] == [0, 1]
    assert found.entries == [("dropped", "no-image", 1)]


def test_which_image_a_task_shows_is_not_guessed(tmp_path: Path) -> None:
    unclear = {"id": 1, "data": {"front": "a.jpg", "back": "b.jpg", "note": "c"},
               "annotations": [annotation(box())]}  # fmt: skip
    found = read(tmp_path, unclear)
    assert found.entries == [("dropped", "no-image", 0)]
    assert "back, front" in found.ledger.entries[0].message


@pytest.mark.parametrize(
    ("region", "code"),
    [
        (result({"x": 1, "y": 2, "width": 3, "height": 4}), "no-label"),
        (result({"x": "1", "y": 2, "width": 3, "height": 4, "labels": ["a"]}), "bad-region"),
        (result({"x": 1, "y": 2, "height": 4, "labels": ["a"]}), "bad-region"),
        (result({"points": [[1, 2], [3, 4]], "polygonlabels": ["a"]}), "bad-region"),
        (result({"points": [[1, 2], [3], [4, 5]], "polygonlabels": ["a"]}), "bad-region"),
        (result({"points": [[1, 2], [3, 4], [1e400, 5]], "labels": ["a"]}), "bad-region"),
        (box(rotation=float("inf")), "bad-region"),
        (result({"x": 1, "y": 2, "radiusX": 0, "radiusY": 3, "labels": ["a"]}), "bad-region"),
        (box(original_width=100), "size-differs"),
        (result({"imageDataURL": "data:..", "bitmasklabels": ["a"]}, type="bitmasklabels"),
         "unsupported-region"),
    ],
)  # fmt: skip
def test_faulty_regions_are_dropped_with_their_place(
    region: dict[str, Any], code: str, tmp_path: Path
) -> None:
    found = read(tmp_path, task(annotation(box(), region)))
    assert len(found.boxes[NAME]) == 1
    assert found.entries == [("dropped", code, 1)]
    assert found.ledger.entries[0].message.startswith("task 7: ")


def test_odd_but_usable_regions_say_so(tmp_path: Path) -> None:
    two = result({**box()["value"], "rectanglelabels": ["cat", "dog"]})
    half = box(original_width=100, original_height=50)
    found = read(tmp_path, task(annotation(two, half)))
    remarks = found.images[0].annotations.reinterpreted
    assert remarks[0].startswith("several-labels: it is cat, dog")
    assert remarks[1].startswith("size-differs: it is stated on 100x50 px")


@pytest.mark.parametrize(
    "content",
    [
        '[{"data": {"image": "a.jpg"}, "annotations": [{"result": [',
        '[{"result": [], "lead_time": 2, "data": 1}]',
        '[[{"result": [], "from_name": ""}]]',
        '{"result": [], "lead_time": 1}',
    ],
)
def test_broken_files_are_reported_at_once(content: str, tmp_path: Path) -> None:
    write_text(tmp_path / "a.json", content)
    write_text(tmp_path / "b.json", content)
    with pytest.raises(DataError, match=r"2 files that are not tasks(.|\n)*a\.json(.|\n)*b\.json"):
        read_set("labelstudio", tmp_path)


@pytest.mark.parametrize("result_", [1, None, "x", [], {}, {"value": 3, "id": {}}])
def test_results_that_are_none_are_entered(result_: Any, tmp_path: Path) -> None:
    found = read(tmp_path, task(annotation(box(), result_)))
    assert found.entries == [("excluded", "not-an-area", 1)]


def test_a_name_that_climbs_out_is_not_followed(tmp_path: Path, run_convert: Convert) -> None:
    write_image(tmp_path / "secret.jpg", *WH)
    path = "/data/local-files/?d=../secret.jpg"
    write_text(tmp_path / "in/x.json", json.dumps([task(annotation(box()), image=path)]))
    with pytest.raises(DataError, match="climbs out"):
        run_convert(tmp_path / "in", split="keep")


@pytest.mark.parametrize(
    "content",
    [
        '[{"image": "a.jpg", "annotations": [{"label": "x", "coordinates": {"x": 1}}]}]',
        '{"images": [], "annotations": [], "categories": []}',
        '{"items": [{"id": "a", "annotations": []}]}',
        '{"samples": [{"filepath": "a.jpg"}]}',
        '{"result": [1], "status": "ok"}',
        '{"result": [1], "data": {"image": "a.jpg"}}',
        '[{"annotation_id": 1, "image_id": 2}]',
        '[{"data": {}, "id": 1}]',
    ],
)
def test_other_json_is_not_recognised(content: str, tmp_path: Path) -> None:
    write_text(tmp_path / "a.json", content)
    assert labelstudio.sniff(SourceTree(tmp_path)) is None


def test_exports_are_recognised(tmp_path: Path) -> None:
    for at, tasks in enumerate(([task(annotation(box()))], [task()], [task(annotation())])):
        path = write_text(tmp_path / f"{at}.json", json.dumps(tasks))
        match = labelstudio.sniff(SourceTree(path))
        assert match is not None
        assert match.evidence.startswith(f"{at}.json holds tasks")


def test_the_configuration_beside_a_single_file_is_looked_for_in_its_folder_alone(
    tmp_path: Path,
) -> None:
    write_text(tmp_path / "deep/config.xml", CONFIG)
    assert read(tmp_path, task(annotation(box()))).dataset.names == ("cat",)
    write_text(tmp_path / "config.xml", CONFIG)
    assert read(tmp_path, task(annotation(box()))).dataset.names == ("dog", "cat")
    write_text(tmp_path / "config.xml", "<View><Image")
    with pytest.raises(DataError, match="not well-formed XML"):
        read(tmp_path, task(annotation(box())))
