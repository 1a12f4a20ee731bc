"""Reads a Darknet ``.cfg`` into an architecture that computes the same.

Layers of Darknet become layers of upstream where those compute the same: leaky ReLU 0.1, batch
norm with Darknet's epsilon, a stride-1 pool that pads with minus infinity, and 1x1-3x3 residual
blocks as bottlenecks. What Darknet puts in front of ``[yolo]`` predicts anchors and has no
counterpart; its size is noted, so that the weights after it in the file are found.

Source: AlexeyAB/darknet, ``src/parser.c`` (sections and defaults), ``src/batchnorm_layer.c``
(epsilon), ``src/maxpool_layer.c`` (padding).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from yolokit.errors import DataError
from yolokit.train.darknet_sections import HINT, check_keys, parse_cfg

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.train.darknet_sections import Section

EPSILON = 1e-6
LEAKY = "torch.nn.LeakyReLU(0.1)"
# Upstream rounds channels up to it.
_CHANNELS_STEP = 8


@dataclass(slots=True)
class _Network:
    """The architecture so far.

    Attributes:
        made: Darknet's layers in order: the layer of ours, or None where there is none.
        cursor: The layer of ours that the next one reads from; -1 for the image.
        outputs: Layer of ours to the filters of Darknet's output convolution after it.
        heads: Layers that the detection head reads.
        mish: Layers whose activation is Mish.
    """

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


def read_cfg(path: Path) -> dict[str, Any]:
    """Read a cfg and translate it.

    Returns:
        The architecture as a mapping, ready to be written as YAML. ``darknet: outputs`` maps a
        layer to the filters of the convolution that follows it in Darknet's file.

    Raises:
        DataError: It is not readable, or uses something that has no counterpart; with its line.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read: {error}", path=path) from error
    network = _Network()
    sections = _read_layers(text, path)
    for index, section in enumerate(sections):
        check_keys(section, path)
        try:
            _translate(section, sections, index, network)
        except ValueError as error:
            raise DataError(f"{error}", path=path, line=section.line, hint=HINT) from error
    if not network.heads:
        raise DataError(
            "has no [yolo] section: it does not describe a detector",
            path=path,
            hint="weights of a classifier's first layers go into a detector's cfg, as NAME.conv.N",
        )
    return _assemble(network)


def _read_layers(text: str, path: Path) -> list[Section]:
    """Return the sections after ``[net]``.

    Raises:
        DataError: The first one is not ``[net]``, or it takes other images than of three channels.
    """
    sections = parse_cfg(text, path)
    if not sections or sections[0].kind != "net":
        raise DataError(
            "does not begin with [net]: it is not a cfg of Darknet", path=path, line=1, hint=HINT
        )
    net = sections[0]
    check_keys(net, path)
    channels = net.options.get("channels", "3")
    if channels != "3":
        raise DataError(
            f"channels={channels}: images have 3 here",
            path=path,
            line=net.lines["channels"],
            hint="weights for other images do not fit",
        )
    return sections[1:]


def _convolutional(section: Section, all_: list[Section], index: int, net: _Network) -> None:
    filters, size = section.size("filters"), section.size("size")
    stride, groups = section.stride(), section.size("groups")
    normed = section.number("batch_normalize", 0) or section.number("cbn", 0)
    if index + 1 < len(all_) and all_[index + 1].kind == "yolo":
        if (size, stride, groups) != (1, 1, 1) or normed:
            raise ValueError("the output in front of [yolo] must be a plain 1x1 convolution")
        _note_output(filters, net)
        return
    if not normed:
        raise ValueError(
            "a convolution without batch_normalize is allowed only right before [yolo]"
        )
    activation = section.options.get("activation", "logistic")
    if activation not in ("leaky", "mish"):
        raise ValueError(f"activation {activation}: leaky and mish are known")
    if size % 2 == 0:
        raise ValueError(f"size={size}: a kernel must be odd")
    if not section.number("pad", 0) and section.number("padding", 0) != size // 2:
        raise ValueError(f"a convolution must be padded (pad=1, or padding={size // 2})")
    if filters % _CHANNELS_STEP:
        raise ValueError(f"filters={filters}: must be a multiple of {_CHANNELS_STEP}")
    if filters % groups or net.width % groups:
        raise ValueError(
            f"groups={groups}: must divide the channels ({net.width}) and filters ({filters})"
        )
    values = [filters, size, stride] + ([None, groups] if groups > 1 else [])
    net.add("Conv", values, filters, scale=stride)
    if activation == "mish":
        net.mish.append(net.cursor)


def _note_output(filters: int, net: _Network) -> None:
    """Note the convolution before ``[yolo]``, which follows its layer in the file."""
    if net.cursor < 0:
        raise ValueError("a network must have layers before its output")
    if net.cursor != len(net.layers) - 1 or net.cursor in net.outputs:
        raise ValueError("an output must come right after the layer that it reads")
    net.outputs[net.cursor] = filters
    net.heads.append(net.cursor)
    net.made.append(None)


def _shortcut(section: Section, all_: list[Section], index: int, net: _Network) -> None:
    """Join a 1x1 and a 3x3 convolution and their shortcut into a bottleneck."""
    kinds = [earlier.kind for earlier in all_[max(0, index - 2) : index]]
    pair = net.layers[-2:]
    plain = kinds == ["convolutional"] * 2 and [layer[2] for layer in pair] == ["Conv"] * 2
    source = section.number("from", 0)
    if source not in (-3, index - 3) or not plain or [p[3][1:] for p in pair] != [[1, 1], [3, 1]]:
        raise ValueError("a shortcut must span a 1x1 and a 3x3 convolution (from=-3)")
    if section.options.get("activation", "linear") != "linear":
        raise ValueError("a shortcut must be linear")
    hidden, width = pair[0][3][0], pair[1][3][0]
    mish = net.cursor in net.mish
    if mish != (net.cursor - 1 in net.mish):
        raise ValueError("both convolutions of a residual block must have the same activation")
    net.take_back()
    net.take_back()
    if net.cursor < 0 or net.channels[net.cursor] != width:
        raise ValueError("a shortcut must join maps of the same width")
    expansion = [] if hidden * 2 == width else [hidden / width]
    net.add("Bottleneck", [width, True, 1, [1, 3], *expansion], width)
    if mish:
        net.mish.append(net.cursor)


def _maxpool(section: Section, all_: list[Section], index: int, net: _Network) -> None:
    del all_, index
    stride = section.stride()
    size = section.size("size", section.size("stride"))
    # Two by two, an even map takes nothing from its padding.
    paddings = (0, 1) if (size, stride) == (2, 2) else (size - 1,)
    if section.number("padding", size - 1) not in paddings:
        raise ValueError(f"padding: only Darknet's default, size - 1 = {size - 1}, is known")
    width = net.width
    if size % 2:
        net.add("nn.MaxPool2d", [size, stride, size // 2], width, scale=stride)
    elif (size, stride) == (2, 2):
        net.add("nn.MaxPool2d", [2, 2, 0], width, scale=2)
    elif (size, stride) == (2, 1):
        # Right and below, with what no maximum ever takes; upstream's own YAML pads with zeros.
        net.add("nn.ConstantPad2d", [[0, 1, 0, 1], -math.inf], width)
        net.made.pop()  # two layers of ours for one of Darknet's
        net.add("nn.MaxPool2d", [2, 1, 0], width)
    else:
        raise ValueError(f"a pool of size {size} and stride {stride} has no counterpart here")


def _upsample(section: Section, all_: list[Section], index: int, net: _Network) -> None:
    del all_, index
    stride = section.size("stride", 2)
    values = [None, stride, "nearest"]
    net.add("nn.Upsample", values, net.width, scale=1 / stride)


def _route(section: Section, all_: list[Section], index: int, net: _Network) -> None:
    """Go on from another layer, or join several."""
    del all_
    given = [int(layer) for layer in section.options.get("layers", "").split(",") if layer.strip()]
    wanted = [layer if layer >= 0 else index + layer for layer in given]
    if not wanted or any(not 0 <= layer < index for layer in wanted):
        raise ValueError(f"layers={section.options.get('layers', '')}: outside of the network")
    sources = [source for layer in wanted if (source := net.made[layer]) is not None]
    if len(sources) < len(wanted):
        raise ValueError("a route from inside of a residual block or from an output")
    if len({net.strides[source] for source in sources}) > 1:
        raise ValueError("a route must join maps of the same size")
    if len(sources) > 1:
        width = sum(net.channels[source] for source in sources)
        net.add("Concat", [1], width, joined=sources)
        return
    net.cursor = sources[0]
    net.made.append(sources[0])


def _yolo(section: Section, all_: list[Section], index: int, net: _Network) -> None:
    del section
    if index == 0 or all_[index - 1].kind != "convolutional":
        raise ValueError("[yolo] must follow a convolution")
    net.made.append(None)


def _translate(section: Section, all_: list[Section], index: int, net: _Network) -> None:
    """Translate one section.

    Raises:
        ValueError: It has no counterpart here.
    """
    translate = _TRANSLATE.get(section.kind)
    if translate is None:
        raise ValueError(f"[{section.kind}] has no counterpart here")
    if index and all_[index - 1].kind == "yolo" and section.kind != "route":
        raise ValueError(f"[{section.kind}] after [yolo]: only a [route] can follow it")
    translate(section, all_, index, net)


_TRANSLATE = {
    "convolutional": _convolutional,
    "shortcut": _shortcut,
    "maxpool": _maxpool,
    "upsample": _upsample,
    "route": _route,
    "yolo": _yolo,
}


def _assemble(net: _Network) -> dict[str, Any]:
    """Put the detection head on, from the finest to the coarsest map, and split at the neck."""
    heads = sorted(net.heads, key=lambda layer: net.strides[layer])
    layers = [*net.layers, [heads, 1, "Detect", ["nc"]]]
    arch: dict[str, Any] = {"nc": 80, "activation": LEAKY, "bn_eps": EPSILON}
    if net.mish:
        arch["activations"] = {"Mish": net.mish}
    end = _count_backbone(net)
    arch["backbone"], arch["head"] = layers[:end], layers[end:]
    arch["darknet"] = {"outputs": net.outputs}
    return arch


def _count_backbone(net: _Network) -> int:
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
