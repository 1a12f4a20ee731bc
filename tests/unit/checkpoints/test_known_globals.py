"""What checkpoints of the field may name, and what is never offered to be trusted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from yolokit.checkpoints.known_globals import is_guarded, is_own, is_plausible
from yolokit.checkpoints.pickles import Global
from yolokit.core.extras import is_installed
from yolokit.engine_protocol.child import child_environment


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("torch._utils", "_rebuild_tensor_v2"),
        ("torch", "HalfStorage"),
        ("torch", "bfloat16"),
        ("torch.nn.modules.conv", "Conv2d"),
        ("torchvision.models.resnet", "BasicBlock"),
        ("ultralytics.nn.tasks", "DetectionModel"),
        ("ultralytics.yolo.utils", "IterableSimpleNamespace"),
        ("ultralytics.utils.loss", "v8DetectionLoss"),
        ("numpy._core.multiarray", "scalar"),
        ("collections", "OrderedDict"),
        ("pathlib", "PosixPath"),
        ("__builtin__", "set"),
    ],
)
def test_what_checkpoints_hold(module: str, name: str) -> None:
    assert is_own(Global(module, name))


@pytest.mark.parametrize(
    ("module", "name"),
    [("models.yolo", "Model"), ("timm.layers.norm", "LayerNorm2d"), ("fractions", "Fraction")],
)
def test_what_a_person_may_trust(module: str, name: str) -> None:
    assert is_plausible(Global(module, name))
    assert not is_own(Global(module, name))


HOSTILE = [
    *(("os", "system"), ("posix", "system"), ("nt", "system"), ("subprocess", "Popen")),
    *(("pty", "spawn"), ("pip", "main"), ("runpy", "run_path"), ("webbrowser", "open")),
    *(("shutil", "rmtree"), ("socket", "socket"), ("ctypes", "CDLL"), ("code", "interact")),
    *(("builtins", "eval"), ("builtins", "exec"), ("builtins", "getattr"), ("builtins", "open")),
    *(("__builtin__", "file"), ("__main__", "Model"), ("functools", "partial")),
    *(("importlib", "import_module"), ("operator", "attrgetter"), ("timeit", "timeit")),
    *(("torch", "load"), ("torch.hub", "load"), ("torch", "PyTorchFileWriter")),
    *(("torch", "os.system"), ("torch.nn", "os.system"), ("torch.nn", "modules.os.system")),
    *(("torch.storage", "_load_from_bytes"), ("torch._tensor", "_rebuild_from_type_v2")),
    *(("torch.utils.cpp_extension", "load"), ("torch.package", "PackageImporter")),
    *(("torchvision.models", "get_model"), ("torchvision.io", "write_file")),
    *(("torchvision.datasets.utils", "download_url"), ("torchvision.datasets", "MNIST")),
    *(("ultralytics.utils.downloads", "safe_download"), ("ultralytics.utils.checks", "Path")),
    *(("numpy", "load"), ("numpy", "fromfile"), ("numpy.f2py", "compile")),
    *(("collections", "namedtuple"), ("collections.abc", "sys.modules"), ("pathlib", "os.system")),
    *(("models.common", "os.system"), ("models.common", "attempt_load"), ("timm", "create_model")),
    *(("?", "?"), ("copyreg", "extension 7"), ("torch.nn\n", "Linear"), ("torchx", "Tensor")),
]


@pytest.mark.parametrize(("module", "name"), HOSTILE)
def test_everything_else_is_hostile(module: str, name: str) -> None:
    assert not is_plausible(Global(module, name))


@pytest.mark.skipif(not is_installed("torch"), reason="the train extra is not installed")
def test_all_that_the_engine_may_load_is_on_the_list(tmp_path: Path) -> None:
    """Else a checkpoint that loads would be refused before the engine sees it."""
    program = (
        "import importlib, json, pkgutil, torch, ultralytics.nn\n"
        "from torch._weights_only_unpickler import _get_allowed_globals\n"
        "from ultralytics.nn import tasks, modules\n"
        "names = set(_get_allowed_globals()) | set(tasks._SafeLoad._build())\n"
        "for package in (torch.nn.modules, modules):\n"
        "    for info in pkgutil.iter_modules(package.__path__, package.__name__ + '.'):\n"
        "        module = importlib.import_module(info.name)\n"
        "        names |= {f'{module.__name__}.{k}' for k, v in vars(module).items()\n"
        "                  if isinstance(v, type) and issubclass(v, torch.nn.Module)}\n"
        "print('NAMES' + json.dumps(sorted(names)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True,
        env=child_environment(tmp_path) | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    known = json.loads(done.stdout.rsplit("NAMES", 1)[1])
    assert len(known) > 400
    unlisted = {name for name in known if not is_own(Global(*name.rsplit(".", 1)))}
    assert all(is_guarded(Global(*name.rsplit(".", 1))) for name in unlisted), unlisted
