"""``folds.json``: how the images were dealt, what was asked of every fold, and what came of them.

What each fold did is in the ``run.json`` of its own folder, ``fold-1`` and so on.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Literal

import msgspec

from yolokit.errors import DataError, TrainError
from yolokit.files.atomic import write_atomic
from yolokit.files.size_limits import read_bounded
from yolokit.metrics.fitness import parse_fitness
from yolokit.train.config import TrainConfig
from yolokit.train.launch import Launch
from yolokit.train.record import DataRecord, OptionChange

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA_VERSION = 1
FOLDS_NAME = "folds.json"


class DealtFold(msgspec.Struct, frozen=True, kw_only=True):
    """What one fold is measured on; all other images are what it is trained on.

    Attributes:
        fold: Its number, from 1.
        images: How many.
        groups: Of images that stay together; an image that is like no other is one as well.
        boxes: How many, of each class.
        labelled_images: How many have each class.
    """

    fold: int
    images: int
    groups: int
    boxes: list[int]
    labelled_images: list[int]


class Dealing(msgspec.Struct, frozen=True, kw_only=True):
    """How the images were dealt; ``dealing.csv`` has the fold of each.

    Attributes:
        seed: That of the run; folds are dealt by it, and each is trained with it.
        method: By which rule.
        group_by: What was kept together beside near-duplicates.
        grouped_images: How many images are in a group with another.
        sha256: Of ``dealing.csv``.
        folds: One for each.
        notes: Classes that some folds do not have, one sentence each.
    """

    seed: int
    method: str = "iterative stratification (Sechidis 2011) of groups"
    group_by: str | None = None
    grouped_images: int
    sha256: str
    folds: list[DealtFold]
    notes: list[str] = msgspec.field(default_factory=list)


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """One figure over the folds that have it.

    Attributes:
        mean: None where no fold has it.
        sd: Standard deviation of the folds, with n - 1; None with one fold.
        min: The lowest.
        max: The highest.
        values: That of each fold, None where it has none.
    """

    mean: float | None
    sd: float | None
    min: float | None
    max: float | None
    values: list[float | None]


class FoldsSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What the folds say together.

    Attributes:
        metrics: Of ``best.pt`` of each fold on the images that it was not trained on, as torch
            measured them.
        last: The fitness of the last epoch, which was not chosen by these images.
        before: That of the start, where it knew the classes.
        classes: mAP50-95 of each class, as COCO measures, where the detections were kept.
        best_epochs: The epoch of each ``best.pt``; 0 for the start.
        seconds: Time of all epochs of each fold.
    """

    metrics: dict[str, Spread]
    last: Spread
    before: Spread
    classes: dict[str, Spread]
    best_epochs: list[int | None]
    seconds: list[float]


class FoldsRecord(msgspec.Struct, kw_only=True):
    """The content of ``folds.json``; replaced as a whole.

    ``config`` is what was asked for; each fold is trained with the same, but for ``data``.
    ``launches`` has how and where they were started, and each time that they were resumed.
    ``summary`` has the figures of the folds that are there, once nothing is trained.
    """

    schema_version: int = SCHEMA_VERSION
    id: str = msgspec.field(default_factory=lambda: uuid.uuid4().hex)
    state: Literal["running", "complete", "interrupted", "failed"] = "running"
    config: TrainConfig
    origins: dict[str, str] = msgspec.field(default_factory=dict)
    data: DataRecord
    dealing: Dealing
    versions: dict[str, str]
    launches: list[Launch] = msgspec.field(default_factory=list)
    started: str
    ended: str | None = None
    resumed: list[str] = msgspec.field(default_factory=list)
    changes: list[OptionChange] = msgspec.field(default_factory=list)
    notes: list[str] = msgspec.field(default_factory=list)
    summary: FoldsSummary | None = None
    error: str | None = None

    @property
    def fitness(self) -> str:
        """The name of the metric that chose each ``best.pt``."""
        return parse_fitness(self.config.fitness).name

    @property
    def count(self) -> int:
        """How many folds there are."""
        return len(self.dealing.folds)


def fold_dir(run_dir: Path, fold: int) -> Path:
    """Return the folder of a fold's run."""
    return run_dir / f"fold-{fold}"


def has_folds(folder: Path) -> bool:
    """Tell whether a folder is of folds."""
    return (folder / FOLDS_NAME).is_file()


def write_folds(record: FoldsRecord, run_dir: Path) -> None:
    """Write ``folds.json`` in one step."""
    content = msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"
    write_atomic(run_dir / FOLDS_NAME, content)


def read_folds(run_dir: Path) -> FoldsRecord:
    """Read ``folds.json``.

    Raises:
        TrainError: It is missing or not readable.
    """
    path = run_dir / FOLDS_NAME
    try:
        record = msgspec.json.decode(read_bounded(path), type=FoldsRecord)
    except OSError as error:
        raise TrainError(f"{path} cannot be read: {error.strerror}") from error
    except DataError as error:
        raise TrainError(f"{path} is not readable: {error.message}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TrainError(f"{path} is not readable: {error}") from error
    if not record.dealing.folds:
        raise TrainError(f"{path} is not readable: it has no folds")
    return record
