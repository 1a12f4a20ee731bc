"""What a name stands for: which file, where it is or will be, and what is known about it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from yolokit.core.suggest import nearest
from yolokit.errors import WeightsError
from yolokit.hub.entries import WeightsEntry, find_entry, list_entries, list_names
from yolokit.hub.fetch import Wanted
from yolokit.hub.lock import LOCK_NAME, LockEntry, read_lock
from yolokit.hub.mirrors import list_mirrored
from yolokit.hub.names import (
    file_name_of,
    is_complete,
    is_plain_name,
    is_url,
    public_url,
    take_hash,
    with_mark,
)
from yolokit.hub.source import load_source
from yolokit.hub.store import locate_weights, no_weights, store_dir

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One file of weights, present or not.

    Attributes:
        path: Where it is or will be, absolute.
        in_store: It belongs to the store, so that the lock file speaks of it.
        entry: What the catalog says, if it is there.
        locked: What the lock file says, if it is there.
        url: The address that the user named, if it was one.
        sha256: The hash that the user stated behind the address.
    """

    path: Path
    in_store: bool
    entry: WeightsEntry | None = None
    locked: LockEntry | None = None
    url: str | None = None
    sha256: str | None = None

    @property
    def title(self) -> str:
        """What it is called in messages."""
        return self.entry.name if self.entry else self.path.name

    @property
    def known_sha256(self) -> str | None:
        """The full hash, from whoever states it."""
        stated = (
            self.entry.sha256 if self.entry else None,
            self.sha256,
            self.locked.sha256 if self.locked else None,
        )
        return next((digits for digits in stated if digits), None)

    @property
    def wanted(self) -> Wanted:
        """What the file must be."""
        entry, locked = self.entry, self.locked
        size = entry.size_bytes if entry else None
        if size is None and locked is not None:
            size = locked.size_bytes
        prefix = entry.sha256_prefix if entry else None
        return Wanted(self.title, size, self.known_sha256, prefix)

    def list_urls(self) -> tuple[str, ...]:
        """Return the addresses to try, in order."""
        if self.url is not None:
            return list_mirrored([self.url], None)
        if self.entry is not None:
            return list_mirrored(self.entry.urls, self.path.name)
        # A file that somebody else has locked: the committed lock file says where it came from.
        url = self.locked.url if self.locked is not None else None
        if url is not None and is_complete(url):
            return list_mirrored([url], self.path.name)
        return ()


def resolve(name: str) -> Target:
    """Find out what a path, a name or an address stands for; nothing is fetched.

    Raises:
        WeightsError: It stands for nothing, or what is known about it contradicts itself.
    """
    target = _resolve_url(name) if is_url(name) else _resolve_name(name)
    check_agreement_of(target)
    return target


def check_agreement_of(target: Target) -> None:
    """Refuse a file about which catalog, lock file and user do not say the same.

    Raises:
        WeightsError: Two of them differ; the message has both.
    """
    entry, locked = target.entry, target.locked
    stated = [
        ("the catalog", (entry.sha256 or entry.sha256_prefix) if entry else None),
        (str(target.path.parent / LOCK_NAME), locked.sha256 if locked else None),
        ("the address given", target.sha256),
    ]
    known = [(who, digits) for who, digits in stated if digits]
    for (one, first), (other, second) in pairwise(known):
        shared = min(len(first), len(second))
        if first[:shared] != second[:shared]:
            raise WeightsError(
                f"{target.title}: {one} says sha256 {first}, {other} says {second}",
                hint="nothing is used while they differ; to accept the former, take the file out "
                "of the lock",
            )


def _resolve_name(name: str) -> Target:
    store = store_dir("weights").absolute()
    found = locate_weights(name)
    if found is not None and not _is_within(found, store):
        return Target(path=found, in_store=False)
    entry = find_entry(name)
    if found is not None:
        return in_store(store, found.name, _entry_of_file(found.name))
    if entry is not None:
        return in_store(store, entry.file, entry)
    for file in (name, f"{name}.pt"):
        target = in_store(store, file, None) if is_plain_name(file) else None
        if target is not None and target.locked is not None:
            return target
    raise _unknown(name)


def _resolve_url(text: str) -> Target:
    url, sha256 = take_hash(text)
    load_source(url)
    store = store_dir("weights").absolute()
    entry = next((one for one in list_entries() if url in one.urls), None)
    if entry is not None:
        known = in_store(store, entry.file, entry)
        return Target(
            path=known.path, in_store=True, entry=entry, locked=known.locked, sha256=sha256
        )
    file = _choose_file(store, url, sha256)
    locked = read_lock(store).get(file)
    return Target(path=store / file, in_store=True, locked=locked, url=url, sha256=sha256)


def in_store(store: Path, file: str, entry: WeightsEntry | None) -> Target:
    """Return what is known about a file of the store."""
    return Target(path=store / file, in_store=True, entry=entry, locked=read_lock(store).get(file))


def _choose_file(store: Path, url: str, sha256: str | None) -> str:
    """Name the file of an address: a name that something else has already is marked.

    Many addresses end in ``best.pt``: none may stand for another.
    """
    plain = file_name_of(url)
    taken = read_lock(store).get(plain)
    if taken is not None:
        same = taken.url == public_url(url) or taken.sha256 == sha256
        return plain if same else with_mark(plain, url)
    foreign = os.path.lexists(store / plain) or _entry_of_file(plain) is not None
    return with_mark(plain, url) if foreign else plain


def _entry_of_file(file: str) -> WeightsEntry | None:
    return next((entry for entry in list_entries() if entry.file == file), None)


def _is_within(path: Path, store: Path) -> bool:
    return path.parent.resolve() == store.resolve()


def _unknown(name: str) -> WeightsError:
    """Say where was looked, and which name of the catalog comes near."""
    error = no_weights(name)
    guess = nearest(name, list_names()) if re.fullmatch(r"[^/\\]+", name) else None
    if guess is not None:
        error.hint = f"did you mean {guess!r}? `yolokit weights list` shows all of the catalog"
    return error
