"""A class is added to a detector: what becomes of the old classes, and how the new one is found.

A detector of all classes but one is trained first. Then the last class is added in four ways, each
from that detector, with the same epochs, batch and seed:

- ``add-classes``: ``yolokit train --add-classes`` on labels of the new class alone;
- ``fine-tune`` and ``freeze``: on the same labels, old classes unlabelled, as a person has them;
- ``replay``: on the same images with the labels of all classes, which is what it takes.

Each model is exported and measured on val with the labels of all classes. What is there already is
not made anew, so a run that was cut short goes on with the same --work.

Usage: python tests/bench/add_classes.py data.yaml --new Platelets --work DIR [--json]
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

_FULL, _OLD, _NEW, _BARE = "full", "old", "new", "new-among-all"


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="data.yaml of a YOLO data set")
    parser.add_argument("--new", required=True, help="the class that is added")
    parser.add_argument("--work", type=Path, required=True, help="folder to keep all runs in")
    parser.add_argument("--epochs-old", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--imgsz", type=int, default=320)
    parser.add_argument("--arch", default="yolo11n")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    old = _make_sets(options)
    rows = _measure(options, old)
    print(json.dumps(rows) if options.json else _table(rows))


def _make_sets(options: argparse.Namespace) -> list[str]:
    """Make the data sets, and return the names of the old classes."""
    listed = yaml.safe_load(options.data.read_text())["names"]
    names = list(listed.values()) if isinstance(listed, dict) else listed
    old = [name for name in names if name != options.new]
    for name, kept in ((_FULL, names), (_OLD, old), (_NEW, [options.new])):
        out = options.work / name
        if not out.is_dir():
            _run("data", "convert", options.data, "--out", out, "--keep", ",".join(kept))
    bare = options.work / _BARE
    if not bare.is_dir():  # only the new class has labels, but has its number among all
        part = options.work / f".{_BARE}"
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(options.work / _NEW, part)
        for path in part.glob("labels/*/*.txt"):
            rows = (line.split(" ", 1)[1] for line in path.read_text().splitlines() if line)
            path.write_text("".join(f"{len(old)} {row}\n" for row in rows))
        data = yaml.safe_load((part / "data.yaml").read_text())
        data["names"] = dict(enumerate([*old, options.new]))
        (part / "data.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
        part.rename(bare)
    return old


def _measure(options: argparse.Namespace, old: list[str]) -> list[dict[str, Any]]:
    start = _train(options, "start", _OLD, options.epochs_old, "--arch", options.arch)
    weights = start / "best.pt"
    ways = {
        "add-classes": (_NEW, "--add-classes"),
        "fine-tune": (_BARE,),
        "freeze backbone": (_BARE, "--freeze", "backbone"),
        "freeze neck": (_BARE, "--freeze", "neck"),
        "replay": (_FULL,),
    }
    rows = [_row(options, "before", start, old)]
    for way, (data, *more) in ways.items():
        run = _train(options, way, data, options.epochs, "--weights", weights, *more)
        rows.append(_row(options, way, run, old))
    return rows


def _train(options: argparse.Namespace, way: str, data: str, epochs: int, *more: object) -> Path:
    run: Path = options.work / f"run-{way.replace(' ', '-')}"
    record = run / "run.json"
    if record.is_file() and json.loads(record.read_text())["state"] == "complete":
        return run
    shutil.rmtree(run, ignore_errors=True)
    _run(
        *("train", "--data", options.work / data / "data.yaml", "--imgsz", options.imgsz),
        *("--epochs", epochs, "--batch", 16, "--seed", options.seed, "--out", run),
        *more,
    )
    return run


def _row(options: argparse.Namespace, way: str, run: Path, old: list[str]) -> dict[str, Any]:
    """Export the model of a run and measure the file on the labels of all classes."""
    model = run / "best.onnx"
    data = options.work / (_OLD if way == "before" else _FULL) / "data.yaml"
    if not model.is_file():
        _run("export", run / "best.pt", "--data", data)
    said = _run("val", model, "--data", data, "--json")
    scores = {one["name"]: one["map50_95"] for one in json.loads(said)["classes"]}
    record = json.loads((run / "run.json").read_text())
    seconds = [epoch["seconds"] for epoch in record["epochs"]]
    known = [scores[name] for name in old if scores.get(name) is not None]
    return {
        "way": way,
        "old": sum(known) / len(known),
        "new": scores.get(options.new) if way != "before" else None,
        "s_per_epoch": sum(seconds) / len(seconds),
        "epochs": len(seconds),
        "proof": record.get("adding"),
    }


def _run(*arguments: object) -> str:
    command = [sys.executable, "-m", "yolokit", *map(str, arguments)]
    print("$ yolokit", *map(str, arguments), file=sys.stderr, flush=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def _table(rows: list[dict[str, Any]]) -> str:
    lines = [f"{'way':16} {'old mAP50-95':>13} {'new mAP50-95':>13} {'s/epoch':>8}  growth"]
    for row in rows:
        new = "-" if row["new"] is None else f"{row['new']:.3f}"
        proof = row["proof"]
        growth = (
            f"parameters +{proof['parameters'][1] / proof['parameters'][0] - 1:.1%}, "
            f"FLOPs +{proof['flops'][1] / proof['flops'][0] - 1:.1%}; old scores within "
            f"{proof['max_score_diff']:.1e}"
            if proof
            else ""
        )
        lines.append(
            f"{row['way']:16} {row['old']:13.4f} {new:>13} {row['s_per_epoch']:8.2f}  {growth}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
