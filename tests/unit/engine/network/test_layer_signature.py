"""How far backbones compute the same: every detector that has a published classifier, and pairs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, START
from yolokit.engine_protocol.child import child_environment
from yolokit.errors import ConfigError
from yolokit.hub.catalog import find_entry
from yolokit.train.arch import (
    find_arch,
    find_classifier_arch,
    list_archs,
    require_same_backbone,
)

pytest.importorskip("onnx", reason="the train extra is not installed")

_SPPF = "layer 9 (SPPF) is {} in the source, SPPF here"
_WIDE = "layer 7 (Conv) is {} wide in the source, {} here"
# Layers that the classifier and the detector have alike, and why not more.
CLASSIFIERS = {
    ("yolov8", "", "ns"): (9, _SPPF.format("Classify")),
    ("yolov8", "-p2", "ns"): (9, _SPPF.format("Classify")),
    ("yolov8", "", "m"): (7, _WIDE.format(768, 576)),
    ("yolov8", "-p2", "m"): (7, _WIDE.format(768, 576)),
    ("yolov8", "", "l"): (7, _WIDE.format(1024, 512)),
    ("yolov8", "-p2", "l"): (7, _WIDE.format(1024, 512)),
    ("yolov8", "", "x"): (7, _WIDE.format(1280, 640)),
    ("yolov8", "-p2", "x"): (7, _WIDE.format(1280, 640)),
    ("yolov8", "-p6", "n"): (7, _WIDE.format(256, 192)),
    ("yolov8", "-p6", "s"): (7, _WIDE.format(512, 384)),
    ("yolov8", "-p6", "m"): (7, _WIDE.format(768, 576)),
    ("yolov8", "-p6", "l"): (7, _WIDE.format(1024, 512)),
    ("yolov8", "-p6", "x"): (7, _WIDE.format(1280, 640)),
    ("yolo11", "", "nsmlx"): (9, _SPPF.format("C2PSA")),
    ("yolo26", "", "nsmlx"): (9, _SPPF.format("C2PSA")),
    ("yolo26", "-p2", "nsmlx"): (9, _SPPF.format("C2PSA")),
    ("yolo26", "-p6", "n"): (7, _WIDE.format(256, 192)),
    ("yolo26", "-p6", "s"): (7, _WIDE.format(512, 384)),
    ("yolo26", "-p6", "mlx"): (9, "layer 9 (Conv) is C2PSA in the source, Conv here"),
}
EXPECTED = {
    f"{family}{scale}{kind}": (f"{family}{scale}-cls", *value)
    for (family, kind, scales), value in CLASSIFIERS.items()
    for scale in scales
}
# Weights, detector: layers taken by --init backbone, and why not more.
PAIRS = {
    "yolo11n yolo26n": (9, "layer 9 (SPPF) has add False in the source, True here"),
    "yolo26n yolo26n-p2": (11, ""),
    "yolo26n-seg yolo26n": (11, ""),
    "parts yolo26n": (11, ""),
    "yolo26n yolo26n-p6": (7, _WIDE.format(256, 192)),
    "yolo26n yolo26s": (0, "layer 0 (Conv) is 16 wide in the source, 32 here"),
    "wide-eps yolo26n": (11, ""),
    "mish yolo26n": (2, "layer 2 (C3k2) has cv1.act Mish in the source, SiLU here"),
    "relu yolo26n": (0, "layer 0 (Conv) has act ReLU in the source, SiLU here"),
}
PROGRAM = """
import json, sys
from types import SimpleNamespace
from yolokit.engine import ultralytics_patches
from yolokit.engine.network.arch import read_arch
from yolokit.engine.network.layer_signature import count_layers_to, rebuild_layers
from yolokit.engine.initializers.backbone import count_alike
def read(path):
    name, _, path = path.partition("=")
    if path.endswith(".pt"):
        return ultralytics_patches.load_model(path)[0].yaml
    arch = read_arch(path)
    also = {"wide-eps": {"bn_eps": 0.1}, "mish": {"activations": {"Mish": [2]}},
            "relu": {"activation": "torch.nn.ReLU()"}}
    return arch | also.get(name, {})
def build(path):
    arch = read(path)
    return SimpleNamespace(model=rebuild_layers(arch), yaml=arch)
found = {}
for line in sys.stdin.read().splitlines():
    key, ours, theirs = line.split("\t")
    model = build(ours)
    least = count_layers_to(model, 16, len(model.yaml["backbone"]))
    found[key] = [*count_alike(model, build(theirs).model), least]
print("FOUND" + json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the engine says of each pair, all in one process that has torch."""
    folder: Path = tmp_path_factory.mktemp("alike")

    def path(name: str) -> Path:
        if name == "parts":
            return START
        made = name in ("wide-eps", "mish", "relu")
        name = "yolo26n" if made else name
        other = name.endswith(("-cls", "-seg"))
        return (find_classifier_arch if other else find_arch)(name).write_to(folder)

    pairs = [(name, name, expected[0]) for name, expected in EXPECTED.items()]
    pairs += [(key, key.split()[1], key.split()[0]) for key in PAIRS]
    lines = [f"{key}\t={path(ours)}\t{theirs}={path(theirs)}" for key, ours, theirs in pairs]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input="\n".join(lines), capture_output=True, text=True,
        check=True, env=child_environment(folder) | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    content: dict[str, Any] = json.loads(done.stdout.rsplit("FOUND", 1)[1])
    return content


def test_the_table_has_every_detector_with_a_published_classifier() -> None:
    named = {name for name in list_archs() if find_entry(f"{name.split('-')[0]}-cls")}
    assert {name for name in named if "-ghost" not in name} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_classifier_and_a_detector(found: dict[str, Any], name: str) -> None:
    classifier, layers, reason = EXPECTED[name]
    alike, why, least = found[name]
    assert alike == layers
    assert why.split(";")[0] == reason
    assert least == 7, "the stages at strides 8 and 16, whole"
    require_same_backbone(find_arch(name), find_classifier_arch(classifier))


@pytest.mark.parametrize("key", PAIRS)
def test_two_detectors(found: dict[str, Any], key: str) -> None:
    layers, reason = PAIRS[key]
    assert found[key][0] == layers
    assert found[key][1].split(";")[0] == reason


def test_a_detector_of_other_layers_is_refused_from_the_yaml_files_alone() -> None:
    detector, classifier = find_arch("yolov8n-ghost-p2"), find_classifier_arch("yolov8n-cls")
    with pytest.raises(
        ConfigError, match=r"1 layer is alike from the start, and the stages .* have 7"
    ):
        require_same_backbone(detector, classifier)
