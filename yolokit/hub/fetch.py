"""Fetch one file: address after address, retry after retry, until its bytes are the right ones.

Written on httpx rather than taken from a library for downloads: pooch cannot resume, and
huggingface_hub resumes only what it fetches from its own servers into its own cache.
"""

from __future__ import annotations

import errno
import random
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yolokit.core.events import Notice, Progress
from yolokit.core.plural import counted
from yolokit.errors import FetchError
from yolokit.files.file_kind import POINTER, WEB_PAGE, read_kind
from yolokit.hub.partial import Origin, Part
from yolokit.hub.source import Limits, SourceError, Stream, is_local, load_source
from yolokit.hub.store import WEIGHTS
from yolokit.hub.urls import public_url

if TYPE_CHECKING:
    import hashlib
    from collections.abc import Sequence
    from pathlib import Path

    from yolokit.core.events import OnEvent

_SPARE_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is known beforehand about a file.

    Attributes:
        name: What it is called in messages.
        size_bytes: Its exact size, or None.
        sha256: Its 64 hexadecimal digits, or None.
        sha256_prefix: The first of these digits, where no more are known.
        mirror_variable: What names mirrors of it in the environment.
    """

    name: str
    size_bytes: int | None = None
    sha256: str | None = None
    sha256_prefix: str | None = None
    mirror_variable: str = WEIGHTS.mirror_variable

    def find_fault(self, size_bytes: int, sha256: str) -> str | None:
        """Say how a complete file differs from what it must be, or None if it does not."""
        if size_bytes == 0:
            return "is empty"
        if self.size_bytes is not None and size_bytes != self.size_bytes:
            return f"has {counted(size_bytes, 'byte')} in place of {self.size_bytes}"
        digits = self.sha256 or self.sha256_prefix or ""
        if not sha256.startswith(digits):
            return f"has the wrong content: sha256 {sha256[: len(digits)]} in place of {digits}"
        return None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that arrived whole from an address; the hash is of the bytes as they were written."""

    url: str
    size_bytes: int
    sha256: str


def fetch(
    urls: Sequence[str],
    path: Path,
    wanted: Wanted,
    *,
    limits: Limits,
    on_event: OnEvent,
) -> Fetched:
    """Fetch a file to ``path``, going on with what an earlier process left there.

    Whatever interrupts it, what has arrived stays for the next call; only bytes that are known to
    be wrong are removed. One process at a time may do this for one path. The addresses are tried
    in order; ``path`` is a name of its own, and the caller renames the complete file.

    Raises:
        FetchError: No address delivered the file; a line for each says why. Or the disk is full.
    """
    job = _Job(Part(path), wanted, limits, on_event)
    failures: list[str] = []
    try:
        for url in urls:
            try:
                return job.fetch_from(url)
            except SourceError as error:
                failures.append(f"{public_url(url)}: {error}")
                if len(failures) < len(urls):
                    on_event(Notice(f"{failures[-1]}; trying the next address"))
    except OSError as error:
        raise _storage_error(error, path) from error
    listed = "".join(f"\n  - {failure}" for failure in failures)
    hint = (
        f"check the connection and proxies, or name a mirror in {wanted.mirror_variable}; what has "
        "arrived is kept, and the next try goes on from there"
    )
    raise FetchError(
        f"{wanted.name} could not be fetched:{listed or ' there is no address for it'}",
        hint=None if all(map(is_local, urls)) else hint,
    )


@dataclass(frozen=True, slots=True)
class _Job:
    part: Part
    wanted: Wanted
    limits: Limits
    on_event: OnEvent

    def fetch_from(self, url: str) -> Fetched:
        """Try one address, several times where that may help."""
        failures = 0
        furthest = self.part.size_bytes
        while True:
            try:
                return self.attempt(url)
            except SourceError as error:
                if error.restart:
                    self.part.discard()
                # Getting further than ever before is progress; repeating the start is none.
                if self.part.size_bytes >= furthest + self.limits.progress_bytes:
                    furthest, failures = self.part.size_bytes, 0
                failures += 1
                wait_s = self._choose_wait(error, failures)
                if wait_s is None:
                    raise
                again = f"{public_url(url)}: {error}; trying again in {wait_s:.1f} s"
                self.on_event(Notice(again))
                time.sleep(wait_s)

    def _choose_wait(self, error: SourceError, failures: int) -> float | None:
        """Return how long to wait before the same address is tried again; None to give up."""
        if not error.transient or failures >= self.limits.attempts:
            return None
        if error.after_s is not None:
            return error.after_s if error.after_s <= self.limits.longest_wait_s else None
        # Spread out, so that many machines that lost one server do not return all at once.
        spread = random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        return self.limits.backoff_s * spread * float(2 ** (failures - 1))

    def attempt(self, url: str) -> Fetched:
        """Open an address once, where the part ends, and read to the end of the file."""
        source = load_source(url)
        origin = self.part.read_origin()
        offset = self._resume_point(url, origin)
        validator = origin.validator if origin.url == public_url(url) else None
        if offset and offset == self.wanted.size_bytes:  # killed between the last byte and the end
            return self._accept(url, self.part.hash_so_far(), resumed=True)
        with source.open_stream(
            url, offset_bytes=offset, validator=validator if offset else None, limits=self.limits
        ) as stream:
            self._check_stream(stream)
            if stream.offset_bytes == 0:
                self.part.begin(Origin(public_url(url), stream.validator))
            elif validator is None:
                self.part.note(Origin())
            digest = self.part.hash_so_far()
            self._receive(stream, digest)
        return self._accept(url, digest, resumed=stream.offset_bytes > 0)

    def _resume_point(self, url: str, origin: Origin) -> int:
        """Return how much of the part may be kept, in bytes."""
        size = self.part.size_bytes
        most = self.limits.most_bytes if self.wanted.size_bytes is None else self.wanted.size_bytes
        same = origin.url == public_url(url) and origin.validator is not None
        return size if size <= most and (same or self.wanted.sha256) else 0

    def _check_stream(self, stream: Stream) -> None:
        """Compare what a source states with what is known, before any byte is taken."""
        known, stated = self.wanted.size_bytes, stream.total_bytes
        if known is not None and stated is not None and stated != known:
            raise SourceError(f"has {counted(stated, 'byte')} in place of {known}")
        size = known if known is not None else stated
        if size is None and not stream.ends_visibly and self.wanted.sha256 is None:
            raise SourceError("does not say how long the file is, so it may be cut short")
        if size is None:
            return
        if size > self.limits.most_bytes and known is None:
            raise SourceError(f"is larger than {self.limits.most_bytes} bytes")
        free = shutil.disk_usage(self.part.path.parent).free
        if free < size - stream.offset_bytes + _SPARE_BYTES:
            raise _disk_full(self.part.path, size - stream.offset_bytes, free)

    def _receive(self, stream: Stream, digest: hashlib._Hash) -> None:
        """Append a stream to the part: never more than the file can have, never too slowly."""
        known = self.wanted.size_bytes
        most = self.limits.most_bytes if known is None else known
        total = stream.total_bytes if known is None else known
        done = stream.offset_bytes
        pace = _Pace(self.limits, done)
        self.on_event(Progress(self.wanted.name, done, total, "bytes"))
        with self.part.path.open("ab") as file:
            for chunk in stream.chunks:
                done += len(chunk)
                if done > most:
                    raise SourceError(f"sends more than {most} bytes", restart=True)
                file.write(chunk)
                file.flush()  # what has arrived survives this process, however it ends
                digest.update(chunk)
                self.on_event(Progress(self.wanted.name, done, total, "bytes"))
                pace.check(done)
        if total is not None and done < total:
            raise SourceError(f"stopped after {done} of {counted(total, 'byte')}", transient=True)

    def _accept(self, url: str, digest: hashlib._Hash, *, resumed: bool) -> Fetched:
        """Check the complete file; a wrong one is removed."""
        fetched = Fetched(url, self.part.size_bytes, digest.hexdigest())
        fault = self.wanted.find_fault(fetched.size_bytes, fetched.sha256)
        if fault is None and self.wanted.sha256 is None:
            fault = self._find_stray()
        if fault is not None:
            self.part.discard()
            # Where the first bytes came from elsewhere, the server may be innocent.
            raise SourceError(fault, transient=resumed)
        return fetched

    def _find_stray(self) -> str | None:
        """Say what came in place of a file of unknown hash: a login page, a pointer."""
        kind = read_kind(self.part.path)
        return f"sends {kind.name}" if kind in (POINTER, WEB_PAGE) else None


class _Pace:
    """Notices a connection that is alive but too slow to ever end."""

    def __init__(self, limits: Limits, done: int) -> None:
        self._limits = limits
        self._begin_s, self._begin_bytes = time.monotonic(), done

    def check(self, done: int) -> None:
        now_s = time.monotonic()
        elapsed_s = now_s - self._begin_s
        if elapsed_s < self._limits.window_s:
            return
        speed = (done - self._begin_bytes) / elapsed_s
        if speed < self._limits.slowest_bytes_per_s:
            raise SourceError(f"is too slow: {speed:.0f} bytes in a second", transient=True)
        self._begin_s, self._begin_bytes = now_s, done


def _disk_full(path: Path, needed: int, free: int) -> FetchError:
    return FetchError(
        f"the disk of {path.parent} is full: {needed} bytes are needed, {free} are free",
        hint="make room, or set YOLOKIT_HOME to a folder on another disk",
    )


def _storage_error(error: OSError, path: Path) -> FetchError:
    full = error.errno in (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
    what = "the disk is full, or a quota is reached" if full else (error.strerror or str(error))
    return FetchError(
        f"cannot write {path}: {what}",
        hint="make room, or set YOLOKIT_HOME to a folder elsewhere; what has arrived is kept",
    )
