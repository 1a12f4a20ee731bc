"""GPUs of AMD."""

from __future__ import annotations

from yolokit.runtime.providers.toolkit import Provider

PROVIDER = Provider(ort_name="MIGraphXExecutionProvider", rank=2)
