"""Cases of ``predict``, ``val``, ``export`` and the Python API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.pinned.table import Case, case

API = """
import json, sys, yolokit
import numpy as np
print(yolokit.__all__)
detector = yolokit.load("models/bright.onnx")
print(detector.names)
white = np.full((64, 96, 3), 255, np.uint8)
for xyxy, score, class_id in detector(white):
    print(np.round(xyxy, 3).tolist(), round(float(score), 5), int(class_id))
print(len(detector(np.zeros((64, 64, 3), np.uint8))))
result = yolokit.convert_dataset("nuts/data.yaml", "out", split="0.5,0.5")
print(result.out, result.totals)
report = yolokit.validate_model("models/bright.onnx", "nuts/data.yaml")
print(report.overall)
summary = yolokit.predict_files("models/bright.onnx", "pictures", out="p")
print(summary.frames, summary.detections, summary.failed)
for call in (
    lambda: yolokit.load("gone.onnx"), lambda: yolokit.load("models/text.onnx"),
    lambda: detector("pictures/a.jpg"), lambda: detector(white[0]),
    lambda: yolokit.convert_dataset("gone", "o2"), lambda: yolokit.train_model("gone.yaml"),
    lambda: yolokit.convert_dataset("nuts/data.yaml", "o2", splt="x"),
    lambda: yolokit.export_model("gone.pt"), lambda: yolokit.pull_weights("gone.pt", offline=True),
    lambda: yolokit.get_dataset("gone"), lambda: yolokit.nothing,
):
    try:
        print("no error", call())
    except Exception as error:
        print(type(error).__name__, getattr(error, "exit_code", "-"), error)
"""
ALL = {name: name for name in ("models", "pictures", "broken", "video", "nuts", "turned")}
BRIGHT = "predict models/bright.onnx"


def list_cases(inputs: Path) -> Iterator[Case]:
    """Yield all cases that run a model."""
    yield from _list_predict()
    yield from _list_val()
    yield from _list_export()
    python = Case("python/api", (("+python", API),), ALL)
    yield python
    if (inputs / "bccd").is_dir():
        yield from _list_bccd()
    if (inputs / "cases").is_dir():
        yield from _list_earlier_mistakes()


def _list_predict() -> Iterator[Case]:
    saves = {
        "plain": "", "json": "--json", "jsonl": "--save jsonl", "images": "--save images",
        "video": "--save video", "all": "--save jsonl,images,video",
        "json-save": "--json --save jsonl",
        "conf": "--conf 0.85", "count": "--max-count 1", "iou": "--iou 0.1",
        "threads": "--threads 1 --provider cpu", "name": "--name mine",
    }  # fmt: skip
    for name, words in saves.items():
        lines = [f"{BRIGHT} pictures {words}", f"{BRIGHT} pictures/a.jpg video/a.mp4 {words}"]
        yield case(f"predict/{name}", *lines, put=ALL)
    yield case(
        "predict/sources", f"{BRIGHT} pictures/*.png --out a", f"{BRIGHT} list.txt --out b",
        f"{BRIGHT} video --out c", f"{BRIGHT} turned --out d --save images",
        f"{BRIGHT} pictures/**/*.ppm --json", f"{BRIGHT} pictures pictures/a.jpg --json",
        f"{BRIGHT} video/b.mkv --json", f"{BRIGHT} hidden --json",
        put={**ALL, "hidden": "hidden", "list.txt": "list.txt"},
    )  # fmt: skip
    yield case(
        "predict/bad-sources", f"{BRIGHT} gone", f"{BRIGHT} 0", f"{BRIGHT} https://x/y.jpg",
        f"{BRIGHT} broken --out a", f"{BRIGHT} broken/cut.jpg --out b", f"{BRIGHT} broken/none.jpg",
        f"{BRIGHT} video/cut.mkv --out c", f"{BRIGHT} video/text.mp4 --out d", f"{BRIGHT}",
        f"{BRIGHT} pictures/*.gif", f"{BRIGHT} nuts/labels", f"{BRIGHT} nuts/data.yaml",
        f"{BRIGHT} broken --json", "+pipe pictures/p.jpg", f"{BRIGHT} pictures --json",
        f"{BRIGHT} rtsp://x/y", f"{BRIGHT} broken/a.heic", put=ALL,
    )  # fmt: skip
    models = (
        "half", "plain", "segment", "names", "free", "end2end", "many", "wide", "cut", "text",
        "empty", "gone",
    )  # fmt: skip
    lines = [f"predict models/{name}.onnx pictures/white.png --json" for name in models]
    yield case("predict/models", *lines, "predict models pictures", put=ALL)
    wrong = (
        "--conf 7 --iou -1", "--save imges", "--save", "--provider cdua", "--provider cuda",
        "--threads 0", "--max-count 0", "--out a --name b", "--out nuts/data.yaml", "--conf x",
        "--out pictures", "--name ../a", "--save jsonl,jsonl", "--save images --json",
    )  # fmt: skip
    yield case("mistakes/predict", *(f"{BRIGHT} pictures {words}" for words in wrong), put=ALL)
    yield case(
        "predict/overwrite", f"{BRIGHT} pictures --out p", f"{BRIGHT} pictures --out p",
        f"{BRIGHT} pictures/a.jpg --out p --overwrite", "+append p/mine.txt x",
        f"{BRIGHT} pictures/a.jpg --out p --overwrite", f"{BRIGHT} pictures --out . --overwrite",
        f"{BRIGHT} pictures --out pictures --overwrite", f"{BRIGHT} pictures", f"{BRIGHT} pictures",
        f"{BRIGHT} pictures --name bright", f"{BRIGHT} pictures --name bright --overwrite", put=ALL,
    )  # fmt: skip


def _list_val() -> Iterator[Case]:
    val = "val models/bright.onnx --data"
    yield case(
        "val/plain", f"{val} nuts/data.yaml", f"{val} nuts", f"{val} nuts --split train --json",
        f"{val} nuts --out v", f"{val} nuts --out v", f"{val} nuts --out v --overwrite --conf 0.5",
        f"{val} nuts/swapped.yaml --name s", f"{val} nuts --json --iou 0.3 --max-count 1", put=ALL,
    )  # fmt: skip
    yield case(
        "val/refused", f"{val} gone", f"{val} nuts/other.yaml", f"{val} nuts/missing.yaml",
        f"{val} nuts --split test", f"{val} nuts --split x", f"{val} nuts --conf 2",
        "val gone.onnx", "val gone.onnx --data nuts", f"{val} nuts --allow x",
        "val models/text.onnx --data nuts",
        f"{val} nuts --out nuts", f"{val} nuts --out nuts --overwrite", f"{val} nuts --provider x",
        "+append nuts/images/0.png x", "+empty nuts/images/1.png", f"{val} nuts",
        f"{val} nuts --allow unusable-images", "+append nuts/labels/0.txt 9~9", f"{val} nuts",
        put=ALL,
    )  # fmt: skip


def _list_export() -> Iterator[Case]:
    files = {"in": "checkpoints", "set": "squares"}
    yield case(
        "export/plain", "export in/parts-n.pt --imgsz 64 --out m.onnx",
        "export in/parts-n.pt --imgsz 64 --out m.onnx", "predict m.onnx set/images/val --json",
        "export in/parts-n.pt --imgsz 64 --out m.onnx --overwrite --json --data set",
        "val m.onnx --data set", put=files,
    )  # fmt: skip
    yield case(
        "export/dynamic", "export in/parts-n.pt --imgsz 64 --dynamic all --opset 18 --out d",
        "predict d/parts-n.onnx set/images/val --json", put=files,
    )  # fmt: skip
    yield case("export/batch", "export in/parts-n.pt --imgsz 64 --dynamic batch --json", put=files)
    yield case(
        "export/refused", "export gone.pt", "export in/cut.pt", "export in/text.pt",
        "export in/empty.pt", "export in/seg.pt", "export in/odd.pt", "export in/shufflenet.pth",
        "export in/parts-n.pt --imgsz 33", "export in/parts-n.pt --opset 3", "export in",
        "export in/parts-n.pt --dynamic x --out a.txt", "export in/parts-n.pt --data gone",
        "export in/parts-n.pt --out set/data.yaml", "export in/odd.pt --trust gone.pt", put=files,
    )  # fmt: skip


def _list_bccd() -> Iterator[Case]:
    yield case(
        "bccd/model", "data convert in --out out --link symlink",
        "val in/peaks.onnx --data out --split test --json",
        "val models/peaks.onnx --data out --split test",
        "predict models/peaks.onnx out/images/test --save jsonl --out p",
        "predict models/peaks.onnx out/images/test/BloodImage_00007.jpg --out q",
        put={"in": "bccd", "models": "models"},
    )  # fmt: skip


def _list_earlier_mistakes() -> Iterator[Case]:
    lines = {
        "avi-drop-frames-false-error": ("predict tiny.onnx in/vfr.avi --json",),
        "avif-rotation-ignored": (
            "predict tiny.onnx in/upright_160x120.avif in/upright_160x120.jpg --json",
        ),
        "clash-file-and-folder": ("predict tiny.onnx in/p in/q --out out",),
        "heic-skipped-silently": ("predict tiny.onnx in --out out",),
        "message-names-neither": ("predict in/names_but_no_task.onnx pictures/a.jpg",),
        "overwrite-deletes-inputs": (
            "predict tiny.onnx in/photos --out in/photos --overwrite",
            "predict tiny.onnx in/photos --out in --overwrite",
        ),
        "rtdetr-onnx-wrong-boxes": ("predict in/rtdetr_like.onnx in/200x100.jpg --json",),
        "truncated-video-silent": (
            "predict tiny.onnx in/trunc_frag.mp4 --json", "predict tiny.onnx in/trunc.mkv --out o",
        ),
        "video-concatenated-ts-squeezed": ("predict tiny.onnx in/concat.ts --out out",),
    }  # fmt: skip
    for name, commands in lines.items():
        files = {"in": f"cases/runtime/{name}", "tiny.onnx": "cases/runtime/tiny.onnx"}
        yield case(f"earlier/{name}", *commands, put={**files, "pictures": "pictures"})
