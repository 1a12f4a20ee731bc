"""labelme as its versions, and the tools that write its files too, leave them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.unit.conftest import Convert, Read, read_set, write_image, write_text
from yolokit.errors import DataError
from yolokit.formats import labelme
from yolokit.formats.toolkit.source_tree import SourceTree


def shape(points: Any, kind: str | None = "polygon", label: Any = "cat", **more: Any) -> Any:
    named = {} if kind is None else {"shape_type": kind}
    return {"label": label, "points": points, "group_id": None, "description": "", **named,
            "flags": {}, **more}  # fmt: skip


def content(*shapes: Any, **more: Any) -> dict[str, Any]:
    return {"version": "5.4.1", "flags": {}, "shapes": list(shapes), "imagePath": "a.jpg",
            "imageData": None, "imageHeight": 48, "imageWidth": 64, **more}  # fmt: skip


def read(tmp_path: Path, *shapes: Any, **options: Any) -> Read:
    path = write_text(tmp_path / "a.json", json.dumps(content(*shapes)))
    return read_set("labelme", path, **options)


TRIANGLE = [[1, 2], [11, 2], [11, 22]]


def test_a_rectangle_is_any_two_corners(tmp_path: Path) -> None:
    corners = [[[1, 2], [5, 9]], [[5, 9], [1, 2]], [[5, 2], [1, 9]], [[1, 9], [5, 2]]]
    four = [[1, 2], [5, 2], [5, 9], [1, 9]]  # as X-AnyLabeling writes them
    found = read(tmp_path, *(shape(points, "rectangle") for points in (*corners, four)))
    assert found.boxes == {"a.jpg": [("cat", [1, 2, 5, 9])] * 5}
    assert found.images[0].image.image_wh == (64, 48)


def test_a_circle_is_a_centre_and_a_point_of_its_edge(tmp_path: Path) -> None:
    found = read(tmp_path, shape([[20, 20], [23, 24]], "circle"), task="segment")
    assert found.boxes == {"a.jpg": [("cat", [15, 15, 25, 25])]}
    assert found.images[0].annotations.shapes[0].remark == (
        f"circle-to-polygon: a circle became {len(found.images[0].annotations.shapes[0].rings[0])} "
        "points"
    )


def test_a_fragment_in_the_group_of_an_outline_is_left_aside(tmp_path: Path) -> None:
    fragment = shape(TRIANGLE[:2], group_id=1)
    found = read(tmp_path, fragment, shape(TRIANGLE, group_id=1), shape(TRIANGLE[:1], group_id=2))
    assert found.boxes == {"a.jpg": [("cat", [1, 2, 11, 22])]}
    assert found.entries == [("noted", "fragment-aside", 0), ("dropped", "bad-shape", 2)]
    assert found.ledger.totals.annotations_in == 2


def encode(mask: Any) -> str:
    done, data = cv2.imencode(".png", np.array(mask, np.uint8))
    assert done
    return base64.b64encode(data.tobytes()).decode()


def test_a_mask_is_a_box_and_a_png_whose_last_pixel_is_the_second_corner(tmp_path: Path) -> None:
    mask = encode([[0, 1, 1], [1, 1, 0]])
    found = read(tmp_path, shape([[10, 20], [12, 21]], "mask", mask=mask), task="segment")
    assert found.boxes == {"a.jpg": [("cat", [10, 20, 13, 22])]}
    (outline,) = found.images[0].annotations.shapes.values()
    assert outline.remark == "mask-to-polygon: traced along its pixels"


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (None, "base64"),
        ("****", "base64"),
        (base64.b64encode(b"GIF89a").decode(), "not a PNG"),
        (encode(np.ones((30, 30))), "30x30 px is in a box of 3x2 px"),
        (encode([[0, 0, 0], [0, 0, 0]]), "covers nothing"),
    ],
)
def test_broken_masks_are_dropped(mask: Any, words: str, tmp_path: Path) -> None:
    found = read(tmp_path, shape([[10, 20], [12, 21]], "mask", mask=mask))
    assert found.entries == [("dropped", "bad-shape", 0)]
    assert words in found.ledger.entries[0].message


@pytest.mark.parametrize("kind", ["point", "points", "line", "linestrip"])
def test_points_and_lines_are_reported(kind: str, tmp_path: Path) -> None:
    found = read(tmp_path, shape(TRIANGLE), shape([[1, 2], [3, 4]], kind, group_id=1))
    assert len(found.boxes["a.jpg"]) == 1
    assert found.entries == [("excluded", "not-an-area", 1)]
    assert found.ledger.totals.annotations_in == 2


def test_one_label_and_one_group_id_make_one_object(tmp_path: Path) -> None:
    moved = [[x + 30, y] for x, y in TRIANGLE]
    shapes = [
        shape(TRIANGLE, group_id=1),
        shape(TRIANGLE, group_id=1, label="dog"),
        shape(TRIANGLE),
        shape(moved, group_id=1),
        shape(TRIANGLE, group_id=2),
    ]
    found = read(tmp_path, *shapes, task="segment")
    assert [(name, box[2]) for name, box in found.boxes["a.jpg"]] == [
        ("cat", 41), ("dog", 11), ("cat", 11), ("cat", 11),
    ]  # fmt: skip
    assert len(found.images[0].annotations.shapes[0].rings) == 2
    assert found.images[0].annotations.places.tolist() == [0, 1, 2, 4]
    assert found.ledger.totals.annotations_in == 4
    assert "--assume group=join|separate" in found.dataset.evidence[0]
    apart = read(tmp_path, *shapes, assume={"group": "separate"})
    assert len(apart.boxes["a.jpg"]) == 5
    assert apart.dataset.evidence == ()


def test_rectangles_of_a_group_become_the_box_around_them(tmp_path: Path) -> None:
    boxes = [shape(box, "rectangle", group_id=0) for box in ([[1, 2], [5, 9]], [[8, 1], [9, 3]])]
    found = read(tmp_path, *boxes)
    assert found.boxes == {"a.jpg": [("cat", [1, 1, 9, 9])]}
    assert found.images[0].annotations.reinterpreted[0].startswith("boxes-joined: 2 rectangles")
    mixed = read(tmp_path, boxes[0], shape(TRIANGLE, group_id=0), task="segment")
    (joined,) = mixed.images[0].annotations.shapes.values()
    assert len(joined.rings) == 2
    assert (joined.remark or "").startswith("parts-joined")


def test_old_files_have_no_shape_type(tmp_path: Path) -> None:
    found = read(tmp_path, shape(TRIANGLE, None, line_color=None, fill_color=None))
    assert found.boxes == {"a.jpg": [("cat", [1, 2, 11, 22])]}


@pytest.mark.parametrize("kind", ["oriented_rectangle", "rotation"])
def test_rotated_rectangles(kind: str, tmp_path: Path) -> None:
    corners = [[10, 5], [15, 10], [10, 15], [5, 10]]
    found = read(tmp_path, shape(corners, kind, direction=0.78), task="obb")
    (rotated,) = found.images[0].annotations.shapes.values()
    assert rotated.kind == "rotated"
    assert rotated.rings[0].tolist() == corners


def test_the_image_inside_the_file_is_not_needed(tmp_path: Path) -> None:
    inside = content(shape(TRIANGLE), imageData="A" * 200_000)
    path = write_text(tmp_path / "a.json", json.dumps(dict(reversed(inside.items()))))
    assert len(read_set("labelme", path).boxes["a.jpg"]) == 1
    assert labelme.sniff(SourceTree(tmp_path)) is not None


@pytest.mark.parametrize(
    ("image_path", "name"),
    [
        ("..\\images\\a b.jpg", "images/a b.jpg"),
        ("../../images/a b.jpg", "images/a b.jpg"),
        ("a.jpg", "labels/a.jpg"),
        ("C:\\Users\\me\\a.jpg", "labels/a.jpg"),
        ("/home/me/a.jpg", "labels/a.jpg"),
        ("", "labels/x"),
        (None, "labels/x"),
        ("..", "x"),
    ],
)
def test_paths_of_images(image_path: Any, name: str, tmp_path: Path) -> None:
    write_text(tmp_path / "labels/x.json", json.dumps(content(imagePath=image_path)))
    assert [one.image.file_name for one in read_set("labelme", tmp_path).images] == [name]


def test_images_are_found_beside_and_in_folders_beside(
    tmp_path: Path, run_convert: Convert
) -> None:
    write_image(tmp_path / "in/images/a.jpg")
    write_image(tmp_path / "in/deep/b.png")
    for name, path in (("labels/a", "..\\images\\a.jpg"), ("deep/b", "b.png"), ("c", "c.jpg")):
        file = content(shape(TRIANGLE), imagePath=path)
        write_text(tmp_path / f"in/{name}.json", json.dumps(file))
    done = run_convert(tmp_path / "in", split="keep", task="segment")
    assert done.totals.kept == 2
    assert done.codes == {"dropped: missing-image": 1}


@pytest.mark.parametrize("path", ["..\\..\\x.jpg", "../far/x.jpg", "b.jpg", "C:\\me\\x.png", "x"])
def test_the_image_beside_that_is_called_like_the_file_counts(
    path: str, tmp_path: Path, run_convert: Convert
) -> None:
    for name in ("in/a.jpg", "in/b.jpg", "in/far/x.jpg"):
        write_image(tmp_path / name)
    write_text(tmp_path / "in/a.json", json.dumps(content(shape(TRIANGLE), imagePath=path)))
    done = run_convert(tmp_path / "in", split="keep", task="segment")
    assert done.codes == {"noted: image-elsewhere": 1}
    assert [one.name for one in (done.out / "images").rglob("*.jpg")] == ["a.jpg"]


def test_an_image_elsewhere_that_is_called_like_the_file_is_the_last_resort(
    tmp_path: Path, run_convert: Convert
) -> None:
    write_image(tmp_path / "in/photos/a.jpg")
    file = content(shape(TRIANGLE), imagePath="before it was renamed.jpg")
    write_text(tmp_path / "in/labels/a.json", json.dumps(file))
    done = run_convert(tmp_path / "in", split="keep", task="segment")
    assert done.codes == {"noted: image-elsewhere": 1}


def test_a_path_never_leads_out_of_the_source(tmp_path: Path, run_convert: Convert) -> None:
    write_image(tmp_path / "secret.jpg")
    file = content(shape(TRIANGLE), imagePath="../../secret.jpg")
    write_text(tmp_path / "in/x/a.json", json.dumps(file))
    with pytest.raises(DataError, match="not found"):
        run_convert(tmp_path / "in", split="keep")


def test_folders_are_splits_and_names_of_images_are_not(tmp_path: Path) -> None:
    write_text(tmp_path / "train/deep/test 1.json", json.dumps(content(imagePath="test 1.jpg")))
    write_text(tmp_path / "val/b.json", json.dumps(content(shape(TRIANGLE))))
    found = read_set("labelme", tmp_path)
    assert {one.image.file_name: one.image.split for one in found.images} == {
        "deep/test 1.jpg": "train",
        "a.jpg": "val",
    }
    assert found.boxes["deep/test 1.jpg"] == []


@pytest.mark.parametrize(
    "faulty",
    [
        shape(TRIANGLE, label=""),
        shape(TRIANGLE, label=None),
        shape([[1, 2], [3, 4]]),
        shape([]),
        shape(None),
        shape([[1, 2], [3], [4, 5]]),
        shape([[1, 2], [3, "4"], [4, 5]]),
        shape([[1, 2], [3, True], [4, 5]]),
        shape([[1, 2], [3, float("nan")], [4, 5]]),
        shape([[1, 2], [3, 10**400], [4, 5]]),
        shape([[1, 2], [3, 1e300], [4, 5]]),
        shape([[1, 2]], "rectangle"),
        shape([[1, 2], [3, 4], [5, 0], [2, 1]], "rectangle"),
        shape([[1, 2]], "circle"),
        shape([[1, 2], [1, 2]], "circle"),
        shape(TRIANGLE, "rotation"),
        shape(TRIANGLE, "spline"),
        {},
        None,
        [],
    ],
)
def test_faulty_shapes_are_dropped_with_their_place(faulty: Any, tmp_path: Path) -> None:
    found = read(tmp_path, shape(TRIANGLE), faulty)
    assert len(found.boxes["a.jpg"]) == 1
    assert found.entries == [("dropped", "bad-shape", 1)]


@pytest.mark.parametrize("size", [None, 0, -1, "64"])
def test_a_size_that_is_not_usable(size: Any, tmp_path: Path) -> None:
    file = content(shape(TRIANGLE), imageWidth=size)
    found = read_set("labelme", write_text(tmp_path / "a.json", json.dumps(file)))
    assert found.images[0].image.width_px is None


def test_broken_files_are_reported_at_once(tmp_path: Path) -> None:
    write_text(tmp_path / "a.json", '{"shapes": [\n{"points": 1, "imagePath": "a.jpg"')
    write_text(tmp_path / "b.json", '{"imagePath": "b.jpg", "x": {"shapes": []}}')
    with pytest.raises(DataError, match=r"2 broken(.|\n)*a\.json:2(.|\n)*b\.json: this is not"):
        read_set("labelme", tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        '{"shapes": [], "name": "x"}',
        '{"imageData": "abc", "imagePath": "a"}',
        '[{"shapes": [], "imagePath": "a.jpg"}]',
        '{"images": [], "annotations": [], "categories": []}',
        '{"a.jpg1": {"filename": "a.jpg", "regions": [{"shape_attributes": {}}]}}',
        '{"description": "", "size": {"height": 1, "width": 1}, "objects": []}',
    ],
)
def test_other_json_is_not_recognised(text: str, tmp_path: Path) -> None:
    write_text(tmp_path / "a.json", text)
    assert labelme.sniff(SourceTree(tmp_path)) is None


def test_a_written_set_opens_where_it_is(tmp_path: Path, run_convert: Convert) -> None:
    write_image(tmp_path / "in/deep/a.jpg")
    two = [shape(TRIANGLE, group_id=4), shape([[x + 20, y] for x, y in TRIANGLE], group_id=4)]
    write_text(tmp_path / "in/deep/a.json", json.dumps(content(*two)))
    done = run_convert(tmp_path / "in", task="segment", to_format="labelme", split="1")
    written = json.loads((done.out / "train/deep/a.json").read_text())
    assert (done.out / "train/deep" / written["imagePath"]).is_file()
    assert [one["group_id"] for one in written["shapes"]] == [1, 1]
    assert written["imageData"] is None
    again = read_set("labelme", done.out, task="segment")
    assert len(again.images[0].annotations.shapes[0].rings) == 2
