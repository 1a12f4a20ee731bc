"""Every format that is found keeps the contract: nothing of a data set is lost on the way.

A new file in ``formats`` is tested here from the moment that it exists.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.conftest import write_image, write_text
from yolokit.convert.steps.clip_boxes import clip_boxes
from yolokit.convert.steps.to_task import TaskPlan, to_task
from yolokit.core.task import Task
from yolokit.errors import YolokitError
from yolokit.formats.toolkit.locate import locate_images
from yolokit.formats.toolkit.plugin import (
    Format,
    ReadOptions,
    can_write,
    list_formats,
    load_format,
    recognise,
    writable_tasks,
)
from yolokit.formats.toolkit.source_tree import SourceTree
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import (
    Annotations,
    Category,
    Dataset,
    ImageRecord,
    LabelledImage,
    PoseLayout,
    SourceFile,
)
from yolokit.labels.shapes import Shape, ShapeKind, box_corners, rotated_corners

FORMATS = list_formats()
WRITABLE = [name for name in FORMATS if can_write(name)]
DETECT = [name for name in WRITABLE if "detect" in writable_tasks(name)]
WH = (320, 200)

Boxes = Sequence[tuple[int, Sequence[float]]]

SET: dict[str, dict[str, Boxes]] = {
    "train": {
        "plain.jpg": [(0, (0, 0, 320, 200)), (2, (10.25, 20.5, 33.125, 44.75))],
        "background.jpg": [],
        "with space.jpg": [(1, (1, 2, 3, 4))],
        "ünï→名.png": [(1, (319, 199, 320, 200))],
        "several.dots.in.it.jpg": [(0, (0.01, 0.02, 0.05, 0.07))],
        "sub/folder/plain.jpg": [(2, (100, 50, 200, 150))],
        "other/plain.jpg": [(2, (100, 50, 200, 151))] * 2,
        "quote'and&;%20.jpg": [(0, (5, 5, 9, 9))],
        "-dash 1.jpg": [(0, (5, 5, 9, 9))],
    },
    "val": {"plain.jpg": [], "only in val.jpg": [(2, (7, 7, 80, 90))]},
    "test": {"t.jpg": [(1, (0, 0, 1, 1))]},
}
CATEGORIES = (
    Category(0, "zebra: #1", 17),
    Category(1, "no", 3),
    Category(2, "名前 & <x>", 90),
    Category(3, "never used", 4),
)


class Written(NamedTuple):
    """What came back: split and image to class name and box."""

    names: tuple[str, ...]
    boxes: dict[tuple[str | None, str], list[tuple[str, list[float]]]]
    ledger: Ledger


def make_dataset(content: Mapping[str, Mapping[str, Boxes]]) -> Dataset:
    source = SourceFile("made here")

    def iter_images() -> list[LabelledImage]:
        return [
            LabelledImage(
                ImageRecord(name, *WH, split, None, source),
                Annotations(
                    np.array([index for index, _ in boxes], np.int64),
                    np.array([box for _, box in boxes], np.float64).reshape(-1, 4),
                    np.arange(len(boxes)),
                ),
            )
            for split, images in content.items()
            for name, boxes in images.items()
        ]

    return Dataset(CATEGORIES, lambda: iter(iter_images()))


def unique(content: Mapping[str, Mapping[str, Boxes]], folder: str) -> dict[str, dict[str, Boxes]]:
    """Give images of different splits different names, where a format has one folder for all."""
    prefix = "" if "{split}" in folder else "{split}-"
    return {
        split: {prefix.format(split=split) + name: boxes for name, boxes in images.items()}
        for split, images in content.items()
    }


def there_and_back(name: str, content: Mapping[str, Mapping[str, Boxes]], root: Path) -> Written:
    module = load_format(name)
    dataset = make_dataset(content)
    for one in dataset.iter_images():
        place = module.IMAGE_FOLDER.format(split=one.image.split)
        write_image(root / place / one.image.file_name, *WH)
    module.write(dataset, root, ["made by a test"])
    ledger = Ledger()
    again = module.read(root, ReadOptions(), ledger)
    settled = clip_boxes(locate_images(again.iter_images(), ledger), ledger)
    boxes = {
        (one.image.split, one.image.file_name): [
            (again.names[index], box)
            for index, box in zip(
                one.annotations.category_indices.tolist(),
                one.annotations.xyxy.tolist(),
                strict=True,
            )
        ]
        for one in settled
    }
    return Written(again.names, boxes, ledger)


def check(name: str, content: Mapping[str, Mapping[str, Boxes]], root: Path) -> Written:
    content = unique(content, load_format(name).IMAGE_FOLDER)
    back = there_and_back(name, content, root)
    expected = {
        (split, image): boxes
        for split, images in content.items()
        for image, boxes in images.items()
    }
    assert back.boxes.keys() == expected.keys()
    for key, boxes in expected.items():
        names = [CATEGORIES[index].name for index, _ in boxes]
        assert [found for found, _ in back.boxes[key]] == names, key
        found = np.array([box for _, box in back.boxes[key]]).reshape(-1, 4)
        wanted = np.array([box for _, box in boxes], np.float64).reshape(-1, 4)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=0.01)
    totals = back.ledger.totals
    count = sum(len(boxes) for boxes in expected.values())
    assert (totals.annotations_in, totals.kept, totals.notes) == (count, count, 0)
    return back


@pytest.mark.parametrize("name", DETECT)
def test_round_trip(name: str, tmp_path: Path) -> None:
    check(name, SET, tmp_path)


@pytest.mark.parametrize("name", DETECT)
def test_a_written_set_is_recognised_as_what_it_is(name: str, tmp_path: Path) -> None:
    check(name, SET, tmp_path)
    assert recognise(tmp_path)[0] == name


@pytest.mark.parametrize("name", DETECT)
def test_a_set_of_background_images_alone(name: str, tmp_path: Path) -> None:
    check(name, {"train": {"a.jpg": [], "b.jpg": []}}, tmp_path)


BOX = st.tuples(
    st.floats(0, WH[0] - 0.05),
    st.floats(0, WH[1] - 0.05),
    st.floats(2, 320),  # a set whose boxes all lie in the first pixel is in fractions
    st.floats(2, 320),
).map(lambda v: (v[0], v[1], min(v[0] + v[2], WH[0]), min(v[1] + v[3], WH[1])))
CONTENT = st.dictionaries(
    st.sampled_from(["train", "val", "test"]),
    st.dictionaries(
        st.sampled_from(["a.jpg", "b c.jpg", "d/e.png", "f.g.jpg", "ü.png"]),
        st.lists(st.tuples(st.integers(0, 3), BOX), max_size=6),
        min_size=1,
        max_size=3,
    ),
    min_size=1,
)


@pytest.mark.parametrize("name", DETECT)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=CONTENT)
def test_any_boxes_come_back(
    name: str, content: dict[str, dict[str, Boxes]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    check(name, content, tmp_path_factory.mktemp("set"))


POSE = PoseLayout(("left eye", "nose", "right eye"), (2, 1, 0))
SHAPED = [(name, task) for name in WRITABLE for task in writable_tasks(name) if task != "detect"]
POINT = st.tuples(st.integers(0, WH[0] * 8), st.integers(0, WH[1] * 8)).map(
    lambda point: (point[0] / 8, point[1] / 8)
)


def shaped(task: Task, outlines: Sequence[Sequence[Sequence[float]]]) -> Dataset:
    """Make a set of one image, and an empty one, whose annotations have these outlines."""
    rings = [np.array(outline, np.float64) for outline in outlines]
    keypoints = None
    if task == "pose":
        keypoints = np.array([[[*ring[0], 2], [0, 0, 0], [*ring[2], 1]] for ring in rings])
        keypoints = keypoints.reshape(-1, 3, 3)
    kind: ShapeKind = "rotated" if task == "obb" else "polygon"
    shapes = {row: Shape((ring,), kind) for row, ring in enumerate(rings)}
    annotations = Annotations(
        np.arange(len(rings)) % 3,
        np.array([shape.xyxy for shape in shapes.values()], np.float64).reshape(-1, 4),
        np.arange(len(rings)),
        shapes=shapes if task != "pose" else {},
        keypoints=keypoints,
    )
    source = SourceFile("made here")
    images = [
        LabelledImage(ImageRecord("in a/b c.jpg", *WH, "train", None, source), annotations),
        LabelledImage(ImageRecord("empty.jpg", *WH, "train", None, source), Annotations.empty()),
    ]
    pose = POSE if task == "pose" else None
    return Dataset(CATEGORIES, lambda: iter(images), task=task, pose=pose)


def check_shapes(name: str, dataset: Dataset, root: Path) -> None:
    """Write a set with shapes and read it again: nothing is lost, and nothing has moved."""
    module = load_format(name)
    (before, _) = dataset.iter_images()
    for one in dataset.iter_images():
        write_image(root / module.IMAGE_FOLDER.format(split="train") / one.image.file_name, *WH)
    module.write(dataset, root, [])
    ledger = Ledger()
    again = module.read(root, ReadOptions(task=dataset.task), ledger)
    images = locate_images(again.iter_images(), ledger)
    reduction = TaskPlan(dataset.task, one_outline=not module.MANY_OUTLINES)
    images = to_task(images, reduction, SourceFile(""), ledger)
    found = {one.image.file_name: one.annotations for one in clip_boxes(images, ledger)}
    assert set(found) == {"in a/b c.jpg", "empty.jpg"}
    after, wanted = found["in a/b c.jpg"], before.annotations
    assert [again.names[index] for index in after.category_indices] == [
        CATEGORIES[index].name for index in wanted.category_indices
    ]
    np.testing.assert_allclose(after.xyxy, wanted.xyxy, rtol=0, atol=0.01)
    assert after.shapes.keys() == wanted.shapes.keys()
    for row, shape in wanted.shapes.items():
        assert after.shapes[row].kind == shape.kind
        for ring, expected in zip(after.shapes[row].rings, shape.rings, strict=True):
            np.testing.assert_allclose(ring, expected, rtol=0, atol=0.01)
    if wanted.keypoints is not None:
        assert after.keypoints is not None
        assert again.pose == POSE
        np.testing.assert_allclose(after.keypoints, wanted.keypoints, rtol=0, atol=0.01)
    totals = ledger.totals
    assert (totals.annotations_in, totals.kept) == (len(wanted), len(wanted))


@pytest.mark.parametrize(("name", "task"), SHAPED)
def test_shapes_come_back(name: str, task: Task, tmp_path: Path) -> None:
    outlines = [
        rotated_corners((100, 100), (60, 20), 30).tolist(),
        box_corners([0, 0, 320, 200]).tolist(),
        rotated_corners((200.125, 90.25), (10.5, 30.75), -80).tolist(),
    ]
    check_shapes(name, shaped(task, outlines), tmp_path)


@pytest.mark.parametrize(("name", "task"), SHAPED)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_shapes_come_back(
    name: str, task: Task, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rotated = st.tuples(
        st.floats(100, 220),
        st.floats(80, 120),
        st.floats(1, 70),
        st.floats(1, 70),
        st.floats(0, 360),
    ).map(lambda v: rotated_corners((v[0], v[1]), (v[2], v[3]), v[4]).tolist())
    triangle = st.tuples(POINT, st.floats(1, 40), st.floats(1, 40)).map(
        lambda v: [
            v[0],
            (min(v[0][0] + v[1], WH[0]) if v[0][0] < 160 else v[0][0] - v[1], v[0][1]),
            (v[0][0], v[0][1] + v[2] if v[0][1] < 100 else v[0][1] - v[2]),
        ]
    )
    outline = rotated if task == "obb" else st.one_of(rotated, triangle)
    outlines = data.draw(st.lists(outline, min_size=1, max_size=5))
    check_shapes(name, shaped(task, outlines), tmp_path_factory.mktemp("set"))


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_states_what_it_reads_and_writes(name: str) -> None:
    module = load_format(name)
    assert module.RECOGNISED_BY
    assert set(module.READS) <= set(Task)
    assert "detect" in module.READS or module.READS == ("obb",)
    assert set(writable_tasks(name)) <= set(module.READS)
    if can_write(name):
        assert isinstance(module.MANY_OUTLINES, bool)
        assert module.IMAGE_FOLDER


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_defines_what_a_format_defines(name: str) -> None:
    module = load_format(name)
    assert module.TITLE
    assert all(len(values) > 1 for values in module.ASSUME.values())
    for function in ("sniff", "read", *(["write"] if can_write(name) else [])):
        expected = inspect.signature(getattr(Format, function)).parameters
        found = inspect.signature(getattr(module, function)).parameters
        assert list(found) == list(expected)[1:], function
        assert getattr(module, function).__doc__


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "content",
    [b"", b"\x00" * 100, b"{", b"[]", b"<", b"<annotation/>", b"names: [a]\ntrain: .", b"1 2 3"],
)
@pytest.mark.parametrize("suffix", [".json", ".xml", ".yaml", ".txt"])
def test_nonsense_is_an_error_of_ours_or_an_empty_set(
    name: str, content: bytes, suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    module = load_format(name)
    for source in (path, tmp_path):
        module.sniff(SourceTree(source))
        try:
            images = list(module.read(source, ReadOptions(), Ledger()).iter_images())
        except YolokitError:
            continue
        assert all(len(one.annotations) == 0 for one in images)


@pytest.mark.parametrize("name", FORMATS)
def test_other_files_are_not_recognised(name: str, tmp_path: Path) -> None:
    write_text(tmp_path / "README.md", "# images: annotations, categories, names, train\n")
    write_text(tmp_path / "package.json", '{"name": "x", "images": {}}')
    write_text(tmp_path / "pom.xml", "<project><annotations/></project>")
    write_text(tmp_path / "config.yaml", "train: true\n")
    write_image(tmp_path / "images/a.jpg")
    assert load_format(name).sniff(SourceTree(tmp_path)) is None
    assert load_format(name).sniff(SourceTree(tmp_path / "none")) is None


@pytest.mark.parametrize("name", DETECT)
def test_reading_again_enters_nothing_twice(name: str, tmp_path: Path) -> None:
    check(name, SET, tmp_path)
    ledger = Ledger()
    dataset = load_format(name).read(tmp_path, ReadOptions(), ledger)
    mark = ledger.mark()
    first = [one.image for one in dataset.iter_images()]
    totals = ledger.totals
    ledger.rewind(mark)
    assert [one.image for one in dataset.iter_images()] == first
    assert ledger.totals == totals
