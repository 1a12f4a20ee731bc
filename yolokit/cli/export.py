"""``yolokit export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yolokit.core.plural import counted

if TYPE_CHECKING:
    from yolokit.export.run import ExportArtifact


def export(
    weights: Annotated[
        str, typer.Argument(metavar="WEIGHTS", help="Checkpoint to export: a run's best.pt.")
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Data set (data.yaml, or its folder) whose images the parity check uses.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="ONNX file to write, or a folder to put it in.  [default: beside the checkpoint]",
        ),
    ] = None,
    dynamic: Annotated[
        str,
        typer.Option(metavar="none|batch|all", help="Axes of the input that may vary."),
    ] = "none",
    imgsz: Annotated[
        int | None,
        typer.Option(metavar="PX", help="Side of the input.  [default: as it was trained]"),
    ] = None,
    opset: Annotated[int, typer.Option(metavar="N", help="ONNX operator set.")] = 17,
    trust: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Load this one file even if that runs code stored in it."
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier export.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the parity report as one line of JSON.")
    ] = False,
) -> None:
    """Export a checkpoint to one ONNX file, published only if it equals what was trained.

    MODEL.parity.json beside it is the proof. If the two differ, there is no model but a
    MODEL.parity-failed.json, and the exit code is 5.
    """
    from yolokit.cli.output import say
    from yolokit.export.run import check_config, export_model

    config = check_config(
        {
            "weights": weights,
            "data": str(data) if data else None,
            "out": str(out) if out else None,
            "dynamic": dynamic,
            "imgsz": imgsz,
            "opset": opset,
            "trust": trust,
            "overwrite": overwrite,
        }
    )
    artifact = export_model(config, on_phase=lambda phase: say(f"{phase} ..."))
    _print_artifact(artifact, as_json=json)


def _print_artifact(artifact: ExportArtifact, *, as_json: bool) -> None:
    import msgspec

    from yolokit.cli.output import emit, emit_json, say

    parity = artifact.parity
    if as_json:
        report = msgspec.to_builtins(parity)
        emit_json({"model": str(artifact.path), "parity": str(artifact.parity_path), **report})
        return
    say(
        f"parity on {counted(parity.images, 'image')} ({parity.non_square_images} not square): "
        f"raw boxes within {parity.max_raw_box_diff_px:.2g} px, raw scores within "
        f"{parity.max_raw_score_diff:.2g}"
    )
    if parity.ties:
        say(
            f"{counted(parity.ties, 'detection')} without a partner: suppression chose between "
            "boxes that are equal but for rounding"
        )
    if parity.verdict == "tensors only":
        say("tensors only: the model detects nothing on these images, so no boxes were compared")
    else:
        say(
            f"{counted(parity.matched, 'detection')} from score {parity.threshold:g} up, all "
            f"matched: boxes within {parity.max_box_diff_px:.2g} px, scores within "
            f"{parity.max_score_diff:.2g}"
        )
    emit(f"{artifact.path}")
