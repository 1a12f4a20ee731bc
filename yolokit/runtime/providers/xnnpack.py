"""CPUs of Arm, x86 and the web through XNNPACK."""

from __future__ import annotations

from yolokit.runtime.providers.toolkit.built_in import built_in

PROVIDER = built_in(
    "XnnpackExecutionProvider", install="an onnxruntime that was built with XNNPACK"
)
