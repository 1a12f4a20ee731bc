"""What the headers of an HTTP response say about its file: RFC 9110, sections 13 to 15."""

from __future__ import annotations

import re
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from yolokit.hub.source import SourceError, Stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

_TRANSIENT = (408, 425, 429, 500, 502, 503, 504, 507, 509, 520, 521, 522, 523, 524)
_RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)")


def read_head(
    response: httpx.Response,
    chunks: Iterator[bytes],
    *,
    first_url: str,
    offset_bytes: int,
    validator: str | None,
) -> Stream:
    """Return the stream of an answer if its headers say that it is what was asked for.

    Args:
        response: The answer, its body not read yet.
        chunks: Its body.
        first_url: The address that the request began with, before any redirect.
        offset_bytes: Where the body was asked to begin.
        validator: What an earlier answer stated about the file, if anything.

    Raises:
        SourceError: It is something else: an error, a page for people, another part.
    """
    _check_status(response, first_url)
    headers = response.headers
    stated = _validator(response)
    start, total = _read_extent(response, offset_bytes)
    if response.status_code == 416:
        return Stream(iter(()), start, total, validator)
    if start and validator is not None and stated != validator:
        # A server that heeds Range but not If-Range would mix two files.
        raise SourceError("has a different file now", transient=True, restart=True)
    _check_kind(response)
    chunked = "chunked" in headers.get("transfer-encoding", "").lower()
    return Stream(
        chunks=chunks,
        offset_bytes=start,
        total_bytes=total,
        validator=stated,
        ends_visibly=chunked or total is not None or "content-length" in headers,
    )


def _check_status(response: httpx.Response, first_url: str) -> None:
    status, redirected = response.status_code, response.url != first_url
    if status in (200, 206, 416):
        return
    words = f"answers {status} {response.reason_phrase}".strip()
    # Links signed by an origin expire within minutes; some become valid a second later.
    if status in _TRANSIENT or (redirected and status in (400, 403)):
        raise SourceError(words, transient=True, after_s=_retry_after(response))
    raise SourceError(words)


def _check_kind(response: httpx.Response) -> None:
    """Refuse an answer that cannot be the file itself.

    A page for people in place of a file is how logins of networks answer; without a known hash
    it would be taken for the weights.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise SourceError(f"sends {encoding[:40]}, though plain bytes were asked for")
    if response.headers.get("content-type", "").lower().startswith("text/html"):
        raise SourceError("answers with a web page, not with a file")


def _read_extent(response: httpx.Response, asked: int) -> tuple[int, int | None]:
    """Return where the body begins and how long the whole file is, both in bytes."""
    if response.status_code == 200:
        return 0, _content_length(response)
    match = _RANGE.fullmatch(response.headers.get("content-range", "").strip())
    first, last, total = match.groups() if match else (None, None, None)
    size = int(total) if total and total != "*" else None
    if response.status_code == 416:
        if size == asked:
            return asked, size
        raise SourceError("has fewer bytes than are here already", transient=True, restart=True)
    if first is None or int(first) != asked:
        raise SourceError(
            "sends a different part from the one asked for", transient=True, restart=True
        )
    if size is not None and not int(first) <= int(last or 0) < size:
        raise SourceError("contradicts itself about the part it sends", restart=True)
    return asked, size


def _content_length(response: httpx.Response) -> int | None:
    text = response.headers.get("content-length", "")
    return int(text) if text.isdecimal() and len(text) < 19 else None


def _validator(response: httpx.Response) -> str | None:
    """Return what If-Range may carry: a strong ETag, else the date of the last change."""
    tag = response.headers.get("etag")
    if tag and tag.startswith('"'):
        return str(tag)
    changed = response.headers.get("last-modified")
    return str(changed) if changed else None


def _retry_after(response: httpx.Response) -> float | None:
    text = response.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return max(0.0, moment.timestamp() - time.time())
