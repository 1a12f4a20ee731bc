"""Faults that a deployment may have, planted into a real export: a gate catches each of them.

The checkpoint that ships with yolokit is exported once; each fault is then made in a copy of the
file, or where the runtime prepares its input, and the gates judge it beside the checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import yolokit
from tests.conftest import run_yolokit
from yolokit.engine_protocol.shared import share_process
from yolokit.export.config import ExportConfig
from yolokit.export.gates.accuracy import AccuracyGate, AccuracyRecord
from yolokit.export.gates.accuracy import open_gate as open_accuracy
from yolokit.export.gates.parity import Parity
from yolokit.export.gates.toolkit import Candidate, Verdict
from yolokit.export.parity.report import ParityReport
from yolokit.export.samples import load_gate_images
from yolokit.export.tolerances import find_tolerance
from yolokit.files.digest import digest_weights
from yolokit.runtime import detector, model_input
from yolokit.runtime.manifest import METADATA_KEY, decode_manifest, encode_manifest
from yolokit.runtime.predictor import Predictor, PredictorSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from yolokit.core.types import F32

onnx = pytest.importorskip("onnx")
pytest.importorskip("torch")
WEIGHTS = Path(detector.__file__).parents[1] / "jobs" / "assets" / "parts-n.pt"
IMAGES = 24


@dataclass(frozen=True)
class Exported:
    """A file as it would be published, and the images that it is judged on."""

    folder: Path
    model: Path
    data: Path

    def judge(self, model: Path, precision: str = "fp32") -> tuple[Verdict, Verdict]:
        """Return what parity and accuracy say of a file."""
        config: Any = ExportConfig(weights=WEIGHTS, data=self.data, precision=precision)
        accuracy = open_accuracy(config)
        assert isinstance(accuracy, AccuracyGate)
        return self.judge_parity(model, precision), accuracy.check(self.describe(model))

    def judge_parity(self, model: Path, precision: str, *, parent: Path | None = None) -> Verdict:
        """Return what parity says of a file that was made of an FP32 one, if any."""
        return Parity(find_tolerance(precision)).check(self.describe(model, parent))

    def describe(self, model: Path, parent: Path | None = None) -> Candidate:
        return Candidate(
            model=model,
            predictor=Predictor.load(PredictorSpec(model=str(model), provider="cpu")),
            weights=WEIGHTS,
            digest=digest_weights(WEIGHTS),
            trust=False,
            images=load_gate_images(self.data)[::2],
            log_path=self.folder / "engine.log",
            parent=parent,
        )


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    folder = tmp_path_factory.mktemp("faults")
    made = ["--classes", "pretrain", "--images", str(IMAGES), "--seed", "5", "--video-seconds", "0"]
    for line in (
        ["data", "demo", *made, "--out", str(folder / "demo")],
        ["data", "convert", str(folder / "demo"), "--out", str(folder / "set")],
        ["export", str(WEIGHTS), "--out", str(folder / "model.onnx")],
    ):
        done = run_yolokit(*line, cwd=folder)
        assert done.returncode == 0, done.stderr
    names = decode_manifest(_read_manifest(folder / "model.onnx")).head.names
    data = folder / "set" / "all.yaml"
    data.write_text(f"val: [images/train, images/val]\nnames: [{', '.join(names)}]\n")
    with share_process():
        yield Exported(folder, folder / "model.onnx", data)


def _read_manifest(model: Path) -> str:
    metadata = {one.key: one.value for one in onnx.load(model).metadata_props}
    return str(metadata[METADATA_KEY])


def change(exported: Exported, name: str, edit: Callable[[Any], None]) -> Path:
    """Return a copy of the file with a fault in it."""
    model = onnx.load(exported.model)
    edit(model)
    onnx.checker.check_model(model)
    path = exported.folder / f"{name}.onnx"
    onnx.save(model, path)
    return path


def change_manifest(model: Any, **changes: dict[str, Any]) -> None:
    import msgspec

    manifest = decode_manifest(
        next(one.value for one in model.metadata_props if one.key == METADATA_KEY)
    )
    parts = {
        part: msgspec.structs.replace(getattr(manifest, part), **values)
        for part, values in changes.items()
    }
    manifest = msgspec.structs.replace(manifest, **parts)
    for one in model.metadata_props:
        if one.key == METADATA_KEY:
            one.value = encode_manifest(manifest)


def append(model: Any, *nodes: tuple[str, Sequence[str], dict[str, Any]], **constants: Any) -> None:
    """Let nodes work on what the graph puts out, and put out the last one's result instead."""
    helper, graph = onnx.helper, model.graph
    output = graph.output[0].name
    inner = f"{output}_inner"
    for node in graph.node:
        node.output[:] = [inner if name == output else name for name in node.output]
        node.input[:] = [inner if name == output else name for name in node.input]
    for name, value in constants.items():
        graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(value), name))
    for at, (kind, inputs, attributes) in enumerate(nodes):
        names = [inner if name == "IN" else name for name in inputs]
        result = output if at == len(nodes) - 1 else f"planted{at}"
        graph.node.append(helper.make_node(kind, names, [result], **attributes))


def bake_threshold(model: Any) -> None:
    """Set scores below 0.25 to 0, as an NMS in the graph with a threshold of its own does."""
    classes = 16
    least = np.full((1, 4 + classes, 1), 0.25, np.float32)
    least[:, :4] = -1e9
    append(
        model,
        ("Greater", ("IN", "least"), {}),
        ("Cast", ("planted0",), {"to": onnx.TensorProto.FLOAT}),
        ("Mul", ("IN", "planted1"), {}),
        least=least,
    )


def damage_weight(model: Any) -> None:
    """Set one kernel of a convolution in the middle of the network to 0."""
    weights = [one for one in model.graph.initializer if len(one.dims) == 4]
    damaged = weights[len(weights) // 3]
    values = onnx.numpy_helper.to_array(damaged).copy()
    values[0] = 0
    damaged.CopyFrom(onnx.numpy_helper.from_array(values, damaged.name))


def damage_weight_a_little(model: Any) -> None:
    """Make one kernel in the middle of the network larger by a tenth: less than rounding does."""
    weights = [one for one in model.graph.initializer if len(one.dims) == 4]
    damaged = weights[len(weights) // 2]
    values = onnx.numpy_helper.to_array(damaged) * np.float32(1.1)
    damaged.CopyFrom(onnx.numpy_helper.from_array(values, damaged.name))


def move_boxes(model: Any) -> None:
    """Move each box by 3 px to the right and down: near enough for the parity of INT8."""
    offsets = np.zeros((1, 20, 1), np.float32)
    offsets[:, :2] = 3
    append(model, ("Add", ("IN", "offsets"), {}), offsets=offsets)


def swap_channels(model: Any) -> None:
    change_manifest(model, io={"color_order": "bgr"})


def rotate_names(model: Any) -> None:
    names = decode_manifest(
        next(one.value for one in model.metadata_props if one.key == METADATA_KEY)
    ).head.names
    change_manifest(model, head={"names": (*names[1:], names[0])})


def test_the_file_as_it_is_passes(exported: Exported) -> None:
    parity, accuracy = exported.judge(exported.model)
    assert not parity.problems
    assert not accuracy.problems
    record = accuracy.record
    assert isinstance(record, AccuracyRecord)
    assert record.verdict == "as good"
    assert record.images == 20
    assert record.trained == pytest.approx(record.file, abs=1e-4)
    assert record.trained is not None
    assert record.trained > 0.7, "a model that finds nothing could lose nothing"
    assert record.most_different == ()


@pytest.mark.parametrize(
    ("fault", "parity_says", "loses_accuracy"),
    [
        (swap_channels, "colour order", True),
        (damage_weight, "raw", False),  # a single kernel: the raw numbers alone show it
        (bake_threshold, "raw scores differ", True),
        (rotate_names, "class 0 is called", True),
    ],
)
def test_a_fault_in_the_file_is_caught(
    exported: Exported, fault: Callable[[Any], None], parity_says: str, loses_accuracy: bool
) -> None:
    parity, accuracy = exported.judge(change(exported, fault.__name__, fault))
    assert parity_says in parity.problems[0]
    assert isinstance(parity.record, ParityReport)
    assert parity.record.verdict == "different"
    assert any("it lost" in problem for problem in accuracy.problems) == loses_accuracy


def test_a_wrong_letterbox_is_caught(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    make_input = model_input.make_input

    def shift(*arguments: Any) -> F32:
        return np.roll(make_input(*arguments), 12, axis=3)

    monkeypatch.setattr(detector, "make_input", shift)
    parity, accuracy = exported.judge(exported.model)
    assert "letterbox" in parity.problems[0]
    assert "it lost" in accuracy.problems[0]


def test_what_the_parity_of_int8_lets_pass_accuracy_refuses(exported: Exported) -> None:
    """Public tables mark such files as fine."""
    model = change(exported, "moved", move_boxes)
    parity, accuracy = exported.judge(model, "int8")
    assert parity.problems == []
    record = accuracy.record
    assert isinstance(record, AccuracyRecord)
    assert record.verdict == "worse"
    assert record.trained is not None
    assert record.file is not None
    assert record.file < 0.75 * record.trained
    assert (
        f"{record.file:.3f}, and {record.trained:.3f} for the trained model" in accuracy.problems[0]
    )
    assert [one.lost for one in record.classes] == sorted(
        (one.lost for one in record.classes), key=lambda lost: -(lost or 0)
    )
    assert record.classes[0].name in "".join(accuracy.problems)
    assert record.most_different[0].image in accuracy.problems[-1]


def test_a_fault_that_rounding_would_hide_is_caught_in_the_parent(exported: Exported) -> None:
    model = change(exported, "hidden", damage_weight_a_little)
    assert not exported.judge_parity(model, "int8").problems
    parity = exported.judge_parity(model, "int8", parent=model)
    assert parity.problems
    assert all(problem.startswith("already in FP32: ") for problem in parity.problems)
    report = parity.record
    assert isinstance(report, ParityReport)
    assert report.verdict == "different"
    assert report.parent is not None
    assert report.parent.verdict == "different"
    parity = exported.judge_parity(exported.model, "int8", parent=exported.model)
    assert not parity.problems
    assert isinstance(parity.record, ParityReport)
    assert parity.record.parent is not None
    assert parity.record.parent.verdict == "equal"


def test_verify_tells_a_file_that_equals_its_checkpoint_from_one_that_does_not(
    exported: Exported,
) -> None:
    """The checkpoint runs in torch, and the labels decide."""
    good, bad = (
        yolokit.verify_models(WEIGHTS, model, data=exported.data, provider="cpu")
        for model in (exported.model, change(exported, "renamed", rotate_names))
    )
    assert good.is_good
    assert (good.first.provider, good.second.provider) == ("torch", "cpu")
    assert good.first.sha256 == good.second.weights_sha256
    assert good.boxes.min_iou is not None
    assert good.boxes.min_iou > 0.999
    assert good.speed is None
    assert "torch" in str(good.why_not_timed)
    assert not bad.is_good
    assert bad.accuracy is not None
    assert bad.accuracy.second < 0.3
    assert "in another order" in bad.checks[0].text
