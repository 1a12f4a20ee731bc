"""What quantizers share: their settings, the parts of a graph, the ranges of its values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

import msgspec

from yolokit.core.events import OnEvent, ignore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yolokit.core.types import F32

Placement: TypeAlias = Literal["operators", "inputs"]


class QuantSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a model is quantized. The defaults are measured: see ``CONTRIBUTING.md``.

    What makes boxes and scores of the last convolutions' outputs is in float32 always.

    Attributes:
        placement: Where integers are computed with. ``operators``: each operator of ``op_types``
            takes and gives integers, which onnxruntime computes as such. ``inputs``: only what goes
            into a convolution is rounded, which OpenVINO computes in integers and fuses with the
            activation function that follows; onnxruntime is slower with that than in FP32.
        method: How the range of a value is found: ``minmax`` takes all that was seen,
            ``percentile`` leaves out ``(100 - percentile) / 2`` percent at each end, ``entropy``
            takes the range whose rounded values keep the most information.
        percentile: For the method of that name.
        symmetric_activations: Signed values around 0 (int8) in place of unsigned ones (uint8).
        per_channel: A scale for each output channel of a convolution's weights, not one for all.
        op_types: ONNX operators that compute in integers, for the placement ``operators``.
        float_nodes: Names of further nodes that stay in float32.
        calibration_images: How many images of the training split the ranges are found on.
    """

    placement: Placement = "operators"
    method: Literal["minmax", "entropy", "percentile"] = "percentile"
    percentile: float = 99.999
    symmetric_activations: bool = False
    per_channel: bool = True
    op_types: tuple[str, ...] = ("Add", "Concat", "Conv", "MaxPool", "Mul", "Resize", "Sigmoid")
    float_nodes: tuple[str, ...] = ()
    calibration_images: int = 128


class Calibration(Protocol):
    """Model inputs of images that no gate looks at, each prepared by the deployed letterbox."""

    def __len__(self) -> int:
        """Return the number of images."""
        ...

    def __iter__(self) -> Iterator[F32]:
        """Yield inputs (1, 3, H, W) float32. Each pass reads the images anew.

        Raises:
            DataError: An image cannot be read.
        """
        ...


class Quantizer(Protocol):
    """What a module of ``export/quantizers`` provides.

    Attributes:
        CALIBRATES: Whether it needs images.
    """

    CALIBRATES: bool

    def quantize(
        self,
        src: Path,
        dst: Path,
        calibration: Calibration | None,
        settings: QuantSettings,
        on_event: OnEvent = ignore,
    ) -> None:
        """Write a model of lower precision, with the metadata of ``src``.

        Args:
            src: FP32 model.
            dst: File to write.
            calibration: None for one that does not calibrate.
            settings: How.
            on_event: Told how far a calibration is.

        Raises:
            DataError: An image of the calibration cannot be read.
            ExportError: The model cannot be written in this precision.
        """
