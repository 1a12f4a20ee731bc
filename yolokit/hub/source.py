"""What a source of weights offers, and how one is found for an address.

A source delivers bytes from an offset on; it does not check what they are: sizes and
hashes are checked in ``fetch.py``, for all sources alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

import msgspec

from yolokit.core.plugins import list_plugins, load_plugin
from yolokit.core.suggest import describe_unknown
from yolokit.errors import FetchError
from yolokit.hub.urls import scheme_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

PACKAGE = "yolokit.hub.sources"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait, how often to try, how much to take.

    Attributes:
        connect_s: For a connection to be made.
        read_s: For the next bytes, whatever has come before.
        headers_s: From the request to the end of the answer's headers.
        attempts: Times that one address is tried in a row without getting further.
        backoff_s: Wait after the first failure; it doubles with each further one.
        longest_wait_s: A server that asks for a longer one is left alone.
        window_s: Time over which the speed is measured.
        slowest_bytes_per_s: Below this, over a whole window, a connection is given up.
        progress_bytes: An attempt that got this much further starts the count of attempts anew.
        most_bytes: Largest file taken where the size is not known beforehand.
        redirects: Longest chain of redirects.
    """

    connect_s: float = 10.0
    read_s: float = 30.0
    headers_s: float = 60.0
    attempts: int = 4
    backoff_s: float = 0.5
    longest_wait_s: float = 30.0
    window_s: float = 30.0
    slowest_bytes_per_s: float = 1024.0
    progress_bytes: int = 1 << 20
    most_bytes: int = 8 << 30
    redirects: int = 8


class SourceError(FetchError):
    """One attempt at one address failed.

    Args:
        message: What happened, in words that can follow the address.
        transient: The same address may well work a moment later.
        after_s: What the server asked to wait, if it did.
        restart: What was fetched so far does not belong to what the server has now.
    """

    def __init__(
        self,
        message: str,
        *,
        transient: bool = False,
        after_s: float | None = None,
        restart: bool = False,
    ) -> None:
        super().__init__(message)
        self.transient = transient
        self.after_s = after_s
        self.restart = restart


@dataclass(frozen=True, slots=True)
class Stream:
    """Bytes of one file, from an offset on.

    Attributes:
        chunks: The bytes, in order; may raise :class:`SourceError`.
        offset_bytes: Where they begin: what was asked for, or 0 if the source cannot resume.
        total_bytes: Size of the whole file as the source states it, or None.
        validator: Changes with the file's content; None where the source does not have one.
        ends_visibly: A stream that is cut short is recognisable.
    """

    chunks: Iterator[bytes]
    offset_bytes: int
    total_bytes: int | None
    validator: str | None
    ends_visibly: bool = True


class Source(Protocol):
    """A module of ``sources``, named after the scheme of the addresses that it serves.

    Attributes:
        IS_LOCAL: It reads this machine's files alone and never opens a connection.
    """

    IS_LOCAL: bool

    def check_url(self, url: str) -> None:
        """Refuse an address that this source will not open, before anything is opened.

        Raises:
            SourceError: The address is malformed or not allowed.
        """

    def open_stream(
        self, url: str, *, offset_bytes: int, validator: str | None, limits: Limits
    ) -> AbstractContextManager[Stream]:
        """Open a file at an offset.

        Args:
            url: Address, of the module's own scheme.
            offset_bytes: How much is there already; the stream may begin at 0 nevertheless.
            validator: What an earlier stream of this address stated, if anything: where the file
                is another one by now, the stream begins at 0.
            limits: How long to wait.

        Raises:
            SourceError: It cannot be opened.
        """


def load_source(url: str) -> Source:
    """Import the source for an address and let it check the address.

    Raises:
        SourceError: There is no such source, or it refuses the address.
    """
    scheme = scheme_of(url)
    known = list_plugins(PACKAGE)
    if scheme not in known:
        raise SourceError(describe_unknown("kind of address", scheme, known))
    source = cast(Source, load_plugin(PACKAGE, scheme, kind="kind of address"))
    source.check_url(url)
    return source


def is_local(url: str) -> bool:
    """Tell whether an address can be read without any connection."""
    scheme = scheme_of(url)
    if scheme not in list_plugins(PACKAGE):
        return False
    return cast(Source, load_plugin(PACKAGE, scheme, kind="kind of address")).IS_LOCAL
