"""Small data sets, made by hand in a temporary folder."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np
import pytest

from yolokit.convert.config import ConvertConfig
from yolokit.convert.job import ConvertResult, convert
from yolokit.formats.toolkit.plugin import ReadOptions, load_format
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Dataset, LabelledImage

Shade: TypeAlias = int | tuple[int, int, int]


def shade_of(name: str) -> Shade:
    """Return a colour of its own for each name, so that no two images are the same picture."""
    red, green, blue = zlib.crc32(name.encode()).to_bytes(4, "big")[:3]
    return red, green, blue


def write_image(path: Path, width_px: int = 64, height_px: int = 48, shade: Shade = 90) -> Path:
    """Write an image of one colour, in the format of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode(path.suffix, np.full((height_px, width_px, 3), shade, np.uint8))
    assert done
    path.write_bytes(data.tobytes())
    return path


def write_text(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def write_yolo(
    root: Path,
    labels: Mapping[str, str | None],
    *,
    yaml: str = "train: images/train\nnames: [cat, dog]\n",
    split: str = "train",
) -> Path:
    """Write a YOLO set: image name to the text of its labels, None for no label file."""
    for name, text in labels.items():
        write_image(root / "images" / split / name, shade=shade_of(f"{split}/{name}"))
        if text is not None:
            stem = name.rsplit(".", 1)[0]
            write_text(root / "labels" / split / f"{stem}.txt", text)
    return write_text(root / "data.yaml", yaml)


def coco(
    images: Sequence[Mapping[str, Any]],
    annotations: Sequence[Mapping[str, Any]],
    categories: Sequence[Mapping[str, Any]] = ({"id": 1, "name": "cat"}, {"id": 7, "name": "dog"}),
) -> dict[str, Any]:
    """Put a COCO file together."""
    return {
        "images": list(images),
        "annotations": [{"id": at, **one} for at, one in enumerate(annotations)],
        "categories": list(categories),
    }


def coco_image(number: int, name: str = "", **more: Any) -> dict[str, Any]:
    return {"id": number, "file_name": name or f"{number}.jpg", "width": 64, "height": 48, **more}


def write_coco(path: Path, content: Mapping[str, Any]) -> Path:
    return write_text(path, json.dumps(content))


def voc_object(name: str = "cat", box: Sequence[object] = (4, 6, 20, 30), more: str = "") -> str:
    corners = "".join(
        f"<{corner}>{value}</{corner}>"
        for corner, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    )
    return f"<object>\n<name>{name}</name>{more}<bndbox>{corners}</bndbox>\n</object>\n"


def voc_xml(*objects: str, filename: str | None = "a.jpg", size: str | None = None) -> str:
    if size is None:
        size = "<size><width>64</width><height>48</height><depth>3</depth></size>"
    named = "" if filename is None else f"<filename>{filename}</filename>"
    return f"<annotation>\n{named}{size}\n{''.join(objects)}</annotation>\n"


class Read(NamedTuple):
    """What a reader gave."""

    dataset: Dataset
    images: list[LabelledImage]
    ledger: Ledger

    @property
    def boxes(self) -> dict[str, list[tuple[str, list[float]]]]:
        """Image to class name and box, boxes rounded to 1e-6 px."""
        names = self.dataset.names
        return {
            labelled.image.file_name: [
                (names[index], [round(value, 6) for value in box])
                for index, box in zip(
                    labelled.annotations.category_indices.tolist(),
                    labelled.annotations.xyxy.tolist(),
                    strict=True,
                )
            ]
            for labelled in self.images
        }

    @property
    def entries(self) -> list[tuple[str, str, int | None]]:
        return [
            (entry.action, entry.code, entry.index if entry.line is None else entry.line)
            for entry in self.ledger.entries
        ]


def read_set(name: str, source: Path, **options: Any) -> Read:
    """Read a set with one format, without looking for images."""
    ledger = Ledger()
    dataset = load_format(name).read(source, ReadOptions(**options), ledger)
    return Read(dataset, list(dataset.iter_images()), ledger)


Convert = Callable[..., ConvertResult]


@pytest.fixture
def run_convert(tmp_path: Path) -> Convert:
    """Convert into ``tmp_path/out``, more being allowed to drop than by default."""

    def run(source: Path, /, **options: Any) -> ConvertResult:
        values = {"source": source, "out": tmp_path / "out", "max_drop": "100%", **options}
        return convert(ConvertConfig.build(values))

    return run
