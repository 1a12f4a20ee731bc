"""What a model says of itself: how it is fed and read, and where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.checkpoints.lineage import read_lineage
from yolokit.evaluate.recommended import recommend_thresholds
from yolokit.runtime.manifest import ModelHead, ModelIO, ModelManifest, Provenance

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.evaluate.recommended import Recommended
    from yolokit.export.config import ExportConfig
    from yolokit.files.digest import FileDigest


def describe_network(
    config: ExportConfig, weights: Path, digest: FileDigest, facts: dict[str, Any]
) -> ModelManifest:
    """Return the manifest of a network that was just traced.

    Args:
        config: How it was traced.
        weights: The checkpoint.
        digest: What that was then.
        facts: What the engine says of it: see ``engine/export.py``.
    """
    import yolokit

    width, height = facts["input_wh"]
    fixed = config.dynamic != "all"
    thresholds = _recommend(weights, digest, facts)
    lineage = read_lineage(weights, digest.sha256)
    return ModelManifest(
        io=ModelIO(
            input_name=facts["input_name"],
            shape=(
                1 if config.dynamic == "none" else None,
                3,
                height if fixed else None,
                width if fixed else None,
            ),
            input_wh=(width, height),
            stride_px=facts["stride_px"],
        ),
        head=ModelHead(
            output_name=facts["output_name"],
            layout=facts["layout"],
            names=tuple(facts["names"]),
            class_conf=thresholds.conf if thresholds else (),
        ),
        provenance=Provenance(
            precision=config.precision,
            opset=config.opset,
            weights_sha256=digest.sha256,
            run=(lineage.run if lineage else None) or "",
            ancestors=tuple(lineage.ancestors) if lineage else (),
            data_sha256=_read_data_sha256(weights),
            architecture=facts["architecture"],
            license=facts["license"],
            class_conf_source=thresholds.source if thresholds else "",
            tool_versions={"yolokit": yolokit.__version__, **facts["versions"]},
        ),
    )


def _recommend(weights: Path, digest: FileDigest, facts: dict[str, Any]) -> Recommended | None:
    """Return the scores of a run, if the network is the one that was validated in it.

    Another shape of the input or another head gives other scores.
    """
    width, height = facts["input_wh"]
    if width != height or not facts["is_usual_head"]:
        return None
    return recommend_thresholds(weights, digest.sha256, facts["names"], width)


def _read_data_sha256(weights: Path) -> str:
    """Return the data set's hash from the ``run.json`` beside a checkpoint; empty without one."""
    record = weights.parent / "run.json"
    if not record.is_file():
        return ""
    try:
        content = msgspec.json.decode(record.read_bytes(), type=dict[str, Any])
    except (
        msgspec.DecodeError,
        UnicodeDecodeError,
        RecursionError,
    ):  # somebody else's file of that name
        return ""
    data = content.get("data")
    return str(data.get("sha256", "")) if isinstance(data, dict) else ""
