"""BDD100K and Scalabel files, old and new."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.unit.conftest import Convert, Read, read_set, write_image, write_text
from yolokit.errors import DataError
from yolokit.formats import bdd100k
from yolokit.formats.toolkit.locate import locate_images
from yolokit.formats.toolkit.plugin import recognise
from yolokit.formats.toolkit.source_tree import SourceTree
from yolokit.labels.ledger import Ledger
from yolokit.labels.shapes import ring_area

BOX = {"x1": 4.5, "y1": 6, "x2": 20, "y2": 30}
SQUARE = [[0, 0], [32, 0], [32, 24], [0, 24]]


def label(category: Any = "car", **geometry: Any) -> dict[str, Any]:
    attributes = geometry.pop("attributes", {"occluded": False, "trafficLightColor": "NA"})
    shape = geometry or {"box2d": BOX}
    return {"id": "1", "category": category, "attributes": attributes, **shape}


def poly(vertices: Any = SQUARE, types: Any = None, closed: bool = True) -> dict[str, Any]:
    types = "L" * len(vertices) if types is None else types
    return {"vertices": vertices, "types": types, "closed": closed}


def frame(*labels: Any, name: Any = "a.jpg", **more: Any) -> dict[str, Any]:
    return {"name": name, "timestamp": 10000, "labels": list(labels), **more}


def write(root: Path, content: Any, name: str = "det_train.json") -> Path:
    return write_text(root / name, json.dumps(content))


def read(root: Path, *frames: Any, **options: Any) -> Read:
    return read_set("bdd100k", write(root, list(frames)), **options)


def test_boxes_are_two_corners(tmp_path: Path) -> None:
    found = read(tmp_path, frame(label(), label("bus")))
    assert found.boxes == {"a.jpg": [("car", [4.5, 6, 20, 30]), ("bus", [4.5, 6, 20, 30])]}
    assert found.images[0].image.split == "train"
    assert found.images[0].image.width_px is None
    assert found.images[0].annotations.places.tolist() == [0, 1]


def test_the_end_of_a_box_is_an_edge_unless_it_is_said_to_be_a_pixel(tmp_path: Path) -> None:
    found = read(tmp_path, frame(label()), assume={"box-end": "last-pixel"})
    assert found.boxes == {"a.jpg": [("car", [4.5, 6, 21, 31])]}
    assert "taken as the last pixels inside" in found.dataset.evidence[0]
    assert "--assume box-end" in read(tmp_path, frame(label())).dataset.evidence[0]


@pytest.mark.parametrize("labels", [None, []])
def test_null_labels_are_a_background_image(labels: Any, tmp_path: Path) -> None:
    found = read(tmp_path, {"name": "a.jpg", "labels": labels}, {"name": "b.jpg"})
    assert found.boxes == {"a.jpg": [], "b.jpg": []}


def test_frames_beside_a_config(tmp_path: Path) -> None:
    categories = [
        {"name": "vehicle", "subcategories": [{"name": "bus"}, {"name": "car"}]},
        {"name": "person"},
    ]
    config = {"imageSize": {"width": 64, "height": 48}, "categories": categories}
    frames = [frame(label()), frame(name="b.jpg", size={"width": 20, "height": 10})]
    path = write(tmp_path, {"frames": frames, "groups": [], "config": config})
    found = read_set("bdd100k", path)
    assert set(found.dataset.names) == {"person", "bus", "car"}
    assert [one.image.image_wh for one in found.images] == [(64, 48), (20, 10)]


def test_a_list_is_decoded_frame_by_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items: list[Any] = []
    original = bdd100k._decode_frame

    def watch(item: Any, at: int, path: Path) -> Any:
        items.append(item)
        return original(item, at, path)

    monkeypatch.setattr(bdd100k, "_decode_frame", watch)
    frames = [frame(label(), name=f"{number}.jpg") for number in range(50)]
    path = write(tmp_path, frames)
    assert len(read_set("bdd100k", path).images) == 50
    assert len(items) == 50
    assert {type(item) for item in items} == {msgspec.Raw}
    odd = '[{"name": "a.jpg", "labels": [{"category": "a", "box2d": {"x1": NaN}}]}]'
    assert read_set("bdd100k", write_text(path, odd)).entries == [("dropped", "bad-label", 0)]


def test_a_folder_with_a_file_an_image(tmp_path: Path) -> None:
    write(tmp_path, frame(label(), name="a.jpg"), "train/a.json")
    write(tmp_path, {"name": "b.jpg", "labels": None}, "val/b.json")
    write(tmp_path, {"version": 1}, "val/other.json")
    found = read_set("bdd100k", tmp_path)
    assert {one.image.file_name: one.image.split for one in found.images} == {
        "a.jpg": "train", "b.jpg": "val",
    }  # fmt: skip
    assert recognise(tmp_path)[0] == "bdd100k"


def test_the_first_release_has_objects_and_vertices_with_their_types(tmp_path: Path) -> None:
    area = [[0, 0, "L"], [32, 0, "L"], [32, 24, "L"]]
    objects = [
        label(),
        label("area/drivable", poly2d=area),
        label("lane/road curb", poly2d=area),
        label("sign", poly2d=area),
    ]
    content = {"name": "0000f77c-6257be58", "frames": [{"timestamp": 10000, "objects": objects}]}
    write(tmp_path, content, "train/0000f77c-6257be58.json")
    write_image(tmp_path / "train/0000f77c-6257be58.jpg", 64, 48)
    found = read_set("bdd100k", tmp_path, assume={"drivable": "keep"})
    assert found.boxes == {
        "0000f77c-6257be58": [
            ("car", [4.5, 6, 20, 30]),
            ("area/drivable", [0, 0, 32, 24]),
            ("sign", [0, 0, 32, 24]),
        ]
    }
    assert found.entries == [("excluded", "not-an-area", 2)]
    (one,) = locate_images(found.images, Ledger())
    assert one.image.file_name == "0000f77c-6257be58.jpg"
    assert recognise(tmp_path)[0] == "bdd100k"


def test_polygons_are_outlines_and_lines_are_not(tmp_path: Path) -> None:
    other = [[40, 30], [60, 30], [60, 40]]
    found = read(
        tmp_path,
        frame(
            label(poly2d=[poly(), poly(other), poly(closed=False)]),
            label("lane", poly2d=[poly(closed=False)]),
            label("car", box2d=BOX, poly2d=[poly()]),
        ),
        task="segment",
    )
    shapes = found.images[0].annotations.shapes
    assert [ring.tolist() for ring in shapes[0].rings] == [SQUARE, other]
    assert (shapes[0].box_stated, shapes[1].box_stated) == (False, True)
    assert found.images[0].annotations.xyxy.tolist() == [[0, 0, 60, 40], [4.5, 6, 20, 30]]
    assert found.entries == [("excluded", "not-an-area", 1)]
    assert "it is a line" in found.ledger.entries[0].message


@pytest.mark.parametrize("types", ["LCCL", "LCCC"])
def test_curves_become_lines_that_are_hardly_off(types: str, tmp_path: Path) -> None:
    k = 0.5522847498 * 100  # an almost exact quarter of a circle
    vertices = [[100, 0], [100, k], [k, 100], [0, 100]]
    found = read(
        tmp_path,
        frame(label(poly2d=[poly([*vertices, [0, 0]], types + "L")])),
        task="segment",
    )
    shape = found.images[0].annotations.shapes[0]
    ring = shape.rings[0]
    radii = np.hypot(*ring[:-1].T)
    assert np.abs(radii - 100).max() < 0.1
    assert abs(abs(ring_area(ring)) - np.pi * 100**2 / 4) < 100 * np.pi / 2 * 0.1
    assert ring[0].tolist() == [100, 0]
    assert ring[-1].tolist() == [0, 0]
    assert shape.remark == "curve-to-polygon: 1 Bezier curves became lines"


def test_a_curve_may_end_where_the_outline_begins(tmp_path: Path) -> None:
    vertices = [[0, 0], [90, 0], [90, 30], [60, 60], [30, 90]]
    found = read(tmp_path, frame(label(poly2d=[poly(vertices, "LLLCC")])), task="segment")
    ring = found.images[0].annotations.shapes[0].rings[0]
    assert ring[-1].tolist() == [0, 0]
    assert len(ring) > 5


def test_a_mask_in_run_lengths(tmp_path: Path) -> None:
    # 2 rows, 3 columns: the last two columns, as [2, 4] compresses
    rle = {"counts": "24", "size": [2, 3]}
    found = read(tmp_path, frame(label(rle=rle)), task="segment")
    ring = found.images[0].annotations.shapes[0].rings[0]
    assert sorted(ring.tolist()) == [[1, 0], [1, 2], [3, 0], [3, 2]]


@pytest.mark.parametrize("key", ["crowd", "ignored"])
def test_crowds_and_ignored_regions(key: str, tmp_path: Path) -> None:
    one = frame(label(attributes={key: True}, box2d=BOX), label(attributes={key: False}, box2d=BOX))
    found = read(tmp_path, one)
    assert found.entries == [("excluded", key, 0)]
    assert len(read(tmp_path, one, assume={"crowd": "keep"}).boxes["a.jpg"]) == 2


@pytest.mark.parametrize("category", ["drivable area", "area/alternative"])
def test_drivable_areas(category: str, tmp_path: Path) -> None:
    one = frame(label(category, poly2d=[poly()]), label())
    found = read(tmp_path, one)
    assert found.entries == [("excluded", "drivable", 0)]
    assert "1 drivable area left out: they are not objects" in found.dataset.evidence[1]
    assert len(read(tmp_path, one, assume={"drivable": "keep"}).boxes["a.jpg"]) == 2


def test_frames_of_videos_lie_in_their_folders(tmp_path: Path) -> None:
    write_image(tmp_path / "images/track/train/v1/v1-01.jpg", 64, 48)
    write_image(tmp_path / "images/track/train/v2/01.jpg", 64, 48)
    write_image(tmp_path / "images/track/train/flat.jpg", 64, 48)
    frames = [
        frame(label(), name="v1-01.jpg", videoName="v1"),
        frame(label(), name="v2/01.jpg", videoName="v2"),
        frame(label(), name="flat.jpg", videoName="v3"),
    ]
    write(tmp_path, frames, "labels/box_track/train/all.json")
    found = read_set("bdd100k", tmp_path)
    located = list(locate_images(found.images, Ledger()))
    assert [one.image.file_name for one in located] == ["v1/v1-01.jpg", "v2/01.jpg", "flat.jpg"]


def test_the_folders_of_the_published_set(tmp_path: Path, run_convert: Convert) -> None:
    write_image(tmp_path / "in/images/100k/train/a.jpg", 64, 48)
    write_image(tmp_path / "in/images/100k/val/b.jpg", 64, 48)
    write(tmp_path / "in", [frame(label())], "labels/bdd100k_labels_images_train.json")
    write(tmp_path / "in", [frame(name="b.jpg")], "labels/bdd100k_labels_images_val.json")
    result = run_convert(tmp_path / "in")
    assert result.from_formats == ("bdd100k",)
    assert (result.out / "images/val/b.jpg").is_file()
    assert result.totals.kept == 1
    source = tmp_path / "in/labels/bdd100k_labels_images_train.json"
    assert run_convert(source, overwrite=True).totals.kept == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("https://s3.example.com/x/a.jpg?key=b/c", "a.jpg"),
        ("s3://bucket/x/a.jpg", "a.jpg"),
        (7, "7"),
        ("x\\a.jpg", "x/a.jpg"),
    ],
)
def test_names_that_are_addresses_or_numbers(name: Any, expected: str, tmp_path: Path) -> None:
    assert list(read(tmp_path, frame(label(), name=name)).boxes) == [expected]


def test_labels_without_an_area_are_entered(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        frame(label(box3d={"alpha": 0}), label(None, graph={"nodes": []}), label(box2d=None)),
    )
    assert found.entries == [("excluded", "not-an-area", at) for at in (0, 1, 2)]


@pytest.mark.parametrize(
    "broken",
    [
        7,
        None,
        label(None),
        label(""),
        label(box2d=[1, 2, 3, 4]),
        label(box2d={"x1": 1, "y1": 2, "x2": 3}),
        label(box2d={**BOX, "x1": "a"}),
        label(box2d={**BOX, "x1": 10**400}),
        label(box2d={**BOX, "x1": float("nan")}),
        label(poly2d=7),
        label(poly2d=[]),
        label(poly2d=[7]),
        label(poly2d=[[1, 2], 3, 4]),
        label(poly2d=[poly([[0, 0], [1, 1]])]),
        label(poly2d=[poly([[0, 0], [1, 1], ["a", 2]])]),
        label(poly2d=[poly([[0, 0], [1, 1], [10**400, 2]])]),
        label(poly2d=[poly([[0, 0], [1, 1], [1e300, 2]])]),
        label(poly2d=[poly(types="LLL")]),
        label(poly2d=[poly(types="LXLL")]),
        label(poly2d=[poly(types="CLLL")]),
        label(poly2d=[poly(types="LCLL")]),
        label(poly2d=[poly(types="LLLC")]),
        label(poly2d=[poly(types=7)]),
        label(rle=7),
        label(rle={"counts": "24", "size": [2]}),
        label(rle={"counts": "24", "size": [9, 9]}),
        label(rle={"counts": "24", "size": [10**9, 10**9]}),
        label(rle={"counts": "24", "size": [10**400, 1]}),
        label(rle={"counts": "oooooooooooo0" * 9, "size": [2, 3]}),
        label(rle={"counts": "é", "size": [2, 3]}),
        label(rle={"counts": "6", "size": [2, 3]}),
    ],
)
def test_a_broken_label_is_entered(broken: Any, tmp_path: Path) -> None:
    found = read(tmp_path, frame(label(), broken), task="segment")
    assert found.entries == [("dropped", "bad-label", 1)]
    assert len(found.boxes["a.jpg"]) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"name": "a.jpg", "labels": 7}]', "labels of frame 0 are not a list"),
        ('[{"labels": []}]', "frame 0 has no `name`"),
        ('[{"name": "a.jpg"}, 7]', "frame 1 has no `name`"),
        ('{"name": "a", "frames": [7]}', "frame 0 has no `name`"),
        ("7", "it holds no frames"),
        ('[{"name": "a.jpg",\n]', "json:2: this is not JSON"),
        ('[{"name": "a.jpg"}, {"name": "\\ud800"}]', "json:1: the JSON"),
        ("[" * 100_000, "nested too deep|ends before"),
    ],
)
def test_a_broken_file_is_an_error(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        read_set("bdd100k", write_text(tmp_path / "a.json", text))


def test_all_broken_files_are_reported_at_once(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        write_text(tmp_path / name, '{"name": "a", "labels": []')
    with pytest.raises(DataError, match="2 broken annotation files"):
        read_set("bdd100k", tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        {"name": "x", "labels": [], "frames": 7},
        {"name": "x", "labels": [{"bbox": [1, 2, 3, 4]}]},
        {"box2d": {"x1": 1}},
        {"name": "x", "labels": ["box2d", "poly2d"]},
    ],
)
def test_other_files_are_not_recognised(content: Any, tmp_path: Path) -> None:
    write(tmp_path, content)
    assert bdd100k.sniff(SourceTree(tmp_path)) is None


@pytest.mark.parametrize(("task", "noted"), [("detect", True), ("segment", False)])
def test_outlines_beside_boxes_are_noted_where_boxes_are_wanted(
    task: Any, noted: bool, tmp_path: Path
) -> None:
    both = label(box2d=BOX, poly2d=[poly()])
    found = read(tmp_path, frame(label(), both, label(poly2d=[poly()])), task=task)
    entries = [(entry.code, entry.message.split()[0]) for entry in found.ledger.entries]
    assert entries == ([("outline-aside", "1")] if noted else [])


def test_a_fragment_beside_an_outline_is_left_aside(tmp_path: Path) -> None:
    one = label(poly2d=[poly(), poly([[1, 2], [3, 4]], "LL"), poly([])])
    found = read(tmp_path, frame(one), task="segment")
    (shape,) = found.images[0].annotations.shapes.values()
    assert len(shape.rings) == 1
    assert str(shape.remark).startswith("fragment-aside: 2 parts of its outline")
