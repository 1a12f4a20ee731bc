"""Every task that is discovered keeps the same promises, and one more is files more."""

from __future__ import annotations

import ast
import json
import re
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

import yolokit.evaluate.tasks
import yolokit.runtime.heads
import yolokit.runtime.tasks
from tests.contract.protocols import find_lacking
from tests.unit.conftest import write_yolo
from tests.unit.runtime.conftest import ULTRALYTICS, save_model
from yolokit.core.plugins import list_plugins
from yolokit.core.task import Task
from yolokit.core.types import Detections, Frame
from yolokit.errors import InferenceError, ModelOutputError
from yolokit.evaluate.config import ValConfig
from yolokit.evaluate.job import open_job
from yolokit.evaluate.tasks.toolkit import PACKAGE as METRICS
from yolokit.evaluate.tasks.toolkit import TaskMetric, load_metric
from yolokit.export.parity.compare import compare
from yolokit.export.parity.report import Sample
from yolokit.runtime.detector import Detector
from yolokit.runtime.manifest import (
    METADATA_KEY,
    ModelHead,
    ModelIO,
    ModelManifest,
    encode_manifest,
)
from yolokit.runtime.sink import open_sinks
from yolokit.runtime.source import open_source
from yolokit.runtime.tasks.toolkit import PACKAGE as TASKS
from yolokit.runtime.tasks.toolkit import RuntimeTask, load_task

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

RUNNABLE = list_plugins(TASKS)
NAMES = ("nut", "bolt")
PACKAGE = Path(yolokit.__file__).parent


def test_what_runs_is_a_task_and_can_be_measured() -> None:
    assert RUNNABLE
    assert set(RUNNABLE) <= set(Task)
    assert set(list_plugins(METRICS)) == set(RUNNABLE)


@pytest.mark.parametrize("name", RUNNABLE)
def test_it_has_all_that_a_task_has(name: str) -> None:
    assert find_lacking(load_task(name), RuntimeTask) == []
    assert find_lacking(load_metric(name), TaskMetric) == []


@pytest.mark.parametrize("name", RUNNABLE)
def test_an_image_without_detections_is_recorded_and_drawn_as_it_is(name: str) -> None:
    task = load_task(name)
    image = np.full((20, 30, 3), 90, np.uint8)
    assert task.describe(Detections.empty(), NAMES) == []
    np.testing.assert_array_equal(task.draw(image, Detections.empty(), NAMES), image)


@pytest.mark.parametrize("name", RUNNABLE)
def test_a_detection_is_recorded_and_drawn_on_a_copy(name: str) -> None:
    task = load_task(name)
    image = np.full((60, 90, 3), 90, np.uint8)
    found = Detections(
        np.array([[10, 20, 50, 50]], np.float32), np.array([0.9], np.float32), np.array([1])
    )
    drawn = task.draw(image, found, NAMES)
    assert (image == 90).all()
    assert drawn.shape == image.shape
    assert drawn.dtype == np.uint8
    assert (drawn != image).any()
    (record,) = task.describe(found, NAMES)
    assert json.loads(json.dumps(record))["name"] == "bolt"


@pytest.mark.parametrize("name", RUNNABLE)
def test_its_table_has_a_cell_for_each_column(name: str, tmp_path: Path) -> None:
    metric = load_metric(name)
    assert len(metric.show_row(metric.open_tally().compute(NAMES).overall)) == len(metric.COLUMNS)


# Where a task or a layout may be told from another: in its own files alone.
OWN = ("core/task.py", "runtime/tasks/", "runtime/heads/", "evaluate/tasks/", "engine/tasks/")
# Labels have a form for each task: the parts that read and write labels ask which one is wanted.
LABELS = ("labels/", "formats/", "convert/", "datasets/")
PLUGIN = re.compile(r"yolokit\.(runtime|evaluate)\.(tasks|heads)(?!\.toolkit$)")


def find_distinctions(source: str, *, labels: bool = False) -> list[str]:
    """Return what of a module's text tells a task by its name, or compares a layout or a task."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and node.value == Task.DETECT:
            found.append(f"line {node.lineno}: the name of a task as text")
        if isinstance(node, ast.ImportFrom) and PLUGIN.match(node.module or ""):
            found.append(f"line {node.lineno}: imports {node.module} by its name")
        if isinstance(node, ast.Compare | ast.match_case):
            words = set(re.findall(r"\b(?:layout|Task\.[A-Z]+)\b", ast.unparse(node)))
            values = [one.value for one in ast.walk(node) if isinstance(one, ast.Constant)]
            texts = [value for value in values if isinstance(value, str)]
            if (words - {"layout"} and not labels) or ("layout" in words and texts):
                found.append(f"{ast.unparse(node)!r} compares {', '.join(sorted(words))}")
    return found


def test_tasks_and_layouts_are_told_apart_in_their_own_files_alone() -> None:
    modules = {
        path.relative_to(PACKAGE).as_posix(): path.read_text("utf-8")
        for path in PACKAGE.rglob("*.py")
    }
    assert all(any(name.startswith(own) for name in modules) for own in (*OWN, *LABELS))
    problems = [
        f"{name}: {problem}"
        for name, text in modules.items()
        if not name.startswith(OWN)
        for problem in find_distinctions(text, labels=name.startswith(LABELS))
    ]
    assert problems == []


@pytest.mark.parametrize(
    "source",
    [
        'task: str = "detect"',
        "if head.layout == 'raw': pass",
        "x = layout in ('raw', 'end2end')",
        "if task is Task.DETECT: pass",
        "if self._task != Task.SEGMENT: pass",
        "from yolokit.runtime.heads import raw",
        "from yolokit.evaluate.tasks.detect import match",
    ],
)
def test_a_distinction_is_noticed(source: str) -> None:
    assert find_distinctions(source)


# A task and a layout that nobody has: three files, put where plug-ins lie, and nothing else.
NEW = "classify"
LAYOUT = '''
"""(B, N, 5 + C + E): rows of x1, y1, x2, y2 in input px, objectness, C scores, E values."""

import numpy as np

from yolokit.errors import ModelOutputError
from yolokit.runtime.heads.toolkit import Candidates

BOX_AXIS = 1
SUPPRESSES_OVERLAPS = False
TAKES_LIMITS = False


def count_values(class_count, extra_count=0):
    return 5 + class_count + extra_count


def describe_shape(class_count, extra_count=0):
    return f"(batch, rows, {count_values(class_count, extra_count)})"


def decode(output, *, class_count, extra_count=0, min_score, multi_label=False):
    if output.shape[-1] != count_values(class_count, extra_count):
        raise ModelOutputError(f"not {output.shape}")
    by_class = output[:, 4:5] * output[:, 5 : 5 + class_count]
    class_ids, scores = by_class.argmax(axis=1), by_class.max(axis=1)
    kept = np.flatnonzero(scores >= min_score)
    rows = output[kept]
    return Candidates(rows[:, :4], scores[kept], class_ids[kept], rows[:, 5 + class_count :])


def split_comparable(output):
    return output[:, :4].T.astype(np.float64), output[:, 4:].T.astype(np.float64)
'''
RUNTIME = '''
"""Finds boxes, each with one point."""

import numpy as np

from yolokit.core.types import Detections
from yolokit.runtime.tasks.toolkit import check_box_output, check_image_input, choose_boxes


def count_extras(session):
    return 2


def list_outputs(head):
    return (head.output_name,)


def check_ports(session, manifest):
    check_image_input(session, manifest)
    check_box_output(session, manifest.head, extra_count=count_extras(session))


def decode(outputs, letterbox, head, limits):
    kept = choose_boxes(outputs[head.output_name], head, limits, extra_count=2)
    corners = letterbox.to_image(np.tile(kept.extras, 2))
    points = np.insert(corners[:, :2], 2, 1, axis=1)[:, None]
    boxes = letterbox.to_image(kept.xyxy, clip=limits.clip)
    return Detections(boxes, kept.scores, kept.class_ids, keypoints=points)


def describe(detections, names):
    points = detections.keypoints[:, 0, :2].tolist()
    found = zip(detections, points, strict=True)
    return [{"name": names[class_id], "point": point} for (_, _, class_id), point in found]


def draw(bgr, detections, names):
    drawn = bgr.copy()
    for x, y, _ in detections.keypoints[:, 0].astype(int):
        drawn[y, x] = 255
    return drawn
'''
METRIC = '''
"""How many points lie in a true box."""

from yolokit.metrics.coco import BoxMetrics, CocoMetrics
from yolokit.metrics.matching import match_detections

COLUMNS = ("class", "points", "inside")


class Tally:
    def __init__(self):
        self.image_count = 0
        self.inside = []

    def add(self, truth, found):
        self.image_count += 1
        for x, y, _ in found.keypoints[:, 0]:
            within = (truth.xyxy[:, :2] <= (x, y)) & ((x, y) < truth.xyxy[:, 2:])
            self.inside.append(bool(within.all(axis=1).any()))

    def compute(self, class_names, min_precisions=()):
        count = len(self.inside)
        share = sum(self.inside) / count
        overall = BoxMetrics(name="all", images=self.image_count, boxes=count, recall=share)
        return CocoMetrics(overall=overall, classes=())


def open_tally():
    return Tally()


def overlap(truth, found):
    points = found.keypoints[:, None, 0, :2]
    inside = (truth.xyxy[None, :, :2] <= points) & (points < truth.xyxy[None, :, 2:])
    return inside.all(axis=2).astype(float)


def show_row(metrics):
    return (metrics.name, metrics.boxes, metrics.recall)


def summarize(overall):
    return f"{overall.recall:.2f} of the points are inside"


def match(a, b, *, min_iou, max_score_diff):
    return match_detections(a, b, min_iou=min_iou, max_score_diff=max_score_diff)
'''


@contextmanager
def plugged_in(package: ModuleType, folder: Path, name: str, source: str) -> Iterator[None]:
    """Let a package hold one module more for a while."""
    folder.mkdir()
    (folder / f"{name}.py").write_text(source)
    before = dict(sys.modules)
    package.__path__.insert(0, str(folder))
    list_plugins.cache_clear()
    try:
        yield
    finally:
        package.__path__.remove(str(folder))
        list_plugins.cache_clear()
        full = f"{package.__name__}.{name}"
        sys.modules.pop(full, None)
        if full in before:
            sys.modules[full] = before[full]


@pytest.fixture
def new_plugins(tmp_path: Path) -> Iterator[None]:
    with (
        plugged_in(yolokit.runtime.heads, tmp_path / "heads", "objectness", LAYOUT),
        plugged_in(yolokit.runtime.tasks, tmp_path / "tasks", NEW, RUNTIME),
        plugged_in(yolokit.evaluate.tasks, tmp_path / "metrics", NEW, METRIC),
    ):
        yield


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Finds a bolt in the left half of any image, and a nut in the right; the nut twice."""
    rows = [
        [4, 8, 28, 56, 0.9, 0.1, 1.0, 10, 20],
        [36, 8, 60, 56, 0.8, 1.0, 0.1, 40, 30],
        [36, 8, 60, 55, 0.5, 1.0, 0.1, 1, 1],
    ]
    manifest = ModelManifest(
        io=ModelIO(input_name="images", shape=(1, 3, 64, 64), input_wh=(64, 64)),
        head=ModelHead(output_name="output0", layout="objectness", task=Task(NEW), names=NAMES),
    )
    return save_model(
        tmp_path / "new.onnx",
        np.array([rows], np.float32),
        metadata={METADATA_KEY: encode_manifest(manifest)},
        score_axis=2,
    )


@pytest.mark.usefixtures("new_plugins")
class TestOneTaskAndOneLayoutMore:
    def test_its_plugins_are_complete(self) -> None:
        assert find_lacking(load_task(NEW), RuntimeTask) == []
        assert find_lacking(load_metric(NEW), TaskMetric) == []

    def test_a_model_is_loaded_and_run(self, model: Path) -> None:
        found = Detector.load(model, threads=1)(np.zeros((128, 128, 3), np.uint8))
        assert found.class_ids.tolist() == [1, 0]
        assert found.xyxy.tolist() == [[8, 16, 56, 112], [72, 16, 120, 112]]
        assert found.keypoints is not None
        assert found.keypoints[:, 0].tolist() == [[20, 40, 1], [80, 60, 1]]

    def test_an_export_of_ultralytics_is_told_by_what_the_task_says_of_its_boxes(
        self, tmp_path: Path
    ) -> None:
        rows = np.zeros((1, 4 + len(NAMES) + 2, 5), np.float32)
        metadata = ULTRALYTICS | {"task": NEW}
        good = save_model(tmp_path / "good.onnx", rows, metadata=metadata)
        head = Detector.load(good, threads=1).manifest.head
        assert (head.layout, head.task) == ("raw", NEW)
        other = save_model(tmp_path / "other.onnx", rows[:, :-1], metadata=metadata)
        with pytest.raises(ModelOutputError, match=r"neither \(batch, 8, anchors\) for 2 classes"):
            Detector.load(other, threads=1)

    def test_records_and_pictures_show_it(self, model: Path, tmp_path: Path) -> None:
        detector = Detector.load(model, threads=1)
        image = tmp_path / "in" / "a.png"
        image.parent.mkdir()
        cv2.imwrite(str(image), np.zeros((64, 64, 3), np.uint8))
        (source,) = open_source(str(image))
        out = tmp_path / "out"
        out.mkdir()
        with open_sinks(["images", "jsonl"], out, detector.manifest.head) as sinks:
            for sink in sinks:
                sink.begin(source)
                for frame in source:
                    assert isinstance(frame, Frame)
                    sink.write(frame, detector(frame.bgr))
        record = json.loads((out / "predictions.jsonl").read_text())
        assert record["detections"] == [
            {"name": "bolt", "point": [10, 20]},
            {"name": "nut", "point": [40, 30]},
        ]
        drawn: Any = cv2.imread(str(out / "images" / "a.png"))
        assert np.argwhere(drawn.any(axis=2)).tolist() == [[20, 10], [30, 40]]

    def test_it_is_measured(self, model: Path, tmp_path: Path) -> None:
        data = write_yolo(
            tmp_path / "set",
            {"a.png": "1 0.15625 0.25 0.1 0.1"},  # around the first point alone
            yaml="val: images/val\nnames: [nut, bolt]\n",
            split="val",
        )
        report = open_job(ValConfig(model, data, threads=1)).run()
        metric = load_metric(NEW)
        assert metric.summarize(report.overall) == "0.50 of the points are inside"
        assert metric.show_row(report.overall) == ("all", 2, 0.5)
        assert report.analysis is not None
        assert report.analysis.overall.right == 1, "the task says what overlaps what"

    def test_the_gate_compares_it(self, model: Path) -> None:
        detector = Detector.load(model, threads=1)
        tensor, letterbox = detector.preprocess(np.zeros((64, 64, 3), np.uint8))
        (outputs,) = detector.infer(tensor)
        same = Sample(
            name="a",
            letterbox=letterbox,
            trained_input=tensor,
            trained=outputs,
            deployed_input=tensor,
            deployed=outputs,
        )
        assert compare([same], detector).verdict == "equal"
        moved = {"output0": outputs["output0"] + np.float32(1)}
        assert compare([replace(same, deployed=moved)], detector).verdict == "different"


def test_a_task_without_a_plugin_is_refused_by_name(model: Path) -> None:
    with pytest.raises(InferenceError, match=f"is a model for '{NEW}'; this runtime runs 'detect'"):
        Detector.load(model, threads=1)


def test_a_layout_without_a_plugin_is_refused_by_name(tmp_path: Path) -> None:
    manifest = ModelManifest(
        io=ModelIO(input_name="images", shape=(1, 3, 64, 64), input_wh=(64, 64)),
        head=ModelHead(output_name="output0", layout="objectness", names=NAMES),
    )
    metadata = {METADATA_KEY: encode_manifest(manifest)}
    with pytest.raises(InferenceError, match="layout 'objectness'; this runtime reads") as caught:
        Detector.load(save_model(tmp_path / "a.onnx", metadata=metadata), threads=1)
    assert caught.value.hint == "update yolokit on this machine"
