"""Loading in the engine's own process: what was checked, with weights only, restored not built."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, START
from yolokit.engine_protocol.child import child_environment, run_job
from yolokit.engine_protocol.requests import ExportRequest, InferRequest, SaveStartRequest
from yolokit.errors import WeightsError
from yolokit.files.digest import digest_weights
from yolokit.train.config import TrainConfig
from yolokit.train.start import plan_start

pytest.importorskip("onnx", reason="the train extra is not installed")

UNSAFE = {
    "ULTRALYTICS_SAFE_LOAD": "0",
    "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1",
    "YOLO_AUTOINSTALL": "true",
}


def run_engine(program: str, *arguments: object, cwd: Path, **environment: str) -> Any:
    """Run a program in a process as the engine's are, and return what it prints as FOUND."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, *map(str, arguments)],
        capture_output=True, text=True, check=False, cwd=cwd,
        env=child_environment(cwd) | {"PYTHONPATH": str(ROOT)} | environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.rsplit("FOUND", 1)[1])


def write_evil(path: Path) -> Path:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {path.parent / 'pwned'}",)

    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"model": Evil()}, 2))
        archive.writestr("archive/version", "3\n")
    return path


# --- what was checked ------------------------------------------------------------------------


def test_a_checkpoint_that_is_swapped_between_plan_and_load_is_refused(tmp_path: Path) -> None:
    weights = tmp_path / "mine.pt"
    weights.write_bytes(START.read_bytes())
    config = TrainConfig.build({"data": "d.yaml", "weights": str(weights)})
    plan = plan_start(config, lambda _event: None)
    content = bytearray(weights.read_bytes())
    content[-100] ^= 1
    weights.write_bytes(content)
    start = plan.request(config, ["part"], tmp_path)
    request = SaveStartRequest(start=start, out=str(tmp_path / "out.pt"))
    with pytest.raises(WeightsError, match=r"mine\.pt has changed since it was checked"):
        run_job("start", request, log_path=tmp_path / "log")
    assert not (tmp_path / "out.pt").exists()


@pytest.mark.parametrize("job", ["export", "infer"])
def test_a_checkpoint_that_is_swapped_before_it_is_exported_is_refused(
    tmp_path: Path, job: str
) -> None:
    weights = tmp_path / "mine.pt"
    weights.write_bytes(START.read_bytes())
    digest = digest_weights(weights)
    write_evil(weights)
    out = tmp_path / "out.onnx"
    request: ExportRequest | InferRequest = ExportRequest(
        weights=str(weights), digest=digest, out=str(out), input_hw=(64, 64),
        dynamic="none", opset=17, trust=True,
    )  # fmt: skip
    if job == "infer":
        request = InferRequest(
            weights=str(weights), digest=digest, folder=str(tmp_path), images=0,
            input_wh=(64, 64), threads=1,
        )  # fmt: skip
    with pytest.raises(WeightsError, match="has changed since it was checked"):
        run_job(job, request, log_path=tmp_path / "log")
    assert not out.exists()
    assert not (tmp_path / "pwned").exists()


def test_a_path_with_a_quote_or_a_name_of_yolov5_is_that_very_file(tmp_path: Path) -> None:
    """Upstream drops quotes and renames yolov5n.pt, so it would look for another file."""
    program = (
        "import json, sys\n"
        "from yolokit.engine import ultralytics_patches\n"
        "load = ultralytics_patches.load_model\n"
        "print('FOUND' + json.dumps([len(load(p)[0].names) for p in sys.argv[1:]]))"
    )
    paths = [tmp_path / "it's mine.pt", tmp_path / "yolov5n.pt"]
    for path in paths:
        path.write_bytes(START.read_bytes())
    assert len(run_engine(program, *paths, cwd=tmp_path)) == 2


# --- with weights only -----------------------------------------------------------------------


@pytest.mark.parametrize("direct", [False, True])
def test_weights_only_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, direct: bool
) -> None:
    """Also in a process that was not started by ours, such as a worker's."""
    for name, value in UNSAFE.items():
        monkeypatch.setenv(name, value)
    program = (
        "import json, sys, torch\n"
        "from yolokit.engine import ultralytics_patches\n"
        "from yolokit.errors import WeightsError\n"
        "from ultralytics.nn import tasks\n"
        "from ultralytics.utils import checks\n"
        "refused = 0\n"
        "ours = (ultralytics_patches.load_model, ultralytics_patches.load_state)\n"
        "for load in (*ours, tasks.load_checkpoint):\n"
        "    try:\n"
        "        load(sys.argv[1])\n"
        "    except (WeightsError, TypeError):\n"
        "        refused += 1\n"
        "print('FOUND' + json.dumps([tasks.SAFE_LOAD, checks.AUTOINSTALL, refused]))\n"
    )
    evil = write_evil(tmp_path / "evil.pt")
    found = run_engine(program, evil, cwd=tmp_path, **(UNSAFE if direct else {}))
    assert found == [True, False, 3]
    assert not (tmp_path / "pwned").exists()


def test_a_job_refuses_what_would_run_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in UNSAFE.items():
        monkeypatch.setenv(name, value)
        assert child_environment(tmp_path)[name] != value
    evil = write_evil(tmp_path / "evil.pt")
    request = ExportRequest(
        weights=str(evil), digest=digest_weights(evil), out=str(tmp_path / "x.onnx"),
        input_hw=(64, 64), dynamic="none", opset=17,
    )  # fmt: skip
    with pytest.raises(WeightsError, match="weights only"):
        run_job("export", request, log_path=tmp_path / "log")
    assert not (tmp_path / "pwned").exists()


# --- torchvision -----------------------------------------------------------------------------

LISTED = """
import importlib, json, pkgutil, torch, torchvision
from yolokit.engine import ultralytics_patches
from yolokit.engine.safe_globals import list_torchvision_layers
from yolokit.engine.network.torchvision_backbone import make_classifier, split_stages
from yolokit.errors import ConfigError
names = set()
for package in (torchvision, torchvision.models, torchvision.ops, torchvision.io,
                torchvision.datasets, torchvision.transforms, torchvision.models.detection):
    for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if "_C" in info.name or "video" in info.name:
            continue
        try:
            module = importlib.import_module(info.name)
        except Exception:
            continue
        names |= {f"{info.name}.{name}" for name in vars(module)}
grafted = "ultralytics.nn.modules.block.TorchVision"
without = list_torchvision_layers(names)
allowed = list_torchvision_layers(names | {grafted})
needed = set()
for name in torchvision.models.list_models(module=torchvision.models):
    if name[-2:] in ("_h", "14") or "regnet" in name and "400" not in name:
        continue  # the large ones have the same layers
    try:
        with torch.device("meta"):
            classifier = torchvision.models.get_model(name, weights=None)
    except Exception:
        continue
    needed |= {type(module) for module in classifier.modules()}
needed = {one for one in needed if one.__module__.startswith("torchvision")}
def show(kinds):
    return sorted(f"{one.__module__}.{one.__qualname__}" for one in kinds)
print("FOUND" + json.dumps({
    "names": len(names), "without": len(without), "allowed": show(allowed), "needed": show(needed),
    "layers": all(issubclass(one, torch.nn.Module) for one in allowed),
}))
"""


def test_of_torchvision_the_layers_of_its_classifiers_alone(tmp_path: Path) -> None:
    found = run_engine(LISTED, cwd=tmp_path)
    assert found["names"] > 1000, "it was offered all that torchvision has"
    assert found["without"] == 0, "a checkpoint without a grafted backbone needs none"
    assert found["layers"]
    assert set(found["needed"]) <= set(found["allowed"])
    packages = ("torchvision.models.", "torchvision.ops.")
    assert all(name.startswith(packages) for name in found["allowed"])
    assert not any("detection" in name or "io." in name for name in found["allowed"])
    assert len(found["allowed"]) < 120


REFUSED = """
import json, pickle, sys, zipfile
from yolokit.engine import ultralytics_patches
from yolokit.errors import WeightsError
grafted = b"cultralytics.nn.modules.block\\nTorchVision\\n"
said = {}
for index, line in enumerate(sys.argv[1:]):
    path = f"{index}.pt"
    with zipfile.ZipFile(path, "w") as archive:
        content = b"\\x80\\x02" + grafted + line.encode().decode("unicode_escape").encode("latin-1")
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/version", "3")
    for load in (ultralytics_patches.load_model, ultralytics_patches.load_state):
        try:
            load(path)
            said[line] = "loaded"
        except WeightsError as error:
            said.setdefault(line, "")
            cause = error.__cause__
            said[line] += f"{error.message} {cause!r} {getattr(cause, '__cause__', None)!r}"
print("FOUND" + json.dumps(said))
"""
CALLS = {
    r"ctorchvision.datasets.utils\ndownload_url\n)R.": "download_url",
    r"ctorchvision.io\nwrite_file\n)R.": "write_file",
    r"ctorchvision.models\nget_model\nX\x05\x00\x00\x00vgg11\x85R.": "get_model",
    r"ctorchvision.models\nresnet18\n)R.": "resnet18",
    r"ctorchvision.models._api\nget_model\n)R.": "get_model",
    r"cfunctools\npartial\nctorchvision.models.resnet\nBasicBlock\n\x85R.": "partial",
    r"ctorchvision.models.detection.faster_rcnn\nFasterRCNN\n)\x81.": "FasterRCNN",
    r"ctorchvision.models.resnet\nnn\n.": "resnet.nn",
    r"ctorchvision.models.resnet\nWeights\n.": "Weights",
    r"ctorchvision.models.resnet\nBasicBlock\nK\x01K\x01\x86R.": "build a BasicBlock",
    r"cultralytics.nn.modules.block\nTorchVision\nX\x05\x00\x00\x00vgg11\x85R.": "build a TorchV",
    r"cultralytics.nn.tasks\nDetectionModel\nX\x06\x00\x00\x00a.yaml\x85R.": "build a Detection",
    r"ctorch.nn.modules.linear\nLinear\nK\x01K\x01\x86R.": "build a Linear",
}


def test_everything_else_is_refused_and_nothing_is_called(tmp_path: Path) -> None:
    said = run_engine(REFUSED, *CALLS, cwd=tmp_path)
    for line, words in CALLS.items():
        assert words in said[line], (line, said[line])
