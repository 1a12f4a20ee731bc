"""Fuzzes ``data convert``: thousands of broken data sets of every format, all promises checked.

A case breaks a small valid set and converts it in process. It must end in a set or in an error of
ours within 10 s: no other exception, no warning, nothing written outside of the output, and a
ledger that balances. Exits with 1 if one does not.

    uv run python tests/bench/fuzz_formats.py --cases 10000 --seed 0 --json
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
import warnings
from collections import Counter, defaultdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.samples.fuzz import Outcome, run_case

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_MEMORY_BYTES = 6 << 30
_SHOWN_FINDS = 10


def main() -> None:
    """Run the cases, and print a table and, if wanted, a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("--json", action="store_true", help="print one line of JSON as well")
    options = parser.parse_args()
    start_s = time.perf_counter()
    outcomes = run_cases(options.seed, options.cases, options.workers)
    wall_s = time.perf_counter() - start_s
    print_table(outcomes)
    finds = [(number, one) for number, one in enumerate(outcomes) if one.kind == "find"]
    for number, one in finds[:_SHOWN_FINDS]:
        print(f"\ncase {number}, {one.format}: {one.error}\n{one.detail}", file=sys.stderr)
    if options.json:
        head = {"benchmark": "fuzz-formats", "seed": options.seed, "cases": len(outcomes)}
        print(json.dumps({**head, "wall_s": round(wall_s, 1), "formats": summarise(outcomes)}))
    sys.exit(1 if finds else 0)


def run_cases(seed: int, count: int, workers: int) -> list[Outcome]:
    """Run cases in processes that are replaced now and then."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, _prepare, maxtasksperchild=20) as pool:
        return list(pool.imap(partial(run_case, seed), range(count), chunksize=50))


def _prepare() -> None:
    """Make a worker strict: warnings are errors, and memory has a limit."""
    warnings.simplefilter("error")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # decoders say there what they think of images
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY_BYTES, _MAX_MEMORY_BYTES))


def summarise(outcomes: Sequence[Outcome]) -> dict[str, dict[str, object]]:
    """Return for each format how its cases ended."""
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    errors: dict[str, Counter[str]] = defaultdict(Counter)
    for one in outcomes:
        kinds[one.format][one.kind] += 1
        if one.kind != "converted":
            errors[one.format][one.error] += 1
    return {
        name: {
            "cases": sum(counts.values()),
            "converted": counts["converted"],
            "refused": counts["refused"],
            "finds": counts["find"],
            "by_error": dict(errors[name].most_common()),
        }
        for name, counts in sorted(kinds.items())
    }


def print_table(outcomes: Sequence[Outcome]) -> None:
    """Print what :func:`summarise` returns for people."""
    print(f"{'format':12}  cases  converted  refused  finds  by error")
    for name, row in summarise(outcomes).items():
        errors = row["by_error"]
        assert isinstance(errors, dict)
        words = ", ".join(f"{error} {count}" for error, count in errors.items())
        figures = (
            f"{row['cases']:>5}  {row['converted']:>9}  {row['refused']:>7}  {row['finds']:>5}"
        )
        print(f"{name:12}  {figures}  {words}")


if __name__ == "__main__":
    main()
