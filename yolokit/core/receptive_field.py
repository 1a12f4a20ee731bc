"""How far a layer sees: the receptive field and the stride of its outputs, in px of the input."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable


class Reach(msgspec.Struct, frozen=True):
    """What one value of a layer's output depends on.

    Attributes:
        field_px: Side of the square of the input that it may depend on, in px; the longer one
            where they differ, and infinite where it is all of the input.
        stride_px: Distance of two neighbouring values, in px of the input.

    Source: Araujo et al.: Computing Receptive Fields of Convolutional Neural Networks, 2019.
    """

    field_px: float = 1.0
    stride_px: float = 1.0

    def through_window(self, kernel: int, stride: int, dilation: int = 1) -> Reach:
        """Return the reach after a convolution or a pooling."""
        field_px = self.field_px + dilation * (kernel - 1) * self.stride_px
        return Reach(field_px, self.stride_px * stride)

    def through_resize(self, factor: float) -> Reach:
        """Return the reach after the map was made this many times as large, by the nearest."""
        return Reach(self.field_px, self.stride_px / factor)

    def everywhere(self) -> Reach:
        """Return the reach of what depends on all of the input, such as attention."""
        return Reach(math.inf, self.stride_px)


def join(reaches: Iterable[Reach]) -> Reach | None:
    """Return the reach of what is made of several maps; None where none is made of the input."""
    found = list(reaches)
    if not found:
        return None
    return Reach(max(one.field_px for one in found), min(one.stride_px for one in found))
