"""Pin what the commands do before code is moved: record, change, record again, compare.

    python -m tests.pinned inputs INPUTS [--bccd DIR] [--cases DIR]
    python -m tests.pinned record OUT --inputs INPUTS [--yolokit COMMAND] [--only PATTERN]
        [--at-once N]
    python -m tests.pinned compare OLD NEW [--only PATTERN]

The inputs are made once, and both recordings use them. What is recorded is what a user has of a
command: its exit code, its words, and each file that it left. A recording that was cut short goes
on where it is called again. ``compare`` exits with 1 where anything differs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main() -> int:
    """Run one of the three steps."""
    parser = argparse.ArgumentParser(prog="tests.pinned", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    steps = parser.add_subparsers(dest="step", required=True)
    inputs = steps.add_parser("inputs", help="write the inputs, with the tree of today")
    inputs.add_argument("folder", type=Path)
    inputs.add_argument("--bccd", type=Path, help="the BCCD data set as published")
    inputs.add_argument("--cases", type=Path, help="a folder of inputs of earlier mistakes")
    record = steps.add_parser("record", help="run the commands of one installation")
    record.add_argument("out", type=Path)
    record.add_argument("--inputs", type=Path, required=True)
    own = Path(sys.executable).with_name("yolokit")
    record.add_argument("--yolokit", type=Path, default=own, help="the command that is recorded")
    record.add_argument("--only", default="*", help="a pattern of names of cases")
    record.add_argument("--at-once", type=int, default=2, help="cases that run side by side")
    compare = steps.add_parser("compare", help="print what differs")
    compare.add_argument("old", type=Path)
    compare.add_argument("new", type=Path)
    compare.add_argument("--only", default="*", help="a pattern of names of cases")
    options = parser.parse_args()
    if options.step == "inputs":
        from tests.pinned.inputs import write_inputs

        write_inputs(options.folder.absolute(), options.bccd, options.cases)
        return 0
    if options.step == "record":
        from tests.pinned.recording import record as run

        yolokit = options.yolokit.absolute()
        run(
            options.out, options.inputs.absolute(), yolokit,
            only=options.only, at_once=options.at_once,
        )  # fmt: skip
        return 0
    from tests.pinned.comparing import compare as look

    return 1 if look(options.old, options.new, only=options.only) else 0


if __name__ == "__main__":
    sys.exit(main())
