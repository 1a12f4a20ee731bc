"""What a name means: which file, where it is or will be, what is known about it, where to try."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import quote

from yolokit.core.suggest import nearest
from yolokit.errors import FetchError
from yolokit.hub.catalog import Published, WeightsEntry, find_entry, list_entries, list_names
from yolokit.hub.fetch import Wanted
from yolokit.hub.lockfile import LockEntry, read_lock
from yolokit.hub.source import SourceError, load_source
from yolokit.hub.sources.hf import HOST, endpoint, to_https
from yolokit.hub.store import WEIGHTS, Stock, locate_weights, no_weights, store_dir
from yolokit.hub.urls import (
    file_name_of,
    is_complete,
    is_plain_name,
    is_url,
    public_url,
    split_url,
    take_hash,
    with_mark,
)

_PLACES = ("host", "path", "file")

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One file of a store, present or not.

    Attributes:
        path: Where it is or will be, absolute.
        entry: What the catalog says, if it is there.
        stock: What kind of file it is.
        asked: What the user asked for to get it.
        locked: What the lock file says, if it is there.
        url: The address that the user named, if it was one.
        sha256: The hash that the user stated after the address.
        shadows: The name in the catalog that a file outside of the store hides.
    """

    path: Path
    entry: Published | None = None
    stock: Stock = WEIGHTS
    asked: str | None = None
    locked: LockEntry | None = None
    url: str | None = None
    sha256: str | None = None
    shadows: str | None = None

    @property
    def title(self) -> str:
        """What it is called in messages."""
        return self.entry.name if self.entry else self.path.name

    @property
    def store(self) -> Path:
        """The folder that has the lock file."""
        return self.path.parent.parent if self.stock.folder else self.path.parent

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
        return Wanted(self.title, size, self.known_sha256, prefix, self.stock.mirror_variable)

    def find_disagreement(self) -> str | None:
        """Say where catalog, lock file and user state different hashes, or None if they agree."""
        entry, locked = self.entry, self.locked
        stated = [
            ("the catalog", (entry.sha256 or entry.sha256_prefix) if entry else None),
            (self.stock.lock_name, locked.sha256 if locked else None),
            ("the address given", self.sha256),
        ]
        known = [(who, digits) for who, digits in stated if digits]
        for (one, first), (other, second) in pairwise(known):
            shared = min(len(first), len(second))
            if first[:shared] != second[:shared]:
                return f"is not one file: {one} says sha256 {first}, {other} says {second}"
        return None

    @property
    def published_at(self) -> tuple[str, ...]:
        """Where it is published, as far as that is known."""
        if self.url is not None:
            return (self.url,)
        if self.entry is not None:
            return self.entry.urls
        # A file that somebody else has locked: the committed lock file says where it came from.
        locked_url = self.locked.url if self.locked is not None else None
        return (locked_url,) if locked_url is not None and is_complete(locked_url) else ()

    def list_urls(self) -> tuple[str, ...]:
        """Return the addresses to try, in order: mirrors, then where it is published."""
        # On a mirror that is a plain folder, only names of the catalog say which file is which.
        file = self.path.name if self.entry else None
        return _list_mirrored(self.published_at, file, self.stock.mirror_variable)


def resolve(name: str) -> Target:
    """Find out what a path, a name or an address means; nothing is fetched.

    Raises:
        FetchError: It means nothing, or the lock file is damaged.
    """
    return _resolve_url(name) if is_url(name) else _resolve_name(name)


def _resolve_name(name: str) -> Target:
    store = store_dir("weights").absolute()
    found, entry = locate_weights(name), find_entry(name)
    if found is not None and found.parent.resolve() != store.resolve():
        return Target(path=found, shadows=entry.name if entry else None)
    if found is not None:
        return target_of_file(store, found.name)
    if entry is not None:
        return _in_store(store, entry.file, entry)
    for file in (name, f"{name}.pt"):
        target = _in_store(store, file, None) if is_plain_name(file) else None
        if target is not None and target.locked is not None:
            return target
    raise _unknown(name)


def _resolve_url(text: str) -> Target:
    url, sha256 = take_hash(text)
    try:
        load_source(url)
    except SourceError as error:
        raise FetchError(f"{public_url(url)}: {error}", hint=error.hint) from error
    store = store_dir("weights").absolute()
    entry = _entry_of_file(file_name_of(url))  # published addresses end in the files' names
    if entry is not None and url in entry.urls:
        return replace(_in_store(store, entry.file, entry), sha256=sha256)
    file = _choose_file(store, url, sha256)
    return replace(_in_store(store, file, None), url=url, sha256=sha256)


def target_of_file(store: Path, file: str) -> Target:
    """Return what is known about a file of the store by its name.

    Raises:
        FetchError: The lock file is damaged.
    """
    return _in_store(store, file, _entry_of_file(file))


def _in_store(store: Path, file: str, entry: WeightsEntry | None) -> Target:
    locked = read_lock(store).get(file)
    return Target(path=store / file, entry=entry, locked=locked)


def _choose_file(store: Path, url: str, sha256: str | None) -> str:
    """Name the file of an address; a name that is already taken gets a mark.

    Many addresses end in ``best.pt``: none may be taken for another.
    """
    plain = file_name_of(url)
    taken = read_lock(store).get(plain)
    if taken is not None:
        same = taken.url == public_url(url) or taken.sha256 == sha256
        return plain if same else with_mark(plain, url)
    foreign = os.path.lexists(store / plain) or _entry_of_file(plain) is not None
    return with_mark(plain, url) if foreign else plain


def _entry_of_file(file: str) -> WeightsEntry | None:
    entry = find_entry(file)
    return entry if entry is not None and entry.file == file else None


def _unknown(name: str) -> FetchError:
    """Say where it was looked for, and which name of the catalog is near."""
    error = no_weights(name)
    if name in {entry.family for entry in list_entries()}:
        error.hint = f"{name} is a family: `yolokit weights list --family {name}` shows its names"
        return error
    if re.fullmatch(r"yolov6[nslmx]?(\.pt)?", name):
        # Upstream describes these networks, so that people expect weights of them.
        error.hint = (
            "ultralytics publishes no weights of YOLOv6; yolov8n is near it, and "
            "`yolokit train --weights none --arch yolov6n` trains it from nothing"
        )
        return error
    guess = nearest(name, list_names()) if re.fullmatch(r"[^/\\]+", name) else None
    if guess is not None:
        error.hint = f"did you mean {guess!r}? `yolokit weights list` shows all of the catalog"
    return error


def _list_mirrored(urls: Sequence[str], file: str | None, variable: str) -> tuple[str, ...]:
    """Return all addresses of a file: mirrors of the environment first, then the published ones.

    A mirror is a folder that holds the files by their names, or a template with ``{host}``,
    ``{path}`` and ``{file}`` of the published address. Where a name alone does not say which file
    it is, ``file`` is None, and only templates apply.

    Raises:
        FetchError: A mirror in the environment is not an address.
    """
    found: list[str] = []
    for mirror in re.split(r"[\s,]+", os.environ.get(variable, "").strip()):
        if not mirror:
            continue
        _check_mirror(mirror, variable)
        if any(f"{{{place}}}" in mirror for place in _PLACES):
            found += [_fill(mirror, url) for url in urls]
        elif file is not None:
            found.append(f"{mirror.rstrip('/')}/{quote(file)}")
    found += [_at_endpoint(url) for url in urls]
    return tuple(dict.fromkeys(found))


def _check_mirror(mirror: str, variable: str) -> None:
    if not is_url(mirror):
        raise FetchError(
            f"{variable}: {mirror!r} is not an address",
            hint="a folder is written as file:///folder",
        )
    unknown = set(re.findall(r"\{([^}]*)\}", mirror)) - set(_PLACES)
    if unknown:
        raise FetchError(
            f"{variable}: {public_url(mirror)} has unknown placeholders "
            f"{', '.join(sorted(unknown))}",
            hint="the known ones are {host}, {path} and {file}",
        )


def _fill(template: str, url: str) -> str:
    parts = split_url(to_https(url) if url.startswith("hf:") else url)
    path = parts.path.lstrip("/")
    values = {"host": parts.netloc.rpartition("@")[2], "path": path, "file": path.split("/")[-1]}
    return re.sub(r"\{(host|path|file)\}", lambda match: values[match[1]], template)


def _at_endpoint(url: str) -> str:
    """Point an address of the hub to the endpoint that its own tools use here."""
    return endpoint() + url.removeprefix(HOST) if url.startswith(f"{HOST}/") else url
