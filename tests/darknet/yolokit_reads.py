"""Runs a Darknet network as yolokit reads it, on an input that is given.

    python yolokit_reads.py ARCH.yaml WEIGHTS INPUT.npz OUT.npz

Writes the output of every convolution after its activation, in the order of the file, as ``arr_0``,
``arr_1``, ...; imports torch and upstream, so it runs as a process of its own.
"""

from __future__ import annotations

import sys

import numpy as np

from yolokit.engine import ultralytics_patches  # noqa: F401 - first: it tames ultralytics
from yolokit.engine.initializers import build_start
from yolokit.engine_protocol.requests import StartRequest


def main() -> None:
    import torch
    from ultralytics.nn.modules import Conv

    arch, weights, given, out = sys.argv[1:]
    names = [str(index) for index in range(80)]
    request = StartRequest(kind="darknet", weights=weights, arch=arch, names=names)
    model, _report = build_start(request)
    outputs: list[np.ndarray] = []
    for layer in model.model[:-1]:
        for module in layer.modules():
            if isinstance(module, Conv):
                module.register_forward_hook(
                    lambda _module, _given, result: outputs.append(result.numpy())
                )
    with torch.inference_mode():
        model.eval()(torch.from_numpy(np.load(given)["input"]))
    np.savez(out, *outputs)


if __name__ == "__main__":
    main()
