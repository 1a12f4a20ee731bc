"""The quickstart: its steps, wall and CPU seconds of all its processes, and mAP50.

Wall time means something on idle cores alone; CPU time hardly depends on what else runs. So the
time on two idle cores is estimated: half the CPU time of the training, which computes on all
cores, and all of the rest.

Usage: python tests/bench/quickstart.py [--seeds 0 1 2] [--precision auto|fp32|bf16] [--json]
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from _measure import machine

_CORES = 2
_PROGRAM = """
import resource, sys
from yolokit.cli.main import main
from yolokit.jobs import quickstart

seed, precision, out, train_cpu = sys.argv[1:]
quickstart.TRAINING |= {"seed": int(seed), "precision": precision}
train = quickstart.Quickstart.train

def measured(job):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = train(job)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(train_cpu, "w") as stream:
        stream.write(str(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
    return result

quickstart.Quickstart.train = measured
main(["quickstart", "--out", out, "--json"])
"""


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="seeds of the training")
    parser.add_argument("--precision", default="auto", help="of the training")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    options = parser.parse_args()
    runs = []
    for seed in options.seeds:
        runs.append(run(seed, options.precision))
        if not options.json:
            print(describe(runs[-1]), flush=True)
    if options.json:
        print(json.dumps({"benchmark": "quickstart", "machine": describe_machine(), "runs": runs}))
    else:
        print(f"quickstart: {describe_machine()}")


def run(seed: int, precision: str) -> dict[str, Any]:
    """Run it once in a fresh folder; a failure is an error."""
    with tempfile.TemporaryDirectory() as scratch:
        train_cpu = Path(scratch) / "train-cpu"
        out = str(Path(scratch) / "out")
        before_s, began = _cpu_of_children_s(), time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, str(seed), precision, out, str(train_cpu)],
            stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        wall_s, cpu_s = time.perf_counter() - began, _cpu_of_children_s() - before_s
        train_cpu_s = float(train_cpu.read_text())
    result = json.loads(done.stdout)
    return {
        "seed": seed,
        "map50": result["map50_after"],
        "map50_before": result["map50_before"],
        "wall_s": wall_s,
        "cpu_s": cpu_s,
        "train_cpu_s": train_cpu_s,
        "idle_estimate_s": cpu_s - train_cpu_s + train_cpu_s / _CORES,
        "steps": [(step["command"], step["outcome"], step["seconds"]) for step in result["steps"]],
    }


def describe(one: dict[str, Any]) -> str:
    """Return what one run came to, a line a step."""
    steps = [
        f"  {seconds:6.1f} s  {' '.join(command.split()[1:3])[:30]:30}  {outcome}"
        for command, outcome, seconds in one["steps"]
    ]
    total = (
        f"seed {one['seed']}: mAP50 {one['map50_before']:.3f} -> {one['map50']:.3f}, wall "
        f"{one['wall_s']:.0f} s, CPU {one['cpu_s']:.0f} s, {one['train_cpu_s']:.0f} s of it "
        f"training; on {_CORES} idle cores about {one['idle_estimate_s']:.0f} s"
    )
    return "\n".join([total, *steps])


def describe_machine() -> str:
    """Describe the machine, and which matrix units its CPU has for bf16."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text("utf-8") if info.is_file() else ""
    units = [name for name in ("avx512_bf16", "amx_bf16") if re.search(rf"\b{name}\b", flags)]
    return f"{machine()}, bf16 by {' and '.join(units) or 'none'}"


def _cpu_of_children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
