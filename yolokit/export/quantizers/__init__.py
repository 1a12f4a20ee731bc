"""Quantizers: each module is one precision that ``yolokit export`` can write beside FP32.

A quantizer module defines ``PRECISION``, the name that goes into the manifest, and
``quantize(src, dst, calibration)`` as :class:`Quantizer` states it. What it writes passes the
same gate as an FP32 model before it is published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from yolokit.core.types import F32


class Quantizer(Protocol):
    """What a module of this package provides."""

    PRECISION: str

    def quantize(self, src: Path, dst: Path, calibration: Iterable[F32]) -> None:
        """Write a model of lower precision.

        Args:
            src: FP32 model with its manifest.
            dst: File to write.
            calibration: Inputs (1, 3, H, W) float32, prepared by the deployed letterbox.

        Raises:
            ExportError: The model cannot be written in this precision.
        """
