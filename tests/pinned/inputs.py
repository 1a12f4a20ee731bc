"""Write the inputs of the recorded commands: once, with the tree of today, for both recordings."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np

from tests.conftest import ROOT, START, run_yolokit
from tests.darknet import networks
from tests.e2e.conftest import save_peaks_model
from tests.loopback import public_sets
from tests.samples.formats import Files, list_samples, put_files
from tests.samples.mutate import mutate
from tests.unit.formats.toolkit import test_unsupported_formats as unsupported
from tests.unit.images.test_files import exif_jpeg
from tests.unit.runtime.conftest import ULTRALYTICS, raw_table, save_model
from tests.unit.runtime.video.test_file import write_video
from yolokit.engine_protocol.child import child_environment
from yolokit.formats.toolkit.plugin import list_formats, load_format, writable_tasks

MUTATIONS = 3
PICTURES = (".jpg", ".png")
DAMAGE: Mapping[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "half": lambda content: content[: len(content) // 2],
    "zeros": lambda content: bytes(100),
    "deep": lambda content: b'{"a":' * 20_000 if content[:1] != b"<" else b"<a>" * 20_000,
    "doctype": lambda content: b'<!DOCTYPE x [<!ENTITY a "ha">]>\n' + content,
    "utf-16": lambda content: b"\xff\xfe" + content.decode("utf-8", "replace").encode("utf-16-le"),
}


def write_inputs(folder: Path, bccd: Path | None, cases: Path | None) -> None:
    """Write everything that the table of commands names; ``folder`` must not be there."""
    folder.mkdir(parents=True)
    for write in (_formats, _unsupported, _sets, _models, _pictures, _checkpoints, _darknet, _web):
        write(folder)
    if bccd is not None:
        shutil.copytree(bccd, folder / "bccd")
        _make_writable(folder / "bccd")
    if cases is not None:
        shutil.copytree(cases, folder / "cases", symlinks=True)
        _make_writable(folder / "cases")


def _make_writable(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o200)


def _formats(folder: Path) -> None:
    facts: dict[str, Any] = {}
    for name in list_formats():
        samples = list_samples(name)
        for number, files in enumerate(samples):
            put_files(files, folder / "formats" / name / str(number))
        _damage(name, samples[-1], folder / "bad" / name)
        facts[name] = {
            "samples": len(samples),
            "reads": list(load_format(name).READS),
            "writes": list(writable_tasks(name)),
        }
    (folder / "formats.json").write_text(json.dumps(facts, indent=1))


def _damage(name: str, files: Files, folder: Path) -> None:
    """Write a sample with its label files broken, and its images named where they may not be."""
    labels = [file for file in files if not file.endswith(PICTURES)]
    for kind, change in DAMAGE.items():
        broken = {file: change(files[file]) for file in labels}
        put_files({**files, **broken}, folder / kind)
    for number in range(MUTATIONS):
        rng = Random(f"{name} {number}")
        broken = {file: mutate(files[file], rng) for file in labels}
        put_files({**files, **broken}, folder / f"mutated-{number}")
    without = {file: content for file, content in files.items() if file in labels}
    put_files(without, folder / "no-images")
    put_files({**files, **_climb(files, labels)}, folder / "climbs" / "set")
    (folder / "climbs" / "private.jpg").write_bytes(b"private")


def _climb(files: Files, labels: list[str]) -> dict[str, bytes]:
    found = {}
    for file in labels:
        content = files[file]
        for image in files:
            if image not in labels:
                content = content.replace(image.rsplit("/", 1)[-1].encode(), b"../private.jpg")
        found[file] = content
    return found


def _unsupported(folder: Path) -> None:
    for number, (_, name, content) in enumerate(unsupported.SAMPLES):
        unsupported.put(folder / "unsupported" / f"{number:02}", name, content)


def _sets(folder: Path) -> None:
    """Draw the belt, and pictures with one square each for training."""
    run_yolokit(
        "data", "demo", "--images", 24, "--video-seconds", 1, "--out", folder / "belt", cwd=folder
    )
    rng = np.random.default_rng(0)
    root = folder / "squares"
    for split, count in (("train", 8), ("val", 4), ("test", 2)):
        for index in range(count):
            picture = rng.integers(0, 90, (64, 64, 3), dtype=np.uint8)
            picture[20:44, 20:44] = 255
            _put(root / "images" / split / f"{index}.png", _encode(".png", picture))
            _put(root / "labels" / split / f"{index}.txt", b"0 0.5 0.5 0.375 0.375\n")
    yaml = "train: images/train\nval: images/val\ntest: images/test\nnames: [square]\n"
    _put(root / "data.yaml", yaml.encode())
    settings = "optimizer: SGD\nlr0: 1e-3\nmosaic: 0\nworkers: 0\nfraction: 0.5\n"
    _put(folder / "c.yaml", settings.encode())
    stub = b"raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')\n"
    _put(folder / "without-torch" / "torch" / "__init__.py", stub)
    _nuts(folder / "nuts")
    _dirty(folder / "dirty", root)


def _nuts(root: Path) -> None:
    """Write a set of the classes that the tiny models know."""
    for index, level in enumerate((255, 200, 0, 255)):
        _put(root / "images" / f"{index}.png", _grey(level))
        rows = "0 0.25 0.25 0.25 0.25\n1 0.75 0.5 0.5 0.5\n" if level else ""
        _put(root / "labels" / f"{index}.txt", rows.encode())
    _put(root / "data.yaml", b"train: images\nval: images\nnames: [nut, bolt]\n")
    _put(root / "swapped.yaml", b"val: images\nnames: [bolt, nut]\n")
    _put(root / "other.yaml", b"val: images\nnames: [nut, screw]\n")
    _put(root / "missing.yaml", b"val: elsewhere\nnames: [nut, bolt]\n")


def _dirty(root: Path, squares: Path) -> None:
    """Write training sets, each with one thing that the check of the data must find."""
    rows = {
        "row-of-words": b"0 a b c d\n", "class-7": b"7 .5 .5 .1 .1\n", "outside": b"0 2 2 .1 .1\n",
        "twice": b"0 .5 .5 .3 .3\n0 .5 .5 .3 .3\n", "outline": b"0 .1 .1 .5 .1 .5 .5 .1 .5\n",
        "no-width": b"0 .5 .5 0 .3\n", "zeros": bytes(20),
    }  # fmt: skip
    for name, content in rows.items():
        shutil.copytree(squares, root / name)
        (root / name / "labels" / "train" / "0.txt").write_bytes(content)
    pictures = {"cut": _grey(90)[:60], "text": b"not a picture", "none": b""}
    for name, content in pictures.items():
        shutil.copytree(squares, root / f"image-{name}")
        (root / f"image-{name}" / "images" / "train" / "0.png").write_bytes(content)
    shutil.copytree(squares, root / "no-labels")
    shutil.rmtree(root / "no-labels" / "labels")
    shutil.copytree(squares, root / "no-boxes-in-val")
    for path in (root / "no-boxes-in-val" / "labels" / "val").iterdir():
        path.write_bytes(b"")
    yamls = {
        "not-yaml": "names: [a\n", "no-names": "train: images/train\n", "no-train": "names: [a]\n",
        "names-twice": "train: images/train\nval: images/val\nnames: [square, square]\n",
        "download": "train: nowhere\nval: nowhere\nnames: [a]\ndownload: https://x/y.zip\n",
        "tags": "train: images/train\nnames: !!python/object/apply:os.system [ls]\n",
        "no-val": "train: images/train\nnames: [square]\n",
    }  # fmt: skip
    for name, text in yamls.items():
        shutil.copytree(squares, root / name)
        (root / name / "data.yaml").write_text(text)


def _models(folder: Path) -> None:
    models = folder / "models"
    models.mkdir()
    save_model(models / "bright.onnx", bright_scores=True)
    save_model(models / "half.onnx", half=True)
    save_model(models / "plain.onnx", metadata={})
    save_model(models / "segment.onnx", metadata={**ULTRALYTICS, "task": "segment"})
    save_model(models / "names.onnx", metadata={**ULTRALYTICS, "names": "{0: 'nut'}"})
    save_model(models / "free.onnx", input_shape=("n", 3, "h", "w"))
    rows = np.array([[[8, 8, 24, 24, 0.9, 0], [32, 16, 64, 48, 0.8, 1]]], np.float32)
    end2end = {**ULTRALYTICS, "end2end": "True"}
    save_model(models / "end2end.onnx", rows, metadata=end2end, score_axis=2)
    many = raw_table([[8, 8, 24, 24]] * 3 + [[9, 8, 25, 24]], [[0.9, 0.1]] * 4)
    save_model(models / "many.onnx", many)
    save_model(models / "wide.onnx", input_shape=(1, 3, 32, 64))
    save_peaks_model(models / "peaks.onnx")
    whole = (models / "bright.onnx").read_bytes()
    _put(models / "cut.onnx", whole[: len(whole) // 2])
    _put(models / "text.onnx", b"not a model")
    _put(models / "empty.onnx", b"")


def _pictures(folder: Path) -> None:
    root = folder / "pictures"
    colour = np.random.default_rng(1).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    for name in ("a.jpg", "b.png", "c.bmp", "d.webp", "e.tiff", "sub/f.ppm", "ü n→.jpg"):
        _put(root / name, _encode(Path(name).suffix, colour))
    _put(root / "grey16.png", _encode(".png", colour[..., 0].astype(np.uint16) * 256))
    _put(root / "alpha.png", _encode(".png", np.dstack([colour, colour[..., 0]])))
    _put(root / "white.png", _grey(255))
    _put(root / "black.png", _grey(0))
    _put(root / "notes.txt.bak", b"not for us")
    for number in range(1, 9):
        _put(folder / "turned" / f"{number}.jpg", exif_jpeg(number))
    whole = _encode(".jpg", colour)
    broken = {"cut.jpg": whole[:300], "text.jpg": b"no", "none.jpg": b"", "a.heic": b"x" * 40}
    for name, content in {**broken, "whole.jpg": whole}.items():
        _put(folder / "broken" / name, content)
    _put(folder / "hidden" / ".a.jpg", whole)
    _put(folder / "list.txt", b"pictures/a.jpg\n\n# a comment\npictures/b.png\npictures/gone.png\n")
    video = folder / "video"
    video.mkdir()
    for name in ("a.mp4", "b.mkv", "c.avi"):
        write_video(video / name)
    content = (video / "b.mkv").read_bytes()
    _put(video / "cut.mkv", content[: len(content) * 2 // 3])
    _put(video / "text.mp4", b"not a video")


def _checkpoints(folder: Path) -> None:
    """Write checkpoints as they are published, with random weights, and some that are none."""
    root = folder / "checkpoints"
    root.mkdir()
    shutil.copy(START, root / "parts-n.pt")
    script = ROOT / "tests" / "make_checkpoints.py"
    environment = child_environment(root) | {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, script, root], check=True, env=environment)
    (root / "yolov8s-cls.pt").unlink()
    for path in root.iterdir():
        if path.is_dir():  # what the child left there
            shutil.rmtree(path)
    whole = (root / "parts-n.pt").read_bytes()
    _put(root / "cut.pt", whole[: len(whole) // 2])
    _put(root / "text.pt", b"not a checkpoint")
    _put(root / "empty.pt", b"")


def _darknet(folder: Path) -> None:
    root, network = folder / "darknet", networks.mixed()
    root.mkdir()
    (root / "mixed.cfg").write_text(network.text)
    network.write_weights(root / "mixed.weights")
    whole = (root / "mixed.weights").read_bytes()
    for name, content in {"short": whole[:-4], "long": whole + bytes(4), "head": whole[:8]}.items():
        _put(root / f"{name}.weights", content)
        shutil.copy(root / "mixed.cfg", root / f"{name}.cfg")
    odd = network.text.replace("activation=mish", "activation=swish", 1)
    _put(root / "odd.cfg", odd.encode())
    _put(root / "text.cfg", b"not a cfg")


def _web(folder: Path) -> None:
    """Write what the server of the recordings has."""
    root = folder / "web"
    _put(root / "net.pt", bytes(range(256)) * 80)
    _put(root / "other.pt", bytes(range(255, -1, -1)) * 90)
    for archives in (
        public_sets.bccd(), public_sets.coco128_seg(), public_sets.coco8_pose(),
        public_sets.dota8(), public_sets.kitti(), public_sets.widerface(),
    ):  # fmt: skip
        for name, content in archives.items():
            _put(root / name, content)
    _put(root / "yolov5nu.pt", (folder / "checkpoints" / "yolov5nu.pt").read_bytes())


def _grey(level: int) -> bytes:
    return _encode(".png", np.full((64, 64, 3), level, np.uint8))


def _encode(suffix: str, pixels: Any) -> bytes:
    done, data = cv2.imencode(suffix, pixels)
    assert done
    return data.tobytes()


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
