"""What a layer computes: its modules, their settings and the shapes of their tensors."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from yolokit.errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Mapping

# Bookkeeping, and what alters training or memory but no result.
_NO_MATTER = frozenset(
    {"training", "np", "i", "f", "type", "inplace", "momentum", "recompute_scale_factor"}
)
_CLASS, _SHAPE, _FROM = "class", "shape", "from"
_STRUCTURE = (_CLASS, _SHAPE, _FROM)
_CHANNELS = ("in_channels", "out_channels", "num_features")
_PROBE_PX = 256

Key = tuple[str, str]  # the place within the layer, and a setting's name or one of _STRUCTURE


@dataclass(frozen=True, slots=True)
class Difference:
    """The first thing in which two layers differ; None is what one of them lacks."""

    place: str
    name: str
    ours: object
    theirs: object

    def __str__(self) -> str:
        """Return it as the end of a sentence about a layer."""
        if (self.place, self.name) == ("", _CLASS):
            return f"is {_show(self.theirs)} in the source, {_show(self.ours)} here"
        if (self.place, self.name) == ("conv", "out_channels"):
            return f"is {self.theirs} wide in the source, {self.ours} here"
        what = self.place if self.name == _CLASS else f"{self.place}.{self.name}".lstrip(".")
        return f"has {what} {_show(self.theirs)} in the source, {_show(self.ours)} here"


def describe_layer(layer: Any) -> dict[Key, object]:
    """Return all that decides what a layer computes, except the values of its tensors.

    These are the class of each module within it, the module's own settings (kernel size, groups,
    shortcut, number of heads, ...) and each tensor's shape. Batch norm's epsilon is not among
    them: it belongs to the weights, and is carried over with them.
    """
    from torch.nn import BatchNorm2d

    found: dict[Key, object] = {("", _FROM): layer.f}
    # Duplicates stay: upstream lets all convolutions of a layer share one activation.
    for place, module in layer.named_modules(remove_duplicate=False):
        kind = type(module)
        found[place, _CLASS] = f"{kind.__module__}.{kind.__qualname__}"
        for name, value in vars(module).items():
            weighty = name == "eps" and isinstance(module, BatchNorm2d)
            if not (weighty or name.startswith("_") or name in _NO_MATTER) and _is_plain(value):
                found[place, name] = tuple(value) if isinstance(value, list) else value
    for place, tensor in layer.state_dict().items():
        found[place, _SHAPE] = tuple(tensor.shape)
    return found


def find_difference(
    ours: Mapping[Key, object], theirs: Mapping[Key, object], *, old: bool = False
) -> Difference | None:
    """Return the first difference between two descriptions, or None.

    Args:
        ours: Description of a layer of the model.
        theirs: Description of one of the source.
        old: The source was stored by older code: settings that only one of the two has are
            passed over. Modules and tensors are not.
    """
    for key in [*ours, *(key for key in theirs if key not in ours)]:
        if old and key[1] not in _STRUCTURE and not (key in ours and key in theirs):
            continue
        if ours.get(key) != theirs.get(key):
            return Difference(*key, ours.get(key), theirs.get(key))
    return None


def rebuild_layers(arch: dict[str, Any]) -> Any:
    """Build the layers of an architecture with the present code, without memory for weights.

    A checkpoint holds its layers as the code of its day set them up; what has been added to a
    class since is missing there.

    Raises:
        WeightsError: Upstream cannot build it.
    """
    import torch
    from torch import nn
    from ultralytics.nn import tasks

    model = nn.Module()
    model.yaml = copy.deepcopy(arch)  # type: ignore[assignment]
    try:
        with torch.device("meta"):
            model.model, _ = tasks.parse_model(
                copy.deepcopy(arch), ch=arch.get("channels", 3), verbose=False
            )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        name = arch.get("yaml_file", "the architecture of the weights")
        raise WeightsError(f"{name} cannot be built: {type(error).__name__}: {error}") from error
    tasks.initialize_weights(model)
    return model.model


def count_layers_to(model: Any, stride_px: int, limit: int) -> int:
    """Return how many of a model's first layers give maps of this stride at most.

    Args:
        model: A YOLO model.
        stride_px: In px.
        limit: Number of layers to look at: those of the backbone.
    """
    import torch

    layers = copy.deepcopy(model.model[:limit]).to("meta").eval()
    channels = model.yaml.get("channels", 3)
    given: Any = torch.empty(1, channels, _PROBE_PX, _PROBE_PX, device="meta")
    results: list[Any] = []
    for index, layer in enumerate(layers):
        if layer.f != -1:
            sources = [layer.f] if isinstance(layer.f, int) else layer.f
            found = [given if f == -1 else results[f] for f in sources]
            given = found[0] if isinstance(layer.f, int) else found
        given = layer(given)
        results.append(given)
        smallest = given[-1] if isinstance(given, (list, tuple)) else given
        if smallest.shape[-1] * stride_px < _PROBE_PX:
            return index
    return limit


def carry_epsilons(model: Any, source: Any, layers: int) -> None:
    """Give batch norms the epsilon that their weights were trained with.

    It is noted in the model's architecture as well, from which the model will be built anew.

    Args:
        model: The model, changed in place.
        source: The network that its weights are from.
        layers: How many layers from the input on are the source's.
    """
    from torch.nn import BatchNorm2d

    theirs = dict(source.named_modules())
    norms = {name: x for name, x in model.named_modules() if isinstance(x, BatchNorm2d)}
    changed = False
    for name, norm in norms.items():
        epsilon = getattr(theirs.get(name), "eps", norm.eps)
        if int(name.split(".")[1]) < layers and norm.eps != epsilon:
            norm.eps, changed = epsilon, True
    if changed:
        model.yaml["bn_eps"] = {name: norm.eps for name, norm in norms.items()}


def require_same_settings(model: Any, source: Any, path: str) -> None:
    """Refuse weights that were trained with other settings than the model computes with.

    Activations and the like are stored with a checkpoint's layers, and a model that is rebuilt
    from its architecture does not get them from there. Shapes are not looked at, nor the settings
    of the head itself, which hold the number of classes.

    Raises:
        WeightsError: A setting differs; the message names it.
    """
    last = len(model.model) - 1
    for index, (ours, theirs) in enumerate(zip(model.model, source.model, strict=False)):
        pair = (_settings(layer, head=index == last) for layer in (ours, theirs))
        difference = find_difference(*pair, old=True)
        if difference is not None:
            raise WeightsError(
                f"{path} was trained with other settings than its architecture gives: layer "
                f"{index} ({type(ours).__name__}) {difference}",
                hint="`activation:` in the architecture that is stored with it would say so",
            )


def _settings(layer: Any, *, head: bool) -> dict[Key, object]:
    return {
        (place, name): value
        for (place, name), value in describe_layer(layer).items()
        if name not in (_SHAPE, *_CHANNELS) and not (head and not place and name not in _STRUCTURE)
    }


def _is_plain(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str))


def _show(value: object) -> str:
    if value is None:
        return "nothing"
    # Of a class's full name the last part is enough.
    return value.rpartition(".")[2] if isinstance(value, str) else str(value)
