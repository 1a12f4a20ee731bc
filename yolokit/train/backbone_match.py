"""How far a detector is built like a classifier, by their YAML files alone, without torch.

A forecast, made before a classifier is fetched; the engine compares what the layers compute.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from yolokit.core.plural import counted
from yolokit.errors import ConfigError

if TYPE_CHECKING:
    from yolokit.train.arch import Arch

Row = tuple[object, int, str, int | None]  # source, repeats, module, width in channels
_STAGE_32 = 5  # the fifth layer that halves the map begins the stage at stride 32


def require_kinship(detector: Arch, classifier: Arch) -> None:
    """Refuse a detector that lacks the classifier's stages at strides 8 and 16.

    Args:
        detector: One that the installed ultralytics describes.
        classifier: As the detector.

    Raises:
        ConfigError: They differ before the end of the stage at stride 16.
    """
    ours, theirs = _read_rows(detector), _read_rows(classifier)
    alike = next(
        (i for i, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]),
        min(len(ours), len(theirs)),
    )
    halving = [index for index, row in enumerate(_load(classifier)["backbone"]) if _halves(row)]
    least = halving[_STAGE_32 - 1]
    if alike < least:
        are = counted(alike, "layer is", "layers are")
        raise ConfigError(
            f"{classifier.stem} has no backbone for {detector.stem}: only {are} alike "
            f"from the start, and the stages up to stride 16 have {least} (layer {alike} is "
            f"{ours[alike][2]} here, {theirs[alike][2]} there)",
            hint="--backbone torchvision:NAME --init imagenet brings another backbone",
        )


def _load(arch: Arch) -> dict[str, Any]:
    import yaml

    content: dict[str, Any] = yaml.safe_load(arch.path.read_bytes())
    return content


def _halves(row: list[Any]) -> bool:
    _source, _repeats, module, values = row
    return bool(module == "Conv" and values[2:3] == [2])


def _read_rows(arch: Arch) -> list[Row]:
    """Return the rows of a backbone, repeats and widths scaled as upstream's parser does."""
    content = _load(arch)
    scale = arch.scale
    depth, width, most = content["scales"][scale] if scale else (1.0, 1.0, float("inf"))
    rows: list[Row] = []
    for source, repeats, module, values in content["backbone"]:
        channels = values[0] if values and isinstance(values[0], int) else None
        scaled = None if channels is None else math.ceil(min(channels, most) * width / 8) * 8
        times = max(round(repeats * depth), 1) if repeats > 1 else repeats
        rows.append((source, times, module, scaled))
    return rows
