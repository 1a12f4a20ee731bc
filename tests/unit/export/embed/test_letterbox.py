"""The letterbox in a graph gives what the runtime's gives, bit for bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yolokit.runtime.manifest import ModelIO
from yolokit.runtime.model_input import lay_out_image, make_input, plan_letterbox

if TYPE_CHECKING:
    from yolokit.core.types import F32, U8

onnx = pytest.importorskip("onnx")


def open_letterbox(io: ModelIO, opset: int = 17) -> Any:
    """Return a session that prepares an image."""
    import onnxruntime

    from yolokit.export.embed.builder import Builder
    from yolokit.export.embed.letterbox import add_letterbox

    b, make = Builder("pre"), onnx.helper.make_tensor_value_info
    tensor, _fit = add_letterbox(b, "image", io)
    b.name(tensor, "images")
    graph = onnx.helper.make_graph(
        b.nodes,
        "letterbox",
        [make("image", onnx.TensorProto.UINT8, ["height", "width", 3])],
        [make("images", onnx.TensorProto.FLOAT, list(io.shape))],
        b.constants,
    )
    imports = [onnx.helper.make_opsetid("", opset)]
    model = onnx.helper.make_model(graph, opset_imports=imports, ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def make_io(width: int, height: int, **changed: Any) -> ModelIO:
    return ModelIO(
        input_name="images", shape=(1, 3, height, width), input_wh=(width, height), **changed
    )


def both(session: Any, bgr: U8, io: ModelIO) -> tuple[F32, F32]:
    letterbox = plan_letterbox((bgr.shape[1], bgr.shape[0]), io)
    (own,) = session.run(["images"], {"image": lay_out_image(bgr, io)})
    return own, make_input(bgr, letterbox, io)


def noise(width: int, height: int) -> U8:
    return np.random.default_rng(width * 7919 + height).integers(
        0, 256, (height, width, 3), np.uint8
    )


WIDE = make_io(640, 384)
SIZES = [
    (640, 384), (1280, 768), (320, 192), (640, 480), (480, 640), (1920, 1080), (333, 641),
    (31, 97), (1, 1), (2, 1), (1, 700), (4000, 3), (3, 4000), (768, 579), (579, 768), (96, 72),
]  # fmt: skip


@pytest.fixture(scope="module")
def wide() -> Any:
    return open_letterbox(WIDE)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_it_equals_the_runtimes(wide: Any, width: int, height: int) -> None:
    own, expected = both(wide, noise(width, height), WIDE)
    assert own.dtype == np.float32
    np.testing.assert_array_equal(own, expected)


@given(st.integers(1, 900), st.integers(1, 900))
@settings(max_examples=40, deadline=None)
def test_it_does_so_for_any_size(width: int, height: int) -> None:
    io = make_io(160, 128)
    own, expected = both(_small(), noise(width, height), io)
    np.testing.assert_array_equal(own, expected)


_SMALL: list[Any] = []


def _small() -> Any:
    if not _SMALL:
        _SMALL.append(open_letterbox(make_io(160, 128)))
    return _SMALL[0]


@pytest.mark.parametrize("opset", [13, 20])
def test_it_does_so_in_every_operator_set(opset: int) -> None:
    io = make_io(64, 96)
    own, expected = both(open_letterbox(io, opset), noise(50, 31), io)
    np.testing.assert_array_equal(own, expected)


def test_colours_scale_and_border_are_the_models() -> None:
    io = make_io(64, 32, color_order="bgr", pixel_scale=1.0, pad_value=7)
    own, expected = both(open_letterbox(io), noise(20, 20), io)
    np.testing.assert_array_equal(own, expected)
    assert own[0, 0, 0, 0] == 7


def test_weights_are_those_of_opencv_on_large_images() -> None:
    """Where the float32 of a place has few bits left for what lies between two pixels."""
    io = make_io(640, 32)
    own, expected = both(_strip(), noise(7001, 9), io)
    np.testing.assert_array_equal(own, expected)


def _strip() -> Any:
    return open_letterbox(make_io(640, 32))
