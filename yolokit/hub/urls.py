"""Addresses of weights: how to recognise one, its file name, and what may be shown of it."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from yolokit.errors import FetchError

_URL = re.compile(r"[a-z][a-z0-9+.-]*://|file:", re.IGNORECASE)
_LONGEST_URL = 4000
_SHA256 = re.compile(r"sha256=([0-9a-fA-F]{64})")
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._+-]+")
_LONGEST_NAME = 90  # with a mark it still fits the 100 bytes of a name in a plain tar
# Names that Windows gives to devices, whatever suffix follows.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_RESERVED = ("weights.lock", "datasets.lock", "readme.md")
_QUERY_MARK = "query-sha256="


def is_url(name: str) -> bool:
    """Tell an address from a path, a drive letter or a name such as ``torchvision:resnet50``."""
    return _URL.match(name) is not None


def split_url(url: str) -> SplitResult:
    """Split an address.

    Raises:
        FetchError: It is malformed, or could not be recorded in one line of text.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise FetchError(f"not an address: {_without_password(url)!r} ({error})") from error
    if not url.isprintable() or len(url) > _LONGEST_URL:
        raise FetchError(f"not an address: {_without_password(url)[:100]!r}")
    return parts


def _without_password(url: str) -> str:
    return re.sub(r"//[^/]*@", "//", url)


def scheme_of(url: str) -> str:
    """Return the scheme of an address, in lower case."""
    return split_url(url).scheme


def take_hash(url: str) -> tuple[str, str | None]:
    """Split ``ADDRESS#sha256=DIGITS`` into the address and the digits, if there are any.

    Raises:
        FetchError: What follows the ``#`` is something else: it may be a hash with a slip.
    """
    bare, mark, fragment = url.partition("#")
    if not mark:
        return url, None
    match = _SHA256.fullmatch(fragment)
    if match is None:
        raise FetchError(
            f"{public_url(bare)} is followed by #{fragment}, which is not a hash",
            hint="#sha256= and 64 hexadecimal digits state what the file must be",
        )
    return bare, match[1].lower()


def file_name_of(url: str) -> str:
    """Derive the name of a file in the store from an address; it never leaves the store.

    Raises:
        FetchError: The address names no file.
    """
    parts = split_url(url)
    path = parts.path
    if parts.scheme == "hf":
        path = path.partition("@")[0]
    last = re.split(r"[/\\]", unquote(path, errors="replace"))[-1]
    name = _NOT_PLAIN.sub("_", last).lstrip(".").rstrip(".")
    if not name.strip("_"):
        raise FetchError(f"{public_url(url)} does not end in the name of a file")
    if _DEVICES.match(name) or name.lower() in _RESERVED:
        name = f"_{name}"
    if len(name) > _LONGEST_NAME:
        name = with_mark(name[-_LONGEST_NAME:].lstrip("._"), url)
    return name


def with_mark(name: str, url: str) -> str:
    """Return a file name with 8 digits that set its address apart from others of the name."""
    stem, dot, suffix = name.rpartition(".")
    digits = hashlib.sha256(public_url(url).encode()).hexdigest()[:8]
    return f"{stem}-{digits}{dot}{suffix}" if stem else f"{name}-{digits}"


def is_plain_name(name: str) -> bool:
    """Tell whether a name is one that a file in the store may have, on every system."""
    return (
        0 < len(name.encode(errors="replace")) <= 100
        and name == name.strip()
        and name[0] != "."
        and name[-1] != "."
        and not set(name) & set('/\\:*?"<>|')
        and name.isprintable()
        and not _DEVICES.match(name)
        and name.lower() not in _RESERVED
    )


def public_url(url: str) -> str:
    """Return an address as it may be shown and recorded: without password, query or fragment.

    Queries carry signatures and tokens. Two addresses that differ only there remain
    distinct, by digits of the query's hash.
    """
    parts = split_url(url)
    host = parts.netloc.rpartition("@")[2]
    query = parts.query
    if query and not query.startswith(_QUERY_MARK):
        query = _QUERY_MARK + hashlib.sha256(query.encode()).hexdigest()[:16]
    return urlunsplit((parts.scheme, host, parts.path, query, ""))


def is_public_url(url: str) -> bool:
    """Tell whether a text from elsewhere is an address as :func:`public_url` returns it."""
    if not is_url(url):
        return False
    try:
        return public_url(url) == url
    except FetchError:
        return False


def is_complete(url: str) -> bool:
    """Tell whether an address from :func:`public_url` can be opened: nothing was left out."""
    return _QUERY_MARK not in split_url(url).query


def place_of(url: str) -> str:
    """Return what a person needs to know of an address: its host, or its path."""
    parts = split_url(url)
    if parts.scheme == "hf":
        return "huggingface.co"
    return parts.hostname or parts.path
