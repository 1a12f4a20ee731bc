"""torchvision's classifiers as backbones: which can serve, and that they compute the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from yolokit.core.child import child_environment

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
from yolokit.engine import upstream
from yolokit.engine.stages import count_channels, make_classifier, split_stages
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


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came of each classifier, all in one process that has torch."""
    folder: Path = tmp_path_factory.mktemp("stages")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *CAN, *CANNOT],
        capture_output=True, text=True, check=True,
        env=child_environment(folder) | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    content: dict[str, Any] = json.loads(done.stdout.rsplit("FOUND", 1)[1])
    return content


@pytest.mark.parametrize("name", CAN)
def test_maps_at_strides_8_16_and_32_as_the_classifier_computes_them(
    found: dict[str, Any], name: str
) -> None:
    assert found[name] == [CAN[name], [8, 16, 32], True]


@pytest.mark.parametrize("name", CANNOT)
def test_others_are_refused_with_the_strides_found(found: dict[str, Any], name: str) -> None:
    assert CANNOT[name] in found[name]
