"""Weights in Darknet's own format, taken into an architecture that computes the same.

Source: AlexeyAB/darknet, ``src/parser.c``: ``load_weights_upto``, ``load_convolutional_weights``.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from yolokit.core.plural import counted
from yolokit.engine.network.arch import count_backbone, make_model, read_arch
from yolokit.engine.network.transfer import layer_of, load_tensors, part_of, report_transfer
from yolokit.errors import WeightsError
from yolokit.files.digest import read_weights

if TYPE_CHECKING:
    from yolokit.core.types import F32
    from yolokit.engine_protocol.requests import StartRequest
    from yolokit.engine_protocol.training import Part, TransferReport
    from yolokit.files.digest import FileDigest

_PARTIAL = re.compile(r"\.conv\.\d+$")
_OUTPUT = "output."  # before a layer's index: the convolution that follows it in Darknet


def build(request: StartRequest) -> tuple[Any, TransferReport]:
    """Read the file layer by layer, in the order in which Darknet writes them.

    Raises:
        WeightsError: The file's length is not that of this network, or the backbone is not whole.
    """
    assert request.weights is not None
    assert request.arch is not None
    path = Path(request.weights)
    arch = read_arch(request.arch)
    model = make_model(arch, request.names, request.task)
    values = read_values(path, request.digest)
    end = count_backbone(model) if request.part == "backbone" else len(model.model) - 1
    outputs = arch.get("darknet", {}).get("outputs", {})
    found = _read(model, values, outputs, path)
    taken = {
        name: tensor
        for name, tensor in found.items()
        if not name.startswith(_OUTPUT) and layer_of(name) < end
    }
    load_tensors(model, taken, request.weights)
    reasons: dict[Part, str] = {
        "head": "Darknet's output predicts anchors, which this head does not have",
        "neck": "only the backbone was asked for" if request.part == "backbone" else
                "the file ends before these layers",
    }  # fmt: skip
    left = [
        (part, reasons[part], tensor)
        for name, tensor in found.items()
        if name not in taken
        for part in ["head" if name.startswith(_OUTPUT) else part_of(name, model)]
    ]
    return model, report_transfer(model, taken, kind="darknet", absent_in=reasons, left=left)


def read_values(path: Path, digest: FileDigest | None = None) -> F32:
    """Return everything after the header.

    The header is major, minor and revision (int32 each), then the count of images seen: 64 bits
    from version 0.2 on, else 32.

    Raises:
        WeightsError: This is not a Darknet file, or one whose matrices are transposed.
    """
    with read_weights(path, digest) as stream:
        head = stream.read(12)
        if len(head) < 12:
            raise WeightsError(
                f"{path} is not a Darknet weights file: it has {counted(len(head), 'byte')}"
            )
        major, minor, _revision = struct.unpack("<3i", head)
        if not (0 <= major < 1000 and 0 <= minor < 1000):
            raise WeightsError(f"{path} is not a Darknet weights file: it says {major}.{minor}")
        stream.seek(8 if major * 10 + minor >= 2 else 4, 1)
        content = stream.read()
    if len(content) % 4:
        raise WeightsError(f"{path} has a wrong length: it ends within a value")
    return np.frombuffer(content, "<f4")


class _Cursor:
    """Hands out the values of a file in order."""

    def __init__(self, values: F32) -> None:
        self._values = values
        self.position = 0

    @property
    def left(self) -> int:
        return len(self._values) - self.position

    def take(self, shape: tuple[int, ...]) -> F32 | None:
        """Return the next values in this shape, or None if there are fewer left."""
        count = int(np.prod(shape))
        if count > self.left:
            return None
        found = self._values[self.position : self.position + count].reshape(shape)
        self.position += count
        return found.astype(np.float32)


def _read(model: Any, values: F32, outputs: dict[int, int], path: Path) -> dict[str, Any]:
    """Read layers until the file or the network ends, and return their tensors by name.

    Raises:
        WeightsError: The file ends within a layer, before the backbone is whole, or goes on
            after the last one.
    """
    import torch

    cursor = _Cursor(values)
    found: dict[str, Any] = {}
    partial = _PARTIAL.search(path.name) is not None
    for index, layer in enumerate(model.model[:-1]):
        convolutions = _convolutions(layer)
        if convolutions and not cursor.left and partial and index >= count_backbone(model):
            return found
        for name, convolution in convolutions:
            tensors = _read_convolution(cursor, convolution)
            if tensors is None:
                raise WeightsError(_ends_early(path, index, cursor, partial=partial))
            found |= {f"model.{index}.{name}{key}": value for key, value in tensors.items()}
        if index in outputs and not (partial and not cursor.left):
            channels = convolutions[-1][1].conv.out_channels
            output = cursor.take((outputs[index], channels + 1))
            if output is None:
                raise WeightsError(_ends_early(path, index, cursor, partial=partial))
            found[f"{_OUTPUT}{index}"] = torch.from_numpy(output)
    if cursor.left:
        left = counted(cursor.left, "value is", "values are")
        raise WeightsError(
            f"{path} has a wrong length: {left} left after the last layer",
            hint="the .cfg that belongs to it, beside it under the same name, describes its layers",
        )
    return found


def _convolutions(layer: Any) -> list[tuple[str, Any]]:
    from ultralytics.nn.modules import Conv

    return [
        (f"{name}." if name else "", module)
        for name, module in layer.named_modules()
        if isinstance(module, Conv)
    ]


def _read_convolution(cursor: _Cursor, convolution: Any) -> dict[str, Any] | None:
    """Read biases, scales, means and variances of batch norm, then the weights."""
    import torch

    shape = tuple(convolution.conv.weight.shape)
    order = ("bn.bias", "bn.weight", "bn.running_mean", "bn.running_var")
    found = {key: cursor.take(shape[:1]) for key in order}
    found["conv.weight"] = cursor.take(shape)
    if any(values is None for values in found.values()):
        return None
    tensors = {key: torch.from_numpy(values) for key, values in found.items()}
    return tensors | {"bn.num_batches_tracked": torch.tensor(0)}


def _ends_early(path: Path, index: int, cursor: _Cursor, *, partial: bool) -> str:
    where = f"it ends within layer {index} of the architecture, at value {cursor.position}"
    note = "" if partial else "; a file that holds the first N layers alone is called NAME.conv.N"
    return f"{path} has a wrong length: {where}{note}"
