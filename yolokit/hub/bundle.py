"""Bundles: weights in one uncompressed tar with their hashes, for machines without a network.

The first member is ``manifest.json``; the files follow in its order. The same files always make
the same bundle, byte for byte.
"""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Annotated

import msgspec

from yolokit.errors import ConfigError, FetchError
from yolokit.files.atomic import publish_file
from yolokit.files.outputs import Replacing, Result, check_output
from yolokit.hub.source import is_local
from yolokit.hub.urls import is_plain_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolokit.hub.ensure import Obtained

MANIFEST_NAME = "manifest.json"
SCHEMA_VERSION = 1
MOST_MANIFEST_BYTES = 1 << 20
# What a size field of 11 octal digits can hold: larger files need extensions of the format.
MOST_BYTES = 8**11 - 1


class BundledFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a bundle.

    Attributes:
        file: Its name in the bundle and in the store.
        sha256: 64 hexadecimal digits.
        size_bytes: Its size.
        name: Its name in the catalog, or None.
        license: SPDX identifier, where the catalog knows it.
        url: Where it came from, without passwords; None if that was a file of the same machine.
    """

    file: str
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    size_bytes: Annotated[int, msgspec.Meta(ge=0, le=MOST_BYTES)]
    name: str | None = None
    license: str | None = None
    url: str | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle holds; unknown keys are ignored, so that older versions read newer ones."""

    schema_version: int
    files: tuple[BundledFile, ...]


def check_bundle_output(out: Path, *, overwrite: bool) -> None:
    """Refuse to write a bundle over what is not a bundle, before anything is fetched.

    Raises:
        OutputExistsError: ``out`` exists and is not to be replaced.
    """
    check_output(out, Replacing(result=_RESULT, wanted=overwrite))


def write_bundle(weights: Sequence[Obtained], out: Path, *, overwrite: bool) -> None:
    """Write weights that are here into one tar, checking them again on the way.

    Raises:
        OutputExistsError: ``out`` exists and is not to be replaced.
        ConfigError: Two files have the same name, or one that a bundle cannot carry.
        FetchError: A file cannot be read, or has changed since it was checked.
    """
    ordered = sorted(
        {found.path: found for found in weights}.values(), key=lambda found: found.path.name
    )
    _check_names([found.path.name for found in ordered])
    manifest = Manifest(
        schema_version=SCHEMA_VERSION, files=tuple(_describe(found) for found in ordered)
    )
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    replacing = Replacing(
        result=_RESULT, wanted=overwrite, keep=tuple(found.path for found in ordered)
    )
    with publish_file(out, replacing) as part:
        try:
            with tarfile.open(part, "w", format=tarfile.USTAR_FORMAT) as tar:
                tar.addfile(_head(MANIFEST_NAME, len(text)), io.BytesIO(text))
                for found in ordered:
                    _add(tar, found)
        except OSError as error:
            raise FetchError(f"cannot write {out}: {error.strerror or error}") from error


def _recognise(path: Path) -> tuple[()] | None:
    try:
        with tarfile.open(path, "r:") as tar:
            first = tar.next()
            content = tar.extractfile(first) if first is not None else None
            if first is None or first.name != MANIFEST_NAME or content is None:
                return None
            msgspec.json.decode(content.read(MOST_MANIFEST_BYTES), type=Manifest)
    except (tarfile.TarError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return ()


_RESULT = Result(command="yolokit weights bundle", recognise=_recognise, is_folder=False)


def _add(tar: tarfile.TarFile, found: Obtained) -> None:
    import hashlib

    with found.path.open("rb") as stream:
        tar.addfile(_head(found.path.name, found.size_bytes), stream)
        whole = not stream.read(1)
        stream.seek(0)
        same = hashlib.file_digest(stream, "sha256").hexdigest() == found.sha256
    if not (whole and same):
        raise FetchError(f"{found.path} has changed while it was being bundled")


def _head(name: str, size_bytes: int) -> tarfile.TarInfo:
    """Return a member's header without anything about this machine, user or time."""
    head = tarfile.TarInfo(name)
    head.size, head.mode, head.mtime = size_bytes, 0o644, 0
    return head


def _describe(found: Obtained) -> BundledFile:
    if found.size_bytes > MOST_BYTES:
        raise ConfigError(f"{found.path} is too large for a bundle: at most {MOST_BYTES} bytes")
    return BundledFile(
        file=found.path.name,
        sha256=found.sha256,
        size_bytes=found.size_bytes,
        name=found.name,
        license=found.entry.license if found.entry else None,
        url=None if found.url is None or is_local(found.url) else found.url,
    )


def _check_names(names: Sequence[str]) -> None:
    seen: set[str] = {MANIFEST_NAME}
    problems = []
    for name in names:
        if not is_plain_name(name):
            problems.append(f"{name!r} is not a name that a file in the store can have")
        elif name.casefold() in seen:
            problems.append(f"{name!r} is there more than once")
        seen.add(name.casefold())
    if problems:
        raise ConfigError("these files do not fit into one bundle:", problems=problems)
