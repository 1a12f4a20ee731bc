"""``https:``: any server with a valid certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.hub.sources.toolkit.http import check_address, open_http
from yolokit.hub.urls import split_url

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from yolokit.hub.source import Limits, Stream

IS_LOCAL = False


def check_url(url: str) -> None:
    """Refuse an address without a host, or without encryption on its way elsewhere."""
    parts = split_url(url)
    check_address(parts.scheme, parts.hostname or "")


def open_stream(
    url: str, *, offset_bytes: int, validator: str | None, limits: Limits
) -> AbstractContextManager[Stream]:
    """Open a file at an offset; redirects are followed, each under the same check."""
    return open_http(url, offset_bytes=offset_bytes, validator=validator, limits=limits)
