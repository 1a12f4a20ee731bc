"""Accelerators of Qualcomm."""

from __future__ import annotations

from yolokit.runtime.providers.toolkit import Provider

PROVIDER = Provider(ort_name="QNNExecutionProvider")
