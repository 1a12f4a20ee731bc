"""Apple's devices."""

from __future__ import annotations

from yolokit.runtime.providers.toolkit import Provider

PROVIDER = Provider(ort_name="CoreMLExecutionProvider", rank=5)
