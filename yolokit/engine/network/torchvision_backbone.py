"""torchvision's classifiers as backbones: cut where their maps have strides 8, 16 and 32.

Which layers run one after another is seen by running the network once, not guessed from its
attributes, so that any classifier whose layers form such a chain can serve.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from ultralytics.nn.modules import TorchVision

from yolokit.core.suggest import unknown_name
from yolokit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

STRIDES_PX = (8, 16, 32)
STAGES = "stages"  # in an architecture: cut at the strides, rather than upstream's own unwrapping
_PROBE_PX = 256


class StagedTorchVision(TorchVision):  # type: ignore[misc]
    """Upstream's layer, cut into one child for each stride where ``unwrap`` is ``stages``.

    An instance turns into upstream's own class, so that a checkpoint holds no class of ours.
    Weights are never fetched here.
    """

    def __init__(
        self,
        model: str,
        weights: str | None = None,
        unwrap: bool | str = True,
        truncate: int = 2,
        split: bool = False,
    ) -> None:
        del weights  # they come from a checkpoint, or from the store: never from here
        if unwrap == STAGES:
            nn.Module.__init__(self)
            self.m = split_stages(make_classifier(model), model)
            self.split = True
        else:
            super().__init__(model, None, bool(unwrap), truncate, split)
        self.__class__ = TorchVision


@dataclass(frozen=True, slots=True)
class _Call:
    """One call of a layer on the probe; tensors are kept, so that identities stay unique."""

    module: nn.Module
    given: object
    result: object


def make_classifier(name: str) -> nn.Module:
    """Build one of torchvision's classifiers, with fresh weights.

    Raises:
        ConfigError: torchvision has none of that name.
    """
    import torchvision

    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise unknown_name("torchvision backbone", name, known)
    quiet = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    classifier: nn.Module = torchvision.models.get_model(name, weights=None, **quiet)
    return classifier


def split_stages(classifier: nn.Module, name: str) -> nn.Sequential:
    """Cut a classifier after the last map of each stride; what follows is dropped.

    Args:
        classifier: The whole network; its layers are used, not copied.
        name: Its name, for messages.

    Returns:
        Three children, whose outputs have strides 8, 16 and 32.

    Raises:
        ConfigError: It has no such maps; the message lists the strides that were found.
    """
    calls = _probe(classifier, name)
    chain = _flatten(_chain(classifier, calls, whole=False), calls)
    ends = {}
    for index, call in enumerate(chain):
        stride = _stride(call.result)
        if stride is not None:
            ends[stride] = index
    if any(stride not in ends for stride in STRIDES_PX):
        raise ConfigError(
            f"torchvision:{name} cannot be a backbone: a detector needs maps (N, C, H, W) at "
            f"strides 8, 16 and 32, and it gives {_describe(chain)}",
            hint="resnet50, mobilenet_v3_large, efficientnet_b0 and convnext_tiny can",
        )
    modules = [call.module for call in chain]
    bounds = [0, *(ends[stride] + 1 for stride in STRIDES_PX)]
    stages = (nn.Sequential(*modules[start:end]) for start, end in pairwise(bounds))
    return nn.Sequential(*stages)


def count_channels(stages: nn.Sequential) -> list[int]:
    """Return the channels of each stage's output."""
    was_training = stages.training
    channels, features = [], torch.zeros(1, 3, _PROBE_PX, _PROBE_PX)
    with torch.no_grad():
        for stage in stages.eval():
            features = stage(features)
            channels.append(int(features.shape[1]))
    stages.train(was_training)
    return channels


def _probe(classifier: nn.Module, name: str) -> list[_Call]:
    """Run the network once and note every call of a layer, in order of their ends."""
    calls: list[_Call] = []

    def note(module: nn.Module, given: tuple[Any, ...], result: object) -> None:
        calls.append(_Call(module, given[0] if given else None, result))

    hooks = [module.register_forward_hook(note) for module in classifier.modules()]
    was_training = classifier.training
    try:
        with torch.no_grad():
            classifier.eval()(torch.zeros(1, 3, _PROBE_PX, _PROBE_PX))
    except (RuntimeError, ValueError, AssertionError) as error:
        raise ConfigError(
            f"torchvision:{name} cannot be a backbone: it takes images of one size only ({error})"
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
        classifier.train(was_training)
    return calls


def _chain(module: nn.Module, calls: list[_Call], *, whole: bool) -> list[_Call]:
    """Return the calls of a module's children where each takes what the one before it gave.

    Args:
        module: The module whose children are looked at.
        calls: All calls of the probe.
        whole: The chain must reach from the module's input to its output, else it is empty.
    """
    own = next(call for call in calls if call.module is module)
    children = list(_children(module))
    theirs = [call for call in calls if any(call.module is child for child in children)]
    current = own.given
    chain: list[_Call] = []
    for call in theirs:
        repeated = any(call.module is earlier.module for earlier in chain)
        if call.given is not current or repeated:
            break
        chain.append(call)
        current = call.result
    if whole and (current is not own.result or len(chain) < len(theirs)):
        return []
    return chain


def _children(module: nn.Module) -> Iterator[nn.Module]:
    """Yield children; a list of layers is not called itself, its members are."""
    for child in module.children():
        if isinstance(child, nn.ModuleList):
            yield from _children(child)
        else:
            yield child


def _flatten(chain: list[_Call], calls: list[_Call]) -> list[_Call]:
    """Replace each layer that shrinks its input more than twofold by the layers within it."""
    flat: list[_Call] = []
    for call in chain:
        inner = _chain(call.module, calls, whole=True) if _shrinks(call) > 2 else []
        flat += _flatten(inner, calls) if inner else [call]
    return flat


def _shrinks(call: _Call) -> float:
    if not isinstance(call.given, Tensor) or not isinstance(call.result, Tensor):
        return 0.0
    if call.given.ndim != 4 or call.result.ndim != 4:
        return 0.0
    return float(call.given.shape[-2]) / max(1, call.result.shape[-2])


def _stride(result: object) -> int | None:
    """Return the stride of a square map (N, C, H, W) that divides the input evenly, else None."""
    if not isinstance(result, Tensor) or result.ndim != 4:
        return None
    height, width = result.shape[2:]
    return _PROBE_PX // height if height == width and _PROBE_PX % height == 0 else None


def _describe(chain: list[_Call]) -> str:
    shapes = [call.result.shape for call in chain if isinstance(call.result, Tensor)]
    maps = [shape for shape in shapes if len(shape) == 4 and shape[2] > 1]
    square = {round(_PROBE_PX / shape[2], 2) for shape in maps if shape[2] == shape[3]}
    found = f"strides {', '.join(f'{stride:g}' for stride in sorted(square))}" if square else "none"
    return found + (" (channels come last)" if len(maps) > 1 and not square else "")
