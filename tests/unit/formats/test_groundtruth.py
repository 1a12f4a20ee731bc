"""Manifests of SageMaker Ground Truth and Rekognition."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.conftest import Convert, Read, read_set, write_image, write_text
from yolokit.errors import DataError
from yolokit.formats import groundtruth
from yolokit.formats.toolkit.locate import locate_images
from yolokit.formats.toolkit.plugin import recognise
from yolokit.formats.toolkit.source_tree import SourceTree
from yolokit.labels.ledger import Ledger

CLASSES = {"0": "dog", "7": "cat"}


def box(class_id: Any = 0, left: Any = 4, top: Any = 6, width: Any = 16, height: Any = 24) -> Any:
    return {"class_id": class_id, "left": left, "top": top, "width": width, "height": height}


def line(
    boxes: Sequence[Any] | None = (),
    name: str = "s3://bucket/some where/a.jpg",
    job: str = "animals",
    classes: Mapping[str, Any] = CLASSES,
    *,
    date: str = "2018-10-18T22:18:13.527256",
    **metadata: Any,
) -> dict[str, Any]:
    size = [{"width": 64, "height": 48, "depth": 3}]
    value = {} if boxes is None else {job: {"annotations": list(boxes), "image_size": size}}
    return {
        "source-ref": name,
        **value,
        f"{job}-metadata": {
            "objects": [{"confidence": 0.8} for _ in boxes or ()],
            "class-map": dict(classes),
            "type": "groundtruth/object-detection",
            "human-annotated": "yes",
            "creation-date": date,
            "job-name": f"labeling-job/{job}",
            **metadata,
        },
    }


def write(root: Path, *lines: Any, name: str = "output.manifest") -> Path:
    return write_text(root / name, "".join(json.dumps(one) + "\n" for one in lines))


def read(root: Path, *lines: Any, **options: Any) -> Read:
    return read_set("groundtruth", write(root, *lines), **options)


def test_boxes_of_a_job_that_has_its_own_name(tmp_path: Path) -> None:
    found = read(tmp_path, line([box(), box(7, 0, 0, 64, 48)], job="my job 1"))
    assert found.boxes == {"a.jpg": [("dog", [4, 6, 20, 30]), ("cat", [0, 0, 64, 48])]}
    assert found.images[0].image.image_wh == (64, 48)
    assert found.images[0].annotations.places.tolist() == [1, 1]
    assert "boxes of the job my job 1" in found.dataset.evidence[0]


def test_the_class_map_is_of_its_line(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        line([box(0)], "s3://b/a.jpg", classes={"0": "dog"}),
        line([box(0)], "s3://b/b.jpg", classes={"0": "cat"}),
        line([box(1), box(0), box("2")], "s3://b/c.jpg", classes={"1": "owl"}),
        line([box("2")], "s3://b/d.jpg", classes={"2": "ant"}),
    )
    assert {name: [one for one, _ in boxes] for name, boxes in found.boxes.items()} == {
        "a.jpg": ["dog"], "b.jpg": ["cat"], "c.jpg": ["owl", "ant"], "d.jpg": ["ant"],
    }  # fmt: skip
    assert found.entries == [("dropped", "bad-box", 3)]
    assert "class 0 has no name" in found.ledger.entries[0].message


def test_names_in_a_bucket_are_looked_for_by_their_base_name(
    tmp_path: Path, run_convert: Convert
) -> None:
    write_image(tmp_path / "in/images/a.jpg", 64, 48)
    source = write(tmp_path / "in", line([box()]))
    result = run_convert(source)
    assert result.from_formats == ("groundtruth",)
    assert (result.out / "images/train/a.jpg").is_file()
    assert result.totals.notes == 0


def test_equal_base_names_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        write_image(tmp_path / folder / "a.jpg", 64, 48)
    found = read(
        tmp_path,
        line([box()], "s3://bucket/sets/x/a.jpg"),
        line([box(7)], "s3://bucket/sets/y/a.jpg"),
    )
    located = list(locate_images(found.images, Ledger()))
    assert [one.image.path for one in located] == [
        str(tmp_path / "x/a.jpg"), str(tmp_path / "y/a.jpg"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["s3://b/../../etc/a.jpg", "/etc/a.jpg", "a.jpg", "C:\\x\\a.jpg"])
def test_names_of_other_machines_lead_nowhere_else(name: str, tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg", 64, 48)
    (one,) = locate_images(read(tmp_path, line([box()], name)).images, Ledger())
    assert one.image.path == str(tmp_path / "a.jpg")


def test_an_image_that_was_looked_at_and_has_no_box_is_a_background_image(tmp_path: Path) -> None:
    assert read(tmp_path, line([])).boxes == {"a.jpg": []}


def test_an_image_that_no_job_labelled_is_left_out_and_noted(tmp_path: Path) -> None:
    found = read(tmp_path, {"source-ref": "s3://b/x/new.jpg"}, line([box()]))
    assert list(found.boxes) == ["a.jpg"]
    assert found.entries == [("noted", "unlabelled", 1)]
    assert "x/new.jpg is left out: no job labelled it" in found.ledger.entries[0].message


@pytest.mark.parametrize("boxes", [None, [], [box()]])
def test_an_image_for_which_the_job_failed_is_left_out(
    boxes: list[Any] | None, tmp_path: Path
) -> None:
    reason: dict[str, Any] = {"failure-reason": "ClientError: no such key"}
    found = read(tmp_path, line(boxes, **reason), line([box()], "s3://b/b.jpg"))
    assert list(found.boxes) == ["b.jpg"]
    failed = [("excluded", "labelling-failed", 1)] if boxes else []
    assert found.entries == [*failed, ("noted", "labelling-failed", 1)]
    assert "no such key" in found.ledger.entries[-1].message


def several() -> dict[str, Any]:
    first = line([box(), box()], job="draw", date="2020-01-01T00:00:00")
    second = line([box(7)], job="adjust", date="2021-01-01T00:00:00")
    third = {
        "weather": 1,
        "weather-metadata": {"class-name": "sun", "type": "groundtruth/image-classification"},
    }
    return {**second, **first, **third}


@pytest.mark.parametrize(
    ("assume", "names", "others"),
    [({}, ["cat"], 2), ({"job": "first"}, ["cat"], 2), ({"job": "all"}, ["cat", "dog", "dog"], 0)],
)
def test_of_several_jobs_the_latest_is_taken(
    assume: dict[str, str], names: list[str], others: int, tmp_path: Path
) -> None:
    found = read(tmp_path, several(), assume=assume)
    assert [name for name, _ in found.boxes["a.jpg"]] == names
    codes = [code for _, code, _ in found.entries]
    assert codes == ["other-job"] * others + ["not-an-area"]
    assert "adjust (1 image), draw (1 image)" in found.dataset.evidence[0]
    assert found.ledger.totals.annotations_in == 4


def test_the_latest_is_told_by_date_and_then_by_place(tmp_path: Path) -> None:
    dated = {**line([box()], job="z", date="2020"), **line([box(7)], job="a", date="2019")}
    assert [name for name, _ in read(tmp_path, dated).boxes["a.jpg"]] == ["dog"]
    alike = {**line([box()], job="z"), **line([box(7)], job="a")}
    assert [name for name, _ in read(tmp_path, alike).boxes["a.jpg"]] == ["cat"]


@pytest.mark.parametrize("size", [None, [], {}, [{"width": 0, "height": 0}], [{"width": 10**400}]])
def test_a_size_that_is_not_usable_is_none(size: Any, tmp_path: Path) -> None:
    one = line([box()])
    one["animals"]["image_size"] = size
    assert read(tmp_path, one).images[0].image.width_px is None


@pytest.mark.parametrize(
    "broken",
    [
        7,
        None,
        {},
        box(left="x"),
        box(left=None),
        box(left=10**400),
        box(left=float("nan")),
        box(class_id=9),
        box(class_id=None),
        box(class_id=[0]),
    ],
)
def test_a_broken_box_is_entered_with_its_line(broken: Any, tmp_path: Path) -> None:
    found = read(tmp_path, line([], "s3://b/b.jpg"), line([box(), broken]))
    assert found.entries == [("dropped", "bad-box", 2)]
    assert found.ledger.entries[0].message.startswith("box 1: ")
    assert len(found.boxes["a.jpg"]) == 1


def test_all_broken_lines_are_reported_at_once(tmp_path: Path) -> None:
    lines = [
        json.dumps(line([box()])),
        '{"source-ref": ',
        "",
        "[]",
        '{"source-ref": "s3://bucket/"}',
        json.dumps({**line(), "animals": {"annotations": 7}}),
        "[" * 100_000,
    ]
    path = write_text(tmp_path / "a.manifest", "\ufeff" + "\r\n".join(lines))
    with pytest.raises(DataError, match="5 broken lines") as caught:
        read_set("groundtruth", path)
    for number in (2, 4, 5, 6, 7):
        assert f"a.manifest:{number}: " in str(caught.value)


def test_splits_and_steps_in_between(tmp_path: Path) -> None:
    write(tmp_path, line([box()]), name="train/manifests/output/output.manifest")
    write(tmp_path, line([box()]), name="train/manifests/intermediate/1/output.manifest")
    write(tmp_path, line([], "s3://b/v.jpg"), name="validation.manifest")
    write(tmp_path, line([box()], "s3://b/v.jpg"), name="validation.jsonl.txt")
    found = read_set("groundtruth", tmp_path)
    assert {one.image.file_name: one.image.split for one in found.images} == {
        "a.jpg": "train", "v.jpg": "val",
    }  # fmt: skip
    assert recognise(tmp_path)[0] == "groundtruth"


@pytest.mark.parametrize(
    "one",
    [
        {"source-ref": "s3://b/a.jpg"},
        {"source-ref": "s3://b/a.jpg", "x": 1, "x-metadata": {"class-name": "sun"}},
        {"source": "some text", "x": {"annotations": []}, "x-metadata": {}},
        {"image": "a.jpg", "annotations": [{"label": "cat"}]},
    ],
)
def test_other_lines_are_not_recognised(one: Any, tmp_path: Path) -> None:
    for name in ("a.manifest", "b.jsonl", "c.json"):
        write(tmp_path, one, name=name)
    assert groundtruth.sniff(SourceTree(tmp_path)) is None


@pytest.mark.parametrize("value", [[1], {"class": 3}, 5, "x"])
def test_a_job_that_draws_boxes_in_some_lines_alone(value: Any, tmp_path: Path) -> None:
    other = line(None, "s3://b/b.jpg", type="groundtruth/image-classification")
    found = read(tmp_path, line([box()]), {**other, "animals": value})
    assert found.boxes == {"a.jpg": [("dog", [4, 6, 20, 30])]}
    assert found.entries == [("excluded", "not-an-area", 2), ("noted", "unlabelled", 2)]
    assert found.ledger.totals.annotations_in == 2
