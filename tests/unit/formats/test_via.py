"""VGG Image Annotator: what versions 1 and 2 save, and what people call the class."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.conftest import Convert, Read, read_set, write_image, write_text
from yolokit.errors import DataError
from yolokit.formats import via
from yolokit.formats.toolkit.source_tree import SourceTree

RECT = {"name": "rect", "x": 4, "y": 6, "width": 16, "height": 24}
POLYGON = {"name": "polygon", "all_points_x": [1, 9, 9], "all_points_y": [2, 2, 8]}


def region(shape: Any = RECT, **attributes: Any) -> dict[str, Any]:
    return {"shape_attributes": shape, "region_attributes": attributes or {"class": "cat"}}


def entry(*regions: Any, name: str = "a.jpg", size: int = 1234) -> dict[str, Any]:
    return {f"{name}{size}": {"filename": name, "size": size, "regions": list(regions),
                              "file_attributes": {"caption": ""}}}  # fmt: skip


def read(tmp_path: Path, content: Any, **options: Any) -> Read:
    return read_set("via", write_text(tmp_path / "via.json", json.dumps(content)), **options)


def test_the_key_is_name_and_size_and_the_name_is_not(tmp_path: Path) -> None:
    found = read(tmp_path, entry(region()))
    assert found.boxes == {"a.jpg": [("cat", [4, 6, 20, 30])]}
    bare = {"b 2.jpg1234": {"size": 1234, "regions": []}}
    assert read(tmp_path, bare).boxes == {"b 2.jpg": []}


def test_regions_are_a_list_or_a_dict_by_number(tmp_path: Path) -> None:
    numbered = {str(at): region({**RECT, "x": at}) for at in (10, 2, 0)}
    old = {
        "a.jpg1": {"fileref": "", "size": 1, "filename": "a.jpg", "base64_img_data": "",
                   "file_attributes": {}, "regions": numbered}
    }  # fmt: skip
    found = read(tmp_path, old)
    assert [box[0] for _, box in found.boxes["a.jpg"]] == [0, 2, 10]
    assert found.images[0].annotations.places.tolist() == [0, 1, 2]


def test_a_project_file_with_options(tmp_path: Path) -> None:
    options = {"type": "dropdown", "options": {"dog": "a dog", "cat": "", "cow": "a cow"}}
    project = {
        "_via_settings": {"core": {"default_filepath": "./pics/"}},
        "_via_img_metadata": entry(region(), region({**RECT}, **{"class": "dog"})),
        "_via_attributes": {"region": {"class": options}, "file": {}},
    }
    found = read(tmp_path, project)
    assert found.dataset.names == ("dog", "cat", "cow")
    assert [name for name, _ in found.boxes["a.jpg"]] == ["cat", "dog"]
    assert found.images[0].image.other_names == ("./pics/a.jpg",)
    described = read(tmp_path, project, assume={"option-name": "description"})
    assert described.dataset.names == ("a dog", "cat", "a cow")


def test_an_attribute_may_be_a_dict_of_check_boxes(tmp_path: Path) -> None:
    values: list[Any] = [{"cat": True}, {"dog": True, "cat": False}, {"cat": True, "dog": True}, {}]
    found = read(tmp_path, entry(*(region(**{"class": value}) for value in values)))
    assert [name for name, _ in found.boxes["a.jpg"]] == ["cat", "dog", "cat"]
    remark = found.images[0].annotations.reinterpreted[2]
    assert remark == "several-labels: it is cat, dog; the first was taken"
    assert found.entries == [("dropped", "bad-region", 3)]


@pytest.mark.parametrize(
    ("attributes", "chosen"),
    [
        ({"animal": "cat"}, "animal"),
        ({"Label": "cat", "colour": "red"}, "Label"),
        ({"class": "", "animal": "cat"}, "animal"),
        ({"type": "cat", "occluded": {"yes": True}}, "type"),
    ],
)
def test_the_class_attribute_is_told_from_the_content(
    attributes: dict[str, Any], chosen: str, tmp_path: Path
) -> None:
    found = read(tmp_path, entry(region(**attributes)))
    assert found.dataset.names == ("cat",)
    assert found.dataset.evidence[0].startswith(f"the class is the attribute {chosen!r}")


def test_which_attribute_is_the_class_is_not_guessed(tmp_path: Path) -> None:
    content = entry(region(name="cat", type="animal"), region(colour="red", texture="fur"))
    with pytest.raises(DataError, match=r"'name' \(1 region\), 'type' \(1 region\)") as caught:
        read(tmp_path, content)
    assert "--assume class-attribute=NAME" in (caught.value.hint or "")
    found = read(tmp_path, content, assume={"class-attribute": "type"})
    assert found.boxes["a.jpg"] == [("animal", [4, 6, 20, 30])]
    assert found.entries == [("dropped", "bad-region", 1)]
    with pytest.raises(DataError, match="not clear"):
        read(tmp_path, entry(region(colour="red", texture="fur")))


def test_regions_without_any_attribute_are_of_one_class(tmp_path: Path) -> None:
    bare = {"shape_attributes": RECT, "region_attributes": {}}
    found = read(tmp_path, entry(bare))
    assert found.dataset.names == ("object",)
    assert "no region has an attribute" in found.dataset.evidence[0]


def test_polygons_circles_and_ellipses(tmp_path: Path) -> None:
    closed = {**POLYGON, "all_points_x": [1, 9, 9, 1], "all_points_y": [2, 2, 8, 2]}
    circle = {"name": "circle", "cx": 20, "cy": 20, "r": 5.5}
    ellipse = {"name": "ellipse", "cx": 30, "cy": 20, "rx": 9, "ry": 3, "theta": math.pi / 2}
    shapes = [POLYGON, closed, circle, ellipse]
    found = read(tmp_path, entry(*map(region, shapes)), task="segment")
    boxes = [box for _, box in found.boxes["a.jpg"]]
    assert boxes[:3] == [[1, 2, 9, 8], [1, 2, 9, 8], [14.5, 14.5, 25.5, 25.5]]
    np.testing.assert_allclose(boxes[3], [27, 11, 33, 29])
    outlines = found.images[0].annotations.shapes
    assert len(outlines[1].rings[0]) == 3
    assert (outlines[2].remark or "").startswith("circle-to-polygon")
    turned = {**ellipse, "theta": 90}
    again = read(tmp_path, entry(region(turned)), assume={"theta": "degrees"})
    np.testing.assert_allclose(again.boxes["a.jpg"][0][1], [27, 11, 33, 29])


def test_lines_and_points_are_no_areas(tmp_path: Path) -> None:
    point = {"name": "point", "cx": 3, "cy": 4}
    line = {**POLYGON, "name": "polyline"}
    found = read(tmp_path, entry(region(point), region(line), region()))
    assert len(found.boxes["a.jpg"]) == 1
    assert found.entries == [("excluded", "not-an-area", 0), ("excluded", "not-an-area", 1)]


def test_images_without_regions_survive(tmp_path: Path) -> None:
    found = read(tmp_path, {**entry(), **entry(region(), name="b.jpg")})
    assert found.boxes == {"a.jpg": [], "b.jpg": [("cat", [4, 6, 20, 30])]}


def test_two_images_of_one_name_are_not_mixed_up(tmp_path: Path) -> None:
    found = read(tmp_path, {**entry(region()), **entry(region(), region(), size=99)})
    assert len(found.boxes["a.jpg"]) == 1
    assert [action for action, *_ in found.entries] == ["dropped", "dropped"]


def to_csv(rows: list[list[str]], *, mark: str = "#") -> str:
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow([f"{mark}filename", "file_size", "file_attributes", "region_count",
                     "region_id", "region_shape_attributes", "region_attributes"])  # fmt: skip
    writer.writerows(rows)
    return stream.getvalue()


@pytest.mark.parametrize("mark", ["", "#"])
def test_the_csv_export(mark: str, tmp_path: Path) -> None:
    long = {"name": "polygon", "all_points_x": [1, *[9.123456] * 20000, 9],
            "all_points_y": [2, *[2.5] * 20000, 8]}  # fmt: skip
    rows = [
        ["a.jpg", "1", "{}", "2", "0", json.dumps(RECT), '{"class":"cat"}'],
        ["a.jpg", "1", "{}", "2", "1", json.dumps(long), '{"class":"dog"}'],
        ["a.jpg", "1", "{}", "2", "2", json.dumps(RECT), '{"class":undefined}'],
        ["b.jpg", "1", "{}", "0", "0", "{}", "{}"],
    ]
    path = write_text(tmp_path / "via_region_data.csv", to_csv(rows, mark=mark))
    limit = csv.field_size_limit()
    found = read_set("via", path)
    assert csv.field_size_limit() == limit
    assert found.boxes["a.jpg"] == [("cat", [4, 6, 20, 30]), ("dog", [1, 2, 9.123456, 8])]
    assert found.boxes["b.jpg"] == []
    assert found.entries == [("dropped", "bad-region", 2)]
    assert via.sniff(SourceTree(tmp_path)) is not None


def test_splits_by_folder_and_images_beside(tmp_path: Path, run_convert: Convert) -> None:
    for split in ("train", "val"):
        write_image(tmp_path / f"in/{split}/a.jpg")
        write_text(tmp_path / f"in/{split}/via_region_data.json", json.dumps(entry(region())))
    done = run_convert(tmp_path / "in", split="keep")
    assert done.from_formats == ("via",)
    assert set(done.splits) == {"train", "val"}
    assert done.totals.kept == 2


def test_an_image_from_an_address_is_looked_for_by_its_path(tmp_path: Path) -> None:
    found = read(tmp_path, entry(region(), name="https://x.y/pics/a%20b.jpg?z=1", size=-1))
    assert list(found.boxes) == ["pics/a b.jpg"]


@pytest.mark.parametrize(
    "shape",
    [
        {**RECT, "x": "4"},
        {"name": "rect", "x": 1},
        {**POLYGON, "all_points_x": [1, 2]},
        {**POLYGON, "all_points_x": None},
        {**POLYGON, "all_points_x": [1, 2, float("inf")]},
        {**POLYGON, "all_points_x": [1, 2, "3"]},
        {"name": "circle", "cx": 1, "cy": 2, "r": 0},
        {"name": "ellipse", "cx": 1, "cy": 2, "rx": 1, "ry": 1, "theta": "x"},
        {"name": "star"},
        {},
        None,
        7,
    ],
)
def test_faulty_regions_are_dropped_with_their_place(shape: Any, tmp_path: Path) -> None:
    found = read(tmp_path, entry(region(), region(shape)))
    assert len(found.boxes["a.jpg"]) == 1
    assert found.entries == [("dropped", "bad-region", 1)]
    assert found.ledger.entries[0].message.startswith("a.jpg: ")


@pytest.mark.parametrize("odd", [None, 3, "x", []])
def test_regions_that_are_none(odd: Any, tmp_path: Path) -> None:
    assert read(tmp_path, entry(region(), odd)).entries == [("dropped", "bad-region", 1)]


def test_broken_files_are_reported_at_once(tmp_path: Path) -> None:
    write_text(
        tmp_path / "a.json",
        '{"a.jpg1": {"filename": "a.jpg", "file_attributes": {}, "regions": 5}}',
    )
    write_text(tmp_path / "b.json", '{"_via_img_metadata": {"x": 1}}')
    write_text(tmp_path / "c.csv", "filename,file_size,file_attributes\na.jpg,1,{}\n")
    with pytest.raises(DataError, match=r"3 broken(.|\n)*a\.jpg are not a list(.|\n)*'x' has no"):
        read_set("via", tmp_path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '{"shapes": [], "imagePath": "a.jpg"}'),
        ("a.json", '{"images": [], "annotations": [], "categories": []}'),
        ("a.json", '{"regions": ["eu"], "filename": "x"}'),
        ("a.csv", "filename,width,height,class,xmin,ymin,xmax,ymax\n"),
        ("a.csv", "image,x1,y1,x2,y2,label\n"),
    ],
)
def test_other_files_are_not_recognised(name: str, text: str, tmp_path: Path) -> None:
    write_text(tmp_path / name, text)
    assert via.sniff(SourceTree(tmp_path)) is None
