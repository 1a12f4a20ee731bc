"""GPUs of any make through WebGPU: Vulkan, Direct3D 12 or Metal."""

from __future__ import annotations

from yolokit.runtime.providers.toolkit.plugin_library import plugged_in

PROVIDER = plugged_in("onnxruntime_ep_webgpu", "WebGpuExecutionProvider", devices=("GPU", "CPU"))
