"""The CPU, which every build of onnxruntime has."""

from __future__ import annotations

from yolokit.runtime.providers.toolkit.built_in import built_in

PROVIDER = built_in("CPUExecutionProvider", rank=7, extra="cpu", on_cores=True)
