"""torchvision's classifiers as backbones: which can serve, and that they compute the same."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from yolokit.engine_protocol.child import child_environment
from yolokit.train.arch import find_arch, list_archs

pytest.importorskip("onnx", reason="the train extra is not installed")

CAN = {
    "resnet18": [128, 256, 512],
    "vgg11": [512, 512, 512],
    "densenet121": [512, 1024, 1024],
    "mobilenet_v2": [32, 96, 1280],
    "mobilenet_v3_small": [24, 48, 576],
    "shufflenet_v2_x0_5": [48, 96, 1024],
    "mnasnet0_5": [24, 48, 1280],
    "efficientnet_b0": [40, 112, 1280],
    "convnext_tiny": [192, 384, 768],
    "regnet_y_400mf": [104, 208, 440],
    "googlenet": [480, 832, 1024],
}
CANNOT = {
    "alexnet": "it gives strides 4.06, 8.26, 17.07",
    "squeezenet1_1": "it gives strides 2.02, 4.06, 8.26",
    "inception_v3": "it gives strides 2.02",
    "swin_t": "it gives strides 4",
    "vit_b_32": "takes images of one size only",
    "maxvit_t": "takes images of one size only",
    "resnet19": "did you mean 'resnet18'",
}
PROGRAM = """
import json, sys, torch
from yolokit.engine import ultralytics_patches
from yolokit.engine.network.torchvision_backbone import (
    count_channels, make_classifier, split_stages,
)
from yolokit.errors import ConfigError
found = {}
image = torch.rand(1, 3, 224, 224)
for name in sys.argv[1:]:
    try:
        classifier = make_classifier(name).eval()
        stages = split_stages(classifier, name)
    except ConfigError as error:
        found[name] = str(error)
        continue
    inside = {}
    last = stages[-1][-1]
    last.register_forward_hook(lambda _m, _i, result: inside.update(theirs=result.clone()))
    with torch.inference_mode():
        classifier(image)
        theirs = inside["theirs"]
        features, sizes = image, []
        for stage in stages:
            features = stage(features)
            sizes.append(224 // features.shape[-1])
    found[name] = [count_channels(stages), sizes, torch.equal(features, theirs)]
print("FOUND" + json.dumps(found))
"""


def run_engine(program: str, folder: Path, *arguments: object) -> dict[str, Any]:
    """Run a program in a process that has torch, and return what it found."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True, text=True, check=True,
        env=child_environment(folder) | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    content: dict[str, Any] = json.loads(done.stdout.rsplit("FOUND", 1)[1])
    return content


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came of each classifier, all in one process that has torch."""
    return run_engine(PROGRAM, tmp_path_factory.mktemp("stages"), *CAN, *CANNOT)


@pytest.mark.parametrize("name", CAN)
def test_maps_at_strides_8_16_and_32_as_the_classifier_computes_them(
    found: dict[str, Any], name: str
) -> None:
    assert found[name] == [CAN[name], [8, 16, 32], True]


@pytest.mark.parametrize("name", CANNOT)
def test_others_are_refused_with_the_strides_found(found: dict[str, Any], name: str) -> None:
    assert CANNOT[name] in found[name]


FILES = """
import json, sys, torch, torchvision
from pathlib import Path
from yolokit.engine_protocol.requests import StartRequest
from yolokit.engine import ultralytics_patches
from yolokit.engine.initializers import build_start
from yolokit.errors import YolokitError
torch.manual_seed(0)
arch, folder = sys.argv[1], Path(sys.argv[2])
make = torchvision.models.get_model
plain = make("resnet18").state_dict()
legacy = make("densenet121").state_dict()
files = {
    "whole": plain,
    "ten": make("resnet18", num_classes=10).state_dict(),
    "headless": {name: plain[name] for name in plain if not name.startswith("fc.")},
    "replaced": {name.replace("fc.", "fc.1."): plain[name] for name in plain},
    "wrapped": {"state_dict": {"module." + name: plain[name] for name in plain}, "epoch": 3},
    "trained": {"model": plain, "epoch": 3},
    "half": {name: plain[name].half() for name in plain},
    "uncounted": {name: plain[name] for name in plain if "num_batches" not in name},
    "larger": make("resnet34").state_dict(),
    "deeper": make("resnet50").state_dict(),
    "longer": {**plain, "gate.weight": torch.ones(1)},
    "short": {name: plain[name] for name in plain if name != "layer2.0.conv1.weight"},
    "nan": {**plain, "layer1.0.conv1.weight": plain["layer1.0.conv1.weight"] * float("nan")},
    "inf": {**plain, "bn1.running_var": plain["bn1.running_var"] + float("inf")},
    "nan_behind": {**plain, "fc.bias": plain["fc.bias"] * float("nan")},
    "list": [1, 2],
    "empty": {},
    "legacy": {
        name.replace("norm1", "norm.1").replace("norm2", "norm.2")
        .replace("conv1", "conv.1").replace("conv2", "conv.2"): value
        for name, value in legacy.items()
    },
}
found = {}
for name, content in files.items():
    torch.save(content, folder / name)
    backbone = "densenet121" if name == "legacy" else "resnet18"
    request = StartRequest(
        kind="torchvision", weights=str(folder / name), arch=arch, names=["a"], backbone=backbone
    )
    try:
        model, report = build_start(request)
    except YolokitError as error:
        found[name] = [type(error).__name__, error.message, error.hint]
        continue
    own = model.model[0].m.state_dict()
    first = own["0.0.weight"]
    given = content.get("state_dict", content.get("model", content))
    theirs = given[next(key for key in given if key.endswith(("conv1.weight", "conv0.weight")))]
    equal = torch.equal(first, theirs.float())
    taken = [group.tensors for group in report.groups if group.action == "taken"]
    found[name] = [taken == [len(own)], equal, sum(group.tensors for group in report.left)]
print("FOUND" + json.dumps(found))
"""
# File to the number of tensors that are left in it: those that classify.
TAKEN = {
    "whole": 2,
    "ten": 2,
    "headless": 0,
    "replaced": 2,
    "wrapped": 2,
    "trained": 2,
    "half": 2,
    "uncounted": 2,
    "nan_behind": 2,
    "legacy": 2,
}
REFUSED = {
    "larger": ("it has 96 tensors more than the backbone, such as layer1.2.bn1.bias", "resnet34"),
    "deeper": ("layer1.0.conv1.weight is [64, 64, 1, 1] in it, [64, 64, 3, 3] in", "resnet50"),
    "longer": ("it has 1 tensor more than the backbone, such as gate.weight", None),
    "short": ("1 tensor is not in it, such as layer2.0.conv1.weight", None),
    "nan": ("4.0.conv1.weight are NaN or infinite", "diverged"),
    "inf": ("1.running_var are NaN or infinite", "diverged"),
    "list": ("holds no tensors by name", "under `state_dict` or `model`"),
    "empty": ("tensors are not in it", None),
}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came of each file as the weights of a backbone."""
    folder: Path = tmp_path_factory.mktemp("files")
    return run_engine(FILES, folder, find_arch("yolo11n").write_to(folder), folder)


@pytest.mark.parametrize("name", TAKEN)
def test_what_a_classifier_is_for_does_not_matter(started: dict[str, Any], name: str) -> None:
    assert started[name] == [True, True, TAKEN[name]]


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_of_another_network_is_refused_with_what_it_fits(
    started: dict[str, Any], name: str
) -> None:
    kind, message, hint = started[name]
    words, sibling = REFUSED[name]
    assert kind == "WeightsError"
    assert words in message
    assert (sibling in hint) if sibling else hint is None


GRAFTS = """
import json, sys
from yolokit.engine import ultralytics_patches
from yolokit.engine.network.arch import make_model, read_arch
from yolokit.core.task import Task
from yolokit.engine.network.torchvision_backbone import make_classifier, split_stages
from yolokit.engine.initializers.torchvision import graft
from yolokit.errors import ConfigError
name = "shufflenet_v2_x0_5"
stages = split_stages(make_classifier(name), name)
found = {}
for path in sys.argv[1:]:
    arch = read_arch(path)
    try:
        model = make_model(graft(arch, name, stages), ["a"], Task.DETECT)
        mish = sum(type(m.act).__name__ == "Mish" for m in model.modules() if hasattr(m, "act"))
        found[path] = [model.stride.tolist(), mish]
    except ConfigError as error:
        found[path] = str(error)
print("FOUND" + json.dumps(found))
"""
MISH = """
nc: 80
bn_eps: 1.0e-6
activations: {Mish: [0, 6, 9]}
backbone:
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
head:
  - [2, 1, Conv, [16, 1, 1]]
  - [3, 1, Conv, [16, 1, 1]]
  - [6, 1, Conv, [16, 1, 1]]
  - [4, 1, Conv, [16, 1, 1]]
  - [8, 1, Conv, [16, 1, 1]]
  - [[5, 7, 9], 1, Detect, [nc]]
"""


@pytest.fixture(scope="module")
def grafted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came of a backbone under each architecture of one scale, and under one with Mish."""
    folder: Path = tmp_path_factory.mktemp("grafts")
    mish = folder / "mish.yaml"
    mish.write_text(MISH)
    paths = [mish, *(find_arch(name).write_to(folder) for name in ARCHS)]
    found = run_engine(GRAFTS, folder, *paths)
    return {Path(path).stem: outcome for path, outcome in found.items()}


# Scales of one family differ in widths and depths alone: the smallest stands for all.
ARCHS = [name for name in list_archs() if not re.match(r"yolov?\d+[slmxb](-|$)", name)]


@pytest.mark.parametrize("name", ARCHS)
def test_a_backbone_under_every_architecture(grafted: dict[str, Any], name: str) -> None:
    """It fits, or one sentence says how many maps that architecture wants."""
    takes = 2 if "tiny" in name else 4 if name.endswith(("-p2", "-p6")) else 3
    if takes == 3:
        assert grafted[name] == [[8, 16, 32], 0]
    else:
        assert f"takes {takes} maps from its backbone; a grafted one gives three" in grafted[name]


def test_activations_by_number_move_with_their_layers(grafted: dict[str, Any]) -> None:
    assert grafted["mish"] == [[8, 16, 32], 2]
