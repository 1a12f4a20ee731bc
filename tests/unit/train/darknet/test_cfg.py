"""Darknet's cfg files become architectures, or are refused with line and reason."""

from __future__ import annotations

import contextlib
import math
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.darknet import networks
from yolokit.errors import DataError
from yolokit.train.darknet.cfg import read_cfg

ARCHS = Path(__file__).resolve().parents[4] / "yolokit" / "train" / "archs"
CONV = (
    "[convolutional]\nbatch_normalize=1\nfilters={}\nsize={}\nstride={}\npad=1\nactivation=leaky\n"
)
OUTPUT = "[convolutional]\nfilters=21\nsize=1\nactivation=linear\n[yolo]\nclasses=2\n"


def read(tmp_path: Path, text: str) -> dict[str, object]:
    path = tmp_path / "net.cfg"
    path.write_text(text)
    return read_cfg(path)


def test_the_published_cfg_is_the_shipped_architecture(test_data: Path) -> None:
    shipped = yaml.safe_load((ARCHS / "darknet-yolov3-tiny.yaml").read_text())
    found = read_cfg(test_data / "darknet" / "yolov3-tiny.cfg")
    for layer in [*shipped["backbone"], *shipped["head"]]:
        layer[3] = [None if value == "None" else value for value in layer[3]]
    assert found == shipped


@pytest.mark.parametrize("name", ["yolov3", "yolov3_tiny", "yolov4"])
def test_a_cfg_of_the_same_structure_is_the_shipped_architecture(tmp_path: Path, name: str) -> None:
    """Layers, where the backbone ends, activations, and what lies in the file behind a layer."""
    shipped = yaml.safe_load((ARCHS / f"darknet-{name.replace('_', '-')}.yaml").read_text())
    for layer in [*shipped["backbone"], *shipped["head"]]:
        layer[3] = [None if value == "None" else value for value in layer[3]]
    assert read(tmp_path, getattr(networks, name)().text) == shipped


@pytest.mark.parametrize(
    ("cfg", "layers", "last"),
    [
        (networks.yolov3(pyramid=True), 29, "Bottleneck"),
        (networks.yolov4_csp(), 54, "Conv"),
        (networks.mixed(), 9, "Bottleneck"),
    ],
)
def test_where_the_backbone_ends(tmp_path: Path, cfg: networks.Cfg, layers: int, last: str) -> None:
    arch = read(tmp_path, cfg.text)
    backbone = arch["backbone"]
    assert isinstance(backbone, list)
    assert (len(backbone), backbone[-1][2]) == (layers, last)


def test_a_network_of_strided_convolutions_has_a_backbone(tmp_path: Path) -> None:
    text = "[net]\n" + "".join(CONV.format(8, 3, stride) for stride in (2, 2, 1)) + OUTPUT
    assert read(tmp_path, text)["backbone"] == [
        [-1, 1, "Conv", [8, 3, 2]],
        [-1, 1, "Conv", [8, 3, 2]],
    ]


def test_the_stride_1_pool_pads_with_minus_infinity(tmp_path: Path) -> None:
    pool = "[maxpool]\nsize=2\nstride=1\n"
    arch = read(tmp_path, "[net]\n" + CONV.format(8, 3, 1) + pool + CONV.format(8, 3, 1) + OUTPUT)
    assert arch["backbone"] == [
        [-1, 1, "Conv", [8, 3, 1]],
        [-1, 1, "nn.ConstantPad2d", [[0, 1, 0, 1], -math.inf]],
        [-1, 1, "nn.MaxPool2d", [2, 1, 0]],
    ]
    assert arch["bn_eps"] == 1e-6
    assert arch["activation"] == "torch.nn.LeakyReLU(0.1)"


def test_a_residual_block_is_a_bottleneck_of_1x1_and_3x3(tmp_path: Path) -> None:
    block = CONV.format(8, 1, 1) + CONV.format(16, 3, 1) + "[shortcut]\nfrom=-3\n"
    arch = read(tmp_path, "[net]\n" + CONV.format(16, 3, 2) + block + CONV.format(8, 1, 1) + OUTPUT)
    assert arch["backbone"] == [
        [-1, 1, "Conv", [16, 3, 2]],
        [-1, 1, "Bottleneck", [16, True, 1, [1, 3]]],
    ]
    assert arch["head"] == [[-1, 1, "Conv", [8, 1, 1]], [[2], 1, "Detect", ["nc"]]]
    assert arch["darknet"] == {"outputs": {2: 21}}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("filters=3\n", 1, "neither a"),
        ("[net]\nwidth\n", 2, "neither a"),
        ("[net]\n[lstm]\n", 2, r"\[lstm\] has no counterpart"),
        ("[net]\n[convolutional]\nfilters=many\n", 2, "invalid literal"),
        ("[net]\n[convolutional]\nfilters=8\nsize=3\npad=1\n", 2, "without batch_normalize"),
        ("[net]\n" + CONV.format(8, 3, 1).replace("leaky", "swish"), 2, "activation swish"),
        ("[net]\n" + CONV.format(8, 3, 1).replace("pad=1", "pad=0"), 2, "must be padded"),
        ("[net]\n" + CONV.format(8, 3, 1) + "[shortcut]\nfrom=-2\n", 9, "a shortcut must span"),
        ("[net]\n" + CONV.format(8, 3, 1) + "[route]\nlayers=-2\n", 9, "outside of the network"),
        ("[net]\n" + CONV.format(8, 3, 1) + "[route]\nlayers=7\n", 9, "outside of the network"),
        ("[net]\n" + CONV.format(8, 3, 1) + "[route]\nlayers=-1\ngroups=2\n", 11, "groups=2 of"),
        ("[net]\n" + CONV.format(8, 3, 1) + "[maxpool]\nsize=4\nstride=4\n", 9, "size 4"),
        ("[net]\n" + CONV.format(8, 3, 1) + "[upsample]\nstride=2\nscale=2\n", 11, "scale=2 of"),
        ("[net]\n[maxpool]\nsize=2\nstride=0\n", 2, "stride=0: must be from 1"),
        ("[net]\n" + OUTPUT, 2, "must have layers before"),
        ("[net]\n[yolo]\n", 2, "must follow"),
        ("[net]\n" + CONV.format(8, 3, 1), None, "not describe a detector"),
    ],
)
def test_what_has_no_counterpart_is_named_with_its_line(
    tmp_path: Path, text: str, line: int | None, words: str
) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read(tmp_path, text)
    assert caught.value.line == line
    assert caught.value.hint


LAYER = CONV.format(8, 3, 1)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("size=3", "size=2", "a kernel must be odd"),
        ("pad=1", "padding=2", "padding=1"),
        ("stride=1", "stride=1\nstride_x=2", "stride_x=2 and stride_y=1"),
        ("filters=8", "filters=12", "filters=12: must be a multiple of 8"),
        ("stride=1", "stride=1\ngroups=2", "groups=2: must divide the channels"),
        *(("leaky", name, f"activation {name}") for name in ("linear", "relu", "swish")),
    ],
)  # fmt: skip
def test_values_of_a_convolution_that_have_no_counterpart(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read(tmp_path, "[net]\n" + LAYER.replace(old, new) + OUTPUT)
    assert caught.value.line == 2
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LAYER + OUTPUT, "does not begin with"),
        ("[net]\n" + LAYER + OUTPUT + LAYER, r"only a \[route\] can follow"),
        ("[net]\n" + LAYER + "[net]\n" + OUTPUT, r"\[net\] has no counterpart"),
        ("[net]\n" + LAYER + OUTPUT.replace("size=1", "size=3"), "a plain 1x1"),
        ("[net]\n" + LAYER + OUTPUT.replace("size=1", "size=1\nbatch_normalize=1"), "a plain 1x1"),
        ("[net]\n" + LAYER + LAYER + "[route]\nlayers=0\n" + OUTPUT, "right after"),
        ("[net]\n" + LAYER + OUTPUT + "[route]\nlayers=0\n" + OUTPUT, "right after"),
        (
            "[net]\n" + LAYER + CONV.format(8, 3, 2) + "[route]\nlayers=0,1\n" + OUTPUT,
            "maps of the same size",
        ),
        (
            "[net]\n"
            + CONV.format(16, 3, 1)
            + CONV.format(8, 1, 1).replace("leaky", "mish")
            + CONV.format(16, 3, 1)
            + "[shortcut]\nfrom=-3\n"
            + OUTPUT,
            "the same activation",
        ),
    ],
)
def test_a_structure_that_would_be_read_wrongly_is_refused(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read(tmp_path, text)
    assert caught.value.line


def of(name: str, *sections: str) -> tuple[str, str]:
    """A network's name, and as many of its sections as it takes to see why it is refused."""
    return name, networks.NET + LAYER + "\n".join(sections)


@pytest.mark.parametrize(
    ("named", "words"),
    [
        (of("yolov4-tiny", "[route]\nlayers=-1\ngroups=2\ngroup_id=1"), "groups=2"),
        (of("yolov2", "[reorg]\nstride=2"), r"\[reorg\]"),
        (
            of("yolov2-tiny", LAYER.replace("batch_normalize=1\n", "") + "[region]"),
            "without batch_normalize",
        ),
        (of("tiny-yolo-xnor", LAYER + "xnor=1\nbin_output=1"), "xnor=1"),
        (of("gaussian-yolov3", OUTPUT.replace("[yolo]", "[Gaussian_yolo]")), "without batch_norm"),
        (of("darknet53", "[avgpool]", "[softmax]"), r"\[avgpool\]"),
        (of("csresnext50", LAYER.replace("leaky", "linear")), "activation linear"),
        (of("enet", LAYER.replace("leaky", "swish")), "activation swish"),
        (of("efficientnet-lite", LAYER.replace("leaky", "relu6")), "activation relu6"),
        (of("yolov4-csp-swish, yolov7", LAYER.replace("leaky", "swish")), "activation swish"),
        (of("yolov3-tiny-prn", "[shortcut]\nfrom=-1\nactivation=leaky"), "a shortcut must span"),
        (of("resnet152-trident", LAYER + "share_index=0\ndilation=2"), "share_index=0"),
        (of("yolov4-sam", "[sam]\nfrom=-1"), r"\[sam\]"),
        (of("yolov3-tiny-occlusion-track", "[crnn]\noutput=8"), r"\[crnn\]"),
    ],
)
def test_other_published_networks_are_refused_with_reason(
    tmp_path: Path, named: tuple[str, str], words: str
) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read(tmp_path, named[1])
    assert caught.value.line
    assert caught.value.hint


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "net.cfg").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(DataError, match="cannot be read"):
        read_cfg(tmp_path / "net.cfg")


# Bytes of the files as they are published; header of 20 bytes, 4 bytes a value.
@pytest.mark.parametrize(
    ("arch", "layers", "outputs", "file_bytes"),
    [
        ("darknet-yolov3-tiny", 20, True, 35_434_956),  # yolov3-tiny.weights
        ("darknet-yolov3", 29, False, 162_482_580),  # darknet53.conv.74
        ("darknet-yolov3", 53, True, 248_007_048),  # yolov3.weights
        ("darknet-yolov4", 82, False, 170_038_676),  # yolov4.conv.137
        ("darknet-yolov4", 99, True, 257_717_640),  # yolov4.weights
    ],
)
def test_architectures_have_as_many_values_as_the_published_files(
    arch: str, layers: int, outputs: bool, file_bytes: int
) -> None:
    content = yaml.safe_load((ARCHS / f"{arch}.yaml").read_text())
    values = 0
    channels: list[int] = []
    for index, (source, _n, module, args) in enumerate(content["backbone"] + content["head"]):
        sources = source if isinstance(source, list) else [source]
        given = [channels[s] if channels else 3 for s in sources]
        if module == "Concat":
            channels.append(sum(given))
        elif module in ("Conv", "Bottleneck"):
            channels.append(args[0])
            if index < layers:
                values += _count_values(module, given[0], args)
        else:
            channels.append(given[0])
        filters = content["darknet"]["outputs"].get(index)
        if filters and outputs:
            values += filters * (channels[-1] + 1)
    assert 20 + 4 * values == file_bytes


def _count_values(module: str, given: int, args: list[float]) -> int:
    filters = int(args[0])
    if module == "Conv":
        return filters * (given * int(args[1]) ** 2 + 4)
    hidden = int(filters * (args[4] if len(args) > 4 else 0.5))
    return hidden * (given + 4) + filters * (hidden * 9 + 4)


PARTS = [
    *("[net]", "[yolo]", "[route]", "[shortcut]", "[maxpool]", "[upsample]"),
    *(CONV.format(8, 1, 1), CONV.format(8, 3, 2), OUTPUT),
    *("layers=-1", "layers=-1,0", "from=-3", "stride=-1", "size=2", "filters=1e9"),
]


@given(st.lists(st.sampled_from(PARTS)))
def test_whatever_it_holds_it_is_translated_or_refused(parts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.cfg"
        path.write_text("\n".join(parts))
        with contextlib.suppress(DataError):
            assert read_cfg(path)["head"]
