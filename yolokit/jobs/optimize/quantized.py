"""Files of lower precision, made of the FP32 file of a search; each appears whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from yolokit.core.events import Phase
from yolokit.core.plural import counted
from yolokit.errors import ExportError
from yolokit.export.config import ExportConfig
from yolokit.export.graph import describe_graph
from yolokit.export.quantize import plan_quantization
from yolokit.export.quantizers.toolkit import QuantSettings
from yolokit.export.samples import load_gate_images
from yolokit.export.sensitivity import Sensitivity, sensitivity
from yolokit.files.atomic import replace_file, scratch_folder, write_atomic
from yolokit.jobs.optimize.candidates import PARENT
from yolokit.jobs.optimize.record import read_record

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.export.quantize import QuantizationPlan
    from yolokit.jobs.optimize.candidates import Recipe
    from yolokit.jobs.optimize.workshop import Workshop
    from yolokit.runtime.manifest import ModelManifest


def make_quantized(workshop: Workshop, recipe: Recipe, path: Path) -> None:
    """Write the file of a recipe.

    Raises:
        ExportError: It cannot be made.
        DataError: An image to calibrate on cannot be read.
    """
    if recipe.precision == "int8" and "train" not in workshop.load("val").data.splits:
        raise ExportError(
            "8-bit numbers are calibrated on images of train, and the data set has none; val judges"
        )
    manifest = workshop.read_manifest()
    plan = _plan(workshop, recipe, manifest)
    if recipe.float_groups:
        kept = _choose_float_nodes(workshop, recipe, plan)
        plan = replace(plan, settings=msgspec.structs.replace(plan.settings, float_nodes=kept))
    with scratch_folder(path) as scratch, replace_file(path) as part:
        made = plan.run(
            workshop.find_model(PARENT.recipe), scratch / "quantized.onnx", workshop.on_event
        )
        describe_graph(made, part, plan.describe(manifest, workshop.on_event))


def _plan(workshop: Workshop, recipe: Recipe, manifest: ModelManifest) -> QuantizationPlan:
    given = {
        "weights": workshop.checkpoint.path,
        "data": workshop.data,
        "precision": recipe.precision,
    }
    settings = QuantSettings(
        placement=recipe.placement,
        method=recipe.method or QuantSettings().method,
        symmetric_activations=recipe.symmetric,
    )
    images = load_gate_images(workshop.data)
    return plan_quantization(ExportConfig.build(given), images, manifest, settings)


def _choose_float_nodes(
    workshop: Workshop, recipe: Recipe, plan: QuantizationPlan
) -> tuple[str, ...]:
    """Return the nodes of the modules that lose most in 8 bits, found once for all files.

    Raises:
        ExportError: The network has no more modules than that.
    """
    assert plan.calibration is not None, "8-bit numbers are calibrated"
    base = workshop.find_model(msgspec.structs.replace(recipe, float_groups=0))
    path = base.with_suffix(".sensitivity.json")
    if path.exists():
        found = read_record(path, list[Sensitivity])
    else:
        workshop.on_event(Phase("asking which layers lose most in 8 bits"))
        parent = workshop.find_model(PARENT.recipe)
        found = sensitivity(parent, plan.calibration, plan.settings, workshop.on_event)
        write_atomic(path, msgspec.json.encode(found))
    if len(found) <= recipe.float_groups:
        raise ExportError(f"the network has only {counted(len(found), 'module')}")
    return tuple(node for one in found[: recipe.float_groups] for node in one.nodes)
