"""The architecture that a Darknet ``.cfg`` becomes, layer by layer, and where its backbone ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yolokit.train.darknet.sections import Section

_EPSILON = 1e-6
_LEAKY = "torch.nn.LeakyReLU(0.1)"


@dataclass(slots=True)
class Network:
    """The architecture so far.

    Attributes:
        sections: Darknet's layers, in order.
        index: The one that is being translated.
        made: Darknet's layers in order: the layer of ours, or None where there is none.
        cursor: The layer of ours that the next one reads from; -1 for the image.
        outputs: Layer of ours to the filters of Darknet's output convolution after it.
        heads: Layers that the detection head reads.
        mish: Layers whose activation is Mish.
    """

    sections: list[Section]
    index: int = 0
    layers: list[list[Any]] = field(default_factory=list)
    channels: list[int] = field(default_factory=list)
    strides: list[float] = field(default_factory=list)
    made: list[int | None] = field(default_factory=list)
    outputs: dict[int, int] = field(default_factory=dict)
    heads: list[int] = field(default_factory=list)
    mish: list[int] = field(default_factory=list)
    cursor: int = -1

    def add(
        self,
        module: str,
        values: list[Any],
        channels: int,
        *,
        scale: float = 1,
        joined: list[int] | None = None,
    ) -> None:
        """Append a layer that reads from the cursor, or from several that it joins."""
        index = len(self.layers)
        source: int | list[int] = joined or (-1 if self.cursor == index - 1 else self.cursor)
        first = joined[0] if joined else self.cursor
        self.layers.append([source, 1, module, values])
        self.channels.append(channels)
        self.strides.append((self.strides[first] if first >= 0 else 1) * scale)
        self.cursor = index
        self.made.append(index)

    @property
    def kind_before(self) -> str:
        """Kind of the section before this one; empty for the first."""
        return self.sections[self.index - 1].kind if self.index else ""

    @property
    def width(self) -> int:
        """Channels at the cursor."""
        return self.channels[self.cursor] if self.cursor >= 0 else 3

    def take_back(self) -> None:
        """Remove the newest layer; Darknet's own layer stays counted, without one of ours."""
        index = len(self.layers) - 1
        source = self.layers.pop()[0]
        self.channels.pop()
        self.strides.pop()
        self.made[self.made.index(index)] = None
        self.cursor = index - 1 if source == -1 else source
        if index in self.mish:
            self.mish.remove(index)


def assemble(net: Network) -> dict[str, Any]:
    """Put the detection head on, from the finest to the coarsest map, and split at the neck."""
    heads = sorted(net.heads, key=lambda layer: net.strides[layer])
    layers = [*net.layers, [heads, 1, "Detect", ["nc"]]]
    arch: dict[str, Any] = {"nc": 80, "activation": _LEAKY, "bn_eps": _EPSILON}
    if net.mish:
        arch["activations"] = {"Mish": net.mish}
    end = _count_backbone(net)
    arch["backbone"], arch["head"] = layers[:end], layers[end:]
    arch["darknet"] = {"outputs": net.outputs}
    return arch


def _count_backbone(net: Network) -> int:
    """Return how many layers are the backbone: what makes the coarsest map.

    It ends after the last residual block before the first upsampling; where there are none,
    after the last pool of size 2 (those of a pyramid are larger); else after the first layer of
    the coarsest stride. A cross-stage block that this falls into belongs to it as a whole, with
    the convolution after its join: CSPDarknet-53 ends so.
    """
    modules = [layer[2] for layer in net.layers]
    trunk = modules.index("nn.Upsample") if "nn.Upsample" in modules else len(modules)
    residual = [index for index in range(trunk) if modules[index] == "Bottleneck"]
    pools = [i for i in range(trunk) if modules[i] == "nn.MaxPool2d" and net.layers[i][3][0] == 2]
    coarsest = net.strides.index(max(net.strides[:trunk], default=net.strides[0]))
    end = (residual or pools or [coarsest])[-1] + 1
    joins = [index for index in range(end, trunk) if modules[index] == "Concat"]
    for join in joins:
        if any(
            source < end - 1 and net.strides[source] == net.strides[end - 1]
            for source in net.layers[join][0]
        ):
            end = join + 1
    if modules[end - 1] == "Concat" and modules[end : end + 1] == ["Conv"]:
        end += 1
    return end
