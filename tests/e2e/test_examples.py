"""The programs of ``tests/examples`` find what ``yolokit predict`` finds, in every language."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import cv2
import msgspec
import numpy as np
import onnx
import pytest

from tests.conftest import run_yolokit
from tests.docs.blocks import DOCS, list_blocks, list_pages
from yolokit.export.embed.join import describe_embedded, embed_parts
from yolokit.export.graph import list_ports
from yolokit.export.sidecar import encode_sidecar
from yolokit.runtime.detector import Detector
from yolokit.runtime.manifest import ModelManifest, encode_manifest

EXAMPLES = Path(__file__).parents[1] / "examples"
KINDS = ("plain", "embedded")
SIZES_WH = ((640, 480), (333, 500), (100, 80), (320, 320))
NODE_MAJOR = 20
NPM_PACKAGES = ("onnxruntime-node@1.30.0", "sharp@0.35.5")
_STEP_S = 300


class Found(NamedTuple):
    """A box as a program prints it: corners in px, score, class."""

    xyxy: tuple[float, ...]
    score: float
    name: str


class Files(NamedTuple):
    """A model of either kind, pictures, and what yolokit finds in each."""

    models: dict[str, Path]
    pictures: list[Path]
    expected: dict[str, list[Found]]


@pytest.fixture(scope="module")
def files(bccd_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("examples")
    pictures = [_draw_cells(folder / f"{width}x{height}.png", (width, height))
                for width, height in SIZES_WH]  # fmt: skip
    models = _make_models(bccd_model, folder)
    run_yolokit("predict", models["plain"], *pictures, "--out", folder / "found", cwd=folder)
    records = map(json.loads, (folder / "found" / "predictions.jsonl").read_text().splitlines())
    expected = {
        record["source"].rpartition("/")[2]: [
            Found(tuple(one["xyxy"]), one["score"], one["name"]) for one in record["detections"]
        ]
        for record in records
    }
    assert len(expected) == len(pictures)
    assert min(map(len, expected.values())) > 3
    assert len({one.name for found in expected.values() for one in found}) > 1
    return Files(models, pictures, expected)


def _draw_cells(path: Path, wh: tuple[int, int]) -> Path:
    """Draw what the detector takes for cells, some of them over the border, on noise."""
    rng = np.random.default_rng(wh[0])
    picture = rng.integers(215, 235, (wh[1], wh[0], 3), dtype=np.uint8)
    for colour in [(150, 120, 185)] * 12 + [(160, 60, 110)] * 4:
        x, y = rng.integers(0, wh[0]), rng.integers(0, wh[1])
        radius = rng.integers(min(wh) // 14, min(wh) // 8)
        cv2.circle(picture, (int(x), int(y)), int(radius), colour, -1, cv2.LINE_AA)
    cv2.imwrite(str(path), picture)
    return path


def _make_models(network: Path, folder: Path) -> dict[str, Path]:
    """Write a network as ``export`` does: plain, and with all that can be embedded."""
    plain = Detector.load(network).manifest
    # Light, so that the detector takes no part of the border for cells that score alike.
    plain = msgspec.structs.replace(plain, io=msgspec.structs.replace(plain.io, pad_value=225))
    parts = {"plain": plain, "embedded": describe_embedded(plain, ("pre", "nms"))}
    models = {kind: folder / f"{kind}.onnx" for kind in KINDS}
    shutil.copyfile(network, models["plain"])
    embed_parts(network, models["embedded"], plain, parts["embedded"])
    for kind, manifest in parts.items():
        _describe(models[kind], manifest)
    return models


def _describe(path: Path, manifest: ModelManifest) -> None:
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"yolokit": encode_manifest(manifest)})
    onnx.save(model, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    text = encode_sidecar(manifest, list_ports(path), name=path.name, sha256=digest)
    path.with_suffix(".json").write_text(text, encoding="utf-8")


def _run(*words: object, cwd: Path) -> str:
    done = subprocess.run(
        list(map(str, words)), cwd=cwd, capture_output=True, text=True, check=False,
        timeout=_STEP_S, env={**os.environ, "ORT_DISABLE_TELEMETRY": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def _compare(files: Files, kind: str, *words: object) -> None:
    """Require that a program, called with a model and a picture, prints what yolokit finds."""
    for picture in files.pictures:
        printed = _run(*words, files.models[kind], picture, cwd=picture.parent)
        left = [_read(line) for line in printed.splitlines()]
        assert len(left) == len(files.expected[picture.name]), picture.name
        assert [one.score for one in left] == sorted((one.score for one in left), reverse=True)
        for other in files.expected[picture.name]:  # equal scores come in any order
            same = [one for one in left if _is_same(one, other)]
            assert same, f"{picture.name}: {other} is not among {left}"
            left.remove(same[0])


def _is_same(one: Found, other: Found) -> bool:
    """Compare boxes as exactly as yolokit writes them: to a thousandth of a px."""
    return (
        one.name == other.name
        and one.xyxy == pytest.approx(other.xyxy, abs=1e-3)
        and one.score == pytest.approx(other.score, abs=1e-4)  # engines add in other orders
    )


def _read(line: str) -> Found:
    *numbers, name = line.split(" ", 5)
    *xyxy, score = map(float, numbers)
    return Found(tuple(xyxy), score, name)


@pytest.mark.parametrize("kind", KINDS)
def test_python_finds_the_same(files: Files, kind: str) -> None:
    _compare(files, kind, sys.executable, EXAMPLES / "python" / f"{kind}.py")


@pytest.fixture(scope="module")
def javascript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the programs and what they import; no script of a package is run."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("there is no Node.js")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").partition(".")[0]) < NODE_MAJOR:
        pytest.skip(f"Node.js is {version.strip()}, and sharp needs {NODE_MAJOR}")
    folder = tmp_path_factory.mktemp("javascript")
    shutil.copytree(EXAMPLES / "javascript", folder, dirs_exist_ok=True)
    quiet = ("--no-audit", "--no-fund", "--no-update-notifier", "--fetch-retries=0")
    done = subprocess.run(
        [npm, "install", "--ignore-scripts", *quiet, *NPM_PACKAGES],
        cwd=folder, capture_output=True, text=True, check=False, timeout=_STEP_S,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"npm cannot install here: {done.stderr.strip().splitlines()[-1:]}")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_javascript_finds_the_same(files: Files, kind: str, javascript: Path) -> None:
    _compare(files, kind, "node", javascript / f"{kind}.mjs")


@pytest.fixture(scope="module")
def cpp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the programs, built against what `pip install openvino` brings."""
    openvino = importlib.util.find_spec("openvino")
    if openvino is None or openvino.origin is None:
        pytest.skip("openvino is not installed, which has the headers")
    if shutil.which("cmake") is None or shutil.which("c++") is None:
        pytest.skip("there is no CMake or no compiler")
    headers = "#include <nlohmann/json.hpp>\n#include <stb/stb_image.h>\n"
    done = subprocess.run(
        ["c++", "-E", "-x", "c++", "-", "-o", os.devnull],
        input=headers, text=True, capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip("nlohmann-json3-dev or libstb-dev is not installed")
    folder = tmp_path_factory.mktemp("cpp")
    place = Path(openvino.origin).parent / "cmake"
    source = EXAMPLES / "cpp"
    _run("cmake", "-S", source, "-B", folder, f"-DOpenVINO_DIR={place}", cwd=folder)
    _run("cmake", "--build", folder, cwd=folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_cpp_finds_the_same(files: Files, kind: str, cpp: Path) -> None:
    _compare(files, kind, cpp / kind)


def test_the_pages_show_these_programs() -> None:
    programs = {path.name: path for path in EXAMPLES.glob("*/*.*")}
    shown: dict[str, str] = {}
    for page in list_pages():
        for block in list_blocks(page):
            name = block.text.partition("\n")[0].lstrip("/# ")
            if name in programs and page.name.startswith("without-yolokit"):
                assert block.text + "\n" == programs[name].read_text("utf-8"), (
                    f"{page.name}: {name}"
                )
                shown[name] = page.name
    linked = "".join(page.read_text("utf-8") for page in DOCS.glob("without-yolokit*.md"))
    for name, path in programs.items():
        place = f"../tests/examples/{path.parent.name}/{name}"
        assert name in shown or f"]({place})" in linked, f"no page shows {name}"
