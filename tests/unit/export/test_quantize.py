"""What a quantized model says of how it was made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.unit.export.test_samples import write_set
from yolokit.core.events import Notice
from yolokit.export.config import ExportConfig
from yolokit.export.quantize import plan_quantization
from yolokit.export.quantizers.toolkit import QuantSettings
from yolokit.export.samples import load_gate_images
from yolokit.runtime.manifest import (
    ModelHead,
    ModelIO,
    ModelManifest,
    Provenance,
    decode_manifest,
    encode_manifest,
)

MANIFEST = ModelManifest(
    io=ModelIO(input_name="images", shape=(1, 3, 32, 32), input_wh=(32, 32)),
    head=ModelHead(output_name="out", layout="raw", names=("a", "b"), class_conf=(0.3, 0.4)),
    provenance=Provenance(class_conf_source="best F1 of each class"),
)


def describe(tmp_path: Path, **options: Any) -> tuple[ModelManifest, list[Any]]:
    """Return the manifest of a model that is exported with some options, and what was told."""
    (tmp_path / "w.pt").touch()
    data = write_set(tmp_path / "set", train=30, val=5)
    config = ExportConfig.build({"weights": tmp_path / "w.pt", "data": data, **options})
    told: list[Any] = []
    plan = plan_quantization(config, load_gate_images(data), MANIFEST)
    manifest = plan.describe(MANIFEST, told.append)
    return decode_manifest(encode_manifest(manifest)), told


def test_int8_states_its_settings_and_images_and_no_path(tmp_path: Path) -> None:
    manifest, told = describe(tmp_path, precision="int8", calibration_images=10)
    quantization = manifest.provenance.quantization
    assert manifest.provenance.precision == "int8"
    assert quantization is not None
    assert quantization.settings["method"] == QuantSettings().method
    assert quantization.settings["placement"] == "operators"
    assert (quantization.images, quantization.split) == (10 - 2, "train"), "two are the gates'"
    assert len(quantization.images_sha256) == 64
    assert str(tmp_path) not in encode_manifest(manifest)
    assert manifest.head.class_conf == ()
    assert not manifest.provenance.class_conf_source
    (notice,) = told
    assert isinstance(notice, Notice)
    assert notice.message.endswith("predict reports from 0.25 up, unless it is told another")


def test_an_engine_decides_where_integers_are(tmp_path: Path) -> None:
    manifest, _ = describe(tmp_path, precision="int8", int8_for="openvino")
    assert manifest.provenance.quantization is not None
    assert manifest.provenance.quantization.settings["placement"] == "inputs"


def test_fp16_looks_at_no_image_and_keeps_the_scores_of_the_classes(tmp_path: Path) -> None:
    manifest, told = describe(tmp_path, precision="fp16")
    quantization = manifest.provenance.quantization
    assert quantization is not None
    assert (quantization.images, quantization.settings) == (0, {})
    assert manifest.head.class_conf == (0.3, 0.4)
    assert not told
