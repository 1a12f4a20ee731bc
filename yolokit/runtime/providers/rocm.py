"""GPUs of AMD, in older builds."""

from __future__ import annotations

from yolokit.runtime.providers.toolkit import Provider

PROVIDER = Provider(ort_name="ROCMExecutionProvider", rank=3)
