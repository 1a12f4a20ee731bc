"""Kills ``data convert`` at random moments: nothing is seen unless whole, nothing stays behind.

    uv run python tests/bench/kill_convert.py --times 50 --seed 0

Sources take turns: a folder in Pascal VOC (``--source``, or one that is drawn here), and a zip
file of it. After each ``kill -9`` the conversion is run to its end, and its files are compared
with those of a run that nobody disturbed. Exits with 1 if a promise is broken.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.samples.kill import KillTrial, draw_voc, pack


def main() -> None:
    """Run the trials and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--source", type=Path, help="a folder to convert in place of a drawn one")
    parser.add_argument("--images", type=int, default=400, help="how many are drawn")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        source = options.source or draw_voc(folder / "voc", options.images)
        trials = [
            KillTrial(source.resolve(), folder / "of-folder", options.seed),
            KillTrial(pack(source, folder / "set.zip"), folder / "of-zip", options.seed + 1),
        ]
        seen = Counter(trials[number % 2].run_once() for number in range(options.times))
        walls_s = [round(trial.wall_s, 2) for trial in trials]
    if options.json:
        print(json.dumps({"benchmark": "kill-convert", "wall_s": walls_s, "seen": seen}))
    else:
        print(f"undisturbed: folder {walls_s[0]} s, zip {walls_s[1]} s")
        for what, count in seen.most_common():
            print(f"{count:5}  {what}")
    sys.exit(0 if not any(what.startswith("broken") for what in seen) else 1)


if __name__ == "__main__":
    main()
