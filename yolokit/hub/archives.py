"""The archives of public data sets: fetched, locked and kept exactly as weights are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.errors import DataError, FetchError
from yolokit.hub.ensure import Obtained, obtain
from yolokit.hub.lockfile import read_lock
from yolokit.hub.resolve import Target
from yolokit.hub.source import Limits
from yolokit.hub.store import ARCHIVES, store_dir

if TYPE_CHECKING:
    from collections.abc import Callable

    from yolokit.hub.catalog import ArchiveCard, DatasetCard


def obtain_archive(
    card: DatasetCard,
    archive: ArchiveCard,
    *,
    offline: bool | None = None,
    require_hash: bool = False,
    on_notice: Callable[[str], None] = lambda _text: None,
    on_progress: Callable[[int, int | None], None] = lambda _done, _total: None,
    limits: Limits | None = None,
) -> Obtained:
    """Return an archive that is kept, or fetch it; see :func:`yolokit.hub.ensure.obtain_weights`.

    Args:
        card: The data set.
        archive: One of its archives.
        offline: Open no connection; None asks the environment (``YOLOKIT_OFFLINE``).
        require_hash: Refuse what has no hash yet, before any connection is opened.
        on_notice: Takes sentences for people.
        on_progress: Takes the bytes that are there and the bytes that there will be, or None.
        limits: How long to wait and how often to try; None for what suits people.

    Raises:
        DataError: It could not be fetched, or what is there or came is not what it must be.
    """
    try:
        return obtain(
            lambda: find_archive(card, archive),
            offline=offline,
            require_hash=require_hash,
            on_notice=on_notice,
            on_progress=on_progress,
            limits=limits or Limits(most_bytes=ARCHIVES.most_bytes),
        )
    except FetchError as error:
        raise DataError(str(error), hint=error.hint) from error


def find_archive(card: DatasetCard, archive: ArchiveCard) -> Target:
    """Return where an archive is or will be, and what is known about it.

    Raises:
        FetchError: The lock file is damaged.
    """
    store = store_dir(ARCHIVES.kind).absolute()
    return Target(
        path=store / ARCHIVES.folder / archive.file,
        in_store=True,
        entry=card.describe_archive(archive),
        stock=ARCHIVES,
        asked=card.name,
        locked=read_lock(store, ARCHIVES.lock_name).get(archive.file),
    )
