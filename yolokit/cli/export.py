"""``yolokit export``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yolokit.cli.command import json_option
from yolokit.core.plural import counted

if TYPE_CHECKING:
    from yolokit.export.parity.report import ParityReport
    from yolokit.export.publish import ExportArtifact

_CLASSES_SHOWN = 10


def export(
    ctx: typer.Context,
    json: Annotated[bool, json_option("Print the parity report as one line of JSON.")] = False,
) -> None:
    """Export a checkpoint to one ONNX file that equals it.

    It is published only if it equals what was trained; MODEL.parity.json beside it is the proof,
    and MODEL.json says how any program feeds and reads it. If the two differ, there is no model but
    a MODEL.parity-failed.json, and the exit code is 5.
    """
    from yolokit.cli.progress import show_events
    from yolokit.export.config import ExportConfig
    from yolokit.export.run import export_model

    with show_events() as on_event:
        artifact = export_model(ExportConfig.build(ctx.obj), on_event)
    _print_artifact(artifact, as_json=json)


def _print_artifact(artifact: ExportArtifact, *, as_json: bool) -> None:
    import msgspec

    from yolokit.cli.output import emit, emit_json, say

    parity = artifact.parity
    if as_json:
        report = msgspec.to_builtins(parity)
        emit_json({"model": str(artifact.path), "parity": str(artifact.parity_path), **report})
        return
    compared = "the boxes that the file reports, at several thresholds"
    if artifact.manifest.head.ports is None:
        compared = f"{_describe_raw(parity)}{_count_outliers(parity)}"
    say(
        f"parity on {counted(parity.images, 'image')} ({parity.non_square_images} not square): "
        f"{compared}"
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
            f"{counted(parity.matched, 'detection')} from score {parity.threshold:.2g} up, "
            f"{_count_alone(parity)}: {_describe_pairs(parity)}"
        )
    if parity.parent is not None and parity.parent.matched:
        say(f"before its numbers were rounded: {_describe_pairs(parity.parent)}")
    for verdict in artifact.verdicts:
        for line in verdict.told:
            say(line)
    head, source = artifact.manifest.head, artifact.manifest.provenance.class_conf_source
    if head.class_conf:
        scores = zip(head.names[:_CLASSES_SHOWN], head.class_conf, strict=False)
        more = ", ..." * (len(head.names) > _CLASSES_SHOWN)
        listed = ", ".join(f"{name} {conf:g}" for name, conf in scores) + more
        say(f"predict reports from these scores up: {listed} ({source})")
    emit(f"{artifact.path}")


def _describe_raw(parity: ParityReport) -> str:
    """Return how closely raw outputs agree; a head that chooses boxes itself has no raw ones."""
    parts = [f"raw boxes within {parity.max_raw_box_diff_px:.2g} px"]
    parts *= bool(parity.max_raw_box_diff_px)
    return ", ".join([*parts, f"raw scores within {parity.max_raw_score_diff:.2g}"])


def _describe_pairs(parity: ParityReport) -> str:
    """Return how far detections of both sides are apart."""
    return (
        f"boxes within {parity.max_box_diff_px:.2g} px, scores within {parity.max_score_diff:.2g}"
    )


def _count_alone(parity: ParityReport) -> str:
    """Say how many detections have no partner; the precision of the file may allow a few."""
    if not parity.unmatched:
        return "all matched"
    return f"matched, and {parity.unmatched} that one of the two alone finds"


def _count_outliers(parity: ParityReport) -> str:
    """Say how many raw values are further apart than most must be; INT8 may have a few."""
    limits = parity.tolerance
    if not parity.raw_outliers:
        return ""
    beyond = f"{limits.box_abs_px:g} px or {limits.score_abs:g}"
    return f" ({counted(parity.raw_outliers, 'value')} by more than {beyond})"
