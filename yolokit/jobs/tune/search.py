"""What a search is about, as ``search.json`` in its folder; who joins it must ask the same."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.core.plural import counted
from yolokit.errors import ConfigError, DataError, OutputExistsError, TrainError
from yolokit.files.atomic import write_atomic
from yolokit.files.locks import drop_lock, take_lock
from yolokit.files.size_limits import read_bounded
from yolokit.jobs.tune.space import Choice, Range, Space, Value
from yolokit.metrics.fitness import DEFAULT, parse_fitness
from yolokit.train.config import TrainConfig
from yolokit.train.data import record_data
from yolokit.train.record import collect_versions, now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.datasets.check import DatasetReport
    from yolokit.train.start import StartPlan

SEARCHES_DIR = Path("runs") / "tune"
SEARCH_FILE = "search.json"
_LOCK = ".search.lock"
# What may differ from one process of a search to another: where things are, and who is told.
_OF_A_PROCESS = {
    "data", "weights", "preset", "device", "workers", "nnodes", "rdzv", "trust", "offline",
    "require_hash", "log", "log_project", "mlflow_uri", "wandb_online",
}  # fmt: skip


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What is searched, over what.

    Attributes:
        options: All options that must be the same in every process, those by default included.
        space: What is varied.
        data_sha256: Of names and labels of the data set.
        images_sha256: Of the images' content.
        weights_sha256: Of the file to start from; None for none.
        versions: Of the software, as the search began.
        started: When that was.
    """

    options: dict[str, Any]
    space: dict[str, Range | Choice]
    data_sha256: str
    images_sha256: str | None
    weights_sha256: str | None
    versions: dict[str, str]
    started: str

    @property
    def fitness(self) -> str:
        """Name of the metric that trials are judged by."""
        return parse_fitness(self.options.get("fitness", DEFAULT)).name

    @property
    def own_values(self) -> dict[str, Value]:
        """The user's own values of what is varied, where they are plain and lie in the space."""
        values = {name: self.options.get(name) for name in self.space}
        return {n: v for n, v in values.items() if v is not None and self.space[n].contains(v)}


_DEFAULTS = TrainConfig(data="")


def describe_search(
    config: TrainConfig, space: Space, data: DatasetReport, plan: StartPlan
) -> Search:
    """Return what a process wants to search."""
    found, weights = record_data(data), plan.record()
    plain = msgspec.json.decode(msgspec.json.encode(config))  # as it will be read back
    return Search(
        options={name: value for name, value in plain.items() if name not in _OF_A_PROCESS},
        space=space,
        data_sha256=found.sha256,
        images_sha256=found.images_sha256,
        weights_sha256=weights.sha256 if weights else None,
        versions=collect_versions(),
        started=now(),
    )


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only process that changes a search, for a moment.

    Raises:
        ConfigError: The file system has no locks.
    """
    try:
        lock = take_lock(folder / _LOCK, wait=True)
    except OSError as error:
        raise ConfigError(
            f"cannot lock {folder}: {error.strerror or error}",
            hint="a search needs a disk with locks: --out names a folder on another one",
        ) from error
    assert lock is not None, "it was waited for"
    try:
        yield
    finally:
        drop_lock(lock)


def join_search(folder: Path, wanted: Search) -> tuple[Search, bool]:
    """Begin a search in a folder, or join the one that is there; tell whether it was there.

    Raises:
        OutputExistsError: The folder holds something else.
        ConfigError: It holds a search for something else; each difference is named.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make the folder {folder}: {error.strerror}") from error
    with alone(folder):
        if (folder / SEARCH_FILE).exists():
            found = read_search(folder)
            _require_same(folder, found, wanted)
            return found, True
        if any(not entry.name.startswith(".") for entry in folder.iterdir()):
            raise OutputExistsError(
                f"{folder} already exists, and is not a search",
                hint="choose another --name or --out",
            )
        content = msgspec.json.format(msgspec.json.encode(wanted), indent=2) + b"\n"
        write_atomic(folder / SEARCH_FILE, content)
        return wanted, False


def read_search(folder: Path) -> Search:
    """Read ``search.json``.

    Raises:
        TrainError: It is missing or not readable.
    """
    path = folder / SEARCH_FILE
    try:
        return msgspec.json.decode(read_bounded(path), type=Search)
    except (OSError, DataError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TrainError(f"{path} is not readable: {error}") from error


def _require_same(folder: Path, found: Search, wanted: Search) -> None:
    problems = [*_compare_options(found, wanted), *_compare_spaces(found, wanted)]
    if (found.data_sha256, found.images_sha256) != (wanted.data_sha256, wanted.images_sha256):
        problems.insert(0, "data: has other classes, images or labels")
    if found.weights_sha256 != wanted.weights_sha256:
        problems.append("weights: are another file")
    if problems:
        count = counted(len(problems), "difference")
        raise ConfigError(
            f"{folder} holds a search for something else; {count}:",
            hint="repeat what that search began with, or give this one another --name",
            problems=problems,
        )


def _compare_options(found: Search, wanted: Search) -> Iterator[str]:
    for name in dict.fromkeys([*found.options, *wanted.options]):
        default = getattr(_DEFAULTS, name, None)  # of an option that an earlier version lacked
        before, after = found.options.get(name, default), wanted.options.get(name)
        if before != after:
            was, now = ("nothing" if one is None else one for one in (before, after))
            yield f"{name}: {now}, where it began with {was}"


def _compare_spaces(found: Search, wanted: Search) -> Iterator[str]:
    for name in dict.fromkeys([*found.space, *wanted.space]):
        before, after = found.space.get(name), wanted.space.get(name)
        if before is None:
            yield f"space: {name} was not varied"
        elif after is None:
            yield f"space: {name} was varied, from {before}"
        elif before != after:
            yield f"space: {name} is {after}, where it began with {before}"
