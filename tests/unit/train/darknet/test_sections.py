"""Every key of a Darknet cfg is honoured, harmless, or refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from yolokit.errors import DataError
from yolokit.train.darknet.cfg import read_cfg
from yolokit.train.darknet.sections import parse_cfg

CONV = (
    "[convolutional]\nbatch_normalize=1\nfilters={}\nsize={}\nstride={}\npad=1\nactivation=leaky\n"
)
OUTPUT = "[convolutional]\nfilters=21\nsize=1\nactivation=linear\n[yolo]\nclasses=2\n"
LAYER = CONV.format(8, 3, 1)
LAYERS = {
    "net": "[net]\n{}",
    "convolutional": "[net]\n" + LAYER + "{}",
    "shortcut": "[net]\n"
    + CONV.format(16, 3, 1) + CONV.format(8, 1, 1) + CONV.format(16, 3, 1)
    + "[shortcut]\nfrom=-3\n{}",
    "maxpool": "[net]\n" + LAYER + "[maxpool]\nsize=2\nstride=2\n{}",
    "upsample": "[net]\n" + LAYER + "[upsample]\nstride=2\n{}",
    "route": "[net]\n" + LAYER + LAYER + "[route]\nlayers=-2\n{}",
    "yolo": "[net]\n" + LAYER + OUTPUT + "{}",
}  # fmt: skip
ANY_LAYER = ("convolutional", "shortcut", "maxpool", "upsample", "route")


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        *(("convolutional", f"{key}=1") for key in (
            "antialiasing", "bin_output", "binary", "coordconv", "flipped", "rotate",
            "share_index", "stretch", "stretch_sway", "sway", "xnor",
        )),
        *(("maxpool", f"{key}=1") for key in ("antialiasing", "maxpool_depth")),
        *((kind, f"{key}=1") for kind in ANY_LAYER for key in ("dontload", "dontloadscales")),
        ("convolutional", "dilation=2"),
        ("maxpool", "maxpool_zero_nonmax=1"),
        ("shortcut", "weights_type=per_channel"),
        ("upsample", "scale=2"),
        ("upsample", "scale=many"),
        ("route", "groups=2"),
        ("net", "channels=1"),
        *((kind, "speling=1") for kind in ("net", *ANY_LAYER)),
        ("convolutional", "dilatation=2"),
    ],
)  # fmt: skip
def test_a_key_that_changes_what_is_computed_is_refused_with_its_line(
    tmp_path: Path, kind: str, line: str
) -> None:
    before = LAYERS[kind].format("")
    with pytest.raises(DataError, match=line.partition("=")[0]) as caught:
        read(tmp_path, before + line + "\n" + LAYER + OUTPUT)
    assert caught.value.line == before.count("\n") + 1
    assert caught.value.hint


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        *((kind, "stopbackward=1\nonlyforward=1\ntrain_only_bn=1") for kind in ANY_LAYER),
        *((kind, "clip=1\nlearning_rate=.1\ndontload=0") for kind in ANY_LAYER),
        ("net", "channels=3\nletter_box=1\nmosaic=1\nadam=1\nB1=.9\nsteps=1,2\nscales=.1,.1"),
        ("convolutional", "antialiasing=0\nbinary=0\nxnor=0\nflipped=0\ndilation=1\nstream=1"),
        ("convolutional", "stride_x=1\nstride_y=1\ncbn=1\npadding=7"),  # pad=1 goes before
        ("maxpool", "maxpool_depth=0\nout_channels=9\npadding=0\nstride_x=2"),
        ("shortcut", "weights_type=none\nweights_normalization=softmax\nactivation=linear"),
        ("upsample", "scale=1.0"),
        ("route", "groups=1\ngroup_id=0"),
        ("yolo", "scale_x_y=2.0\nnew_coords=1\nspeling=1"),  # anchors' output is replaced
    ],
)
def test_a_key_that_changes_nothing_is_accepted(tmp_path: Path, kind: str, lines: str) -> None:
    rest = "[route]\nlayers=0\n" if kind == "yolo" else ""
    rest += LAYER.replace("filters=8", "filters=16") + OUTPUT
    plain = read(tmp_path, LAYERS[kind].format("") + rest)
    assert read(tmp_path, LAYERS[kind].format(lines + "\n") + rest) == plain


def test_values_of_a_convolution_that_are_written_differently(tmp_path: Path) -> None:
    plain = read(tmp_path, "[net]\n" + LAYER.replace("stride=1", "stride=2") + OUTPUT)
    for text in (
        LAYER.replace("stride=1", "stride_x=2\nstride_y=2"),
        LAYER.replace("stride=1", "stride=2").replace("pad=1", "padding=1"),
        LAYER.replace("stride=1", "stride=2\nstride=1"),  # the first one counts
        LAYER.replace("stride=1", "stride=2").replace("[convolutional]", "[conv]"),
    ):
        assert read(tmp_path, "[network]\n" + text + OUTPUT) == plain
    pointwise = CONV.format(8, 1, 1)
    arch = read(tmp_path, "[net]\n" + pointwise + OUTPUT)
    assert read(tmp_path, "[net]\n" + pointwise + "dilation=2\n" + OUTPUT) == arch


def test_comments_and_spaces(tmp_path: Path) -> None:
    sections = parse_cfg("# all\n[ net ]\nwidth = 4 # px\n; note\n\n[YOLO]\n", tmp_path)
    assert [(section.kind, section.options) for section in sections] == [
        ("net", {"width": "4"}),
        ("yolo", {}),
    ]


def read(tmp_path: Path, text: str) -> dict[str, object]:
    path = tmp_path / "net.cfg"
    path.write_text(text)
    return read_cfg(path)
