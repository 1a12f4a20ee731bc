"""The CPU, which every build of onnxruntime has."""

from __future__ import annotations

from yolokit.runtime.providers.toolkit import Provider

PROVIDER = Provider(ort_name="CPUExecutionProvider", rank=7)
