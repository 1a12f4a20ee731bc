"""How long ``yolokit --help`` and ``yolokit predict --help`` take, beside ``yolo help``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from _inputs import program, upstream_env
from _measure import Side, compare, parser, report


def main() -> None:
    """Measure and print."""
    options = parser(__doc__ or "", rounds=7).parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        sides = [
            Side("python -c pass", [sys.executable, "-c", "pass"]),
            Side("import yolokit", [sys.executable, "-c", "import yolokit"]),
            Side("yolokit --help", [program("yolokit"), "--help"]),
            Side("yolokit predict --help", [program("yolokit"), "predict", "--help"]),
            Side("yolo help", [program("yolo"), "help"], env=upstream_env(Path(scratch))),
        ]
        results = compare(sides, rounds=options.rounds)
    report("startup", results, base="yolokit predict --help", unit="s", as_json=options.json)


if __name__ == "__main__":
    main()
