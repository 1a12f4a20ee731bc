"""Every task of the engine keeps the same promises, and one more is one file more."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import yolokit
from yolokit.core.plugins import list_plugins
from yolokit.core.task import Task
from yolokit.engine_protocol.requests import ExportRequest, InferRequest, StartRequest
from yolokit.errors import ConfigError, WeightsError
from yolokit.files.digest import digest_weights
from yolokit.train.arch import find_arch, find_classifier_arch

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "yolokit.engine.tasks"
ENGINE = Path(yolokit.__file__).with_name("engine")
TRAINED = list_plugins(PACKAGE)
# Of one task alone, in upstream's words.
OWN_WORDS = {"DetectionModel", "DetectionTrainer", "DetectionValidator", "Detect", "cv3", "anchors"}


def test_what_is_trained_are_tasks() -> None:
    assert TRAINED
    assert set(TRAINED) <= set(Task)


def find_distinctions(source: str) -> list[str]:
    """Return what of a module's text belongs to one task alone."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and node.value in {*Task, *OWN_WORDS}:
            found.append(f"line {node.lineno}: {node.value!r}")
        if isinstance(node, ast.Name | ast.alias | ast.Attribute):
            name = {ast.Name: "id", ast.alias: "name", ast.Attribute: "attr"}[type(node)]
            if getattr(node, name) in OWN_WORDS | set(Task.__members__):
                found.append(f"line {node.lineno}: {getattr(node, name)}")
    return found


def test_tasks_are_told_apart_in_their_own_modules_alone() -> None:
    modules = [path for path in ENGINE.rglob("*.py") if path.parent.name != "tasks"]
    assert len(modules) > 10
    problems = {path.name: find_distinctions(path.read_text("utf-8")) for path in modules}
    assert {name: found for name, found in problems.items() if found} == {}


@pytest.mark.parametrize("source", ['x = "detect"', "if t is Task.POSE: pass", "h.cv3", '"Detect"'])
def test_a_distinction_is_noticed(source: str) -> None:
    assert find_distinctions(source)


# A task that nobody has yet, put where tasks lie.
SEGMENT = '''
"""Outlines, as upstream's ``Segment`` gives them: boxes with coefficients, and prototypes."""

from yolokit.engine.trainer import YolokitTrainer

from ultralytics.models.yolo.segment import SegmentationTrainer
from ultralytics.nn.tasks import SegmentationModel

ACTIVITY = "segmentation"
MODEL = "network that segments"
HEADS = ("Segment",)
CLASS_BRANCHES = ("cv3",)
OUTPUTS = ("output0", "prototypes")


class Trainer(YolokitTrainer, SegmentationTrainer):
    metric_names = {"metrics/mAP50-95(M)": "mask mAP50-95"}


def build(arch, class_count):
    return SegmentationModel(arch, nc=class_count, verbose=False)


def choose_head(model, layout):
    assert layout in (None, "raw")


def tell_layout(model):
    return "raw"


def list_size_axes(layout):
    return {"output0": {2: "anchors"}, "prototypes": {2: "rows", 3: "columns"}}
'''


@pytest.fixture
def segment(tmp_path: Path) -> Iterator[Any]:
    pytest.importorskip("onnx", reason="the train extra is not installed")
    import yolokit.engine.tasks as package
    from yolokit.engine.tasks.toolkit import load_task

    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "segment.py").write_text(SEGMENT)
    package.__path__.insert(0, str(folder))
    list_plugins.cache_clear()
    try:
        yield load_task(Task.SEGMENT)
    finally:
        package.__path__.remove(str(folder))
        list_plugins.cache_clear()
        sys.modules.pop(f"{PACKAGE}.segment", None)


@pytest.mark.parametrize("name", TRAINED)
def test_it_has_all_that_a_task_has(name: str) -> None:
    pytest.importorskip("onnx", reason="the train extra is not installed")
    from yolokit.engine.tasks.toolkit import EngineTask, load_task
    from yolokit.engine.trainer import YolokitTrainer

    task = load_task(Task(name))
    wanted = {
        *EngineTask.__annotations__, "build", "choose_head", "tell_layout", "list_size_axes",
    }  # fmt: skip
    assert [one for one in sorted(wanted) if not hasattr(task, one)] == []
    assert issubclass(task.Trainer, YolokitTrainer)
    # Each worker of a run on several GPUs imports it so.
    assert (task.Trainer.__module__, task.Trainer.__qualname__) == (f"{PACKAGE}.{name}", "Trainer")
    assert "mAP50-95" in task.Trainer.metric_names.values()
    assert set(task.list_size_axes("raw")) <= set(task.OUTPUTS)


def make_checkpoint(folder: Path) -> Path:
    """Save a fresh network that segments, made as a training from nothing begins."""
    from yolokit.engine.initializers import build_start, save_start

    arch = find_classifier_arch("yolov8n-seg").write_to(folder)
    names = ["nut", "bolt"]
    model, _report = build_start(
        StartRequest(task=Task.SEGMENT, kind="scratch", weights=None, arch=str(arch), names=names)
    )
    save_start(model, str(folder / "start.pt"), imgsz=64)
    return folder / "start.pt"


def test_one_task_more_is_started_loaded_exported_and_compared(
    segment: Any, tmp_path: Path
) -> None:
    import onnx

    from yolokit.engine.export import export
    from yolokit.engine.infer import infer
    from yolokit.engine.network.transfer import list_frozen
    from yolokit.engine.tasks.toolkit import load_task, load_task_model

    path = make_checkpoint(tmp_path)
    model, _checkpoint = load_task_model(segment, str(path))
    assert list_frozen("neck", model) == list(range(22))
    out, digest = tmp_path / "out.onnx", digest_weights(path)
    facts = export(
        ExportRequest(
            task=Task.SEGMENT, weights=str(path), digest=digest, out=str(out), input_hw=(64, 64),
            dynamic="all", opset=17,
        )
    )  # fmt: skip
    assert facts["names"] == ["nut", "bolt"]
    graph = onnx.load(out).graph
    assert [output.name for output in graph.output] == ["output0", "prototypes"]
    axes = [axis.dim_param for axis in graph.output[1].type.tensor_type.shape.dim]
    assert axes == ["batch", "", "rows", "columns"]

    np.save(tmp_path / "0000.image.npy", np.zeros((64, 64, 3), np.uint8))
    request = InferRequest(
        task=Task.SEGMENT, weights=str(path), digest=digest, folder=str(tmp_path),
        images=1, input_wh=(64, 64), threads=1,
    )  # fmt: skip
    infer(request)
    shapes = [np.load(tmp_path / f"0000.{name}.npy").shape for name in segment.OUTPUTS]
    assert shapes == [(1, 4 + 2 + 32, 84), (1, 32, 16, 16)]

    with pytest.raises(WeightsError, match="is not a detector: it ends in Segment; this version"):
        load_task_model(load_task(Task.DETECT), str(path))


@pytest.mark.usefixtures("segment")
def test_an_architecture_for_another_task_is_refused(tmp_path: Path) -> None:
    from yolokit.engine.initializers import build_start

    arch = find_arch("yolov8n").write_to(tmp_path)
    request = StartRequest(
        task=Task.SEGMENT, kind="scratch", weights=None, arch=str(arch), names=["nut"]
    )
    with pytest.raises(ConfigError, match="ends in Detect, which is not a segmentation head"):
        build_start(request)


def test_a_task_without_a_module_is_refused_by_name() -> None:
    from yolokit.engine.tasks.toolkit import load_task

    with pytest.raises(ConfigError, match="obb"):
        load_task(Task.OBB)
