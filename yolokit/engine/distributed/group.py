"""The processes of a training as one group: who is in it, and what they add up."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed
from torch.distributed.distributed_c10d import PrefixStore

from yolokit.engine.distributed.request import WAIT_FOR_WORKERS_S

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Place:
    """Where this process computes, and where it meets the others."""

    device: str
    host: str
    port: int


place: Place | None = None  # set in a worker, before its trainer is made


def count_workers() -> int:
    """Return how many processes train together."""
    return int(os.environ["WORLD_SIZE"]) if place else 1


def find_rank() -> int:
    """Return the number of this process among them, from 0."""
    return int(os.environ["RANK"]) if place else 0


def join() -> torch.device:
    """Enter the group, and return the device of this process."""
    from yolokit.engine.distributed.rendezvous import reach_store

    assert place is not None
    device = torch.device("cpu" if place.device == "cpu" else f"cuda:{place.device}")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    else:
        torch.nn.parallel.DistributedDataParallel = _OnCpu  # type: ignore[misc,assignment]
    store = reach_store(place.host, place.port, WAIT_FOR_WORKERS_S)
    distributed.init_process_group(
        "nccl" if device.type == "cuda" else "gloo",
        store=PrefixStore("workers", store),
        rank=int(os.environ["RANK"]),
        world_size=count_workers(),
        timeout=timedelta(seconds=WAIT_FOR_WORKERS_S),
    )
    return device


class _OnCpu(torch.nn.parallel.DistributedDataParallel):
    """Takes no number of a device, which upstream gives to every model."""

    def __init__(self, module: torch.nn.Module, device_ids: object = None, **options: Any) -> None:
        del device_ids
        super().__init__(module, **options)


def average(values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the mean of each value over all processes."""
    if not distributed.is_initialized():
        return dict(values)
    stacked = torch.stack([value.detach().float() for value in values.values()])
    distributed.all_reduce(stacked)
    return dict(zip(values, stacked / distributed.get_world_size(), strict=True))


def take_first(value: float | None, device: torch.device) -> float | None:
    """Return the number that the first process has, if it has one; all processes must ask."""
    if not distributed.is_initialized():
        return value
    shared = torch.tensor([math.nan if value is None else value], device=device)
    distributed.broadcast(shared, src=0)
    return None if math.isnan(shared) else float(shared)


def take_first_object(value: Any) -> Any:
    """Return the plain value that the first process has; all processes must ask."""
    if not distributed.is_initialized():
        return value
    shared = [value]
    distributed.broadcast_object_list(shared, src=0)
    return shared[0]


def is_any(one: bool, device: torch.device) -> bool:
    """Tell whether it is so in any process; all of them must ask."""
    if not distributed.is_initialized():
        return one
    seen = torch.tensor(float(one), device=device)
    distributed.all_reduce(seen, distributed.ReduceOp.MAX)
    return bool(seen)
