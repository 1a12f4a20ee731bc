"""Which classes of torchvision a checkpoint may hold; layers are restored, never built.

Upstream trains with torchvision's backbones, but its own allow-list has none of their classes.
"""

from __future__ import annotations

import contextlib
import importlib
import pickle
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from ultralytics.nn.modules import TorchVision

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_GRAFTED = f"{TorchVision.__module__}.{TorchVision.__qualname__}"
# Where the layers of torchvision's classifiers are defined: not its detectors, which take whole
# networks and functions, nor anything that reads, writes or fetches.
_MODULES = frozenset(
    {
        *(
            f"torchvision.models.{name}"
            for name in (
                *("alexnet", "convnext", "densenet", "efficientnet", "googlenet", "inception"),
                *("maxvit", "mnasnet", "mobilenetv2", "mobilenetv3", "regnet", "resnet"),
                *("shufflenetv2", "squeezenet", "swin_transformer", "vgg", "vision_transformer"),
            )
        ),
        "torchvision.ops.misc",
        "torchvision.ops.stochastic_depth",
    }
)


def list_torchvision_layers(names: Iterable[str]) -> list[type[nn.Module]]:
    """Return the layers of torchvision among names in a checkpoint that has a grafted backbone.

    Args:
        names: ``module.Class``, of what the checkpoint asks for and is not allowed yet.

    Returns:
        Classes of layers alone, each from the module that defines it.
    """
    asked = set(names)
    return (
        [found for name in sorted(asked) if (found := _find_layer(name)) is not None]
        if _GRAFTED in asked or _is_allowed(TorchVision)
        else []
    )


@contextlib.contextmanager
def forbid_building() -> Iterator[None]:
    """Refuse to call the class of any layer while a checkpoint is read.

    An honest one restores layers from their state. A call would run a constructor, and some of
    them call functions that they are given, read files or fetch weights.
    """
    upstream_init = nn.Module.__init__

    def refuse(self: nn.Module, *_args: Any, **_options: Any) -> None:
        raise pickle.UnpicklingError(f"it would build a {type(self).__name__} by calling it")

    nn.Module.__init__ = refuse  # type: ignore[method-assign]
    try:
        yield
    finally:
        nn.Module.__init__ = upstream_init  # type: ignore[method-assign]


def _find_layer(name: str) -> type[nn.Module] | None:
    module, _, attribute = name.rpartition(".")
    if module not in _MODULES:
        return None
    found = getattr(importlib.import_module(module), attribute, None)
    is_layer = isinstance(found, type) and issubclass(found, nn.Module)
    return found if is_layer and found.__module__ == module else None


def _is_allowed(kind: type) -> bool:
    entries = torch.serialization.get_safe_globals()
    return any(kind in (entry, entry[0] if isinstance(entry, tuple) else None) for entry in entries)
