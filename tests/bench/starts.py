"""What a start is worth: the same few epochs from nothing and from weights, over several seeds.

    python tests/bench/starts.py --source BCCD --darknet yolov3-tiny.weights [--json]

For each architecture the starts are trained in turn, seed after seed, with equal options; the
figure is the mAP50-95 on the test split, of the exported ONNX file in the runtime. The starts:

- yolov3-tiny: from nothing, and from Darknet's COCO weights (backbone and neck);
- yolo26n: from nothing, and from a chain of one's own (the shipped checkpoint of drawn parts,
  whole and its backbone alone).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from _measure import machine

PARTS = Path(__file__).resolve().parents[2] / "yolokit" / "jobs" / "assets" / "parts-n.pt"
TINY = "darknet-yolov3-tiny"


def list_starts(darknet: Path | None) -> dict[str, list[str]]:
    """Return the options of each start, by name; those of one architecture stand together."""
    starts: dict[str, list[str]] = {}
    if darknet is not None:
        starts["yolov3-tiny none"] = ["--weights", "none", "--arch", TINY]
        starts["yolov3-tiny darknet"] = ["--weights", str(darknet)]
    return starts | {
        "yolo26n none": ["--weights", "none", "--arch", "yolo26n"],
        "yolo26n chain": ["--weights", str(PARTS)],
        "yolo26n chain, backbone": ["--weights", str(PARTS), "--init", "backbone"],
    }


def run(*arguments: object, cwd: Path) -> str:
    """Run one command of yolokit and return its stdout."""
    done = subprocess.run(
        [sys.executable, "-m", "yolokit", *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def train_and_score(name: str, options: list[str], seed: int, args: argparse.Namespace) -> float:
    """Train once and return the mAP50-95 on the test split."""
    workdir = Path(args.workdir)
    data, out = workdir / "bccd" / "data.yaml", workdir / f"{name.replace(' ', '-')}-{seed}"
    run(
        "train", "--data", data, *options, "--epochs", args.epochs, "--imgsz", args.imgsz,
        "--batch", 16, "--seed", seed, "--device", args.device, "--out", out, cwd=workdir,
    )  # fmt: skip
    run("export", out / "best.pt", "--data", data, cwd=workdir)
    model = out / "best.onnx"
    printed = run("val", model, "--data", data, "--split", "test", "--json", cwd=workdir)
    return float(json.loads(printed)["overall"]["map50_95"])


def main() -> None:
    """Train everything and print a table, or one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--source", required=True, help="BCCD as its authors publish it")
    parser.add_argument("--darknet", type=Path, help="yolov3-tiny.weights")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--imgsz", type=int, default=320)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", default="", help="train only starts whose name has this in it")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    scores: dict[str, list[float]] = {}
    starts = {k: v for k, v in list_starts(args.darknet).items() if args.only in k}
    with tempfile.TemporaryDirectory(prefix="yolokit-bench-") as workdir:
        args.workdir = workdir
        run("data", "convert", args.source, "--out", "bccd", cwd=Path(workdir))
        for seed in range(args.seeds):
            for name, options in starts.items():
                score = train_and_score(name, options, seed, args)
                scores.setdefault(name, []).append(score)
                print(f"seed {seed}: {name}: {score:.4f}", file=sys.stderr, flush=True)
    report(scores, args)


def report(scores: dict[str, list[float]], args: argparse.Namespace) -> None:
    """Print all figures with their medians and spread."""
    if args.json:
        print(json.dumps({"bench": "starts", "epochs": args.epochs, "map50_95": scores}))
        return
    print(f"starts: mAP50-95 on test after {args.epochs} epochs at {args.imgsz} px")
    print(machine())
    for name, found in scores.items():
        spread = f"({min(found):.3f}..{max(found):.3f})"
        print(f"  {name:<28} {statistics.median(found):.3f} {spread}")


if __name__ == "__main__":
    main()
