"""Compare two recordings, after what differs between two runs of one tree is made alike."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

# Each is as narrow as it can be: no message is taken away, only numbers that are never the same.
_ALIKE = [
    (re.compile(pattern, re.MULTILINE), new)
    for pattern, new in (
        # The frames of --debug are where the code is, and that may move.
        (r"^(Traceback \(most recent call last\):\n)(?: .*\n|\n)+", r"\1  <frames>\n"),
        (r"/tmp/yolokit-\w{8}", "/tmp/yolokit-<random>"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:\+00:00|Z)", "<time>"),
        (r'("(?:pid|seconds|wall_s)": ?)[\d.e+-]+', r"\1<number>"),
        (r'("id": ?)"[0-9a-f]{32}"', r'\1"<id>"'),
        (r"\b(run )[0-9a-f]{32}\b", r"\1<id>"),
        (r"(  )\d+ img/s(?:  \d.* left)?$", r"\1<speed>"),
        (r"[\d.]+ images/s on", "<speed> images/s on"),
        (
            r"^(busy ms an image, in all threads: ).*$",
            lambda found: re.sub(r"[\d.]+", "<ms>", found[0]),
        ),
        (r"(images? of \w+ in )[\d.]+ s on", r"\1<time> on"),
        (r"(trying again in )[\d.]+ s$", r"\1<time>"),
        (r"[\d.]+ GiB free", "<space> free"),
        (r"^(\S+\.log  )[0-9a-f]{64}$", r"\1<what was logged>"),
    )
]
# What training makes is not compared bit by bit, and neither is what is exported from that.
_TRAINED = re.compile(r"^(\S+\.pt|\S*runs/train/\S+\.onnx)  ([0-9a-f]{64})$", re.MULTILINE)


def normalise(text: str) -> str:
    """Return a record without what is another in each run."""
    for name, sha256 in _TRAINED.findall(text):
        text = text.replace(sha256, f"<sha256 of {name}>")
    for pattern, new in _ALIKE:
        text = pattern.sub(new, text)
    return text


def compare(old: Path, new: Path, *, only: str = "*") -> int:
    """Print all differences of two recordings and return how many cases differ."""
    pattern = f"{only.replace('/', '__')}.txt"
    names = sorted({path.name for folder in (old, new) for path in folder.glob(pattern)})
    different = 0
    for name in names:
        before, after = (_read(folder / name) for folder in (old, new))
        lines = list(difflib.unified_diff(before, after, f"old/{name}", f"new/{name}", n=3))
        if lines:
            different += 1
            print("".join(lines))
    print(f"{len(names)} cases compared, {different} differ")
    return different


def _read(path: Path) -> list[str]:
    if not path.is_file():
        return ["not recorded\n"]
    return normalise(path.read_text("utf-8")).splitlines(keepends=True)
