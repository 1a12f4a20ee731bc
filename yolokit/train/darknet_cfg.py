"""Reads a Darknet ``.cfg`` into an architecture that computes the same.

Layers of Darknet become layers of upstream where those compute the same: leaky ReLU 0.1, batch
norm with Darknet's epsilon, a stride-1 pool that pads with minus infinity, and 1x1-3x3 residual
blocks as bottlenecks. What Darknet puts in front of ``[yolo]`` predicts anchors and has no
counterpart; its size is noted, so that the weights behind it in the file are found.

Source: AlexeyAB/darknet, ``src/parser.c`` (sections and defaults), ``src/batchnorm_layer.c``
(epsilon), ``src/maxpool_layer.c`` (padding).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from yolokit.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

EPSILON = 1e-6
LEAKY = "torch.nn.LeakyReLU(0.1)"
_IGNORED = {"net", "network"}
_MAX_SIZE = 65536


@dataclass(frozen=True, slots=True)
class Section:
    """One ``[section]`` of a cfg: its kind, its options and the line where it begins."""

    kind: str
    options: dict[str, str]
    line: int

    def number(self, key: str, default: int) -> int:
        """Return an option as a whole number.

        Raises:
            ValueError: It is none.
        """
        return int(self.options.get(key, default))

    def size(self, key: str, default: int = 1) -> int:
        """Return an option as a number of channels or px.

        Raises:
            ValueError: It is none, or out of all bounds.
        """
        value = self.number(key, default)
        if not 1 <= value <= _MAX_SIZE:
            raise ValueError(f"{key}={value}: must be from 1 to {_MAX_SIZE}")
        return value


@dataclass(slots=True)
class _Network:
    """The architecture so far.

    Attributes:
        made: Darknet's layers in order: the layer of ours, or None where there is none.
        cursor: The layer of ours that the next one reads from; -1 for the image.
        outputs: Layer of ours to the filters of Darknet's output convolution behind it.
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
    backbone_end: int = 0
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
        layer to the filters of the convolution that Darknet's file has behind it.

    Raises:
        DataError: It is not readable, or uses something that has no counterpart; with its line.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read: {error}", path=path) from error
    network = _Network()
    sections = [section for section in parse_cfg(text, path) if section.kind not in _IGNORED]
    for index, section in enumerate(sections):
        translate = _TRANSLATE.get(section.kind)
        if translate is None:
            raise DataError(
                f"[{section.kind}] has no counterpart here", path=path, line=section.line
            )
        try:
            translate(section, sections, index, network)
        except ValueError as error:
            raise DataError(f"{error}", path=path, line=section.line) from error
    if not network.heads:
        raise DataError("has no [yolo] section: it describes no detector", path=path)
    return _assemble(network)


def parse_cfg(text: str, path: Path) -> list[Section]:
    """Split a cfg into sections.

    Raises:
        DataError: A line is neither a section, nor ``key=value``, nor a comment.
    """
    sections: list[Section] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.split(r"[#;]", raw, maxsplit=1)[0].strip()
        if not line:
            continue
        if line.startswith("[") and line.endswith("]"):
            sections.append(Section(line[1:-1].strip().lower(), {}, number))
            continue
        key, equals, value = line.partition("=")
        if not equals or not sections:
            raise DataError(
                f"{line!r} is neither a [section] nor key=value", path=path, line=number
            )
        sections[-1].options[key.strip().lower()] = value.strip()
    return sections


def _convolutional(section: Section, all_: list[Section], index: int, net: _Network) -> None:
    filters, size = section.size("filters"), section.size("size")
    stride, groups = section.size("stride"), section.size("groups")
    if index + 1 < len(all_) and all_[index + 1].kind == "yolo":
        if net.cursor < 0:
            raise ValueError("a network must have layers before its output")
        net.outputs[net.cursor] = filters
        net.heads.append(net.cursor)
        net.made.append(None)
        return
    if not section.number("batch_normalize", 0):
        raise ValueError("a convolution without batch_normalize stands only in front of [yolo]")
    activation = section.options.get("activation", "logistic")
    if activation not in ("leaky", "mish"):
        raise ValueError(f"activation {activation}: leaky and mish are known")
    if size > 1 and not section.number("pad", 0):
        raise ValueError("a convolution must be padded (pad=1)")
    values = [filters, size, stride] + ([None, groups] if groups > 1 else [])
    net.add("Conv", values, filters, scale=stride)
    if activation == "mish":
        net.mish.append(net.cursor)


def _shortcut(section: Section, all_: list[Section], index: int, net: _Network) -> None:
    """Join a 1x1 and a 3x3 convolution and their shortcut into a bottleneck."""
    kinds = [earlier.kind for earlier in all_[max(0, index - 2) : index]]
    pair = net.layers[-2:]
    plain = kinds == ["convolutional"] * 2 and [layer[2] for layer in pair] == ["Conv"] * 2
    if section.number("from", 0) != -3 or not plain or [p[3][1:] for p in pair] != [[1, 1], [3, 1]]:
        raise ValueError("a shortcut must span a 1x1 and a 3x3 convolution (from=-3)")
    if section.options.get("activation", "linear") != "linear":
        raise ValueError("a shortcut must be linear")
    hidden, width = pair[0][3][0], pair[1][3][0]
    mish = net.cursor in net.mish
    net.take_back()
    net.take_back()
    if net.cursor < 0 or net.channels[net.cursor] != width:
        raise ValueError("a shortcut must join maps of the same width")
    expansion = [] if hidden * 2 == width else [hidden / width]
    net.add("Bottleneck", [width, True, 1, [1, 3], *expansion], width)
    if mish:
        net.mish.append(net.cursor)
    net.backbone_end = len(net.layers)


def _maxpool(section: Section, all_: list[Section], index: int, net: _Network) -> None:
    del all_, index
    stride = section.size("stride")
    size = section.size("size", stride)
    if section.number("padding", size - 1) != size - 1:
        raise ValueError("padding: only Darknet's default, size - 1, is known")
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
    if not net.heads and not any(layer[2] == "Bottleneck" for layer in net.layers):
        net.backbone_end = len(net.layers)


def _upsample(section: Section, all_: list[Section], index: int, net: _Network) -> None:
    del all_, index
    stride = section.size("stride", 2)
    if "scale" in section.options:
        raise ValueError("scale: an upsampling that scales values has no counterpart here")
    values = [None, stride, "nearest"]
    net.add("nn.Upsample", values, net.width, scale=1 / stride)


def _route(section: Section, all_: list[Section], index: int, net: _Network) -> None:
    """Go on from another layer, or join several."""
    del all_
    if section.number("groups", 1) != 1:
        raise ValueError("a route that takes a group of channels has no counterpart here")
    given = [int(layer) for layer in section.options.get("layers", "").split(",") if layer.strip()]
    wanted = [layer if layer >= 0 else index + layer for layer in given]
    if not wanted or any(not 0 <= layer < index for layer in wanted):
        raise ValueError(f"layers={section.options.get('layers', '')}: outside of the network")
    sources = [source for layer in wanted if (source := net.made[layer]) is not None]
    if len(sources) < len(wanted):
        raise ValueError("a route from inside of a residual block or from an output")
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
    arch["backbone"] = layers[: net.backbone_end]
    arch["head"] = layers[net.backbone_end :]
    arch["darknet"] = {"outputs": net.outputs}
    return arch
