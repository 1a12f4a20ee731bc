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
from typing import TYPE_CHECKING, Any

from yolokit.errors import DataError
from yolokit.train.darknet.network import Network, assemble
from yolokit.train.darknet.sections import HINT, check_keys, parse_cfg

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.train.darknet.sections import Section

# Upstream rounds channels up to it.
_CHANNELS_STEP = 8


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
    network = Network(_read_layers(text, path))
    for section in network.sections:
        check_keys(section, path)
        try:
            _translate(section, network)
        except ValueError as error:
            raise DataError(f"{error}", path=path, line=section.line, hint=HINT) from error
        network.index += 1
    if not network.heads:
        raise DataError(
            "has no [yolo] section: it does not describe a detector",
            path=path,
            hint="weights of a classifier's first layers go into a detector's cfg, as NAME.conv.N",
        )
    return assemble(network)


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


def _convolutional(section: Section, net: Network) -> None:
    filters, size = section.size("filters"), section.size("size")
    stride, groups = section.stride(), section.size("groups")
    normed = section.number("batch_normalize", 0) or section.number("cbn", 0)
    following = net.sections[net.index + 1 : net.index + 2]
    if following and following[0].kind == "yolo":
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


def _note_output(filters: int, net: Network) -> None:
    """Note the convolution before ``[yolo]``, which follows its layer in the file."""
    if net.cursor < 0:
        raise ValueError("a network must have layers before its output")
    if net.cursor != len(net.layers) - 1 or net.cursor in net.outputs:
        raise ValueError("an output must come right after the layer that it reads")
    net.outputs[net.cursor] = filters
    net.heads.append(net.cursor)
    net.made.append(None)


def _shortcut(section: Section, net: Network) -> None:
    """Join a 1x1 and a 3x3 convolution and their shortcut into a bottleneck."""
    kinds = [earlier.kind for earlier in net.sections[max(0, net.index - 2) : net.index]]
    pair = net.layers[-2:]
    plain = kinds == ["convolutional"] * 2 and [layer[2] for layer in pair] == ["Conv"] * 2
    source = section.number("from", 0)
    if (
        source not in (-3, net.index - 3)
        or not plain
        or [p[3][1:] for p in pair] != [[1, 1], [3, 1]]
    ):
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


def _maxpool(section: Section, net: Network) -> None:
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


def _upsample(section: Section, net: Network) -> None:
    stride = section.size("stride", 2)
    values = [None, stride, "nearest"]
    net.add("nn.Upsample", values, net.width, scale=1 / stride)


def _route(section: Section, net: Network) -> None:
    """Go on from another layer, or join several."""
    given = [int(layer) for layer in section.options.get("layers", "").split(",") if layer.strip()]
    wanted = [layer if layer >= 0 else net.index + layer for layer in given]
    if not wanted or any(not 0 <= layer < net.index for layer in wanted):
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


def _yolo(_section: Section, net: Network) -> None:
    if net.kind_before != "convolutional":
        raise ValueError("[yolo] must follow a convolution")
    net.made.append(None)


def _translate(section: Section, net: Network) -> None:
    """Translate one section.

    Raises:
        ValueError: It has no counterpart here.
    """
    translate = _TRANSLATE.get(section.kind)
    if translate is None:
        raise ValueError(f"[{section.kind}] has no counterpart here")
    if net.kind_before == "yolo" and section.kind != "route":
        raise ValueError(f"[{section.kind}] after [yolo]: only a [route] can follow it")
    translate(section, net)


_TRANSLATE = {
    "convolutional": _convolutional,
    "shortcut": _shortcut,
    "maxpool": _maxpool,
    "upsample": _upsample,
    "route": _route,
    "yolo": _yolo,
}
