"""GPUs on Windows."""

from __future__ import annotations

from yolokit.runtime.providers.toolkit import Provider

PROVIDER = Provider(ort_name="DmlExecutionProvider", rank=4)
