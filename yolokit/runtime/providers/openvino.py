"""CPUs, GPUs and NPUs of Intel."""

from __future__ import annotations

from yolokit.runtime.providers.toolkit import Provider


def _count_threads(threads: int) -> dict[str, str]:
    """It does not heed the options of a session."""
    return {"num_of_threads": str(threads)}


PROVIDER = Provider(
    ort_name="OpenVINOExecutionProvider", rank=6, extra="openvino", options=_count_threads
)
