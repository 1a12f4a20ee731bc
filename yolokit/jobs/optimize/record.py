"""What a search keeps in its folder: what it is about, and a file for each candidate tried.

Each file appears whole or not at all, as soon as it is known; so a search that was killed at any
moment goes on with what it had found out.
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING, TypeVar

import msgspec

from yolokit.core.plural import counted
from yolokit.errors import ConfigError, DataError, ExportError, OutputExistsError
from yolokit.files.atomic import write_atomic
from yolokit.files.locks import drop_lock, take_lock
from yolokit.files.size_limits import read_bounded
from yolokit.jobs.optimize.candidates import Candidate, Outcome, Score
from yolokit.jobs.optimize.ranking import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEARCH_FILE = "search.json"
TRAINED_FILE = "trained.json"
PUBLISHED_FILE = "published.json"
MODEL_NAME = "best.onnx"
CANDIDATES_DIR = "candidates"
MODELS_DIR = "models"
_LOCK = ".search.lock"
_T = TypeVar("_T")

# What must be as it was for measurements to be compared, and how a difference is told.
_MUST_MATCH = {
    "weights_sha256": "weights: are another file",
    "data_sha256": "data: has other classes, images or labels",
    "images_sha256": "data: has other images in val",
}


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What a search is about.

    The limits are not in it: measurements do not depend on them, so that the same folder answers
    for others as well.

    Attributes:
        weights: Path of the checkpoint.
        weights_sha256: What it was.
        data: Absolute path of the ``data.yaml``.
        data_sha256: Of class names, and the images' names and labels.
        images_sha256: Of the content of the images of val.
        imgsz: Side of the input in px; None for that of the training.
        threads: Of the parent.
        machine: Processor and number of usable cores.
        versions: Of the software, as the search began.
        started: When that was.
    """

    weights: str
    weights_sha256: str
    data: str
    data_sha256: str
    images_sha256: str
    imgsz: int | None
    threads: int
    machine: str
    versions: dict[str, str]
    started: str


class Trained(msgspec.Struct, frozen=True, kw_only=True):
    """What the trained model itself reaches, in torch.

    Attributes:
        score: On val.
        part: On a part of val, where that is looked at first.
    """

    score: Score
    part: Score | None = None


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What was published of a search, as ``best.onnx`` in its folder with the gates' records.

    Attributes:
        candidate: The winner.
        limits: Those that it keeps.
        model_sha256: Of the file.
        profile: File of this machine's profile, by which ``yolokit predict`` takes the engine;
            empty where it could not be kept.
        low: Lower end of the 95 % interval of what it loses on other images of this kind; None
            where val has too few.
        high: Its upper end.
        test: Accuracy on the test split, by which nothing was chosen; None without one.
        trained_test: That of the trained model, likewise.
    """

    candidate: Candidate
    limits: Limits
    model_sha256: str
    profile: str
    low: float | None = None
    high: float | None = None
    test: Score | None = None
    trained_test: Score | None = None


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only process that searches in a folder: two would spoil each other's timing.

    Raises:
        ConfigError: Another one does, the folder cannot be made, or its disk has no locks.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = take_lock(folder / _LOCK)
    except OSError as error:
        raise ConfigError(
            f"cannot write to {folder}: {error.strerror or error}",
            hint="--out names a folder on a disk with locks",
        ) from error
    if lock is None:
        raise ConfigError(
            f"another process is searching in {folder}",
            hint="wait for it, or give this search another --name",
        )
    try:
        yield
    finally:
        drop_lock(lock)


def join_search(folder: Path, wanted: Search) -> tuple[Search, bool]:
    """Begin a search in a folder, or go on with the one that is there; tell whether it was there.

    Raises:
        OutputExistsError: The folder holds something else.
        ConfigError: It holds a search for something else; each difference is named.
    """
    if (folder / SEARCH_FILE).exists():
        found = read_record(folder / SEARCH_FILE, Search)
        _require_same(folder, found, wanted)
        return found, True
    if any(not entry.name.startswith(".") for entry in folder.iterdir()):
        raise OutputExistsError(
            f"{folder} already exists, and is not a search", hint="choose another --name or --out"
        )
    _write(folder / SEARCH_FILE, wanted)
    return wanted, False


def _require_same(folder: Path, found: Search, wanted: Search) -> None:
    problems = [
        text
        for name, text in _MUST_MATCH.items()
        if getattr(found, name) != getattr(wanted, name)
    ]  # fmt: skip
    problems += [
        f"{name}: {_show(getattr(wanted, name))}, where it began with {_show(getattr(found, name))}"
        for name in ("imgsz", "threads", "machine")
        if getattr(found, name) != getattr(wanted, name)
    ]
    if problems:
        raise ConfigError(
            f"{folder} holds a search for something else; {counted(len(problems), 'difference')}:",
            hint="repeat what that search began with, or give this one another --name",
            problems=problems,
        )


def _show(value: object) -> str:
    return "nothing" if value is None else str(value)


def compare_versions(found: Search, versions: dict[str, str]) -> list[str]:
    """Return a sentence for each software that has another version than as the search began."""
    return [
        f"this search began with {name} {found.versions.get(name, '-')}, and this is "
        f"{versions.get(name, '-')}: what was measured before is not measured again"
        for name in dict.fromkeys([*found.versions, *versions])
        if found.versions.get(name) != versions.get(name)
    ]


def read_trained(folder: Path) -> Trained | None:
    """Return what the trained model reaches, if that was measured already."""
    path = folder / TRAINED_FILE
    return read_record(path, Trained) if path.exists() else None


def write_trained(folder: Path, trained: Trained) -> None:
    """Keep what the trained model reaches."""
    _write(folder / TRAINED_FILE, trained)


def read_published(folder: Path) -> Published | None:
    """Return what was published of a search, if anything was."""
    path = folder / PUBLISHED_FILE
    return read_record(path, Published) if path.exists() else None


def write_published(folder: Path, published: Published) -> None:
    """Keep what was published."""
    _write(folder / PUBLISHED_FILE, published)


def read_outcomes(folder: Path) -> dict[str, Outcome]:
    """Return the outcomes of all candidates that were tried, by their keys, in order of trial."""
    files = [*(folder / CANDIDATES_DIR).glob("*.json")]
    outcomes = [read_record(path, Outcome) for path in sorted(files, key=_age)]
    return {one.candidate.key: one for one in outcomes}


def _age(path: Path) -> tuple[int, str]:
    return path.stat().st_mtime_ns, path.name


def write_outcome(folder: Path, outcome: Outcome) -> None:
    """Keep what became of a candidate."""
    _write(folder / CANDIDATES_DIR / f"{outcome.candidate.key}.json", outcome)


def hash_files(paths: list[Path]) -> str:
    """Return a hash over the content of some files.

    Raises:
        DataError: One cannot be read.
    """
    found = hashlib.sha256()
    for path in paths:
        try:
            with path.open("rb") as stream:
                found.update(hashlib.file_digest(stream, "sha256").digest())
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror}", path=path) from error
    return found.hexdigest()


def _write(path: Path, record: msgspec.Struct) -> None:
    write_atomic(path, msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")


def read_record(path: Path, kind: type[_T]) -> _T:
    """Read a file that a search has written.

    Raises:
        ExportError: It is missing or not readable.
    """
    try:
        return msgspec.json.decode(read_bounded(path), type=kind)
    except (OSError, DataError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ExportError(
            f"{path} is not readable: {error}", hint="remove this file: it is measured again"
        ) from error
