"""GPUs of NVIDIA through TensorRT; it compiles for minutes at its first start."""

from __future__ import annotations

from yolokit.runtime.providers.toolkit import Provider, preload_cuda

PROVIDER = Provider(ort_name="TensorrtExecutionProvider", extra="gpu", prepare=preload_cuda)
