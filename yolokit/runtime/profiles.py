"""What `yolokit bench` found best for a model on this machine, and when ``predict`` goes by it.

A profile is one small JSON file, named by the sha256 of the model, in the folder ``profiles`` of
``YOLOKIT_HOME`` or of the platform's folder for a user's data. It counts as long as the machine and
the versions are those that it was measured with, and only where nobody said what to use.
"""

from __future__ import annotations

import platform
from importlib import metadata
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec

from yolokit import __version__
from yolokit.core.config import AUTO
from yolokit.core.events import Notice, OnEvent
from yolokit.core.machine import read_cpu_name, usable_cores
from yolokit.core.plural import counted
from yolokit.errors import ConfigError, DataError
from yolokit.files.atomic import write_atomic
from yolokit.files.digest import sha256_file
from yolokit.files.own_folders import data_dir
from yolokit.files.regular_file import why_no_file
from yolokit.files.size_limits import read_bounded
from yolokit.runtime.providers.toolkit import PRECISIONS, list_providers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMA_VERSION = 1
_DEFAULT_PRECISION = "fp32"
_UNREADABLE = (OSError, DataError, msgspec.DecodeError, UnicodeDecodeError, RecursionError)
# The packages that run models: another version of one may be faster, slower or wrong.
_ENGINES = (
    "onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml",
    "onnxruntime-migraphx", "onnxruntime-rocm", "onnxruntime-qnn", "onnxruntime-ep-openvino",
    "onnxruntime-ep-webgpu", "onnxruntime-ep-nv-tensorrt-rtx", "openvino", "tensorrt-cu12",
    "tensorrt-cu13",
)  # fmt: skip


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What a time depends on beside the model.

    Attributes:
        cpu: The processor.
        cores: Cores that a process may use.
        system: Operating system and architecture.
        versions: Of yolokit, and of the packages that run models.
    """

    cpu: str
    cores: int
    system: str
    versions: dict[str, str]


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What is best for one model on one machine.

    Attributes:
        model: The file, absolute.
        sha256: Of the file.
        provider: What runs it best; likewise ``precision`` and ``threads``.
        p50_ms: An image takes so long.
        default_p50_ms: And so long with what is taken without a profile.
        proof: In a sentence, why its results are as good.
        measured_at: When, in ISO 8601.
    """

    schema_version: int = SCHEMA_VERSION
    model: str
    sha256: str
    machine: Machine
    provider: str
    precision: str
    threads: Annotated[int, msgspec.Meta(ge=1)]
    p50_ms: float
    default_p50_ms: float
    proof: str
    measured_at: str


class Choice(NamedTuple):
    """What a model is run with, and what to tell of a profile, in sentences."""

    provider: str
    precision: str
    threads: int | None
    notes: tuple[str, ...] = ()
    profile: Profile | None = None


def describe_machine() -> Machine:
    """Return what this machine is, importing none of the packages that run models."""
    versions = {"yolokit": __version__}
    for package in _ENGINES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:  # one of several ways
            continue
    return Machine(
        cpu=read_cpu_name() or "unknown",
        cores=usable_cores(),
        system=f"{platform.system()} {platform.machine()}",
        versions=versions,
    )


def choose_engine(
    model: Path, *, provider: str, precision: str | None, threads: int | None
) -> Choice:
    """Return what to run a model with: a profile decides only where the user left all of it open.

    Args:
        model: The file.
        provider: ``auto``, or what the user asks for.
        precision: None, or what the user asks for.
        threads: None, or what the user asks for.
    """
    asked = Choice(provider, precision or _DEFAULT_PRECISION, threads)
    if (provider, precision, threads) != (AUTO, None, None):
        return asked
    found = find_profile(model)
    if found is None:
        return asked
    if isinstance(found, str):
        again = f"`yolokit bench {model}` measures it again"
        return asked._replace(notes=(f"what was found best for {model.name} {found}; {again}",))
    engine = (
        f"{found.provider} in {found.precision} with {counted(found.threads, 'thread')}, which "
        f"`yolokit bench` found best here ({found.p50_ms:.3g} ms an image)"
    )
    return Choice(found.provider, found.precision, found.threads, (f"runs on {engine}",), found)


def find_profile(model: Path) -> Profile | str | None:
    """Return the profile of a model, or why one that there is does not count, or None."""
    stored = list(iter_profiles())
    if not stored or why_no_file(model) is not None:
        return None
    sha256 = sha256_file(model)
    own = next((one for path, one in stored if path.stem == sha256), None)
    if own is None:
        place = str(model.resolve())
        known = any(isinstance(one, Profile) and one.model == place for _, one in stored)
        return "is not used: the file has changed since it was measured" if known else None
    if isinstance(own, str):
        return own
    return find_stale(own) or own


def find_stale(profile: Profile) -> str | None:
    """Say why a profile does not count any more, in words that follow its name; None if it does."""
    if profile.provider not in list_providers() or profile.precision not in PRECISIONS:
        return f"is not used: {profile.provider} in {profile.precision} is not known here"
    change = _find_change(profile.machine, describe_machine())
    return f"is not used: {change}" if change else None


def iter_profiles() -> Iterator[tuple[Path, Profile | str]]:
    """Yield each profile with its file; in place of one that cannot be read, the reason."""
    folder = data_dir("profiles")
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            profile = msgspec.json.decode(read_bounded(path), type=Profile)
        except _UNREADABLE as error:
            yield path, f"cannot be read from {path}: {error}"
            continue
        newer = f"is not used: {path} is of a newer yolokit"
        yield path, newer if profile.schema_version > SCHEMA_VERSION else profile


def save_profile(profile: Profile) -> Path:
    """Keep a profile, in place of an earlier one of the model; return its file.

    Raises:
        ConfigError: The folder cannot be made.
        OSError: The file cannot be written.
    """
    path = data_dir("profiles") / f"{profile.sha256}.json"
    write_atomic(path, msgspec.json.format(msgspec.json.encode(profile), indent=1) + b"\n")
    return path


def keep_profile(profile: Profile, on_event: OnEvent) -> Path | None:
    """Save a profile, or tell why that cannot be: what was measured is not lost by it."""
    try:
        return save_profile(profile)
    except (OSError, ConfigError) as error:
        on_event(Notice(f"predict will not take it by itself, since it cannot be kept: {error}"))
        return None


def forget_profile(model: Path) -> list[Path]:
    """Remove the profile of a model, and those of what its file held before; return their files."""
    place = str(model.resolve())
    sha256 = sha256_file(model) if why_no_file(model) is None else None
    gone = [
        path
        for path, one in iter_profiles()
        if path.stem == sha256 or (isinstance(one, Profile) and one.model == place)
    ]
    for path in gone:
        path.unlink(missing_ok=True)
    return gone


def _find_change(then: Machine, now: Machine) -> str | None:
    """Say what is another machine or version than a profile was measured with."""
    if then.cpu != now.cpu or then.system != now.system:
        return f"it was measured on another machine ({then.cpu}, {then.system})"
    if then.cores != now.cores:
        return f"it was measured with {counted(then.cores, 'core')}, now there {_are(now.cores)}"
    for package in sorted({*then.versions, *now.versions}):
        before, after = then.versions.get(package), now.versions.get(package)
        if before != after:
            return f"{package} was {before or 'not installed'}, now it is {after or 'gone'}"
    return None


def _are(cores: int) -> str:
    return f"is {cores}" if cores == 1 else f"are {cores}"
