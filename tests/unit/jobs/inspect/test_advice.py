"""What is said of the size of an input."""

from __future__ import annotations

from pathlib import Path

from yolokit.engine_protocol.inspection import Layer, Network
from yolokit.jobs.inspect.advice import advise


def said(*maps: Layer, side: int = 640, name: str = "m.onnx") -> str:
    network = Network(layers=maps, input_shape=(1, 3, side, side), head_inputs=maps)
    return "\n".join(advise(network, Path(name)))


def fine(field_px: int | None) -> Layer:
    return Layer(name="p3", type="Conv", field_px=field_px, stride_px=8)


def test_small_objects_are_those_below_two_cells_of_the_finest_map() -> None:
    assert "objects below 16 px of the input are hard to find" in said(
        fine(99), Layer(name="p5", type="Conv", field_px=300, stride_px=32)
    )


def test_large_objects_are_those_that_no_value_sees_whole() -> None:
    assert "a value sees 300 px of the input at most" in said(fine(300))
    assert "none is too large" in said(fine(None))
    assert "none is too large" in said(fine(300), side=256)


def test_sides_are_multiples_of_the_deepest_stride() -> None:
    assert "both sides have to be multiples of 8" in said(fine(99))


def test_a_graph_is_opened_and_a_checkpoint_exported_first() -> None:
    assert "`uvx netron m.onnx`" in said(fine(99))
    assert "`yolokit export best.pt`" in said(fine(99), name="best.pt")


def test_little_is_said_where_nothing_is_known() -> None:
    assert said() == said(name="m.onnx")
    assert "objects" not in said()
