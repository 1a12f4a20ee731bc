"""Create ML as Apple describes it and Roboflow exports it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.conftest import (
    Convert,
    read_set,
    write_image,
    write_text,
    write_yolo,
)
from yolokit.errors import DataError
from yolokit.formats import createml
from yolokit.formats.toolkit.source_tree import SourceTree

FILE = "_annotations.createml.json"
ANY = {"a.jpg": [("cat", [4, 6, 20, 30])]}


def item(label: Any = "cat", x: Any = 12, y: Any = 18, width: Any = 16, height: Any = 24) -> Any:
    return {"label": label, "coordinates": {"x": x, "y": y, "width": width, "height": height}}


def entry(*items: Any, image: Any = "a.jpg") -> dict[str, Any]:
    return {"image": image, "annotations": list(items)}


def write_createml(root: Path, *entries: Any, name: str = FILE) -> Path:
    return write_text(root / name, json.dumps(list(entries)))


def test_x_and_y_are_the_centre_in_pixels(tmp_path: Path) -> None:
    found = read_set("createml", write_createml(tmp_path, entry(item(), item("dog", 5.5, 4, 3, 2))))
    assert found.boxes == {"a.jpg": [("cat", [4, 6, 20, 30]), ("dog", [4, 3, 7, 5])]}
    assert found.images[0].annotations.places.tolist() == [0, 1]
    assert found.images[0].image.width_px is None
    evidence = " ".join(found.dataset.evidence)
    assert "the centres of the boxes; as centres, 0 of 2 boxes would begin outside" in evidence
    assert "taken as pixels" in evidence


def test_another_anchor_is_stated(tmp_path: Path) -> None:
    path = write_createml(tmp_path, entry(item("cat", 4, 6)))
    found = read_set("createml", path, assume={"anchor": "top-left"})
    assert found.boxes == ANY
    assert "1 of 1 box would begin outside" in found.dataset.evidence[0]


@pytest.mark.parametrize("unit", [1.0, 1 / 64])
def test_centres_that_look_like_corners_are_refused(unit: float, tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg", 64, 64)
    corner = item("cat", 4.5 * unit, 6.5 * unit, 40.5 * unit, 50.5 * unit)
    path = write_createml(tmp_path, entry(*[corner] * 4))
    with pytest.raises(DataError, match="the Create ML format calls the boxes centre and size"):
        read_set("createml", path)
    found = read_set("createml", path, assume={"anchor": "top-left"})
    assert found.boxes["a.jpg"][0] == ("cat", [4.5, 6.5, 45, 57])
    read_set("createml", path, assume={"anchor": "center"})


def test_the_keys_of_apples_documents(tmp_path: Path) -> None:
    path = write_createml(
        tmp_path, {"imagefilename": "a.jpg", "annotation": [item()]}, name="x.json"
    )
    assert read_set("createml", path).boxes == ANY
    assert createml.sniff(SourceTree(tmp_path)) is not None


def test_roboflow_with_a_file_a_split(tmp_path: Path) -> None:
    for split in ("train", "valid", "test"):
        write_createml(tmp_path / split, entry(item(), image=f"{split}.jpg"))
    found = read_set("createml", tmp_path)
    assert {one.image.file_name: one.image.split for one in found.images} == {
        "test.jpg": "test",
        "train.jpg": "train",
        "valid.jpg": "val",
    }
    assert str(tmp_path / "test") in found.images[0].image.source.image_roots


def test_sizes_are_those_of_the_files(tmp_path: Path, run_convert: Convert) -> None:
    write_image(tmp_path / "in/a.jpg", 64, 48)
    write_image(tmp_path / "in/sub/a.jpg", 640, 480)
    far = entry(item(x=600, y=400), image="sub/a.jpg")
    write_createml(tmp_path / "in", entry(item(), item(x=600, y=400)), far)
    result = run_convert(tmp_path / "in", split="1,0,0")
    assert (result.totals.kept, result.totals.dropped) == (2, 1)


def test_background_images_survive(tmp_path: Path, run_convert: Convert) -> None:
    source = write_yolo(tmp_path / "in", {"a.jpg": "1 .5 .5 .5 .5\n", "b.jpg": ""})
    run_convert(source, to_format="createml")
    written = json.loads((tmp_path / "out/train" / FILE).read_text())
    assert written[0]["annotations"] == [item("dog", 32, 24, 32, 24)]
    assert written[1] == {"image": "b.jpg", "annotations": []}
    found = read_set("createml", tmp_path / "out")
    assert found.boxes == {"a.jpg": [("dog", [16, 12, 48, 36])], "b.jpg": []}
    assert list(read_set("createml", write_createml(tmp_path / "x", entry())).boxes) == ["a.jpg"]


def test_an_image_that_stands_there_twice_is_one(tmp_path: Path) -> None:
    path = write_createml(tmp_path, entry(item()), entry(image="b.jpg"), entry(item("dog")))
    found = read_set("createml", path)
    assert [name for name, _ in found.boxes["a.jpg"]] == ["cat", "dog"]
    assert found.images[0].annotations.places.tolist() == [0, 1]


def test_fractions(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg")
    gone = entry(item(), image="gone.jpg")
    gone["annotations"][0]["coordinates"] = {"x": 0.5, "y": 0.5, "width": 0.1, "height": 0.1001}
    path = write_createml(tmp_path, entry(item("cat", 0.5, 0.5, 0.5, 0.5)), gone)
    found = read_set("createml", path)
    assert found.boxes == {"a.jpg": [("cat", [16, 12, 48, 36])]}
    assert found.entries == [("dropped", "missing-image", 1)]
    with pytest.raises(DataError, match="--labels-only reads no image"):
        read_set("createml", path, labels_only=True)
    pixels = read_set("createml", path, assume={"units": "pixels"})
    assert pixels.boxes["a.jpg"] == [("cat", [0.25, 0.25, 0.75, 0.75])]


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "cat",
        [],
        {},
        item(label=None),
        item(label=" "),
        item(label=7),
        {"label": "cat"},
        {"label": "cat", "coordinates": [1, 2, 3, 4]},
        item(x="12"),
        item(x=None),
        item(x=True),
        item(y=float("nan")),
        item(width=float("inf")),
        item(width=1e300),
        item(width=10**400),
    ],
)
def test_a_broken_annotation_is_dropped_with_its_index(bad: Any, tmp_path: Path) -> None:
    found = read_set("createml", write_createml(tmp_path, entry(item(), bad, item())))
    assert found.boxes == {"a.jpg": [("cat", [4, 6, 20, 30])] * 2}
    assert found.entries == [("dropped", "bad-annotation", 1)]
    assert found.images[0].annotations.places.tolist() == [0, 2]
    assert found.ledger.totals.annotations_in == 3


def test_entries_that_name_no_image(tmp_path: Path) -> None:
    path = write_createml(tmp_path, entry(item(), image=None), 7, entry(item()), entry(image=""))
    found = read_set("createml", path)
    assert found.boxes == ANY
    assert found.entries == [
        ("dropped", "no-image-name", 0),
        ("noted", "no-image-name", None),
        ("noted", "no-image-name", None),
    ]
    assert found.images[0].annotations.places.tolist() == [1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{}", "not a list of images"),
        ("[{]", "not JSON"),
        ('[{"image": "a.jpg"', "before it is complete"),
        ("[" * 100_000, "nested too deep|not JSON|before it is complete"),
    ],
)
def test_a_broken_file_is_an_error(content: str, words: str, tmp_path: Path) -> None:
    path = write_text(tmp_path / FILE, content)
    with pytest.raises(DataError, match=words) as caught:
        read_set("createml", path)
    assert caught.value.path == path
    with pytest.raises(DataError, match="there is no JSON list"):
        read_set("createml", tmp_path / "none")


def test_broken_files_are_reported_at_once(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        write_text(tmp_path / split / FILE, '[{"image": ')
    with pytest.raises(DataError, match="2 broken annotation files"):
        read_set("createml", tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        '[{"id": 1, "annotations": [{"result": []}], "data": {"image": "a.jpg"}}]',
        '[{"image_id": 1, "bbox": [1, 2, 3, 4], "category_id": 1, "score": 0.5}]',
        '{"images": [], "annotations": [], "categories": []}',
        '[{"name": "a.jpg", "labels": [{"category": "car", "box2d": {"x1": 1}}]}]',
        "[]",
        '{"image": "a", "annotations": [{"label": "b", "coordinates": {}}]}',
    ],
)
def test_other_json_is_not_recognised(text: str, tmp_path: Path) -> None:
    write_text(tmp_path / "a.json", text)
    assert createml.sniff(SourceTree(tmp_path)) is None


def test_recognised_by_its_keys_or_name(tmp_path: Path) -> None:
    write_createml(tmp_path, entry(item()), name="b/train.json")
    match = createml.sniff(SourceTree(tmp_path))
    assert match is not None
    assert "train.json" in match.evidence
    write_createml(tmp_path / "c", entry())
    assert createml.sniff(SourceTree(tmp_path / "c")) is not None
