"""CPUs of Intel, AMD and Arm through OpenVINO."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from yolokit.runtime.providers.toolkit import Provider
from yolokit.runtime.providers.toolkit import native_openvino as native

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.runtime.providers.toolkit import Engine, EngineOptions

_DEVICE = "CPU"


def _open(path: Path, options: EngineOptions) -> Engine:
    return native.OpenVinoEngine(path, options, _DEVICE)


PROVIDER = Provider(
    open=_open,
    version=native.version,
    rank=6,
    extra="openvino",
    on_cores=True,
    precisions=("fp32", "bf16", "fp16"),
    precisions_here=partial(native.list_precisions, _DEVICE),
)
