"""Quantizers: each module is one precision that ``yolokit export`` can write beside FP32.

A quantizer's module is called as its precision, which goes into the manifest, and defines
``quantize(src, dst, calibration)`` as :class:`Quantizer` states it. What it writes passes the
same gates as an FP32 model, with the tolerances of its precision (``export/tolerances.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from yolokit.core.types import F32


class Quantizer(Protocol):
    """What a module of this package provides."""

    def quantize(self, src: Path, dst: Path, calibration: Iterable[F32]) -> None:
        """Write a model of lower precision.

        Args:
            src: FP32 model with its manifest.
            dst: File to write.
            calibration: Inputs (1, 3, H, W) float32, prepared by the deployed letterbox, of
                images that no gate looks at. Read once; whoever takes none needs no data set.

        Raises:
            DataError: There is no image to calibrate on; raised by ``calibration``.
            ExportError: The model cannot be written in this precision.
        """
