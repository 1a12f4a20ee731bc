"""What the layers of a network mean for the pictures that it is given, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolokit.engine_protocol.inspection import Layer, Network

_CELLS = 2  # of the finest map that an object should cover in each direction


def advise(network: Network, path: Path) -> tuple[str, ...]:
    """Return what to know about the size of an input, and how to see the graph itself."""
    height, width = network.input_shape[2:]
    maps = network.head_inputs
    deepest = max((layer.stride_px or 0 for layer in network.layers), default=0)
    found = []
    if deepest > 1:
        multiple = network.stride_px or int(deepest)
        found.append(
            f"input: {width}x{height} px; both sides have to be multiples of {multiple}. "
            "Twice the side takes four times the work"
        )
    strides = sorted({layer.stride_px for layer in maps if layer.stride_px})
    if strides:
        found.append(
            f"smallest objects: the finest map that is read has a value every {strides[0]:g} px, "
            f"so objects below {_CELLS * strides[0]:g} px of the input are hard to find; "
            "if yours are, take a larger --imgsz, or tiles (`yolokit data convert --tile`)"
        )
    if maps:
        found.append(_describe_largest(maps, max(height, width)))
    return (*found, _describe_netron(path))


def _describe_largest(maps: Sequence[Layer], side_px: int) -> str:
    fields = [layer.field_px for layer in maps]
    if any(field is None or field >= side_px for field in fields):
        return "largest objects: some of its maps see all of the image, so none is too large"
    widest = max(field for field in fields if field is not None)
    return (
        f"largest objects: a value sees {widest} px of the input at most, so objects that are "
        "larger are seen in part; a smaller --imgsz makes them smaller"
    )


def _describe_netron(path: Path) -> str:
    if path.suffix == ".onnx":
        return (
            f"as a drawing: `uvx netron {path}` opens the graph in your browser; Netron is another "
            "project's viewer, and serves the page from this machine"
        )
    return (
        f"as a drawing: `yolokit export {path}`, then `uvx netron` with the .onnx file; Netron is "
        "another project's viewer, and serves the page from this machine"
    )
