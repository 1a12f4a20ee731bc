"""Supervisely as it downloads a project, now and some years ago."""

from __future__ import annotations

import base64
import json
import math
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.unit.conftest import Convert, Read, read_set, write_image, write_text
from yolokit.errors import DataError
from yolokit.formats import supervisely
from yolokit.formats.toolkit.source_tree import SourceTree

META = {
    "classes": [
        {"title": "dog", "shape": "polygon", "color": "#FF0000", "geometry_config": {}},
        {"title": "cat", "shape": "rectangle", "color": "#00FF00", "geometry_config": {}},
        {"title": "tip", "shape": "point", "color": "#0000FF", "geometry_config": {}},
        {"title": "thing", "shape": "any", "color": "#00FF00", "geometry_config": {}},
    ],
    "tags": [],
    "projectType": "images",
}


def thing(kind: str | None, exterior: Any, title: str = "cat", **more: Any) -> dict[str, Any]:
    typed = {} if kind is None else {"geometryType": kind}
    return {"id": 5, "description": "", **typed, "tags": [], "classTitle": title,
            "points": {"exterior": exterior, "interior": []}, **more}  # fmt: skip


def content(*objects: Any, **more: Any) -> dict[str, Any]:
    return {"description": "", "tags": [], "size": {"height": 48, "width": 64},
            "objects": list(objects), **more}  # fmt: skip


def write_ann(root: Path, *objects: Any, name: str = "ds/ann/a.jpg.json") -> Path:
    return write_text(root / name, json.dumps(content(*objects)))


def read(tmp_path: Path, *objects: Any, **options: Any) -> Read:
    write_text(tmp_path / "meta.json", json.dumps(META))
    write_ann(tmp_path, *objects)
    return read_set("supervisely", tmp_path, **options)


TRIANGLE = [[1, 2], [11, 2], [11, 22]]


def test_two_corners_in_any_order(tmp_path: Path) -> None:
    orders = [[[1, 2], [5, 9]], [[5, 9], [1, 2]], [[5, 2], [1, 9]], [[1, 9], [5, 2]]]
    found = read(tmp_path, *(thing("rectangle", corners) for corners in orders))
    assert found.boxes == {"a.jpg": [("cat", [1, 2, 5, 9])] * 4}
    assert found.images[0].image.image_wh == (64, 48)
    assert found.dataset.names == ("dog", "cat", "thing")
    assert "of 4 rectangles is where they end" in found.dataset.evidence[0]
    whole = read(tmp_path, thing("rectangle", orders[0]), assume={"last-pixel": "included"})
    assert whole.boxes == {"a.jpg": [("cat", [1, 2, 6, 10])]}


def test_holes_of_polygons_are_filled_and_that_is_said(tmp_path: Path) -> None:
    points = {"exterior": TRIANGLE, "interior": [[[8, 4], [9, 4], [9, 6]]]}
    found = read(tmp_path, thing("polygon", [], points=points), thing("polygon", TRIANGLE),
                 task="segment")  # fmt: skip
    outlines = found.images[0].annotations.shapes
    assert [len(shape.rings) for shape in outlines.values()] == [1, 1]
    assert outlines[0].remark == "holes-filled: 1 hole of the outline filled"
    assert outlines[1].remark is None
    parts = [{"exterior": TRIANGLE, "interior": []}, {"exterior": [[30, 2], [40, 2], [40, 9]]}]
    many = read(tmp_path, {**thing("multipolygon", []), "parts": parts}, task="segment")
    assert many.boxes == {"a.jpg": [("cat", [1, 2, 40, 22])]}
    assert len(many.images[0].annotations.shapes[0].rings) == 2
    parts.append({"exterior": TRIANGLE[:2], "interior": []})
    again = read(tmp_path, {**thing("multipolygon", []), "parts": parts}, task="segment")
    assert again.boxes == many.boxes
    assert str(again.images[0].annotations.shapes[0].remark).startswith("fragment-aside: 1 part")


def pack(mask: Any, *, alpha: bool = False, zipped: bool = True) -> str:
    pixels = np.array(mask, np.uint8)
    if alpha:
        pixels = np.dstack([np.full(pixels.shape, 255)] * 3 + [pixels]).astype(np.uint8)
    done, data = cv2.imencode(".png", pixels)
    assert done
    raw = data.tobytes()
    return base64.b64encode(zlib.compress(raw) if zipped else raw).decode()


MASK = [[0, 255, 255], [255, 255, 0]]


def bitmap(data: Any, origin: Any = (10, 20), kind: str = "bitmap") -> dict[str, Any]:
    return {"geometryType": kind, "classTitle": "cat", kind: {"data": data, "origin": origin}}


@pytest.mark.parametrize(
    "item",
    [
        bitmap(pack(MASK)),
        bitmap(pack(MASK, alpha=True)),
        bitmap(pack(MASK, zipped=False)),
        bitmap(pack(MASK), kind="alpha_mask"),
    ],
)
def test_a_bitmap_is_zlib_and_base64_with_an_origin(item: Any, tmp_path: Path) -> None:
    found = read(tmp_path, item, task="segment")
    assert found.boxes == {"a.jpg": [("cat", [10, 20, 13, 22])]}
    remark = found.images[0].annotations.shapes[0].remark
    assert remark == "mask-to-polygon: traced along its pixels"


def test_a_palette_with_a_transparent_colour_marks_the_other_one(tmp_path: Path) -> None:
    """The tool's own library writes such PNGs."""
    import struct

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    rows = b"".join(b"\x00" + bytes(1 if value else 0 for value in row) for row in MASK)
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        [
            chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 2, 8, 3, 0, 0, 0)),
            chunk(b"PLTE", b"\x00\x00\x00\xff\xff\xff"),
            chunk(b"tRNS", b"\x00"),
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        ]
    )
    found = read(tmp_path, bitmap(base64.b64encode(zlib.compress(png)).decode()), task="segment")
    assert found.boxes == {"a.jpg": [("cat", [10, 20, 13, 22])]}


@pytest.mark.parametrize(
    ("data", "origin", "words"),
    [
        (base64.b64encode(zlib.compress(bytes(1 << 27))).decode(), [0, 0], "more than 64 MiB"),
        (base64.b64encode(b"abc").decode(), [0, 0], "not compressed"),
        (base64.b64encode(zlib.compress(b"abc")).decode(), [0, 0], "not a PNG"),
        ("***", [0, 0], "base64"),
        (None, [0, 0], "base64"),
        (pack([[0, 0]]), [0, 0], "covers nothing"),
        (pack(MASK), [0], "no `origin`"),
        (pack(MASK), None, "no `origin`"),
        (pack(MASK), ["a", 0], "not a number"),
    ],
)
def test_broken_bitmaps_are_dropped(data: Any, origin: Any, words: str, tmp_path: Path) -> None:
    found = read(tmp_path, bitmap(data, origin))
    assert found.entries == [("dropped", "bad-object", 0)]
    assert words in found.ledger.entries[0].message


def test_rotated_boxes_turn_about_their_centre_by_radians(tmp_path: Path) -> None:
    turned = thing("oriented_bbox", [], angle=math.pi / 2, points=[[10, 20], [30, 24]])
    found = read(tmp_path, turned, task="obb")
    (shape,) = found.images[0].annotations.shapes.values()
    assert shape.kind == "rotated"
    expected = [[22, 12], [22, 32], [18, 32], [18, 12]]
    np.testing.assert_allclose(shape.rings[0], expected, atol=1e-9)


@pytest.mark.parametrize("kind", ["point", "line", "graph", "cuboid"])
def test_points_lines_and_graphs_are_reported(kind: str, tmp_path: Path) -> None:
    nodes: dict[str, Any] = {"nodes": {"x": {"loc": [1, 2]}}}
    found = read(tmp_path, thing("rectangle", TRIANGLE[:2]), thing(kind, [[1, 2]], **nodes))
    assert len(found.boxes["a.jpg"]) == 1
    assert found.entries == [("excluded", "not-an-area", 1)]


def test_old_files_have_no_type_and_no_suffix_of_the_image(
    tmp_path: Path, run_convert: Convert
) -> None:
    write_text(tmp_path / "in/meta.json", json.dumps(META))
    write_image(tmp_path / "in/ds/img/old.v1.png")
    objects = [
        thing(None, [[1, 2], [5, 9]], bitmap=None),
        thing(None, TRIANGLE, "dog", bitmap=None),
        thing(None, [], "thing", bitmap={"data": pack(MASK), "origin": [1, 1]}),
        thing(None, [[5, 2], [1, 9]], "unknown"),
    ]
    write_ann(tmp_path / "in", *objects, name="ds/ann/old.v1.json")
    done = run_convert(tmp_path / "in", split="keep")
    assert done.from_formats == ("supervisely",)
    assert done.totals.annotations_in == done.totals.kept + done.totals.reinterpreted == 4
    assert done.totals.notes == 0


def test_data_sets_are_splits_where_they_are_called_so(
    tmp_path: Path, run_convert: Convert
) -> None:
    write_text(tmp_path / "in/meta.json", json.dumps(META))
    for name in ("train", "val"):
        write_image(tmp_path / f"in/{name}/img/a.jpg")
        write_ann(tmp_path / "in", thing("polygon", TRIANGLE), name=f"{name}/ann/a.jpg.json")
    write_ann(tmp_path / "in", name="train/ann/b.jpg.json")
    write_image(tmp_path / "in/train/img/b.jpg")
    done = run_convert(tmp_path / "in", split="keep")
    assert {split: counts.images for split, counts in done.splits.items()} == {"train": 2, "val": 1}
    assert done.names == ("dog", "cat", "thing")


def test_images_of_one_name_in_two_data_sets(tmp_path: Path, run_convert: Convert) -> None:
    for name, size in (("one", (64, 48)), ("two", (32, 24))):
        write_image(tmp_path / f"in/{name}/img/a.jpg", *size)
        ann = content(thing("polygon", TRIANGLE), size={"width": size[0], "height": size[1]})
        write_text(tmp_path / f"in/{name}/ann/a.jpg.json", json.dumps(ann))
    done = run_convert(tmp_path / "in", split="keep", task="segment")
    assert done.totals.kept == 2
    assert done.codes == {"noted: renamed": 1}


def test_images_elsewhere(tmp_path: Path, run_convert: Convert) -> None:
    write_image(tmp_path / "pics/ds/a.jpg")
    path = write_ann(tmp_path / "in", thing("polygon", TRIANGLE))
    assert run_convert(tmp_path / "in", images=tmp_path / "pics", split="keep",
                       task="segment").totals.kept == 1  # fmt: skip
    write_image(path.parent.parent / "img/a.jpg")
    done = run_convert(path, out=tmp_path / "one", split="keep", task="segment")
    assert done.totals.kept == 1
    write_text(tmp_path / "in/meta.json", json.dumps(META))
    assert read_set("supervisely", path).dataset.names == ("dog", "cat", "thing")


@pytest.mark.parametrize(
    "faulty",
    [
        thing("rectangle", [[1, 2]]),
        thing("rectangle", [[1, 2], [3]]),
        thing("rectangle", [[1, 2], [3, "4"]]),
        thing("rectangle", TRIANGLE[:2], title=""),
        thing("rectangle", None, points=None),
        thing("polygon", TRIANGLE[:2]),
        thing("polygon", [[1, 2], [3, 4], [float("inf"), 5]]),
        thing("multipolygon", []),
        thing("oriented_bbox", TRIANGLE[:2], angle=float("inf")),
        thing("oriented_bbox", TRIANGLE[:2], angle="x"),
        thing("mask_3d", []),
        {},
        None,
        [1],
    ],
)
def test_faulty_objects_are_dropped_with_their_place(faulty: Any, tmp_path: Path) -> None:
    found = read(tmp_path, thing("rectangle", TRIANGLE[:2]), faulty)
    assert len(found.boxes["a.jpg"]) == 1
    assert found.entries == [("dropped", "bad-object", 1)]


def test_broken_files_are_reported_at_once(tmp_path: Path) -> None:
    write_text(tmp_path / "meta.json", '{"classes": [')
    write_text(
        tmp_path / "ds/ann/a.json", '{"size": {"height": 1, "width": 2},\n"objects": [{"tags": '
    )
    write_text(
        tmp_path / "ds/ann/b.json", '{"x": {"tags": 1, "size": {"height": 1}, "objects": []}}'
    )
    pattern = r"3 broken(.|\n)*meta\.json(.|\n)*a\.json:2(.|\n)*b\.json: this is not"
    with pytest.raises(DataError, match=pattern):
        read_set("supervisely", tmp_path)


def test_an_image_whose_size_is_not_stated(tmp_path: Path) -> None:
    write_text(tmp_path / "ds/ann/a.jpg.json", json.dumps(content(size={"height": 0, "width": 0})))
    assert read_set("supervisely", tmp_path).images[0].image.width_px is None


def test_many_objects_before_the_size(tmp_path: Path) -> None:
    full = content(*[thing("polygon", TRIANGLE)] * 1000)
    write_text(tmp_path / "ds/ann/a.jpg.json", json.dumps(dict(reversed(full.items()))))
    assert supervisely.sniff(SourceTree(tmp_path)) is not None
    assert len(read_set("supervisely", tmp_path).boxes["a.jpg"]) == 1000


@pytest.mark.parametrize(
    "text",
    [
        '{"objects": [], "size": 3, "tags": []}',
        '{"classes": [], "tags": [], "projectType": "images"}',
        '{"images": [], "annotations": [], "categories": []}',
        '{"shapes": [], "imagePath": "a.jpg"}',
        '{"imgHeight": 1, "imgWidth": 2, "objects": [{"label": "car", "polygon": []}]}',
        '[{"objects": [], "size": {"height": 1, "width": 1}, "tags": []}]',
    ],
)
def test_other_json_is_not_recognised(text: str, tmp_path: Path) -> None:
    write_text(tmp_path / "ann/a.json", text)
    assert supervisely.sniff(SourceTree(tmp_path)) is None


def test_the_meta_of_a_folder_above_counts_only_where_there_is_none_below(tmp_path: Path) -> None:
    write_text(tmp_path / "meta.json", "not JSON")
    found = read(tmp_path / "project", thing("rectangle", TRIANGLE[:2]))
    assert found.dataset.names == ("dog", "cat", "thing")  # and not "tip", which is a point
    assert read_set("supervisely", tmp_path / "project/ds").dataset.names == found.dataset.names
