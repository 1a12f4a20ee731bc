"""FiftyOne's own exports."""

from __future__ import annotations

import base64
import io
import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.unit.conftest import Convert, Read, read_set, write_image, write_text
from yolokit.errors import DataError
from yolokit.formats import fiftyone
from yolokit.formats.fiftyone.labels import decode_mask
from yolokit.formats.toolkit.plugin import recognise
from yolokit.formats.toolkit.source_tree import SourceTree

BOX = [0.25, 0.5, 0.5, 0.25]
PIXELS = [16, 24, 48, 36]


def detection(label: str = "cat", box: Sequence[float] = BOX, **more: Any) -> dict[str, Any]:
    return {
        "_id": {"$oid": "6"}, "_cls": "Detection", "attributes": {}, "tags": [], "label": label,
        "bounding_box": list(box), **more,
    }  # fmt: skip


def detections(*items: Any) -> dict[str, Any]:
    return {"_cls": "Detections", "detections": list(items)}


def polyline(*rings: Sequence[Sequence[float]], **more: Any) -> dict[str, Any]:
    return {
        "_cls": "Polyline", "label": "cat", "points": list(rings), "closed": True, "filled": True,
        **more,
    }  # fmt: skip


def polylines(*items: Any) -> dict[str, Any]:
    return {"_cls": "Polylines", "polylines": list(items)}


def sample(name: str = "data/a.jpg", size: bool = True, **fields: Any) -> dict[str, Any]:
    metadata = {"_cls": "ImageMetadata", "mime_type": "image/jpeg", "width": 64, "height": 48}
    return {
        "_id": {"$oid": "5"}, "filepath": name, "tags": [], "_media_type": "image",
        "metadata": metadata if size else None, **fields,
    }  # fmt: skip


def write(root: Path, *samples: Any) -> Path:
    write_text(root / "metadata.json", '{"name": "x", "media_type": "image", "sample_fields": []}')
    return write_text(root / "samples.json", json.dumps({"samples": samples}))


def read(root: Path, *samples: Any, **options: Any) -> Read:
    write(root, *samples)
    return read_set("fiftyone", root, **options)


def write_labels(root: Path, labels: Mapping[str, Any], classes: Any = ("dog", "cat")) -> Path:
    return write_text(
        root / "labels.json", json.dumps({"classes": classes, "labels": dict(labels)})
    )


def mask_of(array: Any, *, text: bool = False) -> Any:
    stream = io.BytesIO()
    np.save(stream, array)
    data = base64.b64encode(zlib.compress(stream.getvalue())).decode()
    return data if text else {"$binary": {"base64": data, "subType": "00"}}


def test_x_y_are_the_top_left_corner_all_in_fractions(tmp_path: Path) -> None:
    found = read(tmp_path, sample(ground_truth=detections(detection(), detection("dog"))))
    assert found.boxes == {"a.jpg": [("cat", PIXELS), ("dog", PIXELS)]}
    assert found.images[0].image.image_wh == (64, 48)
    assert found.images[0].annotations.places.tolist() == [0, 1]


def test_without_metadata_the_image_is_measured(tmp_path: Path) -> None:
    write_image(tmp_path / "data/a.jpg", 64, 48)
    found = read(
        tmp_path,
        sample(size=False, ground_truth=detections(detection())),
        sample("data/gone.jpg", size=False, ground_truth=detections(detection())),
        sample("data/b.jpg", ground_truth=detections(detection())),
    )
    assert found.boxes == {"a.jpg": [("cat", PIXELS)], "b.jpg": [("cat", PIXELS)]}
    assert found.entries == [("dropped", "missing-image", 1)]


def test_a_single_detection_and_null_labels(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        sample(ground_truth=detection()),
        sample("data/b.jpg", ground_truth=None),
        sample("data/c.jpg", ground_truth=detections()),
        sample("data/d.jpg"),
    )
    assert found.boxes == {"a.jpg": [("cat", PIXELS)], "b.jpg": [], "c.jpg": [], "d.jpg": []}


@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.float32])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_mask_lies_inside_its_box(text: bool, dtype: Any, order: Any, tmp_path: Path) -> None:
    mask = np.zeros((6, 4), dtype, order=order)
    mask[0:3, 2:4] = 1
    one = detection(mask=mask_of(mask, text=text))
    found = read(tmp_path, sample(ground_truth=detections(one)), task="segment")
    shape = found.images[0].annotations.shapes[0]
    assert sorted(shape.rings[0].tolist()) == [[32, 24], [32, 30], [48, 24], [48, 30]]
    assert shape.box_stated
    assert shape.remark == "mask-to-polygon: traced along its pixels"
    assert found.images[0].annotations.xyxy.tolist() == [PIXELS]
    assert not read(tmp_path, sample(ground_truth=one)).images[0].annotations.shapes


def test_a_legacy_binary_is_read_too() -> None:
    legacy = {"$binary": mask_of(np.ones((2, 3), bool), text=True), "$type": "00"}
    assert decode_mask(legacy).shape == (2, 3)


def test_a_mask_in_a_file_of_its_own(tmp_path: Path) -> None:
    mask = np.zeros((6, 4), np.uint8)
    mask[0:3, 2:4] = 255
    path = tmp_path / "fields/ground_truth/a.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(cv2.imencode(".png", mask)[1].tobytes())
    names = [
        "fields/ground_truth/a.png",
        "../../a.png",
        "/etc/passwd",
        "gone.png",
        7,
        "samples.json",
    ]
    found = read(
        tmp_path,
        sample(ground_truth=detections(*(detection(mask_path=name) for name in names))),
        task="segment",
    )
    shape = found.images[0].annotations.shapes[0]
    assert sorted(shape.rings[0].tolist()) == [[32, 24], [32, 30], [48, 24], [48, 30]]
    assert found.entries == [("dropped", "bad-label", at) for at in (1, 2, 3, 4, 5)]
    assert "leads out of the set" in found.ledger.entries[0].message


class Never:
    """An object that numpy would pickle."""


def bomb() -> str:
    head = io.BytesIO()
    np.save(head, np.zeros((4, 4), bool))
    return base64.b64encode(zlib.compress(head.getvalue() + bytes(50_000_000))).decode()


def raw(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data)).decode()


def npy(head: str) -> str:
    data = head.encode()
    return raw(b"\x93NUMPY\x01\x00" + len(data).to_bytes(2, "little") + data)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("no base64!", "not base64"),
        (7, "not base64"),
        ({"$binary": {}}, "not base64"),
        (base64.b64encode(b"no zlib").decode(), "cannot be decompressed"),
        (raw(b"no numpy at all"), "not an array of numpy"),
        (mask_of(np.ones(5, bool)), "in two dimensions"),
        (mask_of(np.array([[Never()]], object)), "not an array of numbers"),
        (npy("{'descr': '|b1', 'fortran_order': False, 'shape': (99999, 99999), }"), "not decoded"),
        (npy("{'descr': '|b1', 'fortran_order': False, 'shape': (9, 9), }"), "ends too early"),
        (
            npy("{'descr': '|O', 'fortran_order': False, 'shape': (9, 9), }"),
            "not an array of numbers",
        ),
        (mask_of(np.zeros((4, 4), bool)), "covers nothing"),
    ],
)
def test_a_broken_mask_is_entered(value: Any, words: str, tmp_path: Path) -> None:
    one = detection(mask=value)
    found = read(tmp_path, sample(ground_truth=detections(one, detection())), task="segment")
    assert found.entries == [("dropped", "bad-label", 0)]
    assert words in found.ledger.entries[0].message
    assert len(found.boxes["a.jpg"]) == 1


def test_no_more_of_a_mask_is_unpacked_than_its_head_announces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes: list[int] = []
    original = np.frombuffer

    def watch(buffer: bytes, *args: Any) -> Any:
        sizes.append(len(buffer))
        return original(buffer, *args)

    monkeypatch.setattr(np, "frombuffer", watch)
    assert decode_mask(bomb()).shape == (4, 4)
    assert sizes[0] <= 1 << 12


def test_polylines_that_are_closed_and_filled_are_outlines(tmp_path: Path) -> None:
    triangle: list[list[float]] = [[0, 0], [0.5, 0], [0.5, 0.5]]
    other: list[list[float]] = [[0.5, 0.5], [1, 0.5], [1, 1]]
    found = read(
        tmp_path,
        sample(
            ground_truth=polylines(
                polyline(triangle, other),
                polyline(triangle, filled=False),
                polyline(triangle, closed=False),
            )
        ),
        task="segment",
    )
    shape = found.images[0].annotations.shapes[0]
    assert [ring.tolist() for ring in shape.rings] == [
        [[0, 0], [32, 0], [32, 24]], [[32, 24], [64, 24], [64, 48]],
    ]  # fmt: skip
    assert not shape.box_stated
    assert found.images[0].annotations.xyxy.tolist() == [[0, 0, 64, 48]]
    assert found.entries == [("excluded", "not-an-area", 1), ("excluded", "not-an-area", 2)]


def test_labels_that_bound_no_object_are_entered(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        sample(
            weather={"_cls": "Classification", "label": "sunny"},
            marks={"_cls": "Keypoints", "keypoints": [{"_cls": "Keypoint", "points": [[0, 0]]}]},
            scene={"_cls": "Segmentation", "mask": mask_of(np.ones((2, 2)))},
            ground_truth=detections(detection()),
            uniqueness=0.5,
        ),
    )
    assert found.entries == [("excluded", "not-an-area", at) for at in (0, 1, 2)]
    assert found.images[0].annotations.places.tolist() == [3]
    assert found.ledger.totals.annotations_in == 4


def several(tmp_path: Path, **options: Any) -> Read:
    return read(
        tmp_path,
        sample(
            predictions=detections(*[detection("p", confidence=0.5)] * 3),
            drawn=detections(*[detection("d")] * 2),
            ground_truth=detections(detection("g")),
        ),
        **options,
    )


def test_of_several_fields_ground_truth_is_taken(tmp_path: Path) -> None:
    found = several(tmp_path)
    assert [name for name, _ in found.boxes["a.jpg"]] == ["g"]
    assert [code for _, code, _ in found.entries] == ["prediction"] * 3 + ["other-field"] * 2
    evidence = found.dataset.evidence[0]
    assert "predictions (3, 3 with a confidence), drawn (2, 0 with" in evidence
    assert "ground_truth is taken" in evidence
    assert "--assume predictions" in found.dataset.evidence[1]


@pytest.mark.parametrize(
    ("assume", "names"),
    [
        ({"fields": "all"}, "ddg"),
        ({"fields": "all", "predictions": "keep"}, "pppddg"),
        ({"predictions": "keep"}, "g"),
    ],
)
def test_which_fields_are_taken_can_be_said(
    assume: dict[str, str], names: str, tmp_path: Path
) -> None:
    found = several(tmp_path, assume=assume)
    assert [name for name, _ in found.boxes["a.jpg"]] == list(names)


def test_without_ground_truth_the_field_that_people_made_is_taken(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        sample(
            model=detections(*[detection("p", confidence=0.5)] * 3),
            few=detections(detection("f")),
            many=detections(*[detection("m")] * 2),
        ),
    )
    assert [name for name, _ in found.boxes["a.jpg"]] == ["m", "m"]


def test_a_set_of_predictions_alone_is_left_out_and_that_is_said(tmp_path: Path) -> None:
    one = sample(model=detections(detection(confidence=0.5)))
    found = read(tmp_path, one)
    assert found.boxes == {"a.jpg": []}
    assert found.entries == [("excluded", "prediction", 0)]
    assert len(read(tmp_path, one, assume={"predictions": "keep"}).boxes["a.jpg"]) == 1


def test_tags_are_splits(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        sample(tags=["good", "train"]),
        sample("data/b.jpg", tags=["validation"]),
        sample("data/c.jpg", tags=["x"]),
        sample("data/d.jpg", tags=["test", "train"]),
    )
    assert [one.image.split for one in found.images] == ["train", "val", None, "test"]
    assert found.dataset.has_splits
    assert found.entries == [("noted", "in-two-splits", None)]


def test_samples_that_are_no_images_are_noted(tmp_path: Path) -> None:
    found = read(tmp_path, sample("data/a.mp4", _media_type="video"), sample())
    assert list(found.boxes) == ["a.jpg"]
    assert found.entries == [("noted", "no-image", None)]


def test_labels_by_image(tmp_path: Path) -> None:
    for name in ("train/data/a.jpg", "train/data/b.c.png", "train/data/sub/d.jpg"):
        write_image(tmp_path / name, 64, 48)
    boxes = [
        {"label": 1, "bounding_box": BOX, "attributes": {}},
        {"label": "bird", "bounding_box": BOX},
        {"label": 9, "bounding_box": BOX},
        {"label": True, "bounding_box": BOX},
    ]
    write_labels(tmp_path / "train", {"a": boxes, "b.c": None, "sub/d": []})
    found = read_set("fiftyone", tmp_path)
    assert found.boxes == {
        "a.jpg": [("cat", PIXELS), ("bird", PIXELS)], "b.c.png": [], "sub/d.jpg": [],
    }  # fmt: skip
    assert found.dataset.names == ("dog", "cat", "bird")
    assert {one.image.split for one in found.images} == {"train"}
    assert found.entries == [("dropped", "bad-label", 2), ("dropped", "bad-label", 3)]
    assert recognise(tmp_path)[0] == "fiftyone"


@pytest.mark.parametrize(
    "broken",
    [
        {"label": "cat"},
        {"label": "cat", "bounding_box": [1, 2, 3]},
        {"label": "cat", "bounding_box": ["a", 0, 0, 0]},
        {"label": "cat", "bounding_box": [True, 0, 0, 0]},
        {"label": "cat", "bounding_box": [10, 20, 300, 400]},
        {"label": "cat", "bounding_box": [10**400, 0, 0, 0]},
        {"label": "cat", "bounding_box": [float("nan"), 0, 0, 0]},
        {"label": "", "bounding_box": BOX},
        {"label": ["cat"], "bounding_box": BOX},
        {"bounding_box": BOX},
        7,
        None,
    ],
)
def test_a_broken_label_is_entered(broken: Any, tmp_path: Path) -> None:
    found = read(tmp_path, sample(ground_truth=detections(detection(), broken)))
    assert found.entries == [("dropped", "bad-label", 1)]
    assert len(found.boxes["a.jpg"]) == 1


@pytest.mark.parametrize(
    "points", [None, 7, [], [[]], [[[0, 0], [1, 1]]], [[["a", 0], [1, 1], [0, 1]]], [[[0, 99]] * 3]]
)
def test_a_broken_polyline_is_entered(points: Any, tmp_path: Path) -> None:
    one = {**polyline(), "points": points}
    found = read(tmp_path, sample(ground_truth=polylines(one)))
    assert found.entries == [("dropped", "bad-label", 0)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"samples": [7]}', "item 0 of `samples` has no `filepath`"),
        ('{"samples": [{"filepath": ""}]}', "has no `filepath`"),
        ('{"samples": [\n{]}', "json:2: this is not JSON"),
        ('{"samples": {}}', "neither a list of `samples`"),
        ('{"labels": {"a": 7}}', "the labels of 'a' are not a list"),
        ('{"labels": {"": null}}', "has no name"),
        ("[" * 100_000, "nested too deep|ends before"),
    ],
)
def test_a_broken_file_is_an_error(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        read_set("fiftyone", write_text(tmp_path / "samples.json", text))


@pytest.mark.parametrize("metadata", [7, {}, {"width": 10**400, "height": 9}, {"width": -1}])
def test_odd_metadata_is_no_size(metadata: Any, tmp_path: Path) -> None:
    write_image(tmp_path / "data/a.jpg", 64, 48)
    found = read(tmp_path, {**sample(ground_truth=detection()), "metadata": metadata})
    assert found.boxes == {"a.jpg": [("cat", PIXELS)]}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.json", '{"classes": ["cat"], "labels": {"a": "cat"}}'),  # classification
        ("labels.json", '{"labels": {"a": 1}, "name": "bounding_box"}'),
        ("samples.json", '{"samples": [{"id": 1, "path": "a.jpg"}]}'),
        ("other.json", '{"samples": [{"filepath": "a.jpg"}]}'),
    ],
)
def test_other_files_are_not_recognised(name: str, text: str, tmp_path: Path) -> None:
    write_text(tmp_path / name, text.replace('"bounding_box"', '"bounding box"'))
    assert fiftyone.sniff(SourceTree(tmp_path)) is None


def test_a_conversion_to_outlines(tmp_path: Path, run_convert: Convert) -> None:
    write_image(tmp_path / "in/data/a.jpg", 64, 48)
    write_image(tmp_path / "in/data/../x.jpg", 64, 48)
    one = detection(mask=mask_of(np.ones((4, 4), bool)))
    write(
        tmp_path / "in",
        sample(size=False, ground_truth=detections(one)),
        sample("../../etc/passwd", ground_truth=detections(detection())),
    )
    result = run_convert(tmp_path / "in", task="segment")
    assert result.from_formats == ("fiftyone",)
    label = (result.out / "labels/train/a.txt").read_text().split()
    assert len(label) == 9
    assert result.codes["dropped: unsafe-name"] == 1


def test_labels_only_needs_stated_sizes(tmp_path: Path, run_convert: Convert) -> None:
    write(tmp_path / "in", sample(ground_truth=detection()))
    result = run_convert(tmp_path / "in", labels_only=True)
    assert result.totals.kept == 1
    write(tmp_path / "in", sample(size=False, ground_truth=detection()))
    with pytest.raises(DataError, match=r"size of a\.jpg is not stated"):
        run_convert(tmp_path / "in", labels_only=True, overwrite=True)


@pytest.mark.parametrize(("task", "noted"), [("detect", True), ("segment", False)])
def test_masks_beside_boxes_are_noted_where_boxes_are_wanted(
    task: Any, noted: bool, tmp_path: Path
) -> None:
    both = detection(mask=mask_of(np.ones((2, 3), bool)))
    found = read(tmp_path, sample(ground_truth=detections(detection(), both)), task=task)
    entries = [(entry.code, entry.message.split()[0]) for entry in found.ledger.entries]
    assert entries == ([("outline-aside", "1")] if noted else [])


def test_a_fragment_beside_an_outline_is_left_aside(tmp_path: Path) -> None:
    whole = [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75]]
    found = read(tmp_path, sample(truth=polylines(polyline(whole, whole[:2]))), task="segment")
    (shape,) = found.images[0].annotations.shapes.values()
    assert len(shape.rings) == 1
    assert (
        shape.remark
        == "fragment-aside: 1 part of its outline with fewer than three points left aside"
    )
