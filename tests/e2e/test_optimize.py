"""A search for the fastest model: killed and gone on with, published, taken up by ``predict``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import START, run_yolokit
from tests.processes import list_descendants, wait_for_end
from yolokit.files.digest import sha256_file
from yolokit.runtime.detector import Detector

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="kill -9 is POSIX")]
_DEMO = ("--classes", "pretrain", "--images", 40, "--video-seconds", 0)
_WAIT_S = 900


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a checkpoint and a data set that it knows, and profiles of its own."""
    folder = tmp_path_factory.mktemp("here")
    patch = pytest.MonkeyPatch()
    patch.setenv("YOLOKIT_HOME", str(folder / "home"))
    run_yolokit("data", "demo", *_DEMO, "--out", "demo", cwd=folder)
    run_yolokit("data", "convert", "demo", "--out", "set", cwd=folder)
    (folder / "best.pt").write_bytes(START.read_bytes())
    yield folder
    patch.undo()


def optimize(here: Path, *more: object) -> list[str]:
    words = ["optimize", "best.pt", "--data", "set/data.yaml", "--provider", "cpu", "--name", "a"]
    words += ["--imgsz", 128, "--json", *more]
    return [sys.executable, "-m", "yolokit", *map(str, words)]


def read(path: Path) -> Any:
    return json.loads(path.read_bytes())


def kill_after_first(here: Path) -> set[str]:
    """Kill a search as soon as something is known; return what is."""
    candidates = here / "runs" / "optimize" / "a" / "candidates"
    process = subprocess.Popen(
        optimize(here), cwd=here, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    until = time.monotonic() + _WAIT_S
    while not list(candidates.glob("[!.]*.json")):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < until
        time.sleep(0.05)
    children = list_descendants(process.pid)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert wait_for_end(children, 60) == [], "no process stays"
    return {path.name for path in candidates.glob("[!.]*.json")}


def test_a_killed_search_goes_on_and_its_winner_is_what_predict_runs(here: Path) -> None:
    folder = here / "runs" / "optimize" / "a"
    known = kill_after_first(here)
    before = {name: (folder / "candidates" / name).stat().st_mtime_ns for name in known}
    assert not (folder / "best.onnx").exists()
    done = run_yolokit(*optimize(here, "--max-map-drop", 0.05)[3:], cwd=here)
    for name, changed in before.items():
        assert (folder / "candidates" / name).stat().st_mtime_ns == changed, "it is not repeated"
    found = json.loads(done.stdout)
    winner = found["ranking"]["winner"]
    model = folder / "best.onnx"
    sha256 = sha256_file(model)
    assert found["published"]["model_sha256"] == sha256 == winner["outcome"]["model_sha256"]
    assert winner["drop"] <= 0.05
    for gate in ("parity", "accuracy"):
        assert read(folder / f"best.{gate}.json")["model_sha256"] == sha256
    if winner["outcome"]["candidate"]["recipe"]["precision"] != "fp32":
        assert read(folder / "best.speed.json")["comparison"]["speedup"] > 1
    tried = {
        one["outcome"]["candidate"]["recipe"]["precision"] for one in found["ranking"]["places"]
    }
    assert tried == {"fp32", "fp16", "int8"}
    assert "The winner: " in (folder / "report.html").read_text("utf-8")
    profile = read(Path(found["published"]["profile"]))
    assert (profile["sha256"], profile["provider"]) == (sha256, "cpu")
    told = run_yolokit("predict", model, here / "demo" / "images", "--name", "p", cwd=here).stderr
    assert "runs on cpu" in told


def test_quantized_files_say_what_they_are_and_were_not_fitted_to_val(here: Path) -> None:
    models = here / "runs" / "optimize" / "a" / "models"
    detector = Detector.load(models / "int8.onnx", provider="cpu")
    made = detector.manifest.provenance
    assert made.precision == "int8"
    assert made.quantization is not None
    assert made.quantization.split == "train"
    assert b"/tmp/" not in (models / "int8.onnx").read_bytes()
    assert not [one for one in models.iterdir() if one.name.startswith(".")], "nothing half-made"


def test_limits_that_nothing_keeps_say_how_near_it_came(here: Path) -> None:
    refused = run_yolokit(*optimize(here, "--min-speedup", 50)[3:], cwd=here, code=5)
    assert "no candidate keeps the limits" in refused.stderr
    assert "the fastest that loses no more than 0.01 mAP50-95: " in refused.stderr
    assert not (here / "runs" / "optimize" / "a" / "best.onnx").exists()
    assert json.loads(refused.stdout)["published"] is None
