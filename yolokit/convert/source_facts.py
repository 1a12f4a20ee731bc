"""Reads what the checks of a data set look at from a source of any format."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from yolokit.convert.findings import Leftovers
from yolokit.convert.sources import open_to_look
from yolokit.datasets.build_table import table_of_images
from yolokit.datasets.facts import DatasetFacts, SourceAccount
from yolokit.formats.toolkit.locate import locate_images, require_sizes
from yolokit.images.scan import scan_images

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from yolokit.convert.config import ConvertConfig
    from yolokit.convert.sources import Opened
    from yolokit.labels.ledger import Ledger


def read_source_facts(
    config: ConvertConfig,
    found: Path,
    ledger: Ledger,
    *,
    imgsz: int,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[DatasetFacts, Opened]:
    """Read all annotations of a source, and decode each of its images once.

    Args:
        config: Says how the source is to be read; its task does not count.
        found: The source, or where it was unpacked.
        ledger: Gets what is wrong with it.
        imgsz: The resolution of training in px.
        on_progress: Called with the number of images decoded, and of all.

    Raises:
        ConfigError: An option does not fit the source.
        DataError: It is broken or not recognised.
    """
    opened = open_to_look(config, found, ledger)
    leftovers = Leftovers()
    images = opened.dataset.iter_images()
    if config.labels_only:
        images = require_sizes(images, ledger)
    else:
        images = leftovers.watch(locate_images(images, ledger, config.exif))
    table = table_of_images(images, opened.dataset.names)
    paths = [] if config.labels_only else list(dict.fromkeys(filter(None, table.images.paths)))
    scans = scan_images(paths, on_progress=lambda done: on_progress(done, len(paths)))
    lost = {PurePath(entry.image).name for entry in ledger.lost_images() if entry.image}
    unlisted = tuple(path for path in leftovers.list_left() if PurePath(path).name not in lost)
    account = SourceAccount(tuple(ledger.entries), tuple(ledger.findings), unlisted)
    facts = DatasetFacts(
        path=config.sources[0],
        purpose="source",
        names=opened.dataset.names,
        table=table,
        scans=scans,
        imgsz=imgsz,
        account=account,
    )
    return facts, opened
