"""What a converted set says of itself, by which an earlier one is recognised."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.errors import OutputExistsError
from yolokit.files.outputs import Held, Result, contains, read_object
from yolokit.formats.toolkit.plugin import can_write, list_formats, load_format

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from yolokit.convert.config import ConvertConfig
    from yolokit.convert.job import ConvertResult
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import LabelledImage

LEDGER_FILE = "ledger.jsonl"
_ONE_AN_IMAGE = re.compile(r"/\*\.(txt|xml|json)$")  # of what a format writes beside images


class _Counts(msgspec.Struct):
    images: int


class _Head(msgspec.Struct):
    """What is looked at of the first line of a ledger."""

    to: str
    splits: dict[str, _Counts]
    totals: dict[str, Any]
    labels_only: bool = False


def summarize(config: ConvertConfig, result: ConvertResult, ledger: Ledger) -> dict[str, object]:
    """Return what the first line of the ledger says about a set."""
    return {
        "sources": [ledger.shown(os.fspath(source)) for source in config.sources],
        "from": list(result.from_formats),
        "to": result.to_format,
        "task": config.task,
        "portable": config.link == "copy",
        "labels_only": config.labels_only,
        "evidence": list(result.evidence),
        "names": list(result.names),
        "splits": {split: msgspec.to_builtins(counts) for split, counts in result.splits.items()},
        "warnings": list(result.warnings),
    }


def recognise_set(folder: Path) -> list[Held] | None:
    """Return what the ledger in a folder says that was written there, or None without one."""
    try:
        head = msgspec.convert(read_object(folder / LEDGER_FILE, is_jsonl=True), _Head)
    except msgspec.ValidationError:
        return None
    if head.to not in list_formats() or not can_write(head.to):
        return None
    target = load_format(head.to)
    held = [Held((LEDGER_FILE,), 1)]
    labels: dict[str, int] = {}
    images: dict[str, int] = {}
    for split, counts in head.splits.items():
        name = glob.escape(split)
        written = [text.format(split=name).lower() for text in target.WRITTEN]
        held.append(Held(tuple(text for text in written if not _ONE_AN_IMAGE.search(text))))
        for text in filter(_ONE_AN_IMAGE.search, written):
            labels[text] = labels.get(text, 0) + counts.images
        place = target.IMAGE_FOLDER.format(split=name).lower()
        images[place] = images.get(place, 0) + (0 if head.labels_only else counts.images)
    held += [Held((text,), most) for text, most in labels.items()]
    return held + [Held((f"{place}/*",), most) for place, most in images.items()]


CONVERTED = Result(
    command="yolokit data convert", recognise=recognise_set, options="--name or --out"
)


class Replaced:
    """The set that a conversion is to replace; no source may read anything in it.

    Options name only where reading begins: a list or a ``data.yaml`` may lead anywhere.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self._exists = os.path.lexists(out)
        self._elsewhere: set[str] = set()

    def refuse_reading(self, images: Iterable[LabelledImage]) -> Iterator[LabelledImage]:
        """Pass on images of which neither the file nor that of its labels lies in the set.

        Raises:
            OutputExistsError: One of them does.
        """
        for labelled in images:
            if self._exists:
                self._refuse(labelled.image.source.path)
                if labelled.image.path is not None:
                    self._refuse(labelled.image.path)
            yield labelled

    def _refuse(self, path: str) -> None:
        folder = os.path.dirname(path)  # noqa: PTH120 - hot path
        if folder in self._elsewhere and not os.path.islink(path):  # noqa: PTH114 - hot path
            return
        if contains(self._out, Path(path)):
            raise OutputExistsError(
                f"{self._out} cannot be replaced: the command reads {path}, which is in it",
                hint=f"choose another {CONVERTED.options}",
            )
        self._elsewhere.add(folder)
