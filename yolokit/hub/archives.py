"""The archives of public data sets: fetched, locked and kept exactly as weights are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.errors import DataError, FetchError
from yolokit.hub.ensure import Obtained, Request
from yolokit.hub.lockfile import read_lock
from yolokit.hub.resolve import Target
from yolokit.hub.source import Limits
from yolokit.hub.store import ARCHIVES, store_dir

if TYPE_CHECKING:
    from yolokit.core.events import OnEvent
    from yolokit.hub.catalog import ArchiveCard, DatasetCard


def obtain_archive(
    card: DatasetCard,
    archive: ArchiveCard,
    *,
    offline: bool | None,
    require_hash: bool,
    on_event: OnEvent,
) -> Obtained:
    """Return an archive that is kept, or fetch it; see :class:`yolokit.hub.ensure.Request`.

    Raises:
        DataError: It could not be fetched, or what is there or came is not what it must be.
    """
    request = Request(
        lambda: find_archive(card, archive),
        offline=offline,
        require_hash=require_hash,
        limits=Limits(most_bytes=ARCHIVES.most_bytes),
        on_event=on_event,
    )
    try:
        return request.obtain()
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
        entry=card.describe_archive(archive),
        stock=ARCHIVES,
        asked=card.name,
        locked=read_lock(store, ARCHIVES.lock_name).get(archive.file),
    )
