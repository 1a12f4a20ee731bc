"""Cases of ``train``: starts, refusals of data and options, and going on with a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.pinned.table import Case, case

SMALL = "--imgsz 64 --batch 4 --device cpu"
TRAIN = f"train --data set {SMALL}"
SET = {"set": "squares"}
# What is said of the data comes before the engine starts; so there need be none.
WITHOUT_TORCH = {"PYTHONPATH": "$INPUTS/without-torch"}


def list_cases(inputs: Path) -> Iterator[Case]:
    """Yield all cases of training; each that trains takes some ten seconds."""
    yield from _list_starts()
    yield from _list_refusals()
    dirty = sorted(path.name for path in (inputs / "dirty").iterdir())
    stops = [f"train --data in/{name} {SMALL} --epochs 1 --name {name}" for name in dirty]
    yield case("train/dirty", *stops, env=WITHOUT_TORCH, put={"in": "dirty"})
    if (inputs / "cases").is_dir():
        yield from _list_earlier_mistakes(inputs)


def _list_starts() -> Iterator[Case]:
    one = f"{TRAIN} --epochs 1"
    yield case(
        "train/scratch", f"{TRAIN} --epochs 2 --name a", f"{one} --name a",
        "train --resume --name a", "weights info runs/train/a/best.pt --json",
        f"{one} --weights runs/train/a/best.pt --out b --freeze backbone --json", put=SET,
    )  # fmt: skip
    yield case(
        "train/checkpoint", f"{one} --weights in/parts-n.pt --name a",
        "export runs/train/a/best.pt --data set", "val runs/train/a/best.onnx --data set",
        "predict runs/train/a/best.onnx set/images/val --save jsonl --out p",
        '+edit runs/train/a/run.json "epochs":~1, "epochs":~2,',
        '+edit runs/train/a/run.json "complete" "interrupted"',
        "train --resume --name a --batch 2", put={**SET, "in": "checkpoints"},
    )  # fmt: skip
    yield case(
        "train/backbone", f"{one} --init backbone --weights in/seg.pt --arch yolo11n --name a",
        f"{one} --weights in/seg.pt --name b", f"{one} --weights in/twins.pt --arch yolo11n",
        f"{one} --init backbone --weights in/seg.pt --arch yolo11s --name c",
        put={**SET, "in": "checkpoints"},
    )  # fmt: skip
    yield case(
        "train/darknet", f"{one} --weights in/mixed.weights --name a",
        f"{one} --weights in/short.weights", f"{one} --weights in/long.weights",
        f"{one} --weights in/head.weights", f"{one} --weights none --arch in/odd.cfg",
        f"{one} --weights none --arch in/text.cfg", put={**SET, "in": "darknet"},
    )  # fmt: skip
    backbone = "--backbone torchvision:shufflenet_v2_x0_5 --weights in/shufflenet.pth"
    yield case(
        "train/torchvision", f"{one} {backbone} --arch yolo11n --name a",
        f"{one} --backbone torchvision:alexnet",
        f"{one} --backbone torchvision:resnet51",
        f"{one} --backbone torchvision:resnet18 --weights in/shufflenet.pth",
        put={**SET, "in": "checkpoints"},
    )  # fmt: skip
    yield case(
        "train/catalog", f"{one} --weights yolov5nu --name a",
        env={"YOLOKIT_HOME": ".", "YOLOKIT_WEIGHTS_MIRROR": "$BASE"}, put=SET,
    )  # fmt: skip
    yield case("train/config", f"{one} --config c.yaml --name a", put={**SET, "c.yaml": "c.yaml"})


def _list_refusals() -> Iterator[Case]:
    words = (
        "--epochs 0 --imgsz 33", "--weights gone", "--weights yolo62n",
        "--weights yolo26n --arch x",
        "--arch yolo62n", "--resume", "--resume --name none", "--resume --epochs 3",
        "--init imagenet", "--init backbone", "--init x", "--freeze backbone", "--freeze x",
        "--freeze 99 --weights none", "--device tpu", "--device 7",
        "--batch 0", "--seed x", "--allow x", "--trust gone.pt", "--config gone.yaml",
        "--config set/data.yaml", "--name a --out b", "--name ../a", "--out set",
        "--weights in/odd.pt", "--weights in/pruned.pt", "--weights in/cut.pt",
        "--weights in/text.pt", "--weights in/empty.pt", "--weights yolo26n --offline",
        "--backbone x", "--backbone torchvision:resnet18 --init backbone",
        "--init imagenet --arch yolo26n --offline", "--weights in",
        "--weights yolo26n-seg --offline", "--weights in/parts-n.pt --init imagenet",
    )  # fmt: skip
    lines = [f"train --data set {more}" for more in words]
    yield case(
        "mistakes/train", "train", "train --data gone", *lines, put={**SET, "in": "checkpoints"}
    )


def _list_earlier_mistakes(inputs: Path) -> Iterator[Case]:
    """Those whose answer comes before the training."""
    for path in sorted((inputs / "cases" / "training").iterdir()):
        if not (path / "data.yaml").is_file():
            continue
        yaml = sorted(one.name for one in path.glob("*.yaml") if one.name != "data.yaml")
        lines = [f"train --data in {SMALL} --epochs 1 --out run"]
        lines += [f"{lines[0]}-{name} --config in/{name}" for name in yaml]
        source = f"cases/training/{path.name}"
        yield case(f"earlier/{path.name}", *lines, env=WITHOUT_TORCH, put={"in": source})
