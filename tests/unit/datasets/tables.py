"""Tables of labels made in memory, of any size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from yolokit.datasets.facts import DatasetFacts
from yolokit.datasets.label_table import ImageColumns, LabelTable
from yolokit.images.scan import ImageScan

Row = tuple[int, float, float, float, float]
NAMES = ("cat", "dog")
WHOLE: Row = (0, 0.0, 0.0, 1.0, 1.0)


def make_table(
    images: Sequence[tuple[str, Sequence[Row]]],
    *,
    names: tuple[str, ...] = NAMES,
    wh_px: tuple[int, int] = (640, 480),
) -> LabelTable:
    """Return the table of images, each a split and its rows: class and two corners."""
    rows = [row for _, some in images for row in some]
    owners = [at for at, (_, some) in enumerate(images) for _ in some]
    files = [f"{split or 'all'}/{at}.jpg" for at, (split, _) in enumerate(images)]
    return LabelTable(
        names,
        ImageColumns(
            [f"/set/{file}" for file in files],
            files,
            [split for split, _ in images],
            [f"/set/{file}.txt" for file in files],
            np.tile(np.array(wh_px, np.int64), (len(images), 1)),
        ),
        np.array(owners, np.int64),
        np.array([row[0] for row in rows], np.int64),
        np.array([row[1:] for row in rows], np.float64).reshape(-1, 4),
        np.ones(len(rows), np.int64),
    )


def make_facts(
    images: Sequence[tuple[str, Sequence[Row]]],
    *,
    scans: Mapping[str, ImageScan] | None = None,
    imgsz: int = 640,
    names: tuple[str, ...] = NAMES,
    wh_px: tuple[int, int] = (640, 480),
) -> DatasetFacts:
    """Return what a check looks at, of such images."""
    return DatasetFacts(
        path=Path("/set/data.yaml"),
        purpose="train",
        names=names,
        table=make_table(images, names=names, wh_px=wh_px),
        scans=scans or {},
        imgsz=imgsz,
    )
