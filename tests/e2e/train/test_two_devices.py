"""A run on two devices, as far as a machine without GPUs goes: two real workers, on the CPU.

Upstream launches them as it does for GPUs: it empties the working folder, pickles the trainer,
starts ``torch.distributed.run``. Only what a device is differs: gloo in place of NCCL.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.conftest import START, run_yolokit
from tests.e2e.train.test_starts import compare
from yolokit.engine_protocol.validations import BEST_VALIDATION, read_validation
from yolokit.files.digest import sha256_file

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="gloo is set for Linux")]
# Python runs this at every start; the edits follow the import of what they edit.
PRETENDER = """
import importlib.machinery, os, sys

class Pretender:
    def find_spec(self, name, path=None, target=None):
        if name not in ("ultralytics.engine.trainer", "torch.cuda"):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module
        def exec_module(module):
            execute(module)
            (edit_trainer if "trainer" in name else edit_cuda)(module)
        spec.loader.exec_module = exec_module
        return spec

def edit_cuda(cuda):
    if "RANK" not in os.environ:  # the launcher counts the devices that were asked for
        cuda.device_count = lambda: 2

def edit_trainer(module):
    import torch
    module.select_device = lambda *args, **kwargs: torch.device("cuda", 0)
    module.parse_device = str
    wrap = torch.nn.parallel.DistributedDataParallel
    def setup(trainer):
        trainer.device = torch.device("cpu")
        torch.distributed.init_process_group("gloo", rank=module.RANK, world_size=2)
        record(trainer)
    module.BaseTrainer._setup_ddp = setup
    module.nn.parallel.DistributedDataParallel = lambda model, device_ids, **options: wrap(
        model, **options
    )

def record(trainer):
    import json, socket
    try:
        socket.getaddrinfo("example.com", 443)
        refused = False
    except OSError as error:
        refused = type(error).__name__
    from ultralytics.nn import tasks
    kept = {
        "trainer": f"{type(trainer).__module__}.{type(trainer).__name__}",
        "network": refused,
        "safe": tasks.SAFE_LOAD,
        "edited": tasks.initialize_weights.__module__,
        "start": os.path.isfile(str(trainer.args.model)),
        "data": os.path.isfile(trainer.args.data),
        "run_dir": str(trainer.run_dir),
    }
    with open(os.path.join(os.environ["PRETEND"], os.environ["RANK"] + ".json"), "w") as file:
        json.dump(kept, file)

sys.meta_path.insert(0, Pretender())
"""


@pytest.fixture
def seen(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where each worker says what it found."""
    folder = tmp_path_factory.mktemp("pretender")
    (folder / "sitecustomize.py").write_text(PRETENDER)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("PRETEND", str(folder))
    return folder


def test_two_workers_train_from_the_start_and_say_so_in_the_checkpoint(
    squares: Path, seen: Path
) -> None:
    config = squares.parent / "config.yaml"
    config.write_text("precision: fp32\nworkers: 0\n")
    options = ("--weights", START, "--freeze", "neck", "--device", "0,1", "--config", config)
    run_yolokit(
        "train", "--data", squares, "--imgsz", 32, "--batch", 4, "--epochs", 1, "--name", "two",
        *options, cwd=squares.parent,
    )  # fmt: skip
    run = squares.parent / "runs" / "train" / "two"
    for rank in (0, 1):
        assert json.loads((seen / f"{rank}.json").read_text()) == {
            "trainer": "yolokit.engine.tasks.detect.Trainer",
            "network": "NetworkForbiddenError",
            "safe": True,
            "edited": "yolokit.engine.ultralytics_patches",
            "start": True,
            "data": True,
            "run_dir": str(run),
        }
    record = json.loads((run / "run.json").read_text())
    assert record["state"] == "complete"
    assert [epoch["epoch"] for epoch in record["epochs"]] == [1]
    assert all("mAP50-95" in epoch["metrics"] for epoch in record["epochs"])
    kept = [Path(image.path).name for image in read_validation(run / BEST_VALIDATION).images]
    assert sorted(kept) == [f"{index}.png" for index in range(4)], "of both workers, each once"
    best = run / "best.pt"
    assert record["outputs"]["best.pt"] == sha256_file(best)
    assert not (run / ".start.pt").exists()
    assert not (run / "engine").exists()
    said = run_yolokit("weights", "info", best, "--json", cwd=squares.parent)
    assert json.loads(said.stdout)["descends_from"] == [sha256_file(START)]
    changed = compare(START, best)
    assert changed
    assert all(name.startswith("model.23.") for name in changed), "the start was that, and frozen"
