"""Networks in Darknet's format, written from their structure: cfg text, and weights at random."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

NET = "[net]\nbatch=64\nwidth=416\nheight=416\nchannels=3\nmomentum=0.9\npolicy=steps\n"
YOLO = "[yolo]\nmask=0,1,2\nanchors=1,2,3,4,5,6\nclasses={}\nnum=3\nignore_thresh=.7\n"


class Cfg:
    """A cfg under construction; it counts layers and channels as Darknet does.

    Attributes:
        channels: Channels that each layer gives, in order.
        convolutions: Input channels, filters, size and batch norm of each convolution, in order.
    """

    def __init__(self) -> None:
        self.parts = [NET]
        self.channels: list[int] = []
        self.convolutions: list[tuple[int, int, int, bool]] = []

    @property
    def text(self) -> str:
        return "\n".join(self.parts)

    @property
    def width(self) -> int:
        return self.channels[-1] if self.channels else 3

    def add(self, section: str, channels: int | None = None) -> None:
        self.channels.append(self.width if channels is None else channels)
        self.parts.append(section)

    def conv(self, filters: int, size: int = 1, stride: int = 1, act: str = "leaky") -> None:
        self.convolutions.append((self.width, filters, size, True))
        self.add(
            f"[convolutional]\nbatch_normalize=1\nfilters={filters}\nsize={size}\n"
            f"stride={stride}\npad=1\nactivation={act}\n",
            filters,
        )

    def convs(self, *filters: int) -> None:
        """1x1 and 3x3 in turn, as the necks have them."""
        for index, count in enumerate(filters):
            self.conv(count, 3 if index % 2 else 1)

    def residual(self, hidden: int, act: str = "leaky") -> None:
        width = self.width
        self.conv(hidden, 1, act=act)
        self.conv(width, 3, act=act)
        self.add("[shortcut]\nfrom=-3\nactivation=linear\n")

    def route(self, *layers: int) -> None:
        channels = sum(self.channels[layer] for layer in layers)
        self.add(f"[route]\nlayers = {', '.join(map(str, layers))}\n", channels)

    def pool(self, size: int, stride: int) -> None:
        self.add(f"[maxpool]\nsize={size}\nstride={stride}\n")

    def upsample(self) -> None:
        self.add("[upsample]\nstride=2\n")

    def pyramid(self) -> None:
        """Pool three times over the same map, and join all four."""
        self.pool(5, 1)
        self.route(-2)
        self.pool(9, 1)
        self.route(-4)
        self.pool(13, 1)
        self.route(-1, -3, -5, -6)

    def cross_stage(self, filters: int, count: int) -> None:
        """Halve the map; then two sides, one with residual blocks, joined and mixed."""
        first = filters == 64
        side = filters if first else filters // 2
        self.conv(filters, 3, 2, "mish")
        self.conv(side, act="mish")
        self.route(-2)
        self.conv(side, act="mish")
        for _ in range(count):
            self.residual(32 if first else side, "mish")
        self.conv(side, act="mish")
        self.route(-1, -(3 * count + 4))
        self.conv(filters, act="mish")

    def output(self, classes: int = 80) -> None:
        filters = 3 * (classes + 5)
        self.convolutions.append((self.width, filters, 1, False))
        section = f"[convolutional]\nsize=1\nstride=1\npad=1\nfilters={filters}\n"
        self.add(section + "activation=linear\n", filters)
        self.add(YOLO.format(classes))

    def count_convolutions(self, layers: int) -> int:
        """Return how many of the first layers are convolutions."""
        return sum("[convolutional]" in part for part in self.parts[1 : 1 + layers])

    def write_weights(self, path: Path) -> None:
        """Write random weights as Darknet does."""
        rng = np.random.default_rng(0)
        with path.open("wb") as stream:
            stream.write(struct.pack("<3iq", 0, 2, 5, 32_013_312))
            for given, filters, size, normed in self.convolutions:
                chunks = [rng.normal(0, 0.2, filters)]  # biases
                if normed:
                    chunks += [rng.uniform(0.5, 1.5, filters), rng.normal(0, 0.1, filters)]
                    chunks.append(rng.uniform(0.5, 1.5, filters))
                values = rng.standard_normal(filters * given * size * size, np.float32)
                chunks.append(values * (given * size * size) ** -0.5)
                stream.writelines(chunk.astype("<f4").tobytes() for chunk in chunks)


def yolov3_tiny() -> Cfg:
    cfg = Cfg()
    for filters in (16, 32, 64, 128, 256, 512):
        cfg.conv(filters, 3)
        cfg.pool(2, 2 if filters < 512 else 1)
    cfg.conv(1024, 3)
    cfg.convs(256, 512)
    cfg.output()
    cfg.route(-4)
    cfg.conv(128)
    cfg.upsample()
    cfg.route(-1, 8)
    cfg.conv(256, 3)
    cfg.output()
    return cfg


def darknet53() -> Cfg:
    cfg = Cfg()
    cfg.conv(32, 3)
    for filters, count in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)):
        cfg.conv(filters, 3, 2)
        for _ in range(count):
            cfg.residual(filters // 2)
    return cfg


def yolov3(*, pyramid: bool = False) -> Cfg:
    cfg = darknet53()
    cfg.convs(512, 1024, 512)
    if pyramid:
        cfg.pyramid()
        cfg.conv(512)
    else:
        cfg.conv(1024, 3)
        cfg.conv(512)
    cfg.conv(1024, 3)
    cfg.output()
    for filters, layer in ((256, 61), (128, 36)):
        cfg.route(-4)
        cfg.conv(filters)
        cfg.upsample()
        cfg.route(-1, layer)
        cfg.convs(*(filters, 2 * filters) * 3)
        cfg.output()
    return cfg


def csp_darknet53() -> Cfg:
    cfg = Cfg()
    cfg.conv(32, 3, act="mish")
    for filters, count in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)):
        cfg.cross_stage(filters, count)
    return cfg


def yolov4() -> Cfg:
    cfg = csp_darknet53()
    cfg.convs(512, 1024, 512)
    cfg.pyramid()
    cfg.convs(512, 1024, 512)
    for filters, layer in ((256, 85), (128, 54)):
        cfg.conv(filters)
        cfg.upsample()
        cfg.route(layer)
        cfg.conv(filters)
        cfg.route(-1, -3)
        cfg.convs(filters, 2 * filters, filters, 2 * filters, filters)
    cfg.conv(256, 3)
    cfg.output()
    for filters, back in ((256, -16), (512, -37)):
        cfg.route(-4)
        cfg.conv(filters, 3, 2)
        cfg.route(-1, back)
        cfg.convs(*(filters, 2 * filters) * 3)
        cfg.output()
    return cfg


def yolov4_csp() -> Cfg:
    """CSPDarknet-53, and behind it a neck that splits at once; one output is enough here."""
    cfg = csp_darknet53()
    cfg.conv(512, act="mish")
    cfg.route(-2)
    cfg.convs(512, 512, 512)
    cfg.pyramid()
    cfg.convs(512, 512)
    cfg.route(-1, -12)
    cfg.conv(512, act="mish")
    cfg.output()
    return cfg


def mixed() -> Cfg:
    """A small network with everything that YOLOv3, v3-SPP and v4 have."""
    cfg = Cfg()
    cfg.conv(8, 3, 2, "mish")  # 0
    cfg.conv(16, 3, 2, "mish")  # 1
    cfg.conv(16, act="mish")  # 2: one side of a cross-stage block
    cfg.route(-2)
    cfg.conv(16, act="mish")  # 4: the other
    for _ in range(2):
        cfg.residual(8, "mish")  # 5-7, 8-10
    cfg.route(-1, -9)  # 11: 10 and 2
    cfg.conv(24, 3, 2)  # 12, stride 8
    cfg.residual(24)  # 13-15: a bottleneck that does not narrow
    cfg.conv(32, 3, 2)  # 16, stride 16
    cfg.pool(5, 1)
    cfg.route(-2)
    cfg.pool(9, 1)
    cfg.route(-1, -3, 16)
    cfg.conv(32)  # 21
    cfg.output(2)
    cfg.route(21)
    cfg.conv(16)
    cfg.upsample()
    cfg.route(-1, 15)
    cfg.conv(24, 3)
    cfg.output(2)
    return cfg
