"""Brings an exported model to the precision that was asked for, calibrated where that needs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec

from yolokit.core.events import Notice, OnEvent, Phase
from yolokit.core.plugins import load_plugin
from yolokit.export.config import QUANTIZERS, needs_images
from yolokit.export.quantizers.toolkit import Placement, QuantSettings
from yolokit.export.samples import find_calibration_images
from yolokit.runtime.manifest import Quantization

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yolokit.core.types import U8
    from yolokit.export.config import ExportConfig
    from yolokit.export.quantizers.toolkit import Quantizer
    from yolokit.export.samples import CalibrationImages
    from yolokit.runtime.manifest import ModelManifest

_WITHOUT_CLASS_CONF = (
    "the scores that the run recommends for each class are left out, since 8 bits move scores: "
    "predict reports from {conf:g} up, unless it is told another"
)
_JUDGED = (
    "there is no split beside {split}: what INT8 costs is measured on images of the split that its "
    "ranges were found on, so on other images it may cost more"
)
_PLACEMENTS: Mapping[str, Placement] = {"onnxruntime": "operators", "openvino": "inputs"}


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizationPlan:
    """How a model will be quantized.

    Attributes:
        precision: What to.
        settings: How.
        calibration: The images to look at, none of which a gate uses; None where none is needed.
    """

    precision: str
    settings: QuantSettings
    calibration: CalibrationImages | None

    def run(self, src: Path, dst: Path, on_event: OnEvent) -> Path:
        """Write the model of lower precision to ``dst``, which is returned.

        Raises:
            DataError: An image of the calibration cannot be read.
            ExportError: The model cannot be written in this precision.
        """
        quantizer = cast("Quantizer", load_plugin(QUANTIZERS, self.precision, kind="precision"))
        if self.calibration is not None and self.calibration.is_judged:
            on_event(Notice(_JUDGED.format(split=self.calibration.split)))
        on_event(Phase(f"converting to {self.precision.upper()}"))
        quantizer.quantize(src, dst, self.calibration, self.settings, on_event)
        return dst

    def describe(self, manifest: ModelManifest, on_event: OnEvent) -> ModelManifest:
        """Return the manifest of the model, with how it was quantized.

        Scores of 8 bits are others, by 0.02 to 0.03 on average and by 0.2 in places: those that a
        run recommends for each class are left out, and a notice says so.
        """
        head = manifest.head
        if self.calibration and head.class_conf:
            on_event(Notice(_WITHOUT_CLASS_CONF.format(conf=head.conf)))
            manifest = msgspec.structs.replace(
                manifest,
                head=msgspec.structs.replace(head, class_conf=()),
                provenance=msgspec.structs.replace(manifest.provenance, class_conf_source=""),
            )
        images = self.calibration
        quantization = Quantization(
            settings=msgspec.to_builtins(self.settings) if images else {},
            images=len(images) if images else 0,
            split=images.split if images else "",
            images_sha256=images.sha256 if images else "",
        )
        provenance = msgspec.structs.replace(
            manifest.provenance, precision=self.precision, quantization=quantization
        )
        return msgspec.structs.replace(manifest, provenance=provenance)


def plan_quantization(
    config: ExportConfig,
    gate_images: Sequence[tuple[str, U8]],
    manifest: ModelManifest,
    settings: QuantSettings | None = None,
) -> QuantizationPlan:
    """Choose settings and images of a quantization.

    Args:
        config: With the precision, and the data set that is calibrated on.
        gate_images: Images that must not be among those.
        manifest: Of the FP32 model, whose letterbox prepares the images.
        settings: None for what the config asks for.

    Raises:
        DataError: There are no images to calibrate on, or one cannot be read.
    """
    chosen = settings or QuantSettings(
        placement=_PLACEMENTS[config.int8_for], calibration_images=config.calibration_images
    )
    calibration = None
    if needs_images(config.precision) and config.data is not None:
        calibration = find_calibration_images(
            Path(config.data), gate_images, manifest.io, chosen.calibration_images
        )
    return QuantizationPlan(precision=config.precision, settings=chosen, calibration=calibration)
