"""What little data does to a start: a few epochs on 60 images, ``yolokit train`` beside ``yolo``.

    python tests/bench/small_data.py --source BCCD --workdir DIR [--json]

The starts, all yolo26n, and the 60 images that each is trained on:

- bccd: knows BCCD, and gets images that it was trained on;
- demo: knows the drawn parts of the demo, and gets new pictures of them;
- parts: the checkpoint that ships with the package, and new pictures of its own sixteen parts;
- shifted: that of demo, and pictures whose colours are inverted and blurred: it knows the classes,
  but hardly finds them;
- bccd-24, demo-24: as bccd and demo, on the first 24 images;
- bccd-foreign, demo-foreign: the checkpoint that ships, on classes that are new to it.

Each is trained by both sides in turn, seed after seed. The figure is mAP50-95 on val of ``last.pt``
and of ``best.pt``, all measured by upstream's validator on square inputs in one process. What is
done stays in the folder, and a second call goes on from there. ``--try`` adds sides of options.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from _measure import machine

from yolokit.core.privacy import engine_variables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.core.types import U8

PARTS = Path(__file__).resolve().parents[2] / "yolokit" / "jobs" / "assets" / "parts-n.pt"
IMAGES = 60
TRAIN_START = {
    "optimizer": "AdamW", "lr0": 0.002, "nbs": 16, "close_mosaic": 5, "cache": "ram", "patience": 0,
}  # fmt: skip
_UPSTREAM = """
import sys
from ultralytics import YOLO
start, data, epochs, imgsz, seed, project = sys.argv[1:]
YOLO(start).train(
    data=data, epochs=int(epochs), imgsz=int(imgsz), batch=16, device="cpu", seed=int(seed),
    plots=False, project=project, name="yolo", exist_ok=True,
)
"""
_SCORE = """
import json, sys
from ultralytics import YOLO
for line in sys.stdin:
    weights, data, imgsz = json.loads(line)
    found = YOLO(weights).val(
        data=data, imgsz=imgsz, rect=False, device="cpu", plots=False, verbose=False,
        project=sys.argv[1], name="val", exist_ok=True,
    )
    print("SCORE", json.dumps([weights, float(found.box.map)]), flush=True)
"""


@dataclass(frozen=True)
class Case:
    """A start, and the small set that it is trained on: both are paths in the workdir."""

    name: str
    data: str
    start: str | Path
    imgsz: int


CASES = (
    Case("bccd", "bccd-60", "bccd-start/best.pt", 192),
    Case("demo", "demo-60", "demo-start/best.pt", 224),
    Case("parts", "parts-60", PARTS, 224),
    Case("shifted", "shifted-60", "demo-start/best.pt", 224),
    Case("bccd-24", "bccd-24", "bccd-start/best.pt", 192),
    Case("demo-24", "demo-24", "demo-start/best.pt", 224),
    Case("bccd-foreign", "bccd-60", PARTS, 192),
    Case("demo-foreign", "demo-60", PARTS, 224),
)


@dataclass(frozen=True)
class Run:
    """One training, and where it is kept."""

    case: Case
    side: str
    epochs: int
    seed: int

    @property
    def folder(self) -> str:
        """Folder in the workdir."""
        return f"runs/{self.case.name}-{self.epochs}-{self.seed}-{self.side}"


def main() -> None:
    """Train everything that is not done yet, and print a table or one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--source", type=Path, required=True, help="BCCD as its authors publish it")
    parser.add_argument("--workdir", type=Path, required=True, help="keeps what is done")
    parser.add_argument("--epochs", type=int, nargs="+", default=[5, 30])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cases", nargs="+", default=[case.name for case in CASES])
    parser.add_argument("--sides", nargs="+", default=["yolo", "yolokit"])
    parser.add_argument("--try", nargs="+", default=[], dest="tries", metavar="NAME=k:v,k:v",
                        help="further sides: yolokit with these options")  # fmt: skip
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    args.workdir.mkdir(parents=True, exist_ok=True)
    args.workdir = args.workdir.resolve()
    options = {name: dict(pair.split(":") for pair in text.split(","))
               for name, text in (entry.split("=", 1) for entry in args.tries)}  # fmt: skip
    prepare(args.source.resolve(), args.workdir)
    (args.workdir / "runs").mkdir(exist_ok=True)
    runs = list(list_runs(args, [*args.sides, *options]))
    for run in runs:
        train(run, options.get(run.side, {}), args.workdir)
    report(runs, score(runs, args.workdir), as_json=args.json)


def list_runs(args: argparse.Namespace, sides: list[str]) -> Iterator[Run]:
    """Yield all runs, the sides in turn."""
    for epochs in args.epochs:
        for seed in range(args.seeds):
            for case in CASES:
                if case.name in args.cases:
                    yield from (Run(case, side, epochs, seed) for side in sides)


def prepare(source: Path, workdir: Path) -> None:
    """Make the sets and the starts that are not there yet."""
    if not (workdir / "bccd").exists():
        command("data", "convert", source, "--out", "bccd", cwd=workdir)
    for name, classes, images, seed in (("a", "belt", 260, 3), ("demo", "belt", 200, 11),
                                        ("parts", "pretrain", 200, 12)):  # fmt: skip
        if not (workdir / f"{name}-all").exists():
            command("data", "demo", "--classes", classes, "--images", images, "--seed", seed,
                    "--video-seconds", 0, "--out", f"{name}-drawn", cwd=workdir)  # fmt: skip
            command("data", "convert", f"{name}-drawn", "--out", f"{name}-all", cwd=workdir)
    make_small(workdir / "bccd", workdir / "bccd-60", pool=("val",))
    make_small(workdir / "demo-all", workdir / "demo-60")
    make_small(workdir / "demo-all", workdir / "shifted-60", shift=True)
    make_small(workdir / "parts-all", workdir / "parts-60")
    make_small(workdir / "bccd", workdir / "bccd-24", pool=("val",), images=24)
    make_small(workdir / "demo-all", workdir / "demo-24", images=24)
    for name, data, imgsz, epochs in (("bccd", "bccd", 192, 30), ("demo", "a-all", 224, 20)):
        train_start(workdir, name, Path(data) / "data.yaml", imgsz, epochs)


def train_start(workdir: Path, name: str, data: Path, imgsz: int, epochs: int) -> None:
    """Train a start that knows its classes."""
    out = workdir / f"{name}-start"
    if out.exists():
        return
    config = workdir / "start.yaml"
    config.write_text(yaml.safe_dump(TRAIN_START), encoding="utf-8")
    command(
        "train", "--data", data, "--weights", PARTS, "--config", config, "--epochs", epochs,
        "--imgsz", imgsz, "--batch", 16, "--device", "cpu", "--out", out, cwd=workdir,
    )  # fmt: skip


def make_small(
    source: Path,
    out: Path,
    *,
    pool: tuple[str, ...] = ("train", "val", "test"),
    shift: bool = False,
    images: int = IMAGES,
) -> None:
    """Copy some images of train, and as val up to 90 others of the splits of the pool."""
    if out.exists():
        return
    train = sorted((source / "images" / "train").iterdir())[:IMAGES]
    others = [path for split in pool for path in sorted((source / "images" / split).iterdir())]
    val = [path for path in others if path not in train][:90]
    chosen = {"train": train[:images], "val": val}
    part = out.with_name(f".{out.name}")
    shutil.rmtree(part, ignore_errors=True)
    for split, paths in chosen.items():
        for kind in ("images", "labels"):
            (part / kind / split).mkdir(parents=True)
        for image in paths:
            copy = part / "images" / split / f"{image.stem}.png"
            pixels = cv2.imread(str(image))
            assert pixels is not None, image
            cv2.imwrite(str(copy), shift_look(pixels.astype("uint8")) if shift else pixels)
            label = source / "labels" / image.parent.name / f"{image.stem}.txt"
            if label.exists():
                shutil.copy(label, part / "labels" / split)
    described = yaml.safe_load((source / "data.yaml").read_text(encoding="utf-8"))
    described.pop("test", None)
    (part / "data.yaml").write_text(yaml.safe_dump(described, sort_keys=False), encoding="utf-8")
    part.rename(out)


def shift_look(pixels: U8) -> U8:
    """Return an image that a model of the original hardly recognises."""
    return cv2.GaussianBlur(255 - pixels, (5, 5), 0).astype("uint8")


def train(run: Run, options: dict[str, Any], workdir: Path) -> None:
    """Train once; a folder that is there is done."""
    out = workdir / run.folder
    if out.exists():
        return
    part = workdir / "part"
    shutil.rmtree(part, ignore_errors=True)
    data, start = workdir / run.case.data / "data.yaml", workdir / run.case.start
    print(run.folder, file=sys.stderr, flush=True)
    if run.side == "yolo":
        execute([sys.executable, "-c", _UPSTREAM, start, data, run.epochs, run.case.imgsz,
                 run.seed, part], workdir)  # fmt: skip
        (part / "yolo" / "weights").rename(out)
    else:
        config = workdir / "try.yaml"
        config.write_text(yaml.safe_dump({k: yaml.safe_load(v) for k, v in options.items()}))
        command("train", "--data", data, "--weights", start, "--epochs", run.epochs, "--imgsz",
                run.case.imgsz, "--batch", 16, "--seed", run.seed, "--device", "cpu",
                "--config", config, "--out", part, cwd=workdir)  # fmt: skip
        part.rename(out)


def score(runs: list[Run], workdir: Path) -> dict[str, float]:
    """Return the mAP50-95 of every checkpoint by its path, and of every start by its case."""
    kept = workdir / "scores.json"
    scores: dict[str, float] = json.loads(kept.read_text()) if kept.exists() else {}
    wanted: dict[str, list[Any]] = {}
    for run in runs:
        data = str(workdir / run.case.data / "data.yaml")
        wanted[run.case.name] = [str(workdir / run.case.start), data, run.case.imgsz]
        for name in ("last.pt", "best.pt"):
            key = f"{run.folder}/{name}"
            wanted[key] = [str(workdir / key), data, run.case.imgsz]
    foreign = {case.name for case in CASES if "foreign" in case.name}
    todo = {k: v for k, v in wanted.items() if k not in scores and k not in foreign}
    lines = "".join(f"{json.dumps(entry)}\n" for entry in todo.values())
    if todo:
        printed = execute([sys.executable, "-c", _SCORE, workdir / "part"], workdir, lines)
        found = [json.loads(x[6:]) for x in printed.splitlines() if x.startswith("SCORE ")]
        scores |= {key: value for key, (_, value) in zip(todo, found, strict=True)}
        kept.write_text(json.dumps(scores))
    return scores


def command(*arguments: object, cwd: Path) -> None:
    """Run one command of yolokit."""
    execute([sys.executable, "-m", "yolokit", *arguments], cwd)


def execute(arguments: list[Any], cwd: Path, given: str = "") -> str:
    """Run a process and return its stdout.

    Raises:
        RuntimeError: It failed; the end of its standard error is quoted.
    """
    env = {**os.environ, **engine_variables(cwd / "config")}
    done = subprocess.run(
        [*map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, check=False, env=env, input=given,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return done.stdout


def report(runs: list[Run], scores: dict[str, float], *, as_json: bool) -> None:
    """Print medians and spread of each case and side."""
    rows: list[dict[str, Any]] = []
    for case, epochs, side in dict.fromkeys((run.case, run.epochs, run.side) for run in runs):
        mine = [run for run in runs if (run.case, run.epochs, run.side) == (case, epochs, side)]
        found = {x: [scores[f"{run.folder}/{x}.pt"] for run in mine] for x in ("last", "best")}
        rows.append({"case": case.name, "epochs": epochs, "side": side,
                     "start": scores.get(case.name), **found})  # fmt: skip
    rows.sort(key=lambda row: (row["epochs"], row["case"]))  # the sides stay in their order
    if as_json:
        print(json.dumps({"benchmark": "small_data", "machine": machine(), "rows": rows}))
        return
    print(f"small_data: mAP50-95 on val, median (lowest..highest); {machine()}")
    print(f"{'case':13} {'epochs':>6}  {'start':>5}  {'side':18} {'last':21} best")
    for row in rows:
        start = "    -" if row["start"] is None else f"{row['start']:.3f}"
        last, best = (describe(row[name]) for name in ("last", "best"))
        print(f"{row['case']:13} {row['epochs']:6}  {start}  {row['side']:18} {last:21} {best}")


def describe(values: list[float]) -> str:
    """Return a median and the spread around it."""
    return f"{statistics.median(values):.3f} ({min(values):.3f}..{max(values):.3f})"


if __name__ == "__main__":
    main()
