"""CVAT for images and for video, in files shaped as CVAT and as scripts write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.conftest import (
    Convert,
    Read,
    read_set,
    voc_object,
    voc_xml,
    write_image,
    write_text,
)
from yolokit.errors import DataError
from yolokit.formats import cvat
from yolokit.formats.cvat import tracks
from yolokit.formats.toolkit.plugin import recognise
from yolokit.formats.toolkit.source_tree import SourceTree

LABELS = "<label><name>cat</name></label><label><name>dog</name></label>"


def task_meta(labels: str = LABELS, more: str = "", owner: str = "task") -> str:
    return f"<meta>\n<{owner}><id>1</id>{more}<labels>{labels}</labels></{owner}></meta>"


def images_xml(*shapes: str, meta: str | None = None, name: str = 'name="a.jpg"') -> str:
    meta = task_meta() if meta is None else meta
    body = "\n".join(shapes)
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version>{meta}'
        f'<image id="0" {name} width="64" height="48">\n{body}\n</image></annotations>'
    )


def box(
    corners: tuple[float, float, float, float] = (4, 6, 20, 30), label: str = "cat", more: str = ""
) -> str:
    x1, y1, x2, y2 = corners
    return (
        f'<box label="{label}" source="manual" occluded="0" xtl="{x1:.2f}" ytl="{y1:.2f}" '
        f'xbr="{x2:.2f}" ybr="{y2:.2f}" {more} z_order="0">\n'
        '<attribute name="k">v</attribute></box>'
    )


def key(frame: int, x: float, *, outside: int = 0, keyframe: int = 1, more: str = "") -> str:
    return (
        f'<box frame="{frame}" keyframe="{keyframe}" outside="{outside}" occluded="0" '
        f'xtl="{x}" ytl="10" xbr="{x + 10}" ybr="20" {more} z_order="0"></box>\n'
    )


def video_xml(*tracks: str, more: str = "", owner: str = "task") -> str:
    size = "<original_size><width>64</width><height>48</height></original_size>"
    body = "".join(
        f'<track id="{at}" label="cat" source="manual">\n{track}</track>\n'
        for at, track in enumerate(tracks)
    )
    return (
        f"<annotations><version>1.1</version>{task_meta(more=more + size, owner=owner)}\n{body}"
        "</annotations>"
    )


FRAMES = "<start_frame>0</start_frame><stop_frame>9</stop_frame><frame_filter></frame_filter>"


def read_xml_set(tmp_path: Path, text: str, **options: Any) -> Read:
    return read_set("cvat", write_text(tmp_path / "annotations.xml", text), **options)


def read_frames(tmp_path: Path, text: str, **options: Any) -> dict[str, list[list[float]]]:
    """Return frame to boxes, without those in which there is nothing."""
    found = read_xml_set(tmp_path, text, labels_only=True, **options)
    boxes = {name: [box for _, box in labels] for name, labels in found.boxes.items() if labels}
    return {name.removeprefix("frame_").removesuffix(".PNG"): rows for name, rows in boxes.items()}


def test_boxes_of_images(tmp_path: Path) -> None:
    text = images_xml(box(), box((1.5, 2, 3.25, 9), "dog"), box(label="new"))
    found = read_xml_set(tmp_path, text)
    assert found.dataset.names == ("cat", "dog", "new")
    assert found.boxes["a.jpg"][:2] == [("cat", [4, 6, 20, 30]), ("dog", [1.5, 2, 3.25, 9])]
    assert found.images[0].image.image_wh == (64, 48)
    assert found.images[0].annotations.places.tolist() == [4, 6, 8]
    assert found.images[0].annotations.is_plain
    assert found.entries == []


@pytest.mark.parametrize("owner", ["task", "job", "project"])
def test_labels_stand_in_task_job_or_project(owner: str, tmp_path: Path) -> None:
    found = read_xml_set(tmp_path, images_xml(box(), meta=task_meta(owner=owner)))
    assert found.dataset.names == ("cat", "dog")
    assert f"meta/{owner}" in found.dataset.evidence[0]


def test_images_without_shapes_and_without_a_size_survive(tmp_path: Path) -> None:
    text = images_xml().replace('width="64" height="48"', "")
    found = read_xml_set(tmp_path, text)
    assert found.boxes == {"a.jpg": []}
    assert found.images[0].image.width_px is None


def test_a_rotation_is_clockwise_about_the_centre(tmp_path: Path) -> None:
    text = images_xml(box((10, 20, 30, 30), more='rotation="90.00"'), box())
    found = read_xml_set(tmp_path, text, task="obb").images[0].annotations
    assert found.shapes[0].kind == "rotated"
    assert found.shapes[0].rings[0].round(6).tolist() == [[25, 15], [25, 35], [15, 35], [15, 15]]
    assert found.shapes[1].rings[0].round(6).tolist() == [[4, 6], [20, 6], [20, 30], [4, 30]]
    plain = read_xml_set(tmp_path, text).images[0].annotations
    assert list(plain.shapes) == [0]
    assert plain.xyxy.round(6).tolist() == [[15, 15, 25, 35], [4, 6, 20, 30]]


def test_a_polygon(tmp_path: Path) -> None:
    text = images_xml('<polygon label="cat" points="1.00,2.00;30.50,4.00;20.00,40.25"/>')
    found = read_xml_set(tmp_path, text, task="segment").images[0].annotations
    assert found.shapes[0].rings[0].tolist() == [[1, 2], [30.5, 4], [20, 40.25]]
    assert found.xyxy.tolist() == [[1, 2, 30.5, 40.25]]


def test_an_ellipse_becomes_a_polygon_and_says_so(tmp_path: Path) -> None:
    text = images_xml('<ellipse label="cat" cx="30" cy="20" rx="20" ry="5" rotation="90"/>')
    (image,) = read_xml_set(tmp_path, text, task="segment").images
    shape = image.annotations.shapes[0]
    assert shape.remark is not None
    assert shape.remark.startswith("circle-to-polygon: ")
    assert np.array(shape.xyxy).round(6).tolist() == [25, 0, 35, 40]


def test_runs_of_a_mask_go_along_the_rows_of_its_box(tmp_path: Path) -> None:
    # Of 3x2 px at (10, 20): the upper row but its first pixel, and the first of the lower.
    text = images_xml('<mask label="cat" rle="1, 3, 2" left="10" top="20" width="3" height="2"/>')
    shape = read_xml_set(tmp_path, text, task="segment").images[0].annotations.shapes[0]
    assert shape.remark is not None
    assert shape.remark.startswith("mask-to-polygon")
    rings = [ring.astype(int).tolist() for ring in shape.rings]
    assert sorted(sorted(ring) for ring in rings) == [
        [[10, 21], [10, 22], [11, 21], [11, 22]],
        [[11, 20], [11, 21], [13, 20], [13, 21]],
    ]


SKELETON = (
    '<skeleton label="person" z_order="0">\n'
    '<points label="right eye" source="manual" outside="0" occluded="1" points="30.00,12.00"/>'
    '<points label="left eye" source="manual" outside="0" occluded="0" points="10.00,8.00"/>'
    '<points label="nose" source="manual" outside="1" occluded="0" points="20.00,40.00"/>'
    "</skeleton>"
)
POSE_LABELS = LABELS + "".join(
    f"<label><name>{name}</name><type>{kind}</type>{parent}</label>"
    for name, kind, parent in [
        ("person", "skeleton", ""),
        ("left eye", "points", "<parent>person</parent>"),
        ("nose", "points", "<parent>person</parent>"),
        ("right eye", "points", "<parent>person</parent>"),
    ]
)


def test_skeletons_are_keypoints_in_the_order_of_the_labels(tmp_path: Path) -> None:
    text = images_xml(SKELETON, box(), meta=task_meta(POSE_LABELS))
    found = read_xml_set(tmp_path, text, task="pose")
    assert found.dataset.names == ("cat", "dog", "person")
    assert found.dataset.pose is not None
    assert found.dataset.pose.names == ("left eye", "nose", "right eye")
    assert found.dataset.pose.flip_indices == (2, 1, 0)
    (image,) = found.images
    assert image.annotations.keypoints is not None
    assert image.annotations.keypoints.tolist() == [
        [[10, 8, 2], [0, 0, 0], [30, 12, 1]],
        [[0, 0, 0]] * 3,
    ]
    assert image.annotations.xyxy[0].tolist() == [10, 8, 30, 12]
    assert image.annotations.reinterpreted[0].startswith("skeleton-to-box: ")
    assert found.ledger.totals.annotations_in == 2


GROUPED = SKELETON.replace('z_order="0"', 'group_id="3" z_order="0"')


def person(more: str = 'group_id="3"', label: str = "person") -> str:
    return box((5, 5, 40, 30), label, more)


def test_a_box_and_a_skeleton_of_one_group_are_one_object(tmp_path: Path) -> None:
    text = images_xml(box(), GROUPED, person(), box(), meta=task_meta(POSE_LABELS))
    found = read_xml_set(tmp_path, text, task="pose")
    annotations = found.images[0].annotations
    assert found.boxes["a.jpg"][1] == ("person", [5, 5, 40, 30])
    assert annotations.keypoints is not None
    assert annotations.keypoints[1].tolist() == [[10, 8, 2], [0, 0, 0], [30, 12, 1]]
    assert not annotations.reinterpreted
    assert found.ledger.totals.annotations_in == len(annotations) == 3
    assert any("parts of one object: 1 (" in line for line in found.dataset.evidence)
    plain = read_xml_set(tmp_path, text)
    assert plain.boxes == found.boxes
    turned = text.replace(person(), person('group_id="3" rotation="30"'))
    assert read_xml_set(tmp_path, turned).images[0].annotations.shapes[1].kind == "rotated"


@pytest.mark.parametrize(
    "shapes",
    [
        (GROUPED, person(), person()),
        (GROUPED, GROUPED, person()),
        (GROUPED, GROUPED, person(), person()),
        (GROUPED, person(label="cat")),
        (GROUPED, person('group_id="4"')),
        (GROUPED, person("")),
        (SKELETON, person("")),
        (GROUPED.replace('"3"', '"0"'), person('group_id="0"')),
    ],
)
def test_other_boxes_and_skeletons_stay_apart(shapes: tuple[str, ...], tmp_path: Path) -> None:
    found = read_xml_set(tmp_path, images_xml(*shapes, meta=task_meta(POSE_LABELS)), task="pose")
    assert len(found.boxes["a.jpg"]) == found.ledger.totals.annotations_in == len(shapes)
    assert [10, 8, 30, 12] in [xyxy for _, xyxy in found.boxes["a.jpg"]]
    assert not any("joined" in line for line in found.dataset.evidence)


@pytest.mark.parametrize(
    ("shapes", "entry"),
    [
        ((GROUPED.replace("10.00,8.00", "?"), person()), ("dropped", "bad-annotation")),
        ((GROUPED.replace('outside="0"', 'outside="1"'), person()), ("excluded", "outside")),
        ((GROUPED, person().replace('"40.00"', '"?"')), ("dropped", "bad-annotation")),
    ],
)
def test_a_group_of_which_one_is_faulty_is_the_other(
    shapes: tuple[str, str], entry: tuple[str, str], tmp_path: Path
) -> None:
    found = read_xml_set(tmp_path, images_xml(*shapes), task="pose")
    assert len(found.boxes["a.jpg"]) == 1
    assert [row[:2] for row in found.entries] == [entry]
    assert found.ledger.totals.annotations_in == 2


def polygon(x: float, more: str = 'group_id="7"', label: str = "cat") -> str:
    return f'<polygon label="{label}" points="{x},1;{x + 9},1;{x + 9},9" {more}/>'


MASK = '<mask label="cat" rle="0, 4" left="40" top="20" width="2" height="2" group_id="7"/>'
ELLIPSE = '<ellipse label="cat" cx="9" cy="9" rx="2" ry="2" group_id="7"/>'


@pytest.mark.parametrize("second", [polygon(20), MASK, ELLIPSE])
def test_outlines_of_one_group_are_one_object(
    second: str, tmp_path: Path, run_convert: Convert
) -> None:
    write_image(tmp_path / "a.jpg")
    text = images_xml(polygon(1), polygon(30, ""), second, polygon(50, 'group_id="0"'))
    found = read_xml_set(tmp_path, text, task="segment")
    assert len(found.images[0].annotations.shapes[0].rings) == 2
    assert [len(found.images[0].annotations.shapes[row].rings) for row in (1, 2)] == [1, 1]
    assert found.ledger.totals.annotations_in == 3
    assert any("group=join|separate" in line for line in found.dataset.evidence)
    apart = read_xml_set(tmp_path, text, task="segment", assume={"group": "separate"})
    assert len(apart.images[0].annotations) == 4
    result = run_convert(tmp_path / "annotations.xml", task="segment")
    assert (result.totals.kept, result.totals.reinterpreted) == (2, 1)
    assert "2 outlines became one" in (tmp_path / "out/ledger.jsonl").read_text()


def test_a_box_in_a_group_is_the_box_of_its_outlines(tmp_path: Path) -> None:
    text = images_xml(polygon(1), box(more='group_id="7"'), polygon(20), GROUPED)
    found = read_xml_set(tmp_path, text, task="segment")
    assert found.boxes["a.jpg"][0] == ("cat", [4, 6, 20, 30])
    shape = found.images[0].annotations.shapes[0]
    assert (len(shape.rings), shape.box_stated) == (2, True)
    assert found.images[0].annotations.places[0] == 5


@pytest.mark.parametrize(
    "shapes",
    [
        (polygon(1), box(more='group_id="7"'), box(more='group_id="7"')),
        (polygon(1), box(more='group_id="7" rotation="30"')),
        (polygon(1), polygon(1, label="dog"), polygon(1, 'group_id="8"')),
        (polygon(1, 'group_id="00"'), polygon(1, 'group_id="0"')),
        (polygon(1, 'group_id="x"'), polygon(1, 'group_id="x"')),
    ],
)
def test_other_groups_stay_apart(shapes: tuple[str, ...], tmp_path: Path) -> None:
    found = read_xml_set(tmp_path, images_xml(*shapes), task="segment")
    assert len(found.boxes["a.jpg"]) == found.ledger.totals.annotations_in == len(shapes)


def test_groups_of_two_images_have_nothing_in_common(tmp_path: Path) -> None:
    one = images_xml(polygon(1), polygon(20))
    second = one[one.index("<image") : one.index("</annotations>")].replace("a.jpg", "b.jpg")
    found = read_xml_set(tmp_path, one.replace("</annotations>", second + "</annotations>"))
    assert [len(boxes) for boxes in found.boxes.values()] == [1, 1]


def test_tracks_of_one_group_are_one_object_in_each_frame(tmp_path: Path) -> None:
    def track(x: int, *frames: int) -> str:
        return "".join(
            polygon(x, f'frame="{frame}" outside="0" keyframe="1"') + "\n" for frame in frames
        )

    text = video_xml(track(1, 0, 1), track(20, 1, 2), more=FRAMES)
    text = text.replace('source="manual"', 'source="manual" group_id="7"')
    found = read_xml_set(tmp_path, text, task="segment", labels_only=True)
    shapes = [one.annotations.shapes for one in found.images if len(one.annotations)]
    assert [[len(shape.rings) for shape in one.values()] for one in shapes] == [[1], [2], [1]]
    assert found.ledger.totals.annotations_in == 3


def test_a_fragment_in_the_group_of_an_outline_is_left_aside(tmp_path: Path) -> None:
    fragment = '<polygon label="cat" points="1,2;3,4" group_id="{}"/>'
    text = images_xml(fragment.format(7), polygon(1), fragment.format(8))
    found = read_xml_set(tmp_path, text, task="segment")
    assert len(found.boxes["a.jpg"]) == 1
    assert found.entries == [("noted", "fragment-aside", 4), ("dropped", "bad-annotation", 6)]


def test_skeletons_of_two_kinds_are_no_one_pose(tmp_path: Path) -> None:
    other = SKELETON.replace("person", "bird").replace("nose", "beak")
    text = images_xml(SKELETON, other)
    assert len(read_xml_set(tmp_path, text).boxes["a.jpg"]) == 2
    with pytest.raises(DataError, match="'person' and 'bird' have different points"):
        read_xml_set(tmp_path, text, task="pose")


def test_a_skeleton_that_is_outside_altogether_is_excluded(tmp_path: Path) -> None:
    found = read_xml_set(tmp_path, images_xml(SKELETON.replace('outside="0"', 'outside="1"')))
    assert found.boxes == {"a.jpg": []}
    assert found.entries == [("excluded", "outside", 4)]


def test_a_box_of_an_image_may_be_outside_too(tmp_path: Path) -> None:
    found = read_xml_set(tmp_path, images_xml(box(more='outside="1"'), box(more='outside="0"')))
    assert len(found.boxes["a.jpg"]) == 1
    assert found.entries == [("excluded", "outside", 4)]


def test_what_is_no_area_is_excluded_with_its_reason(tmp_path: Path) -> None:
    cuboid = '<cuboid label="cat" xtl1="1" ytl1="1"/>'
    text = images_xml(
        '<points label="cat" points="1,2;3,4"/>',
        '<polyline label="cat" points="1,2;3,4;5,6"/>',
        '<tag label="cat" source="manual"/>',
        cuboid,
        box(more='group_id="1"'),
        box(label="dog", more='group_id="1"'),
    )
    found = read_xml_set(tmp_path, text)
    assert [name for name, _ in found.boxes["a.jpg"]] == ["cat", "dog"]
    assert found.entries == [("excluded", "not-an-area", line) for line in (4, 5, 6, 7)]
    assert found.ledger.totals.annotations_in == 6
    assert "a line is not an area" in found.ledger.entries[1].message


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ('<box label="cat" xtl="1" ytl="2" xbr="3"/>', "no `ybr`"),
        ('<box label="cat" xtl="1" ytl="2" xbr="3" ybr="x"/>', "not a number: 'x'"),
        ('<box label="cat" xtl="1" ytl="2" xbr="nan" ybr="4"/>', "nowhere in an image"),
        ('<box label="cat" xtl="1" ytl="2" xbr="1e300" ybr="4"/>', "nowhere in an image"),
        ('<box xtl="1" ytl="2" xbr="3" ybr="4"/>', "has no label"),
        ('<box label="cat" xtl="9" ytl="2" xbr="3" ybr="4" rotation="5"/>', "before it begins"),
        ('<polygon label="cat" points="1,2;3,4"/>', "three points"),
        ('<polygon label="cat" points="1,2;3,4;5"/>', "not x,y pairs"),
        ('<polygon label="cat"/>', "not x,y pairs"),
        ('<ellipse label="cat" cx="1" cy="2" rx="0" ry="4"/>', "no radii"),
        ('<mask label="cat" rle="1, 2" left="0" top="0" width="2" height="2"/>', "add up"),
        ('<mask label="cat" rle="4" left="0" top="0" width="2" height="2"/>', "covers nothing"),
        ('<mask label="cat" rle="1;3" left="0" top="0" width="2" height="2"/>', "not run lengths"),
        ('<mask label="cat" rle="9" left="0" top="0" width="9999999" height="9999999"/>', "not"),
        ('<skeleton label="cat"/>', "no points"),
        ('<skeleton label="cat"><points label="1" points="1,2;3,4"/></skeleton>', "no x, y pair"),
    ],
)
def test_a_faulty_shape_is_dropped_with_its_line(shape: str, words: str, tmp_path: Path) -> None:
    found = read_xml_set(tmp_path, images_xml(box(), shape))
    assert len(found.boxes["a.jpg"]) == 1
    assert found.entries == [("dropped", "bad-annotation", 6)]
    assert words in found.ledger.entries[0].message
    assert found.ledger.totals.annotations_in == 2


def test_broken_files_are_reported_together(tmp_path: Path) -> None:
    write_text(tmp_path / "a/annotations.xml", images_xml(box())[:-30])
    write_text(tmp_path / "b/annotations.xml", images_xml(box()).replace("<image", "<<image"))
    write_text(tmp_path / "c/annotations.xml", images_xml(box()))
    write_text(tmp_path / "readme.xml", "<x/>")
    with pytest.raises(DataError, match="2 broken annotation files") as caught:
        read_set("cvat", tmp_path)
    assert "annotations.xml:" in str(caught.value)


def test_entities_are_refused(tmp_path: Path) -> None:
    text = '<!DOCTYPE a [<!ENTITY b "c">]>' + images_xml(box(label="&b;")).split("?>")[1]
    with pytest.raises(DataError, match="declares entities"):
        read_xml_set(tmp_path, text)


def test_subsets_of_a_project_are_splits(tmp_path: Path, run_convert: Convert) -> None:
    image = '<image id="0" name="a.jpg" subset="{}" task_id="1" width="64" height="48">{}</image>'
    text = f"<annotations>{task_meta(owner='project')}" + "".join(
        image.format(subset, box()) for subset in ("Train", "Validation")
    )
    write_text(tmp_path / "set/annotations.xml", text + "</annotations>")
    for subset in ("Train", "Validation"):
        write_image(tmp_path / f"set/images/{subset}/a.jpg")
    result = run_convert(tmp_path / "set", to_format="yolo")
    assert result.from_formats == ("cvat",)
    assert {split: counts.images for split, counts in result.splits.items()} == {
        "train": 1,
        "val": 1,
    }
    assert result.totals.kept == 2


@pytest.mark.parametrize("name", ["valid/annotations.xml", "val.xml", "val/train_and_test.xml"])
def test_files_are_splits_by_their_names_or_their_folders(name: str, tmp_path: Path) -> None:
    write_text(tmp_path / name, images_xml(box()))
    assert read_set("cvat", tmp_path).images[0].image.split == "val"


def test_an_image_twice_in_a_file_is_one(tmp_path: Path) -> None:
    one = images_xml(box())
    second = one[one.index("<image") : one.index("</annotations>")]
    found = read_xml_set(tmp_path, one.replace("</annotations>", second + "</annotations>"))
    assert len(found.boxes["a.jpg"]) == 2
    assert found.entries == [("noted", "duplicate-image", 6)]


@pytest.mark.parametrize("name", ["../../a.jpg", "/etc/a.jpg", "C:\\a.jpg", "a\\..\\..\\b.jpg"])
def test_names_never_lead_outside(name: str, tmp_path: Path, run_convert: Convert) -> None:
    write_image(tmp_path / "a.jpg")
    write_text(tmp_path / "in/set/annotations.xml", images_xml(box(), name=f'name="{name}"'))
    with pytest.raises(DataError, match="no image was found"):
        run_convert(tmp_path / "in/set", to_format="yolo")


# Video ---------------------------------------------------------------------------------------


def test_boxes_change_linearly_between_key_frames(tmp_path: Path) -> None:
    text = video_xml(key(0, 10) + key(4, 30) + key(5, 30, outside=1), more=FRAMES)
    assert read_frames(tmp_path, text) == {
        f"{frame:06d}": [[10 + 5 * frame, 10, 20 + 5 * frame, 20]] for frame in range(5)
    }
    found = read_xml_set(tmp_path, text)
    assert found.ledger.totals.annotations_in == 3 + 3
    assert found.entries == [("excluded", "outside", 6)]
    assert any("3 shapes were interpolated" in line for line in found.dataset.evidence)


def test_outside_ends_visibility_and_is_no_box(tmp_path: Path) -> None:
    track = key(0, 10) + key(3, 10, outside=1) + key(6, 20) + key(7, 20, outside=1)
    assert list(read_frames(tmp_path, video_xml(track, more=FRAMES))) == [
        "000000", "000001", "000002", "000006",
    ]  # fmt: skip


def test_all_frames_of_a_step_and_none_between(tmp_path: Path) -> None:
    more = (
        "<start_frame>10</start_frame><stop_frame>40</stop_frame>"
        "<frame_filter>step=5</frame_filter>"
    )
    text = video_xml(key(10, 0) + key(25, 30) + key(30, 30, outside=1), more=more)
    assert read_frames(tmp_path, text) == {
        "000010": [[0, 10, 10, 20]],
        "000015": [[10, 10, 20, 20]],
        "000020": [[20, 10, 30, 20]],
        "000025": [[30, 10, 40, 20]],
    }
    found = read_xml_set(tmp_path, text, labels_only=True)
    assert len(found.images) == 7
    assert any("frames 10 to 40 in steps of 5" in line for line in found.dataset.evidence)


def test_a_step_that_tracks_do_not_keep_is_not_believed(tmp_path: Path) -> None:
    more = "<start_frame>0</start_frame><frame_filter>step=5</frame_filter>"
    text = video_xml(key(0, 0) + key(3, 30) + key(4, 30, outside=1), more=more)
    assert list(read_frames(tmp_path, text)) == ["000000", "000001", "000002", "000003"]
    evidence = read_xml_set(tmp_path, text).dataset.evidence
    assert any("taken one by one" in line for line in evidence)


def test_a_rotation_takes_the_shorter_way_round(tmp_path: Path) -> None:
    track = key(0, 10, more='rotation="350.00"') + key(2, 10, more='rotation="10.00"')
    found = read_xml_set(tmp_path, video_xml(track, more=FRAMES), labels_only=True, task="obb")
    corners = found.images[1].annotations.shapes[0].rings[0]
    assert corners.round(6).tolist() == [[10, 10], [20, 10], [20, 20], [10, 20]]


def polygon_key(frame: int, points: str) -> str:
    return f'<polygon frame="{frame}" keyframe="1" outside="0" occluded="0" points="{points}"/>\n'


def test_polygons_change_where_they_have_as_many_points(tmp_path: Path) -> None:
    first, second = polygon_key(0, "0,0;10,0;0,10"), polygon_key(2, "10,10;20,10;10,20")
    text = video_xml(first + second, more=FRAMES)
    found = read_xml_set(tmp_path, text, labels_only=True, task="segment")
    ring = found.images[1].annotations.shapes[0].rings[0]
    assert ring.tolist() == [[5, 5], [15, 5], [5, 15]]
    assert found.entries == []


def test_a_polygon_of_another_number_of_points_is_held_and_noted(tmp_path: Path) -> None:
    first, second = polygon_key(0, "0,0;10,0;0,10"), polygon_key(3, "1,1;20,10;10,20;9,9")
    text = video_xml(first + second, more=FRAMES)
    found = read_xml_set(tmp_path, text, labels_only=True, task="segment")
    for at in (1, 2):
        ring = found.images[at].annotations.shapes[0].rings[0]
        assert ring.tolist() == [[0, 0], [10, 0], [0, 10]]
    assert found.entries == [("noted", "held", 4)]


def test_skeletons_of_a_track_change_point_by_point(tmp_path: Path) -> None:
    def at(frame: int, x: int) -> str:
        points = "".join(
            f'<points label="{n}" keyframe="1" outside="0" occluded="0" points="{x + n},{n}"/>'
            for n in (1, 2)
        )
        return f'<skeleton frame="{frame}" keyframe="1" z_order="0">{points}</skeleton>\n'

    text = video_xml(at(0, 0) + at(2, 20), more=FRAMES)
    found = read_xml_set(tmp_path, text, labels_only=True, task="pose")
    keypoints = found.images[1].annotations.keypoints
    assert keypoints is not None
    assert keypoints.tolist() == [[[11, 1, 2], [12, 2, 2]]]


def test_gaps_of_a_track_that_lists_its_frames_are_left(tmp_path: Path) -> None:
    track = key(0, 0) + key(1, 1, keyframe=0) + key(4, 4, keyframe=0) + key(5, 5, outside=1)
    text = video_xml(track, more=FRAMES)
    assert list(read_frames(tmp_path, text)) == ["000000", "000001", "000004"]
    evidence = read_xml_set(tmp_path, text).dataset.evidence
    assert any("1 gap between the frames of tracks left" in line for line in evidence)
    filled = read_frames(tmp_path, text, assume={"gaps": "fill"})
    assert list(filled) == ["000000", "000001", "000002", "000003", "000004"]
    keys = video_xml(key(0, 0) + key(4, 4), more=FRAMES)
    assert list(read_frames(tmp_path, keys, assume={"gaps": "leave"})) == ["000000", "000004"]


def test_a_track_without_an_end_is_held_on_request(tmp_path: Path) -> None:
    text = video_xml(key(6, 0), more=FRAMES)
    assert list(read_frames(tmp_path, text)) == ["000006"]
    evidence = read_xml_set(tmp_path, text).dataset.evidence
    assert any("--assume track-end" in line for line in evidence)
    held = read_frames(tmp_path, text, assume={"track-end": "stop-frame"})
    assert list(held) == ["000006", "000007", "000008", "000009"]


def test_faulty_shapes_of_a_track(tmp_path: Path) -> None:
    track = (
        key(0, 0)
        + key(4, 0).replace('xtl="0"', 'xtl="?"')
        + key(-3, 0)
        + key(10**9, 0)
        + key(0, 5)
        + '<points frame="0" keyframe="1" outside="0" points="1,2"/>'
    )
    found = read_xml_set(tmp_path, video_xml(track, more=FRAMES), labels_only=True)
    assert [len(rows) for rows in found.boxes.values()] == [1] + [0] * 9
    assert sorted(found.entries) == [
        ("dropped", "bad-annotation", 5),
        ("dropped", "bad-annotation", 6),
        ("dropped", "bad-annotation", 7),
        ("dropped", "same-frame", 8),
        ("excluded", "not-an-area", 9),
    ]
    assert found.ledger.totals.annotations_in == 6


def test_a_track_without_a_label_is_dropped(tmp_path: Path) -> None:
    text = video_xml(key(0, 0) + key(1, 0), more=FRAMES).replace('label="cat"', "")
    found = read_xml_set(tmp_path, text)
    assert found.entries == [("dropped", "bad-annotation", 4), ("dropped", "bad-annotation", 5)]


def test_more_boxes_than_any_video_has_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracks, "MAX_MADE", 9)
    text = video_xml(
        key(0, 0) + key(9, 0), key(0, 0) + key(3, 0), more="<start_frame>0</start_frame>"
    )
    with pytest.raises(DataError, match="would have to be made") as caught:
        read_xml_set(tmp_path, text, assume={"gaps": "fill"})
    assert caught.value.line is not None


def test_a_video_exported_with_its_frames(tmp_path: Path, run_convert: Convert) -> None:
    text = video_xml(key(0, 10) + key(2, 20) + key(3, 20, outside=1), more=FRAMES)
    write_text(tmp_path / "set/annotations.xml", text)
    for frame in (0, 1, 2, 5):
        write_image(tmp_path / f"set/images/frame_{frame:06d}.PNG".replace("PNG", "png"))
    result = run_convert(tmp_path / "set", to_format="yolo", split="1,0")
    assert result.totals.kept == 3
    assert result.splits["train"].images == 4
    assert result.splits["train"].background_images == 1


def test_frames_of_a_video_file_are_missing_with_a_hint(tmp_path: Path) -> None:
    write_text(tmp_path / "clip.mp4", "")
    found = read_xml_set(tmp_path, video_xml(key(0, 10) + key(2, 20), more=FRAMES))
    hint = next(line for line in found.dataset.evidence if "no image" in line)
    assert "3 of 3 annotated frames" in hint
    assert "ffmpeg -i clip.mp4" in hint
    assert [one.image.file_name for one in found.images] == [
        f"frame_00000{frame}.PNG" for frame in range(3)
    ]


def test_images_of_other_names_are_the_frames_in_order_if_stated(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.jpg", "c.jpg"):
        write_image(tmp_path / "images" / name)
    text = video_xml(key(0, 10) + key(1, 20) + key(2, 20, outside=1), more=FRAMES)
    evidence = read_xml_set(tmp_path, text).dataset.evidence
    assert any("--assume frame-files=sorted" in line for line in evidence)
    found = read_xml_set(tmp_path, text, assume={"frame-files": "sorted"})
    assert [(name, len(rows)) for name, rows in found.boxes.items()] == [
        ("a.jpg", 1), ("b.jpg", 1), ("c.jpg", 0),
    ]  # fmt: skip


def test_tracks_of_a_project_keep_to_their_tasks(tmp_path: Path) -> None:
    tasks = "".join(
        f"<task><id>{number}</id><subset>{subset}</subset><start_frame>0</start_frame>"
        f"<stop_frame>8</stop_frame><frame_filter>step={step}</frame_filter></task>"
        for number, subset, step in ((3, "train", 2), (4, "val", 4))
    )
    track = '<track id="0" label="cat" task_id="{}" subset="{}">{}</track>'
    text = (
        f"<annotations><version>1.1</version>"
        f"{task_meta(more=f'<tasks>{tasks}</tasks>', owner='project')}"
        + track.format(3, "train", key(0, 0) + key(4, 8))
        + track.format(4, "val", key(0, 0) + key(8, 8))
        + "</annotations>"
    )
    found = read_xml_set(tmp_path, text, labels_only=True)
    seen = [(one.image.split, one.image.file_name, len(one.annotations)) for one in found.images]
    assert [row for row in seen if row[2]] == [
        ("train", "frame_000000.PNG", 1),
        ("train", "frame_000002.PNG", 1),
        ("train", "frame_000004.PNG", 1),
        ("val", "frame_000000.PNG", 1),
        ("val", "frame_000004.PNG", 1),
        ("val", "frame_000008.PNG", 1),
    ]


# Sniffing and writing ------------------------------------------------------------------------


def test_sniffing(tmp_path: Path) -> None:
    write_text(tmp_path / "voc/a.xml", voc_xml(voc_object()))
    write_text(tmp_path / "pom/pom.xml", "<project><annotations/></project>")
    write_text(tmp_path / "other/a.xml", "<annotations><annotation/></annotations>")
    for other in ("voc", "pom", "other"):
        assert cvat.sniff(SourceTree(tmp_path / other)) is None
    path = write_text(tmp_path / "set/annotations.xml", "\ufeff" + images_xml(box()))
    assert recognise(tmp_path / "set")[0] == recognise(path)[0] == "cvat"
    wide = write_text(
        tmp_path / "wide/annotations.xml", images_xml(box()).replace("utf-8", "utf-16"), "utf-16"
    )
    assert recognise(wide)[0] == "cvat"


def test_there_is_no_cvat_file(tmp_path: Path) -> None:
    write_text(tmp_path / "a.xml", voc_xml(voc_object()))
    with pytest.raises(DataError, match="no XML file with a root element <annotations>"):
        read_set("cvat", tmp_path)
    with pytest.raises(DataError, match="root element is <annotation>"):
        read_set("cvat", tmp_path / "a.xml")


def test_what_is_written_is_as_cvat_has_it(tmp_path: Path, run_convert: Convert) -> None:
    write_text(
        tmp_path / "set/annotations.xml", images_xml(box((10, 20, 30, 30), more='rotation="30"'))
    )
    write_image(tmp_path / "set/a.jpg")
    run_convert(tmp_path / "set", to_format="cvat", task="obb", split="1,0")
    text = (tmp_path / "out/annotations.xml").read_text()
    assert 'name="a.jpg" subset="train" task_id="0" width="64" height="48"' in text
    assert "<size>1</size><mode>annotation</mode><subset>train</subset>" in text
    assert 'xtl="10" ytl="20" xbr="30" ybr="30" rotation="30"' in text
    assert "<label><name>cat</name></label>" in text
    assert "<!-- Made by" in text


def test_corners_that_are_no_rectangle_are_written_as_a_polygon(
    tmp_path: Path, run_convert: Convert
) -> None:
    write_text(tmp_path / "set/data.yaml", "train: images/train\nnames: [cat]\n")
    write_image(tmp_path / "set/images/train/a.jpg")
    rows = "0 0.1 0.1 0.5 0.2 0.6 0.6 0.1 0.5\n0 0.5 0.1 0.1 0.1 0.1 0.5 0.5 0.5\n"
    write_text(tmp_path / "set/labels/train/a.txt", rows)
    run_convert(tmp_path / "set", to_format="cvat", task="obb", split="1,0")
    text = (tmp_path / "out/annotations.xml").read_text()
    assert 'points="6.4,4.8;32,9.6;38.4,28.8;6.4,24"' in text
    assert "<box" in text


def write_pose_set(root: Path, names: str) -> None:
    yaml = f"train: images/train\nnames: [cat, dog]\nkpt_shape: [2, 3]\nkpt_names: {names}\n"
    write_text(root / "data.yaml", yaml)
    write_image(root / "images/train/a.jpg")
    rows = "1 0.5 0.5 0.5 0.5 0.5 0.25 2 0.25 0.5 1\n0 0.5 0.5 0.5 0.5 0 0 0 0.25 0.5 2\n"
    empty = "1 0.5 0.5 0.25 0.25 0 0 0 0 0 0\n"
    write_text(root / "labels/train/a.txt", rows + empty)


def test_poses_are_written_as_a_box_and_a_skeleton(tmp_path: Path, run_convert: Convert) -> None:
    write_pose_set(tmp_path / "set", "{0: [a & b, nose], 1: [a & b, nose]}")
    run_convert(tmp_path / "set", to_format="cvat", task="pose", split="1,0")
    text = (tmp_path / "out/annotations.xml").read_text()
    assert "<label><name>cat</name><type>skeleton</type></label>" in text
    assert "<name>a &amp; b</name><type>points</type><parent>dog</parent></label>" in text
    assert text.count("<box ") == 3
    assert text.count("<skeleton ") == 2
    assert text.count('group_id="1"') == text.count('group_id="2"') == 2
    assert 'label="nose" source="file" outside="0" occluded="1" points="16,24"' in text
    assert 'label="a &amp; b" source="file" outside="1" occluded="0" points="0,0"' in text
    found = read_set("cvat", tmp_path / "out", task="pose")
    assert found.dataset.pose is not None
    assert found.dataset.pose.names == ("a & b", "nose")
    assert [name for name, _ in found.boxes["a.jpg"]] == ["dog", "cat", "dog"]
    assert found.ledger.totals.annotations_in == 3


@pytest.mark.parametrize(
    ("names", "words"),
    [("{0: [a, a], 1: [a, a]}", "apart by their names"), ('["a\\x01", b]', "XML cannot hold")],
)
def test_keypoints_that_cvat_cannot_name_are_refused(
    names: str, words: str, tmp_path: Path, run_convert: Convert
) -> None:
    write_pose_set(tmp_path / "set", names)
    with pytest.raises(DataError, match=words):
        run_convert(tmp_path / "set", to_format="cvat", task="pose", split="1,0")


def test_a_name_that_xml_cannot_hold_is_refused(tmp_path: Path, run_convert: Convert) -> None:
    write_text(tmp_path / "set/data.yaml", 'train: images/train\nnames: ["a\\x01"]\n')
    write_image(tmp_path / "set/images/train/a.jpg")
    with pytest.raises(DataError, match="XML cannot hold"):
        run_convert(tmp_path / "set", to_format="cvat", split="1,0")


def test_sniffing_looks_at_a_few_files(tmp_path: Path) -> None:
    for number in range(50):
        write_text(tmp_path / f"{number}.xml", "<annotation/>")
    tree = SourceTree(tmp_path)
    assert cvat.sniff(tree) is None
    assert len(tree._heads) <= 20
