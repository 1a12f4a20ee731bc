"""Fair timing: fresh processes, in turn (A B A B ...), medians of ratios with their spread.

Used by the benchmark scripts beside this file; needs nothing but the standard library.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_MIB = 1 << 20


@dataclass(frozen=True)
class Side:
    """One of the things that are compared.

    Attributes:
        name: What the table calls it.
        command: The command line to run in a fresh process.
        env: Variables to add to the environment.
        before: Runs before every process and is not timed, e.g. to clear an output folder.
        value: Turns the process' standard output into the figure to compare; without it that
            is the wall time in s.
        cwd: The folder to run in.
        group: What it works on, where a benchmark has several inputs: ratios stay within one.
    """

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[], None] | None = None
    value: Callable[[str], float] | None = None
    cwd: Path | None = None
    group: str = ""


@dataclass(frozen=True)
class Sample:
    """One process: its figure (s, or what ``Side.value`` gave) and its peak memory."""

    value: float
    peak_rss_bytes: int


@dataclass(frozen=True)
class Result:
    """All samples of one side, in the order they were taken."""

    side: str
    samples: tuple[Sample, ...]
    group: str = ""

    @property
    def values(self) -> list[float]:
        """The figures, in order."""
        return [sample.value for sample in self.samples]

    @property
    def median(self) -> float:
        """The median figure."""
        return statistics.median(self.values)

    @property
    def peak_rss_bytes(self) -> int:
        """The largest peak of resident memory over all processes of this side."""
        return max(sample.peak_rss_bytes for sample in self.samples)


def compare(sides: Sequence[Side], *, rounds: int) -> list[Result]:
    """Run every side once a round, in turn, and return the samples of each.

    Raises:
        RuntimeError: A process failed; its standard error is quoted.
    """
    samples: dict[str, list[Sample]] = {side.name: [] for side in sides}
    for number in range(rounds):
        for side in sides:
            print(f"round {number + 1}/{rounds}: {side.name}", file=sys.stderr, flush=True)
            samples[side.name].append(run_once(side))
    return [Result(side.name, tuple(samples[side.name]), side.group) for side in sides]


def run_once(side: Side) -> Sample:
    """Run one side in a fresh process.

    Raises:
        RuntimeError: It failed; the end of its standard error is quoted.
    """
    if side.before is not None:
        side.before()
    with tempfile.TemporaryDirectory() as scratch:
        figures = Path(scratch) / "figures.json"
        done = subprocess.run(
            [sys.executable, "-S", "-c", _LAUNCHER, str(figures), *side.command],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **side.env},
            cwd=side.cwd,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{side.name} exited {done.returncode}: {done.stderr[-2000:]}")
        wall_s, peak_rss_bytes = json.loads(figures.read_text())
    value = wall_s if side.value is None else side.value(done.stdout)
    return Sample(value, peak_rss_bytes)


# A process of its own that starts the one to measure: on Linux a child's peak memory is at least
# what its parent had at that moment, and this parent has next to nothing.
_LAUNCHER = """
import json, os, subprocess, sys, time
start_s = time.perf_counter()
process = subprocess.Popen(sys.argv[2:])
if sys.platform == "win32":
    process.wait()
    peak_rss_bytes = 0
else:
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    peak_rss_bytes = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
wall_s = time.perf_counter() - start_s
with open(sys.argv[1], "w") as stream:
    json.dump([wall_s, peak_rss_bytes], stream)
sys.exit(process.returncode)
"""


def ratios(of: Result, to: Result) -> list[float]:
    """Return the ratio of two sides within each round."""
    return [a / b for a, b in zip(of.values, to.values, strict=True)]


def report(name: str, results: Sequence[Result], *, base: str, unit: str, as_json: bool) -> None:
    """Print one table, or one line of JSON.

    Args:
        name: The benchmark's name.
        results: What ``compare`` returned, of several groups too.
        base: The side that the ratios of all others of its group refer to.
        unit: Unit of the figures, e.g. ``s``.
        as_json: Print JSON for machines instead of the table for people.
    """
    bases = {result.group: result for result in results if result.side == base}
    rows = [_row(result, bases[result.group], unit) for result in results]
    if as_json:
        print(json.dumps({"benchmark": name, "machine": machine(), "base": base, "sides": rows}))
        return
    print(f"{name}: {machine()}")
    names = [f"{row['input']}: {row['side']}" if row["input"] else row["side"] for row in rows]
    width = max(map(len, names))
    print(f"{'side':{width}}  median {unit:>4}  min..max           peak MiB  x {base}")
    for name_of_row, row in zip(names, rows, strict=True):
        spread = f"{row['min']:.3f}..{row['max']:.3f}"
        ratio = f"{row['ratio']:.3f} ({row['ratio_min']:.3f}..{row['ratio_max']:.3f})"
        print(
            f"{name_of_row:{width}}  {row['median']:11.3f}  {spread:17}  "
            f"{row['peak_rss_mib']:8.0f}  {ratio}"
        )


def machine() -> str:
    """Describe this machine in one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_cpu_name()}, {cores} cores, Python {platform.python_version()}, {sys.platform}"


def parser(description: str, *, rounds: int) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark has: ``--rounds`` and ``--json``."""
    result = argparse.ArgumentParser(description=description)
    result.add_argument("--rounds", type=int, default=rounds, help="processes per side")
    result.add_argument("--json", action="store_true", help="print one line of JSON")
    return result


def _row(result: Result, base: Result, unit: str) -> dict[str, Any]:
    relative = ratios(result, base)
    return {
        "input": result.group,
        "side": result.side,
        "unit": unit,
        "median": result.median,
        "min": min(result.values),
        "max": max(result.values),
        "values": result.values,
        "ratio": statistics.median(relative),
        "ratio_min": min(relative),
        "ratio_max": max(relative),
        "peak_rss_mib": result.peak_rss_bytes / _MIB,
    }


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
