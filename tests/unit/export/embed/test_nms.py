"""What a graph reports is what the runtime chooses from the same outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.samples.seeing import make_raw
from yolokit.core.types import Letterbox
from yolokit.runtime.box_ports import join_rows, make_feeds
from yolokit.runtime.manifest import BoxPorts, ModelHead
from yolokit.runtime.tasks.toolkit import Limits, choose_boxes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import F32

onnx = pytest.importorskip("onnx")

CLASSES = 3
RAW = BoxPorts(image_wh="image_wh")
ROWS = BoxPorts(image_wh="image_wh", iou="", multi_label="")
USUAL = Limits(min_score=0.25, max_iou=0.7, max_det=300)


def open_graph(layout: str, output_shape: Sequence[Any]) -> Any:
    """Return a session from the output of a network (and its input, for the size) to boxes."""
    import onnxruntime

    from yolokit.export.embed import nms
    from yolokit.export.embed.builder import Builder

    b, ports = Builder("nms"), ROWS if layout == "end2end" else RAW
    choose = nms.take_rows if layout == "end2end" else nms.suppress_raw
    chosen = choose(b, "output0", CLASSES, ports)
    nms.report_boxes(b, chosen, ports, "boxes", nms.fit_given_images(b, "images", ports))
    make, proto = onnx.helper.make_tensor_value_info, onnx.TensorProto
    kinds = {
        "conf": (proto.FLOAT, ["n"]), "iou": (proto.FLOAT, [1]), "max_det": (proto.INT32, [1]),
        "multi_label": (proto.BOOL, [1]), "clip": (proto.BOOL, [1]),
        "image_wh": (proto.INT32, ["m", 2]), "images": (proto.FLOAT, ["b", 3, "h", "w"]),
        "output0": (proto.FLOAT, list(output_shape)),
    }  # fmt: skip
    inputs = [make(name, *kinds[name]) for name in ("images", "output0", *ports.inputs)]
    outputs = [
        make("boxes", proto.FLOAT, ["b", "k", 4]), make("scores", proto.FLOAT, ["b", "k"]),
        make("classes", proto.INT32, ["b", "k"]), make("count", proto.INT32, ["b"]),
    ]  # fmt: skip
    graph = onnx.helper.make_graph(b.nodes, "nms", inputs, outputs, b.constants)
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9
    )
    onnx.checker.check_model(model, full_check=True)
    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )


@pytest.fixture(scope="module")
def raw() -> Any:
    return open_graph("raw", ["b", 4 + CLASSES, "a"])


@pytest.fixture(scope="module")
def rows() -> Any:
    return open_graph("end2end", ["b", "k", 6])


def report(
    session: Any, output: F32, limits: Limits, *, image_wh: Any = ((0, 0),), layout: str = "raw"
) -> list[F32]:
    """Return the rows of each image."""
    ports = ROWS if layout == "end2end" else RAW
    head = ModelHead(output_name="boxes", layout="boxes", names=("a", "b", "c"), ports=ports)
    given = session.run(
        None,
        {
            "images": np.zeros((1, 3, 96, 128), np.float32),
            "output0": output,
            "image_wh": np.array(image_wh, np.int32),
            **make_feeds(head, limits),
        },
    )
    named = dict(zip(("boxes", "scores", "classes", "count"), given, strict=True))
    assert named["boxes"].shape == (len(output), limits.max_det, 4)
    for image, count in enumerate(named["count"]):
        assert not named["boxes"][image, count:].any()
        assert not named["scores"][image, count:].any()
        assert (named["classes"][image, count:] == -1).all()
    return [one[:count] for one, count in zip(join_rows(named, head), named["count"], strict=True)]


def expect(output: F32, limits: Limits, layout: str = "raw") -> F32:
    head = ModelHead(output_name="output0", layout=layout, names=("a", "b", "c"))
    kept = choose_boxes(output, head, limits)
    return np.column_stack([kept.xyxy, kept.scores, kept.class_ids.astype(np.float32)])


QUESTIONS = [
    USUAL,
    Limits(min_score=0.0, max_iou=0.7, max_det=300),
    Limits(min_score=0.5, max_iou=0.3, max_det=300),
    Limits(min_score=0.25, max_iou=0.0, max_det=300),
    Limits(min_score=0.25, max_iou=1.0, max_det=300),
    Limits(min_score=0.25, max_iou=0.7, max_det=4),
    Limits(min_score=0.9, max_iou=0.7, max_det=1),
    Limits(min_score=0.25, max_iou=0.7, max_det=300, multi_label=True),
    Limits(min_score=0.2, class_min_scores=(0.2, 0.7, 0.9), max_iou=0.7, max_det=300),
]


@pytest.mark.parametrize("limits", QUESTIONS)
def test_it_equals_the_runtimes_choice(raw: Any, limits: Limits) -> None:
    found = 0
    for seed in range(20):
        output = make_raw(np.random.default_rng(seed), steps=1 << 20)
        (own,) = report(raw, output, limits)
        expected = expect(output[0], limits)
        found += len(expected)
        np.testing.assert_array_equal(own, expected)
    assert found


def test_boxes_of_one_score_come_in_the_order_of_their_anchors(raw: Any) -> None:
    """As in a model of eight bits, whose scores are few; with a class for each, so without
    ``multi_label``."""
    for seed in range(20):
        output = make_raw(np.random.default_rng(seed), steps=4)
        (own,) = report(raw, output, USUAL)
        np.testing.assert_array_equal(own, expect(output[0], USUAL))


def test_a_box_with_swapped_corners_suppresses_nothing(raw: Any) -> None:
    output = make_raw(np.random.default_rng(0))
    output[0, 2, ::3] *= -1
    (own,) = report(raw, output, USUAL)
    np.testing.assert_array_equal(own, expect(output[0], USUAL))


def test_each_image_of_a_batch_is_by_itself(raw: Any) -> None:
    output = np.concatenate([make_raw(np.random.default_rng(seed)) for seed in range(5)])
    output[2, 4:] = 0  # nothing in the middle one
    together = report(raw, output, USUAL)
    assert len({len(one) for one in together}) > 2
    assert len(together[2]) == 0
    for own, image in zip(together, output, strict=True):
        np.testing.assert_array_equal(own, expect(image, USUAL))


def test_an_image_without_a_box(raw: Any) -> None:
    output = make_raw(np.random.default_rng(0))
    output[:, 4:] = 0
    assert [len(one) for one in report(raw, output, USUAL)] == [0]


def test_half_precision_may_exceed_a_score_of_one_by_a_hair(raw: Any) -> None:
    output = make_raw(np.random.default_rng(0), steps=1)
    output[:, 4:] *= np.float32(1.0004)
    (own,) = report(raw, output, USUAL)
    assert own[:, 4].max() == 1


def test_boxes_are_in_px_of_images_whose_size_is_given(raw: Any) -> None:
    sizes = [(200, 100), (100, 200), (0, 0), (1, 1), (3001, 17)]
    output = np.concatenate([make_raw(np.random.default_rng(seed)) for seed in range(5)])
    for limits in (USUAL, Limits(min_score=0.25, max_iou=0.7, max_det=300, clip=False)):
        together = report(raw, output, limits, image_wh=sizes)
        for own, image, size in zip(together, output, sizes, strict=True):
            expected = expect(image, USUAL)
            if size != (0, 0):
                letterbox = Letterbox.fit(size, (128, 96))
                expected[:, :4] = letterbox.to_image(expected[:, :4], clip=limits.clip)
            np.testing.assert_array_equal(own, expected)


def test_one_size_may_be_given_for_all(raw: Any) -> None:
    output = np.concatenate([make_raw(np.random.default_rng(seed)) for seed in range(2)])
    letterbox = Letterbox.fit((200, 100), (128, 96))
    for own, image in zip(report(raw, output, USUAL, image_wh=[(200, 100)]), output, strict=True):
        np.testing.assert_array_equal(own[:, :4], letterbox.to_image(expect(image, USUAL)[:, :4]))


@pytest.mark.parametrize(
    "limits",
    [
        USUAL,
        Limits(min_score=0.0, max_iou=0.7, max_det=300),
        Limits(min_score=0.25, max_iou=0.7, max_det=3),
        Limits(min_score=0.2, class_min_scores=(0.2, 0.7, 0.9), max_iou=0.7, max_det=300),
    ],
)
def test_rows_of_an_end_to_end_head(rows: Any, limits: Limits) -> None:
    rng = np.random.default_rng(3)
    output = rng.integers(0, 90, (4, 20, 6)).astype(np.float32)
    output[..., 4] = -np.sort(-rng.integers(0, 101, (4, 20)) / 100, axis=1)
    output[..., 5] = rng.integers(0, CLASSES, (4, 20))
    output[1, 7:, 4] = 0  # its own padding
    for own, image in zip(report(rows, output, limits, layout="end2end"), output, strict=True):
        np.testing.assert_array_equal(own, expect(image, limits, "end2end"))
