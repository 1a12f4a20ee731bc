"""Files by path, name or address: found or fetched, and always verified."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from yolokit.core.events import Notice, OnEvent, ignore
from yolokit.errors import FetchError, WeightsError
from yolokit.files.atomic import rename_complete
from yolokit.files.locks import clear_lock, hold_alone
from yolokit.hub.check import (
    HOW_TO_REPLACE,
    VERIFIED,
    announce,
    check_file,
    describe_known,
    how_to_agree,
    no_hash,
)
from yolokit.hub.fetch import Fetched, fetch
from yolokit.hub.lockfile import HashFrom, LockEntry, add_to_lock
from yolokit.hub.partial import Part
from yolokit.hub.resolve import resolve
from yolokit.hub.source import Limits, is_local
from yolokit.hub.urls import public_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from yolokit.hub.catalog import Published
    from yolokit.hub.config import PullConfig
    from yolokit.hub.resolve import Target

OFFLINE_VARIABLE = "YOLOKIT_OFFLINE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Obtained:
    """A file that is there and is what it must be.

    Attributes:
        path: Absolute path of the file.
        sha256: 64 hexadecimal digits, of the file as it is now.
        size_bytes: Its size.
        name: Its name in the catalog, or None.
        url: Where it came from, without passwords; None where that is not known.
        status: What its hash was compared with, in words.
        fetched: It was not there before.
        entry: What the catalog says of it, or None.
    """

    path: Path
    sha256: str
    size_bytes: int
    name: str | None
    url: str | None
    status: str
    fetched: bool
    entry: Published | None


def pull_weights(
    config: PullConfig, on_event: OnEvent = ignore, *, limits: Limits | None = None
) -> Obtained:
    """Return weights that are there, or fetch those that a name or an address means.

    A file in the store is hashed each time: a second for the largest, while a changed checkpoint
    costs a whole training. Without ``limits`` they are those that suit people.

    Raises:
        WeightsError: There is no such name; nothing could be fetched; or what is there, or what
            came, is not what it must be.
    """
    request = Request(
        lambda: replace(resolve(config.name), asked=config.name),
        offline=config.offline,
        require_hash=config.require_hash,
        limits=limits or Limits(),
        on_event=on_event,
    )
    try:
        return request.obtain()
    except FetchError as error:
        raise WeightsError(str(error), hint=error.hint) from error


def is_offline() -> bool:
    """Tell whether the environment forbids connections."""
    return os.environ.get(OFFLINE_VARIABLE, "").strip().lower() in ("1", "true", "yes", "on")


def _accept_present(target: Target, on_event: OnEvent) -> Obtained:
    """Check a file that is there; one that is seen for the first time is locked."""
    check = check_file(target)
    if check.state == "differs":
        raise FetchError(f"{target.path} {check.detail}", hint=HOW_TO_REPLACE)
    found = Fetched("", check.size_bytes, check.sha256)
    if check.state == "ok":
        return _obtained(target, found, VERIFIED, fetched=False)
    if check.state == "not in catalog":
        if target.shadows is not None:
            on_event(Notice(f"{target.path} is taken, not the published {target.shadows}"))
        return _obtained(target, found, check.detail, fetched=False)
    status = describe_known(target)
    _lock(target, found)
    on_event(Notice(f"{target.title}: {status}"))
    return _obtained(target, found, status, fetched=False)


@dataclass(frozen=True, slots=True)
class Request:
    """A file that is wanted.

    Attributes:
        find: Finds out what it is; asked again once other processes have been waited for.
        offline: Open no connection; None asks the environment (``YOLOKIT_OFFLINE``).
        require_hash: Refuse what has no full hash yet, before any connection is opened.
        limits: How long to wait, how often to try and how much to take.
        on_event: Told what is done, and how many bytes are here.
    """

    find: Callable[[], Target]
    offline: bool | None
    require_hash: bool
    limits: Limits
    on_event: OnEvent

    def obtain(self) -> Obtained:
        """Return a file that is there, or fetch it.

        Raises:
            FetchError: It could not be fetched, or what is there or came is not what it must be.
        """
        while (found := self._attempt()) is None:
            pass
        return found

    def _attempt(self) -> Obtained | None:
        """Return the file; None where another process gave the name to another file."""
        target = self._resolve()
        if target.path.is_file():
            clear_lock(target.path)
            return _accept_present(target, self.on_event)
        self._choose_urls(target)
        waiting = Notice(f"another process is fetching {target.title}: waiting for it")
        with hold_alone(target.path, on_wait=lambda: self.on_event(waiting)):
            # Whoever held the lock before may have fetched this file, or another one that took
            # the name: only from now on does what is found out stay true.
            path, target = target.path, self._resolve()
            if target.path != path:
                return None
            if path.is_file():
                return _accept_present(target, self.on_event)
            if os.path.lexists(path):
                raise FetchError(f"{path} is in the way: it is not a file")
            return self._fetch(target)

    def _resolve(self) -> Target:
        """Find out what is wanted, and refuse it as early as can be."""
        target = self.find()
        disagreement = target.find_disagreement()
        if disagreement is not None:
            raise FetchError(f"{target.title} {disagreement}", hint=how_to_agree(target))
        if self.require_hash and target.known_sha256 is None:
            raise no_hash(target)
        return target

    def _choose_urls(self, target: Target) -> tuple[str, ...]:
        """Return the addresses to try; without a connection only those of this machine's files."""
        urls = target.list_urls()
        if not urls:
            raise FetchError(
                f"{target.title} is not here, and no address for it is known",
                hint="give the full address that it came from; it is not kept where it holds a "
                "token",
            )
        if not (is_offline() if self.offline is None else self.offline):
            return urls
        local = tuple(url for url in urls if is_local(url))
        if not local:
            raise FetchError(
                f"{target.title} is not in {target.path.parent}, and connections are forbidden "
                f"(--offline or {OFFLINE_VARIABLE})",
                hint=target.stock.carry.format(name=target.asked or target.title),
            )
        return local

    def _fetch(self, target: Target) -> Obtained:
        path = target.path
        part = path.with_name(f".{path.name}.part")
        urls = self._choose_urls(target)
        self.on_event(Notice(announce(target, urls[0])))
        try:
            fetched = fetch(urls, part, target.wanted, limits=self.limits, on_event=self.on_event)
        except KeyboardInterrupt:
            kept = "what has arrived is kept; the same command goes on from there"
            self.on_event(Notice(kept))
            raise
        _publish(target, part, fetched)
        status = describe_known(target)
        self.on_event(Notice(f"{target.title}: {status}"))
        return _obtained(target, fetched, status, fetched=True)


def _publish(target: Target, part: Path, fetched: Fetched) -> None:
    """Lock a complete file and give it its name.

    In this order: a process that is killed in between leaves a complete part whose hash is known
    by then, so that the next one need not fetch it again, and leaves no unknown file.
    """
    path = target.path
    try:
        _lock(target, fetched)
        Part(part).forget_origin()
        rename_complete(part, path)
    except FetchError:
        Part(part).discard()  # it differs from what another process has locked meanwhile
        raise
    except OSError as error:
        raise FetchError(f"cannot write {path}: {error.strerror}") from error


def _lock(target: Target, found: Fetched) -> None:
    """Add a file to the lock file of its store."""
    source = target.url or found.url
    entry = LockEntry(
        sha256=found.sha256,
        size_bytes=found.size_bytes,
        hash_from=_hash_from(target),
        url=public_url(source) if source else None,
    )
    add_to_lock(target.store, {target.path.name: entry}, target.stock.lock_name)


def _hash_from(target: Target) -> HashFrom:
    if target.entry is not None and target.entry.sha256 is not None:
        return "catalog"
    if target.sha256 is not None:
        return "address"
    return "name" if target.wanted.sha256_prefix else "first use"


def _obtained(target: Target, found: Fetched, status: str, *, fetched: bool) -> Obtained:
    source = target.url or found.url
    locked = target.locked.url if target.locked else None
    return Obtained(
        path=target.path.resolve(),
        sha256=found.sha256,
        size_bytes=found.size_bytes,
        name=target.entry.name if target.entry else None,
        url=public_url(source) if source else locked,
        status=status,
        fetched=fetched,
        entry=target.entry,
    )
