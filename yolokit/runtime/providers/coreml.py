"""Apple's devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.runtime.providers.toolkit.built_in import built_in

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.runtime.providers.toolkit import EngineOptions


def _configure(_path: Path, options: EngineOptions) -> dict[str, str]:
    """Leave the neural engine out unless FP16 is asked for: it has nothing else."""
    units = "ALL" if options.precision == "fp16" else "CPUAndGPU"
    return {"ModelFormat": "MLProgram", "MLComputeUnits": units}


PROVIDER = built_in(
    "CoreMLExecutionProvider",
    rank=5,
    configure=_configure,
    precisions=("fp32", "fp16"),
    install="on macOS the extra cpu brings it",
)
