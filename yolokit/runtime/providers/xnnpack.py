"""CPUs of Arm, x86 and the web through XNNPACK."""

from __future__ import annotations

from yolokit.runtime.providers.toolkit import Provider

PROVIDER = Provider(ort_name="XnnpackExecutionProvider")
