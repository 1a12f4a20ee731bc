"""The inputs and outputs of a model, whatever runs it."""

from __future__ import annotations

from dataclasses import dataclass

from yolokit.errors import InferenceError


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output of a model.

    Attributes:
        name: Its name in the graph.
        shape: Its axes; None where an axis is dynamic.
        type: Its type as onnxruntime writes it, e.g. ``tensor(float)``.
    """

    name: str
    shape: tuple[int | None, ...]
    type: str

    def image_axes(self) -> tuple[int | None, int | None, int | None, int | None]:
        """Return the axes (B, 3, H, W) of an input of images.

        Raises:
            InferenceError: It has others.
        """
        if len(self.shape) != 4 or self.shape[1] not in (None, 3):
            raise InferenceError(
                f"the model takes an input of shape {show_shape(self.shape)}, "
                "not (batch, 3, height, width)"
            )
        batch, channels, height, width = self.shape
        return batch, channels, height, width


def show_shape(shape: tuple[int | None, ...]) -> str:
    """Return a shape for people, with ``?`` for an axis of any length."""
    return f"({', '.join('?' if axis is None else str(axis) for axis in shape)})"
