"""GPUs of NVIDIA."""

from __future__ import annotations

from yolokit.runtime.providers.toolkit import Provider, preload_cuda

PROVIDER = Provider(ort_name="CUDAExecutionProvider", rank=1, extra="gpu", prepare=preload_cuda)
