"""The gate of files that report boxes, and of those that prepare images: each fault is caught."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.samples.seeing import NAMES, make_picture, save_seeing_model
from yolokit.engine_protocol.requests import InferFacts
from yolokit.evaluate.checkpoint import RanImage
from yolokit.export.config import ExportConfig
from yolokit.export.gates import parity
from yolokit.export.gates.toolkit import Candidate, Verdict
from yolokit.export.parity import sides
from yolokit.files.digest import FileDigest
from yolokit.runtime.detector import Detector
from yolokit.runtime.model_input import choose_input_wh
from yolokit.runtime.predictor import Predictor, PredictorSpec

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("onnx")

from yolokit.export.embed import join, letterbox, nms

PICTURES = [
    (f"{width}x{height}", make_picture(width, height, width))
    for width, height in ((96, 64), (150, 90), (60, 100), (400, 300))
]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Verdict]:
    """Judge a file with some parts beside the network that it was made of, which stands for
    torch."""
    trained: list[Detector] = []

    def run(images: Any, io: Any, **_options: Any) -> Any:
        assert choose_input_wh(io) == (96, 64)
        ran = []
        for bgr in images:
            tensor, _ = trained[0].preprocess(bgr)
            (outputs,) = trained[0].infer(tensor)
            ran.append(RanImage(tensor, outputs))
        facts = InferFacts(names=NAMES, layout="raw", outputs=("output0",), imgsz=96, stride_px=32)
        return facts, ran

    def judge(parts: str, **options: Any) -> Verdict:
        from yolokit.export.graph import describe_graph

        plain, own = tmp_path / "plain.onnx", tmp_path / "own.onnx"
        manifest = save_seeing_model(plain, **options)
        trained[:] = [Detector.load(plain, provider="cpu")]
        described = join.describe_embedded(manifest, parts.split(","))
        describe_graph(join.embed_parts(plain, own, manifest, described), own, described)
        candidate = Candidate(
            model=own,
            predictor=Predictor.load(PredictorSpec(model=str(own), provider="cpu")),
            weights=plain,
            digest=FileDigest(sha256="", size_bytes=0),
            trust=False,
            images=PICTURES,
            log_path=tmp_path / "log",
        )
        gate = parity.open_gate(ExportConfig(weights=plain, embed=parts))  # type: ignore[arg-type]
        return gate.check(candidate)

    monkeypatch.setattr(sides, "Checkpoint", lambda **_options: SimpleNamespace(run=run))
    return judge


@pytest.mark.parametrize("parts", ["pre", "nms", "pre,nms"])
def test_equal_files_pass(check: Callable[..., Verdict], parts: str) -> None:
    verdict = check(parts)
    assert verdict.problems == []
    report: Any = verdict.record
    assert report.verdict == "equal"
    assert report.matched > 100
    # A single pixel, strips and a large image join where the file prepares images itself.
    assert report.images == len(PICTURES) + (5 if "pre" in parts else 0)


def test_a_dynamic_batch_passes(check: Callable[..., Verdict]) -> None:
    assert check("nms", batch="n").problems == []


def swap_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    add = letterbox.add_letterbox
    monkeypatch.setattr(
        join,
        "add_letterbox",
        lambda b, image, io: add(b, b.add("Gather", image, b.axes(2, 1, 0), axis=2), io),
    )


def shift_letterbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """Move the image by one pixel of the input; boxes are led back as if it had not been."""
    pads = letterbox._pads

    def shifted(b: Any, fit: Any, io: Any) -> Any:
        return b.add("Sub", pads(b, fit, io), b.axes(0, 1, 0, 0, -1, 0))

    monkeypatch.setattr(letterbox, "_pads", shifted)


def map_without_border(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the border where boxes are led back."""
    to_image = nms._to_image

    def mapped(b: Any, boxes: str, fit: Any, ports: Any) -> str:
        none = b.add("Sub", fit.pad_xy, fit.pad_xy)
        return to_image(b, boxes, letterbox.Fit(fit.image_wh, fit.resized_wh, none), ports)

    monkeypatch.setattr(nms, "_to_image", mapped)


def ignore_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Suppress as if all boxes were of one class; each is called by its own afterwards."""
    suppress = nms.suppress_raw

    def agnostic(b: Any, output: str, class_count: int, ports: Any) -> Any:
        add = b.add

        def without_classes(op: str, *inputs: str, **attributes: Any) -> Any:
            if op != "NonMaxSuppression":
                return add(op, *inputs, **attributes)
            boxes, scores, *rest = inputs
            top, classes = b.add_all("TopK", scores, b.axes(1), count=2, axis=1)
            chosen = add(op, boxes, top, *rest)
            image, anchor = (add("Gather", chosen, b.axes(at), axis=1) for at in (0, 2))
            none = add("Sub", image, image)
            own = add("GatherND", classes, add("Concat", image, none, anchor, axis=1))
            return add("Concat", image, add("Unsqueeze", own, b.axes(1)), anchor, axis=1)

        b.add = without_classes
        return suppress(b, output, class_count, ports)

    monkeypatch.setattr(join, "suppress_raw", agnostic)


def bake(name: str, value: Any) -> Callable[[pytest.MonkeyPatch], None]:
    """Let the graph use a constant in place of an input."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        from yolokit.export.embed.builder import Builder

        add_all = Builder.add_all

        def baked(self: Any, op: str, *inputs: str, count: int, **attributes: Any) -> Any:
            swapped = [self.constant(value, value.dtype) if one == name else one for one in inputs]
            return add_all(self, op, *swapped, count=count, **attributes)

        monkeypatch.setattr(Builder, "add_all", baked)

    return plant


def state_another_default(monkeypatch: pytest.MonkeyPatch) -> None:
    add = join._add_defaults

    def other(onnx: Any, graph: Any, manifest: Any) -> None:
        add(onnx, graph, manifest)
        for one in graph.initializer:
            if one.name == "conf":
                one.CopyFrom(onnx.numpy_helper.from_array(np.array([0.5], np.float32), "conf"))

    monkeypatch.setattr(join, "_add_defaults", other)


@pytest.mark.parametrize(
    ("parts", "plant", "words"),
    [
        ("pre", swap_channels, "raw scores differ"),
        ("pre", shift_letterbox, "differ"),
        ("pre,nms", swap_channels, "only the"),
        ("pre,nms", shift_letterbox, ""),
        ("pre,nms", map_without_border, "only the"),
        ("nms", ignore_classes, "only the trained model finds"),
        ("nms", bake("conf", np.array([0.6], np.float32)), "only the trained model finds"),
        ("nms", bake("iou", np.array([0.7], np.float32)), "only the deployed model finds"),
        ("nms", bake("max_det", np.array([300], np.int32)), "max_det"),
        ("nms", bake("multi_label", np.array([False])), "only the trained model finds"),
        ("pre,nms", bake("clip", np.array([True])), ""),
        ("pre,nms", bake("clip", np.array([False])), "does not clip"),
        ("nms", state_another_default, "the input conf is .* where it is left out"),
    ],
)
def test_each_fault_is_caught(
    check: Callable[..., Verdict],
    monkeypatch: pytest.MonkeyPatch,
    parts: str,
    plant: Any,
    words: str,
) -> None:
    import re

    plant(monkeypatch)
    verdict = check(parts)
    assert verdict.problems
    assert any(re.search(words, problem) for problem in verdict.problems), verdict.problems[:5]
    record: Any = verdict.record
    assert record.verdict == "different"


def test_a_batch_that_mixes_its_images_up_is_caught(
    check: Callable[..., Verdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    infer = Detector.infer

    def mix_up(detector: Detector, tensor: Any, **options: Any) -> Any:
        return infer(detector, tensor, **options)[::-1]

    monkeypatch.setattr(Detector, "infer", mix_up)
    verdict = check("nms", batch="n")
    assert any("of a batch of 3" in problem for problem in verdict.problems)
