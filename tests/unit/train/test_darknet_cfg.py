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

from yolokit.errors import DataError
from yolokit.train.darknet_cfg import parse_cfg, read_cfg

ARCHS = Path(__file__).resolve().parents[3] / "yolokit" / "train" / "archs"
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
        ("[net]\n" + CONV.format(8, 3, 1) + "[route]\nlayers=-1\ngroups=2\n", 9, "group of chan"),
        ("[net]\n" + CONV.format(8, 3, 1) + "[maxpool]\nsize=4\nstride=4\n", 9, "size 4"),
        ("[net]\n" + CONV.format(8, 3, 1) + "[upsample]\nstride=2\nscale=2\n", 9, "scale"),
        ("[net]\n[maxpool]\nsize=2\nstride=0\n", 2, "stride=0: must be from 1"),
        ("[net]\n" + OUTPUT, 2, "must have layers before"),
        ("[net]\n[yolo]\n", 2, "must follow"),
        ("[net]\n" + CONV.format(8, 3, 1), None, "no detector"),
    ],
)
def test_what_has_no_counterpart_is_named_with_its_line(
    tmp_path: Path, text: str, line: int | None, words: str
) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read(tmp_path, text)
    assert caught.value.line == line


def test_comments_and_spaces(tmp_path: Path) -> None:
    sections = parse_cfg("# all\n[ net ]\nwidth = 4 # px\n; note\n\n[YOLO]\n", tmp_path)
    assert [(section.kind, section.options) for section in sections] == [
        ("net", {"width": "4"}),
        ("yolo", {}),
    ]


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
