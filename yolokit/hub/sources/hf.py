"""``hf://owner/repo/path/file@revision``: a file of a Hugging Face repository.

Its address is public and stable, so the file is fetched like any other. huggingface_hub would keep
it in a cache of its own, under links, and knows neither our hashes nor our mirrors.
``HF_ENDPOINT`` and ``HF_TOKEN`` mean here what they mean there.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from yolokit.hub.source import SourceError
from yolokit.hub.sources.toolkit.http import check_address, open_http
from yolokit.hub.urls import is_url, split_url

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from yolokit.hub.source import Limits, Stream

IS_LOCAL = False
HOST = "https://huggingface.co"
_SHAPE = "hf://owner/repo/file@revision"


def check_url(url: str) -> None:
    """Refuse what is not of the form ``hf://owner/repo/file@revision``."""
    parts = split_url(to_https(url))
    check_address(parts.scheme, parts.hostname or "")


def open_stream(
    url: str, *, offset_bytes: int, validator: str | None, limits: Limits
) -> AbstractContextManager[Stream]:
    """Open a file at an offset; a token goes to the endpoint's own host alone."""
    return open_http(
        to_https(url),
        offset_bytes=offset_bytes,
        validator=validator,
        limits=limits,
        token=_token(),
    )


def endpoint() -> str:
    """Return the address of the hub, as its own tools find it.

    Raises:
        SourceError: The environment names something that is not an address.
    """
    address = (os.environ.get("HF_ENDPOINT", "").strip() or HOST).rstrip("/")
    if not is_url(address):
        raise SourceError(f"HF_ENDPOINT: {address!r} is not an address")
    return address


def _token() -> str | None:
    token = os.environ.get("HF_TOKEN", "").strip()
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise SourceError("HF_TOKEN has characters that no token has")  # and never say which
    return token or None


def to_https(url: str) -> str:
    """Translate ``hf://owner/repo/path/file@revision``; the revision is ``main`` by default.

    Raises:
        SourceError: It has another form.
    """
    parts = split_url(url)
    path, mark, revision = parts.path.partition("@")
    names = [unquote(name) for name in (parts.netloc, *path.split("/")[1:])]
    if len(names) < 3 or any(name in ("", ".", "..") for name in names) or (mark and not revision):
        raise SourceError(f"is not of the form {_SHAPE}")
    owner, repo, *file = (quote(name, safe="") for name in names)
    revision = quote(unquote(revision) or "main", safe="")
    return f"{endpoint()}/{owner}/{repo}/resolve/{revision}/{'/'.join(file)}"
