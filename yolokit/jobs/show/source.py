"""A source of any format, opened to be looked at: everything that its labels hold."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.convert.config import ConvertConfig
from yolokit.convert.sources import open_to_look, shown_places, unpack_source
from yolokit.convert.steps.keep_sample import keyed_images
from yolokit.core.config import AUTO
from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.formats.toolkit.locate import locate_images
from yolokit.images.byte_range import read_bytes
from yolokit.images.files import decode_image, read_image
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Dataset

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from yolokit.core.types import U8
    from yolokit.jobs.show.config import ShowConfig
    from yolokit.labels.model import ImageRecord, LabelledImage


class Source(msgspec.Struct, frozen=True, eq=False):
    """What is looked at.

    Attributes:
        format: How it is written.
        evidence: What was concluded about it, one sentence each.
        exif: What labels of turned images were drawn on, one of ``EXIF``.
        ledger: Gets what cannot be shown.
    """

    dataset: Dataset
    format: str
    evidence: tuple[str, ...]
    exif: str
    ledger: Ledger

    def iter_keyed(self) -> Iterator[tuple[str, LabelledImage]]:
        """Start a pass over all labels; each image has a key, the same in every pass."""
        return keyed_images(self.dataset.iter_images())

    def iter_located(
        self, keys: Collection[str] | None = None
    ) -> Iterator[tuple[str, LabelledImage]]:
        """Yield images whose files are found, with their keys; labels are in px of these.

        ``keys`` says which images are wanted; None for all. The ledger gets those that are lost.
        """
        current = ""

        def iter_wanted() -> Iterator[LabelledImage]:
            nonlocal current
            for key, labelled in self.iter_keyed():
                if keys is None or key in keys:
                    current = key
                    yield labelled

        for labelled in locate_images(iter_wanted(), self.ledger, self.exif):
            yield current, labelled  # one after the other: it is the last one that was taken

    def shown(self, path: str) -> str:
        """Return what a file is called in messages, as an absolute path."""
        shown = self.ledger.shown(os.path.abspath(path))  # noqa: PTH100 - not to follow links
        return os.path.abspath(shown)  # noqa: PTH100 - in an archive below the working folder


@contextmanager
def open_source(config: ShowConfig, scratch: Path) -> Iterator[Source]:
    """Open a source; what an archive holds is unpacked into a scratch folder that is there.

    Raises:
        ConfigError: An option does not fit the source.
        DataError: It is broken, hostile or not recognised.
    """
    source, ledger = Path(config.source), Ledger()
    reading = ConvertConfig(
        source,
        source,
        images=config.images,
        from_format=config.from_format,
        assume=config.assume,
    )
    with shown_places(ledger):
        found = unpack_source(source, scratch / "source", ledger)
        task = None if config.task == AUTO else Task(config.task)
        opened = open_to_look(reading, found, ledger, task)
        (name,) = opened.formats
        yield Source(opened.dataset, name, opened.evidence, reading.exif, ledger)


def read_pixels(image: ImageRecord) -> U8:
    """Decode an image that was found, upright: (H, W, 3) uint8 BGR.

    Raises:
        DataError: It cannot be read or decoded.
    """
    assert image.path is not None, "it was found"
    path = Path(image.path)
    if image.span is None:
        return read_image(path)
    content = np.frombuffer(read_bytes(path, image.span), np.uint8)
    if len(content) < image.span.length_bytes:
        raise DataError("it ends before an image in it does", path=path)
    return decode_image(content, path)
