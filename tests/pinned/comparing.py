"""Compare two recordings, after what differs between two runs of one tree is made alike."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

# Each is as narrow as it can be: no message is taken away, only numbers that are never the same.
ALIKE: tuple[tuple[str, str], ...] = (
    (r"/tmp/yolokit-\w{8}", "/tmp/yolokit-<random>"),
)  # fmt: skip
_ALIKE = [(re.compile(pattern, re.MULTILINE), new) for pattern, new in ALIKE]


def normalise(text: str) -> str:
    """Return a record without what is another in each run."""
    for pattern, new in _ALIKE:
        text = pattern.sub(new, text)
    return text


def compare(old: Path, new: Path) -> int:
    """Print all differences of two recordings and return how many cases differ."""
    names = sorted({path.name for folder in (old, new) for path in folder.glob("*.txt")})
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
