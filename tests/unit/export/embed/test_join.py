"""A network with its parts is one file, which the runtime reads as it reads the network alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.samples.seeing import make_picture, save_seeing_model
from yolokit.core.types import Letterbox
from yolokit.errors import ConfigError, InferenceError, ModelOutputError
from yolokit.runtime.detector import Detector
from yolokit.runtime.predictor import Predictor, PredictorSpec, Thresholds

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.core.types import Detections

onnx = pytest.importorskip("onnx")
PARTS = ["pre", "nms", "pre,nms"]
ASKED: list[dict[str, Any]] = [{}, {"conf": 0.6}, {"conf": 0.5, "iou": 0.2}, {"max_det": 2}]
SIZES = [(96, 64), (192, 128), (50, 90), (1, 1), (700, 5), (3, 300), (1000, 600)]


def embed(folder: Path, parts: str, **options: Any) -> tuple[Path, Path]:
    """Return the network alone, and with its parts."""
    from yolokit.export.embed.join import describe_embedded, embed_parts
    from yolokit.export.graph import describe_graph

    plain, own = folder / "plain.onnx", folder / f"{parts.replace(',', '-')}.onnx"
    manifest = save_seeing_model(plain, **options)
    described = describe_embedded(manifest, parts.split(","))
    describe_graph(embed_parts(plain, own, manifest, described), own, described)
    return plain, own


def assert_same(a: Detections, b: Detections) -> None:
    """Compare, but for the last bit: another graph is another order of a network's sums."""
    np.testing.assert_allclose(a.xyxy, b.xyxy, atol=1e-4)
    np.testing.assert_allclose(a.scores, b.scores, atol=1e-6)
    np.testing.assert_array_equal(a.class_ids, b.class_ids)


@pytest.mark.parametrize("parts", PARTS)
def test_it_finds_what_the_network_alone_finds(tmp_path: Path, parts: str) -> None:
    plain, own = (Detector.load(path, provider="cpu") for path in embed(tmp_path, parts))
    counts = set()
    for seed, (width, height) in enumerate(SIZES):
        bgr = make_picture(width, height, seed)
        for limits in ASKED:
            found = plain(bgr, **limits)
            counts.add(len(found))
            assert_same(own(bgr, **limits), found)
    assert len(counts) > 5


@pytest.mark.parametrize("parts", PARTS)
def test_it_does_so_in_openvino(tmp_path: Path, parts: str) -> None:
    """Boxes of one score, as those of the border or of a single pixel, are in no order there."""
    pytest.importorskip("openvino", reason="the openvino extra is not installed")
    plain, own = embed(tmp_path, parts)
    reference = Detector.load(plain, provider="cpu")
    detector = Detector.load(own, provider="openvino")
    counts = set()
    for seed, (width, height) in enumerate(size for size in SIZES if size != (1, 1)):
        bgr = make_picture(width, height, seed)
        for limits in ({"conf": 0.5} | one for one in ASKED[1:]):
            found = reference(bgr, **limits)
            counts.add(len(found))
            assert_same(detector(bgr, **limits), found)
    assert len(counts) > 5


@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("multi_label", [False, True])
def test_it_is_evaluated_alike(tmp_path: Path, parts: str, multi_label: bool) -> None:
    from yolokit.core.types import Frame

    asked = Thresholds(conf=0.5, iou=0.5, max_det=50, multi_label=multi_label, clip=False)
    predictors = [
        Predictor.load(PredictorSpec(model=str(path), provider="cpu", threads=1, thresholds=asked))
        for path in embed(tmp_path, parts)
    ]
    sizes = [size for size in SIZES if size != (1, 1)]  # all of whose boxes have one score
    frames = [(None, Frame(make_picture(*size), 0, None, "")) for size in sizes]
    for plain, own in zip(*(one.run(frames) for one in predictors), strict=True):
        assert_same(own.detections, plain.detections)


def test_scores_of_each_class_are_its_defaults(tmp_path: Path) -> None:
    plain, own = embed(tmp_path, "pre,nms", class_conf=(0.45, 0.7), iou=0.4, max_det=9)
    bgr = make_picture(300, 200, 1)
    found = Detector.load(plain, threads=1, provider="cpu")(bgr)
    assert_same(Detector.load(own, threads=1, provider="cpu")(bgr), found)
    session = open_plainly(own)
    boxes, scores, classes, count = session.run(None, {"image": bgr[..., ::-1].copy()})
    assert boxes.shape == (1, 9, 4)
    assert count.tolist() == [len(found)]
    np.testing.assert_allclose(boxes[0, : len(found)], found.xyxy, atol=1e-4)
    np.testing.assert_allclose(scores[0, : len(found)], found.scores, atol=1e-6)
    np.testing.assert_array_equal(classes[0, : len(found)], found.class_ids)


def open_plainly(path: Path) -> Any:
    """Return a session as somebody opens it who has no yolokit."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def test_a_dynamic_batch_reports_each_image(tmp_path: Path) -> None:
    plain, own = (
        Detector.load(path, threads=1, provider="cpu") for path in embed(tmp_path, "nms", batch="n")
    )
    pictures = [make_picture(96, 64, seed) for seed in range(4)]
    tensors = np.concatenate([own.preprocess(one)[0] for one in pictures])
    rows = [one["boxes"] for one in own.infer(tensors)]
    counts = [int((one[:, 4] > 0).sum()) for one in rows]
    assert counts == [len(plain(one)) for one in pictures]
    assert len(set(counts)) > 1


def test_a_file_that_prepares_images_says_where_they_lie(tmp_path: Path) -> None:
    _, own = embed(tmp_path, "pre")
    for width, height in SIZES:
        rgb = make_picture(width, height)[..., ::-1].copy()
        _, told = open_plainly(own).run(None, {"image": rgb})
        fit = Letterbox.fit((width, height), (96, 64))
        gain = np.array(fit.resized_wh) / (width, height)
        np.testing.assert_allclose(told, [*fit.pad_xy, *gain], rtol=1e-6)


def test_a_network_in_half_precision_gets_its_parts(tmp_path: Path) -> None:
    plain, own = (Detector.load(one, provider="cpu") for one in embed(tmp_path, "pre", half=True))
    bgr = make_picture(200, 100)
    tensor, _ = plain.preprocess(bgr)
    (expected,), (found,) = plain.infer(tensor), own.infer(own.preprocess(bgr)[0])
    np.testing.assert_allclose(found["output0"], expected["output0"], rtol=2e-3, atol=1e-3)
    _, own_path = embed(tmp_path, "pre,nms", half=True)
    assert len(Detector.load(own_path, provider="cpu")(bgr)) > 20


def test_options_have_an_effect_and_none_is_explained_away(tmp_path: Path) -> None:
    _, own = embed(tmp_path, "nms")
    detector = Detector.load(own, threads=1)
    assert detector.explain_limits(conf=0.001, iou=0.5, max_det=1000) == []


@pytest.mark.parametrize("parts", PARTS)
def test_no_place_of_this_machine_is_in_it(tmp_path: Path, parts: str) -> None:
    plain, own = embed(tmp_path, parts)
    for path in (plain, own):
        content = path.read_bytes()
        for place in (str(tmp_path), str(path.parent), "/tmp", "site-packages"):
            assert place.encode() not in content


def test_pixels_are_not_computed_in_less_than_fp32(tmp_path: Path) -> None:
    from yolokit.runtime.session import open_session

    _, own = embed(tmp_path, "pre")
    session = open_session(own, provider="cpu")
    session.precision = "bf16"
    with pytest.raises(ConfigError, match="in bf16 its boxes would be wrong"):
        Detector(session)


def test_a_layout_without_its_ports_is_refused(tmp_path: Path) -> None:
    import msgspec

    from yolokit.export.embed.join import describe_embedded
    from yolokit.export.graph import describe_graph

    manifest = save_seeing_model(tmp_path / "plain.onnx")
    ports = describe_embedded(manifest, ["nms"]).head.ports
    lacking = msgspec.structs.replace(manifest.head, layout="boxes")
    for head in (lacking, msgspec.structs.replace(manifest.head, ports=ports)):
        wrong = msgspec.structs.replace(manifest, head=head)
        path = describe_graph(tmp_path / "plain.onnx", tmp_path / "wrong.onnx", wrong)
        with pytest.raises(ModelOutputError):
            Detector.load(path, provider="cpu")


def test_a_file_that_takes_something_else_than_its_manifest_says_is_refused(tmp_path: Path) -> None:
    from yolokit.export.embed.join import describe_embedded
    from yolokit.export.graph import describe_graph

    plain = tmp_path / "plain.onnx"
    wrong = describe_embedded(save_seeing_model(plain), ["pre"])
    other = describe_graph(plain, tmp_path / "other.onnx", wrong)
    with pytest.raises(InferenceError, match="has the inputs images"):
        Detector.load(other, threads=1)
