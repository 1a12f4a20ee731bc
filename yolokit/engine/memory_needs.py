"""How much memory a batch will take on a CPU, measured before training with two images."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import torch

from yolokit.core.plural import counted, describe_size
from yolokit.engine.memory import read_free_bytes, read_memory_bytes
from yolokit.engine_protocol.training import MemoryNeeds, count_fitting

if TYPE_CHECKING:
    from yolokit.engine.trainer import YolokitTrainer

from ultralytics.utils.torch_utils import unwrap_model  # isort: skip - after our edits

# What a batch takes at most, gradients and the loss included, as a share of what its forward pass
# keeps. Measured in batches of 4 to 16: 1.14..1.24 for yolo11n and 1.17..1.23 for yolo26n at
# 320 px in fp32, 1.21..1.29 in bf16, 1.14..1.23 for yolo11n at 640 px.
_PEAK = 1.25
_IMAGES = 2  # batch norm has no variance of a single cell


def measure_needs(trainer: YolokitTrainer) -> MemoryNeeds | None:
    """Measure what an image of a batch takes; None on a device with memory of its own."""
    if not trainer.on_cpu:
        return None
    return MemoryNeeds(
        start_bytes=read_memory_bytes(),
        image_bytes=int(_PEAK * count_kept_bytes(trainer)),
        free_bytes=read_free_bytes(),
    )


def count_kept_bytes(trainer: YolokitTrainer) -> int:
    """Return what the forward pass of an image keeps for the backward pass.

    It is computed on a copy, since batch norm remembers what it sees.
    """
    model = deepcopy(unwrap_model(trainer.model)).train()
    own = {tensor.untyped_storage().data_ptr() for tensor in model.state_dict().values()}
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    side = trainer.args.imgsz
    images = torch.zeros(_IMAGES, 3, side, side).contiguous(memory_format=torch.channels_last)
    in_bf16 = trainer.args.amp == "bf16"
    with (
        torch.random.fork_rng(devices=[]),
        torch.autocast("cpu", torch.bfloat16, enabled=in_bf16),
        torch.autograd.graph.saved_tensors_hooks(note, _take_back),
    ):
        result = model.predict(images)  # what is kept lives as long as it does
    del result
    return sum(size for address, size in kept.items() if address not in own) // _IMAGES


def _take_back(tensor: torch.Tensor) -> torch.Tensor:
    return tensor


def describe_shortage(needs: MemoryNeeds | None, batch: int, args: Any) -> list[str]:
    """Return a sentence where a batch will hardly fit into what is free, with one that does."""
    if needs is None or needs.image_bytes * batch <= needs.free_bytes:
        return []
    fits = count_fitting(needs)
    way = f"--batch {fits} fits" if fits else "take a smaller --imgsz"
    need, free = describe_size(needs.image_bytes * batch), describe_size(needs.free_bytes)
    images = counted(batch, "image")
    what = f"a batch of {images} at imgsz {args.imgsz} takes about {need} of memory"
    return [f"{what}, and {free} are free: {way}"]
