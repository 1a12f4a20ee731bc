"""``yolokit predict`` as a user runs it, and its boxes beside those of ``yolo predict``."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = "from yolokit.cli.main import main; main()"


def run(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, "predict", *map(str, words)],
        capture_output=True, text=True, check=False, timeout=300, cwd=cwd,
    )  # fmt: skip


def records_in(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="session")
def few_images(bccd_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve images of BCCD."""
    folder = tmp_path_factory.mktemp("few")
    for path in sorted((bccd_source / "JPEGImages").glob("*.jpg"))[:12]:
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="session")
def clip(few_images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The twelve images as a video with uneven time stamps."""
    import av
    from av.video.frame import VideoFrame

    path = tmp_path_factory.mktemp("clip") / "cells.mkv"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for index, image in enumerate(sorted(few_images.iterdir())):
            frame = VideoFrame.from_ndarray(cv2.imread(str(image)), format="bgr24")  # type: ignore[arg-type]
            frame.pts, frame.time_base = 100 * index + 7 * (index % 3), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_images_and_a_video(bccd_model: Path, few_images: Path, clip: Path, tmp_path: Path) -> None:
    import av

    done = run(bccd_model, few_images, clip, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "24 images read, " in done.stderr
    assert "on openvino in fp32" in done.stderr
    out = tmp_path / done.stdout.strip()
    assert out == tmp_path / "runs" / "predict" / bccd_model.stem

    records = records_in((out / "predictions.jsonl").read_text())
    names = [Path(record["source"]).name for record in records]
    assert names == [*sorted(p.name for p in few_images.iterdir()), *["cells.mkv"] * 12]
    assert [r["index"] for r in records] == [*range(12), *range(12)]
    assert all(record["detections"] for record in records)
    assert {found["name"] for r in records for found in r["detections"]} >= {"RBC", "WBC"}

    assert sorted(p.name for p in (out / "images").iterdir()) == names[:12]
    with av.open(str(out / "cells.mp4")) as container:
        stamps_s = [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]  # type: ignore[operator]
    assert stamps_s == pytest.approx([r["pts_s"] for r in records[12:]], abs=1e-6)

    again = run(bccd_model, few_images, "--save", "jsonl", cwd=tmp_path)
    assert again.stdout.strip().endswith(f"{bccd_model.stem}-2")


BLOCKED = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "ultralytics", "onnx", "matplotlib"):
            raise ModuleNotFoundError(f"blocked: {name}", name=name)
sys.meta_path.insert(0, Block())
"""


def test_it_needs_neither_torch_nor_ultralytics_nor_onnx(
    bccd_model: Path, few_images: Path, clip: Path, tmp_path: Path
) -> None:
    words = ["predict", bccd_model, few_images, clip, "--out", "there"]
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED + PROGRAM, *map(str, words)],
        capture_output=True, text=True, check=False, timeout=300, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "there" / "cells.mp4").is_file()


def test_a_run_repeats_to_the_bit(bccd_model: Path, few_images: Path, tmp_path: Path) -> None:
    first, second = (
        run(bccd_model, few_images, "--json", "--threads", "1", cwd=tmp_path) for _ in range(2)
    )
    assert first.stdout == second.stdout != ""
    assert list(tmp_path.iterdir()) == []


def test_json_goes_to_stdout_alone(bccd_model: Path, few_images: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"x")
    image = next(few_images.iterdir())
    done = run(bccd_model, tmp_path / "broken.png", image, "--json", "--conf", "0.5", cwd=tmp_path)
    assert done.returncode == 0
    broken, good = records_in(done.stdout)
    assert broken["error"] == "not a whole image that OpenCV can decode"
    assert good["error"] is None
    assert all(found["score"] >= 0.5 for found in good["detections"])
    assert "not read: " in done.stderr
    assert not (tmp_path / "runs").exists()


def test_json_and_files_together(bccd_model: Path, few_images: Path, tmp_path: Path) -> None:
    image = next(few_images.iterdir())
    done = run(bccd_model, image, "--json", "--save", "jsonl", "--name", "x", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs/predict/x/predictions.jsonl").read_text() == done.stdout
    assert f"results in {Path('runs/predict/x')}" in done.stderr


def test_where_nothing_could_be_read_the_exit_code_is_3(bccd_model: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"x")
    done = run(bccd_model, "broken.png", "--out", "there", cwd=tmp_path)
    assert done.returncode == 3
    assert len(records_in((tmp_path / "there" / "predictions.jsonl").read_text())) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="such names and pipes are not everywhere")
def test_a_folder_of_odd_things_is_done_and_told(bccd_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    image = np.full((48, 64, 3), 200, np.uint8)
    cv2.imwrite(str(folder / "a.png"), image)
    (folder / "a.png").rename(folder / "caf\udce9.png")
    cv2.imwrite(str(folder / "b.png"), image)
    cv2.imwritemulti(str(folder / "pages.tif"), [image, image])
    cv2.imwrite(str(folder / "wide.ppm"), np.zeros((1, 65_501, 3), np.uint8))
    os.mkfifo(folder / "pipe.jpg")
    os.mkfifo(folder / "pipe.mp4")
    (folder / "link.jpg").symlink_to("nowhere")
    (folder / "zero.png").touch()
    (folder / "IMG_0001.HEIC").write_bytes(b"\x00\x00\x00\x18ftypheic")
    done = run(bccd_model, "odd", "--out", "there", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    records = records_in((tmp_path / "there" / "predictions.jsonl").read_text())
    assert {record["source"]: record["error"] for record in records} == {
        "odd/b.png": None,
        r"odd/caf\xe9.png": None,
        "odd/link.jpg": "is a broken link",
        "odd/pages.tif": None,
        "odd/pipe.jpg": "is a pipe, not a file",
        "odd/pipe.mp4": "is a pipe, not a file",
        "odd/wide.ppm": None,
        "odd/zero.png": "the file is empty",
    }
    assert "note: 1 file left out: .HEIC (no decoder for it" in done.stderr
    assert "note: 1 image: it has 2 pages: only the first is read" in done.stderr
    for record in records:
        assert ("picture" in record) == (record["error"] is None)
    written = sorted(path.name for path in (tmp_path / "there" / "images").iterdir())
    assert written == ["b.png", r"caf\xe9.png", "pages.tif", "wide.png"]


@pytest.mark.parametrize(
    ("words", "code", "parts"),
    [
        (
            ["m.onnx", "x.png", "--conf", "2", "--provider", "cdua", "--save", "jsonl,vidoe"],
            2,
            ["conf", "did you mean 'cuda'", "did you mean 'video'"],
        ),
        (["m.onnx", "x.png", "--cnof", "0.5"], 2, ["--conf"]),
        (["m.onnx"], 2, ["SOURCE"]),
        (["{model}", "imgae.png"], 3, ["no such file", "did you mean image.png"]),
        (["modle.onnx", "image.png"], 6, ["there is no model", "did you mean model.onnx"]),
        (["best.pt", "image.png"], 6, ["there is no file best.pt", "yolokit export BEST.pt"]),
        (["image.png", "image.png"], 6, ["image.png is not an ONNX model: it is a PNG image"]),
        (
            ["{model}", "image.png", "--provider", "tensorrt"],
            6,
            ["'tensorrt' is not installed"],
        ),
        (
            ["{model}", "image.png", "--out", "model.onnx"],
            2,
            ["already exists", "choose another --name or --out"],
        ),
    ],
)
def test_mistakes_are_said_clearly(
    words: list[str], code: int, parts: list[str], bccd_model: Path, tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "image.png"), np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "model.onnx").touch()
    before = sorted(tmp_path.rglob("*"))
    done = run(*[str(bccd_model) if word == "{model}" else word for word in words], cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    for part in parts:
        assert part in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process there")
def test_ctrl_c_stops_it_after_a_whole_record(
    bccd_model: Path, few_images: Path, tmp_path: Path
) -> None:
    listing = tmp_path / "many.txt"
    listing.write_text("".join(f"{path}\n" for path in few_images.iterdir()) * 400)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "predict", bccd_model, listing, "--out", "there", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    first = process.stdout.readline()  # it has begun
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    # Not by communicate(), which passes over what readline() has read ahead.
    with process:
        rest, said = process.stdout.read(), process.stderr.read()
    assert process.returncode == 130
    assert "Traceback" not in said
    assert "stopped early: " in said
    assert (tmp_path / "there" / "predictions.jsonl").read_text() == first + rest
    assert 0 < len(records_in(first + rest)) < 4800
    assert sorted(p.name for p in tmp_path.iterdir()) == ["many.txt", "there"]


EXPORT = """
import json, sys
import cv2, torch
from ultralytics import YOLO

folder, images = sys.argv[1], sys.argv[2:]
torch.manual_seed(0)
pixels = torch.stack([
    torch.from_numpy(cv2.resize(cv2.imread(path), (320, 320))).permute(2, 0, 1) / 255
    for path in images
])
found = {}
for name, variants in {
    "yolo11n": {"raw": {}, "dynamic": {"dynamic": True}, "nms": {"nms": True}},
    "yolo26n": {"raw": {}, "end2end": {"end2end": True}},
}.items():
    model = YOLO(name + ".yaml")
    net = model.model
    for layer in net.modules():  # statistics of real images, so that features tell them apart
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None
    net.train()
    with torch.no_grad():
        for _ in range(3):
            net(pixels)
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 0.03
    head = net.model[-1]
    for branch in (head.cv3, *([head.one2one_cv3] if hasattr(head, "one2one_cv3") else [])):
        for scale in branch:
            torch.nn.init.normal_(scale[-1].weight, 0, 0.05)
            torch.nn.init.constant_(scale[-1].bias, -4.0)
    net.eval()
    checkpoint = f"{folder}/{name}.pt"
    model.save(checkpoint)
    for kind, options in variants.items():
        path = f"{folder}/{name}-{kind}.onnx"
        import shutil
        shutil.move(YOLO(checkpoint).export(format="onnx", imgsz=320, **options), path)
        runner = YOLO(path, task="detect")
        found[path] = [
            [[*box, score, cls] for box, score, cls in zip(
                r.boxes.xyxy.tolist(), r.boxes.conf.tolist(), r.boxes.cls.tolist(), strict=True)]
            for image in images
            for r in runner.predict(image, imgsz=320, conf=0.1, iou=0.7, device="cpu")
        ]
print("\\n" + json.dumps(found))
"""


@pytest.fixture(scope="session")
def upstream_boxes(few_images: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """Five plain ultralytics exports and what ultralytics itself finds with each of them."""
    folder = tmp_path_factory.mktemp("upstream")
    images = sorted(few_images.iterdir())[:4]
    tall = cv2.rotate(cv2.imread(str(images[0])), cv2.ROTATE_90_CLOCKWISE)  # type: ignore[arg-type]
    cv2.imwrite(str(folder / "tall.png"), tall[:611, :333])
    environment = {
        "YOLO_AUTOINSTALL": "False",
        "YOLO_OFFLINE": "1",
        "YOLO_CONFIG_DIR": str(folder / "settings"),
    }
    (folder / "settings").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", EXPORT, folder, *images, folder / "tall.png"],
        capture_output=True, text=True, check=False, timeout=600, env=os.environ | environment,
        cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["yolo11n-raw", "yolo11n-dynamic", "yolo11n-nms", "yolo26n-raw", "yolo26n-end2end"]
)
def test_plain_exports_find_what_upstream_finds(
    name: str, upstream_boxes: Mapping[str, Any], few_images: Path, tmp_path: Path
) -> None:
    [(path, expected)] = [(p, found) for p, found in upstream_boxes.items() if Path(p).stem == name]
    images = [*sorted(few_images.iterdir())[:4], Path(path).parent / "tall.png"]
    # Upstream runs them on onnxruntime's CPU provider: what is compared is all around the engine.
    thresholds = ("--conf", "0.1", "--iou", "0.7", "--provider", "cpu")
    done = run(path, *images, *thresholds, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    count = 0
    for record, rows in zip(records_in(done.stdout), expected, strict=True):
        ours = np.array([[*d["xyxy"], d["score"], d["class_id"]] for d in record["detections"]])
        theirs = np.array(rows)
        assert len(ours) == len(theirs)
        count += len(ours)
        for row in theirs:  # equal scores may come in another order
            like = np.abs(ours - row) <= [0.02, 0.02, 0.02, 0.02, 1e-4, 0]
            assert like.all(axis=1).any(), row
    assert count >= 20
