"""Which addresses are tried for a file, in which order."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from yolokit.errors import WeightsError
from yolokit.hub.sources.hf import HOST, endpoint, to_https
from yolokit.hub.urls import is_url, public_url, split_url

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLACES = ("host", "path", "file")


def list_mirrored(urls: Sequence[str], file: str | None, variable: str) -> tuple[str, ...]:
    """Return all addresses of a file: mirrors of the environment first, then the published ones.

    A mirror is a folder that holds the files by their names, or a template with ``{host}``,
    ``{path}`` and ``{file}`` of the published address.

    Args:
        urls: Where the file is published.
        file: Its name on a mirror that is a plain folder; None where a name alone does not say
            which file it is, so that only templates apply.
        variable: What names the mirrors in the environment.

    Raises:
        WeightsError: A mirror in the environment is not an address.
    """
    found: list[str] = []
    for mirror in re.split(r"[\s,]+", os.environ.get(variable, "").strip()):
        if not mirror:
            continue
        _check(mirror, variable)
        if any(f"{{{place}}}" in mirror for place in _PLACES):
            found += [_fill(mirror, url) for url in urls]
        elif file is not None:
            found.append(f"{mirror.rstrip('/')}/{quote(file)}")
    found += [_at_endpoint(url) for url in urls]
    return tuple(dict.fromkeys(found))


def _check(mirror: str, variable: str) -> None:
    if not is_url(mirror):
        raise WeightsError(
            f"{variable}: {mirror!r} is not an address",
            hint="a folder is written as file:///folder",
        )
    unknown = set(re.findall(r"\{([^}]*)\}", mirror)) - set(_PLACES)
    if unknown:
        raise WeightsError(
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
