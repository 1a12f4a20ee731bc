"""How many planted label errors a model finds, and how many of what it lists are planted.

    python -m tests.bench.label_errors DATA MODEL [--share 0.05] [--seeds 3]

Of a set whose labels are taken for right, a share of the boxes is removed, as many get another
class, and as many are moved by 25 to 40 % of their sides. Errors that the set had before count
against the model here, so the true precision is no lower than what is printed.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from yolokit.core.boxes import pairwise_iou
from yolokit.datasets.data_yaml import load_data_yaml
from yolokit.datasets.read_facts import read_facts
from yolokit.evaluate.label_errors import TITLES, find_label_errors
from yolokit.evaluate.suspicions import LOOSE_BOX, MISSING_BOX, WRONG_CLASS

if TYPE_CHECKING:
    from yolokit.core.findings import Finding
    from yolokit.core.types import F64, I64
    from yolokit.datasets.label_table import LabelTable


class Planted(NamedTuple):
    """A table with errors, and where they are: rows of it, and the boxes that were removed."""

    table: LabelTable
    rows: dict[str, set[int]]
    removed: dict[str, list[F64]]  # image -> boxes (4,), fractions


def plant(table: LabelTable, share: float, seed: int) -> Planted:
    rng = np.random.default_rng(seed)
    count = round(share * len(table))
    order: I64 = rng.permutation(len(table))
    gone, swapped, moved = order[:count], order[count : 2 * count], order[2 * count : 3 * count]
    class_ids, xyxy = table.class_ids.copy(), table.xyxy.copy()
    others = rng.integers(1, len(table.names), count)
    class_ids[swapped] = (class_ids[swapped] + others) % len(table.names)
    sides = np.tile(xyxy[moved, 2:] - xyxy[moved, :2], 2)
    signs = np.tile(rng.choice([-1, 1], (count, 2)), 2)
    xyxy[moved] += sides * signs * np.tile(rng.uniform(0.25, 0.4, (count, 2)), 2) * 0.7
    kept = np.setdiff1d(np.arange(len(table)), gone)
    at = {int(old): new for new, old in enumerate(kept)}
    removed: dict[str, list[F64]] = {}
    for row in gone.tolist():
        removed.setdefault(table.images.paths[table.image_of[row]], []).append(table.xyxy[row])
    changed = msgspec.structs.replace(
        table,
        class_ids=class_ids[kept],
        xyxy=xyxy[kept],
        image_of=table.image_of[kept],
        lines=table.lines[kept],
    )
    rows = {
        WRONG_CLASS: {at[row] for row in swapped.tolist()},
        LOOSE_BOX: {at[row] for row in moved.tolist()},
    }
    return Planted(changed, rows, removed)


def is_planted(finding: Finding, planted: Planted, wh_px: tuple[int, int]) -> bool:
    if finding.row is not None:
        return finding.row in planted.rows[finding.code]
    boxes = planted.removed.get(str(finding.image), [])
    assert finding.xyxy_px is not None
    seen = np.array([finding.xyxy_px])
    return any(pairwise_iou(seen, box[None] * np.tile(wh_px, 2))[0, 0] >= 0.5 for box in boxes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    table = read_facts(load_data_yaml(given.data, need=("train", "val"))).table
    sizes = dict(zip(table.images.paths, table.images.wh_px.tolist(), strict=True))
    print("seed  code                planted  right of first N/2, N   listed  found in all")
    for seed in range(given.seeds):
        planted = plant(table, given.share, seed)
        groups = {one.code: one for one in find_label_errors(planted.table, given.model)}
        for code in TITLES:
            removed = sum(map(len, planted.removed.values()))
            count = removed if code == MISSING_BOX else len(planted.rows[code])
            found = list(groups[code].findings) if code in groups else []
            found.sort(key=lambda one: -(one.score or 0))
            hits = [is_planted(one, planted, tuple(sizes[str(one.image)])) for one in found]
            first, second = (np.mean(hits[:n]) for n in (count // 2, count))
            print(
                f"{seed:4}  {code:19} {count:7}  {first:10.2f} {second:10.2f} {len(hits):10} "
                f"{sum(hits) / count:10.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
