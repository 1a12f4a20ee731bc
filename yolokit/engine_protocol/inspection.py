"""What is told of a network, layer by layer."""

from __future__ import annotations

import msgspec


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One layer of a network, or one operator of a graph.

    Attributes:
        name: Its name in the network; what ``--layers`` takes.
        type: What it computes, such as ``Conv2d`` or ``MaxPool``.
        kernel: Height and width of its window in values of its input, or None where it has none.
        stride: Likewise, how far the window moves.
        padding: Likewise, values added on each side; the larger one where they differ.
        groups: How many parts the channels fall into; 1 for an ordinary convolution.
        shape: Of its (first) output, the batch included; empty where it is not known.
        field_px: Receptive field: side of the square of the input that one output value may
            depend on, in px; None for all of the input, or where it does not depend on it.
        stride_px: Distance of two neighbouring output values in px of the input, or None.
        parameters: Numbers that it holds itself.
        flops: Floating-point operations for one image: two for each multiplication and addition
            of a convolution or a matrix product, none for what is cheap beside those.
    """

    name: str
    type: str
    kernel: tuple[int, int] | None = None
    stride: tuple[int, int] | None = None
    padding: tuple[int, int] | None = None
    groups: int = 1
    shape: tuple[int, ...] = ()
    field_px: int | None = None
    stride_px: float | None = None
    parameters: int = 0
    flops: int = 0


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """A network at one size of input.

    Attributes:
        layers: In the order in which they compute.
        input_shape: (1, 3, H, W).
        stride_px: What the sides of an input have to be a multiple of; None where it is not known.
        head_inputs: The layers whose maps the detecting head takes, finest first; they may have
            layers inside.
        about: What else is known, name and value, for people.
    """

    layers: tuple[Layer, ...]
    input_shape: tuple[int, ...]
    stride_px: int | None = None
    head_inputs: tuple[Layer, ...] = ()
    about: tuple[tuple[str, str], ...] = ()

    @property
    def parameters(self) -> int:
        """All numbers that it holds."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def flops(self) -> int:
        """All floating-point operations for one image."""
        return sum(layer.flops for layer in self.layers)


def describe_no_map(name: str, shape: tuple[int, ...]) -> str:
    """Say why nothing can be drawn of a layer; the shape of its output is empty if not known."""
    output = "x".join(map(str, shape)) or "of no known shape"
    return f"layer {name!r} makes no map: its output is {output}"
