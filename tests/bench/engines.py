"""OpenVINO through yolokit beside OpenVINO's own ``benchmark_app``: ms a run of the network alone.

The same file, precision and threads, one run after another, on inputs of noise: what its
``-hint latency`` does, which does not let the threads be stated. A fresh process each time, in
turn; its start and first runs are left out.
"""

from __future__ import annotations

import re
import sys
import tempfile
from functools import partial
from pathlib import Path

from _inputs import add_options, get_model, last_number
from _measure import Result, Side, compare, parser, report

from yolokit.core.machine import usable_cores
from yolokit.runtime.providers.toolkit import load_provider

_HINTS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}

# As yolokit's commands time models: `yolokit bench`, the gate of speed, `yolokit optimize`.
_YOLOKIT = """
import sys
from yolokit.runtime.latency import TimingSpec, time_in_turn
model, precision, threads, seconds = sys.argv[1:]
spec = TimingSpec(model=model, provider="openvino", precision=precision, threads=int(threads))
[timing] = time_in_turn([spec], rounds=1, runs=10**6, turn_s=float(seconds))
print(timing.p50_ms)
"""

# Without its telemetry, which is sent by the import alone.
_OPENVINO = """
import sys
sys.modules["openvino_telemetry"] = None
from openvino.tools.benchmark.main import main
main()
"""


def read_median(out: str) -> float:
    """Return the median latency in ms that ``benchmark_app`` printed.

    Raises:
        RuntimeError: It printed none.
    """
    found = re.search(r"Median:\s+([0-9.]+) ms", out)
    if found is None:
        raise RuntimeError(f"benchmark_app printed no median: {out[-2000:]}")
    return float(found[1])


def main() -> None:
    """Measure and print."""
    options_parser = parser(__doc__ or "", rounds=3)
    add_options(options_parser)
    options_parser.add_argument("--threads", type=int, default=usable_cores())
    options_parser.add_argument("--seconds", type=int, default=4, help="of each process")
    options_parser.add_argument(
        "--precisions", nargs="+", choices=list(_HINTS), help="all that this machine has, if not"
    )
    options = options_parser.parse_args()
    precisions = options.precisions or load_provider("openvino").list_precisions()
    with tempfile.TemporaryDirectory() as name:
        model = str(get_model(options, Path(name)))
        measure = partial(_compare, model, options.threads, options.seconds, options.rounds)
        results = [result for precision in precisions for result in measure(precision)]
    report("engines", results, base="benchmark_app", unit="ms", as_json=options.json)


def _compare(model: str, threads: int, seconds: int, rounds: int, precision: str) -> list[Result]:
    sides = [
        Side(
            "benchmark_app",
            [
                sys.executable, "-c", _OPENVINO, "-m", model, "-d", "CPU", "-api", "sync",
                "-hint", "none", "-nstreams", "1",
                "-infer_precision", _HINTS[precision], "-nthreads", str(threads),
                "-t", str(seconds),
            ],
            value=read_median,
            group=precision,
        ),
        Side(
            "yolokit",
            [sys.executable, "-c", _YOLOKIT, model, precision, str(threads), str(seconds)],
            value=last_number,
            group=precision,
        ),
    ]  # fmt: skip
    return compare(sides, rounds=rounds)


if __name__ == "__main__":
    main()
