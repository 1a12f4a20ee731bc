"""``run.json``: what a run was asked to do, with which software, and with what result."""

from __future__ import annotations

import platform
import uuid
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING, Any, Literal

import msgspec

import yolokit
from yolokit.checkpoints.lineage import WeightsRecord, encode_lineage
from yolokit.engine_protocol.added import AddingProof
from yolokit.engine_protocol.training import TransferReport, UsedSettings, is_better
from yolokit.errors import DataError, TrainError
from yolokit.files.atomic import write_atomic
from yolokit.files.size_limits import read_bounded
from yolokit.train.config import TrainConfig
from yolokit.train.launch import Launch

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.engine_protocol.child import DataRead

SCHEMA_VERSION = 1
FITNESS = "mAP50-95"
_PACKAGES = ("torch", "torchvision", "ultralytics", "numpy", "opencv-python")


class DataRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The data set of a run: its file, its content's hash, its classes and its size.

    ``sha256`` is of names and labels, ``images_sha256`` of the images' content; None in runs of
    earlier versions. ``images`` and ``boxes`` are those that are trained on, of the ``listed``
    images, which may be more: a ``fraction`` takes some of them alone. ``notes`` are what the check
    said.
    """

    path: str
    sha256: str
    images_sha256: str | None = None
    names: list[str]
    images: dict[str, int]
    boxes: dict[str, int]
    listed: dict[str, int] = msgspec.field(default_factory=dict)
    notes: list[str] = msgspec.field(default_factory=list)


class EpochRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One epoch, from 1: losses, metrics on the validation split, and the time it took.

    ``metrics`` has no mAP where the epoch was not validated; ``steps`` counts the optimizer's. Of
    ``seconds``, training waited ``wait_s`` for images, and validation took ``val_s``. ``retries``
    counts how often the epoch ended in NaN or infinity first. The network was shown ``images``, a
    mosaic counted as one, and ``threads`` computed on a CPU at its end, when ``memory_bytes`` were
    held by the engine and the processes that load images. Epoch 0 is the start, before any
    training. What earlier versions did not record is None.
    """

    epoch: int
    seconds: float
    metrics: dict[str, float]
    steps: int | None = None
    wait_s: float | None = None
    val_s: float | None = None
    retries: int = 0
    images: int | None = None
    threads: int | None = None
    memory_bytes: int | None = None


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended.

    Attributes:
        reason: All ``epochs`` are done; ``patience`` ran out; ``on_event`` ``asked`` for it; it was
            ``interrupted``, or failed by an ``error``.
        epoch: The last whole epoch.
        best: The epoch whose weights ``best.pt`` has; 0 for the start.
        why: What ``on_event`` gave as its reason.
    """

    reason: Literal["epochs", "patience", "asked", "interrupted", "error"]
    epoch: int
    best: int | None
    why: str | None = None


class OptionChange(msgspec.Struct, frozen=True, kw_only=True):
    """An option that changed when a run was resumed."""

    at: str
    option: str
    before: Any
    after: Any


class RunRecord(msgspec.Struct, kw_only=True):
    """The content of ``run.json``; replaced as a whole after every epoch.

    ``start`` accounts for what was transferred from ``weights``, and ``start_epoch`` has its
    metrics where it knows the classes already. ``config`` is what was asked for, as of the last
    resumption; ``origins`` has who said so, for each option that was stated, and ``changes`` what
    it was before; ``used`` is what was computed with; ``adding`` proves that old classes are as
    they were, where new ones were added. ``launches`` has how and where it was started, and each
    time that it was resumed. Each
    checkpoint states the ``id`` and the chain of its run; ``outputs`` has their sha256 once
    nothing trains, which confirms it.
    """

    schema_version: int = SCHEMA_VERSION
    id: str = msgspec.field(default_factory=lambda: uuid.uuid4().hex)
    state: Literal["running", "complete", "interrupted", "failed"] = "running"
    config: TrainConfig
    origins: dict[str, str] = msgspec.field(default_factory=dict)
    data: DataRecord
    weights: WeightsRecord | None
    arch: str | None
    start: TransferReport | None = None
    start_epoch: EpochRecord | None = None
    used: UsedSettings | None = None
    versions: dict[str, str]
    launches: list[Launch] = msgspec.field(default_factory=list)
    started: str
    ended: str | None = None
    resumed: list[str] = msgspec.field(default_factory=list)
    changes: list[OptionChange] = msgspec.field(default_factory=list)
    device: str | None = None
    precision: str | None = None
    batch: int | None = None
    optimizer: str | None = None
    epochs: list[EpochRecord] = msgspec.field(default_factory=list)
    stopped: Stop | None = None
    adding: AddingProof | None = None
    outputs: dict[str, str] = msgspec.field(default_factory=dict)
    error: str | None = None

    @property
    def lineage(self) -> str:
        """What the checkpoints of the run state about where they come from."""
        return encode_lineage(self.id, self.weights.chain if self.weights else [])

    @property
    def has_new_classes(self) -> bool:
        """Whether the start did not know all classes, so that it was not measured."""
        return self.start is not None and not self.start.knows_classes

    @property
    def best(self) -> EpochRecord | None:
        """The epoch whose weights ``best.pt`` has, or None if none was validated.

        The rule is ``engine_protocol.training.is_better``, which the engine follows as well.
        """
        return _find_best([self.start_epoch, *self.epochs] if self.start_epoch else self.epochs)

    @property
    def best_trained(self) -> EpochRecord | None:
        """The best epoch without the start."""
        return _find_best(self.epochs)

    def stop(self, reason: Literal["epochs", "asked", "interrupted", "error"]) -> Stop:
        """Return how the run ended, given why the engine did."""
        last = self.epochs[-1].epoch if self.epochs else 0
        best, trained = self.best, self.best_trained
        patience = self.config.patience
        waited = last - trained.epoch if trained else 0
        ran_out = 0 < patience <= waited and last < self.config.epochs
        return Stop(
            reason="patience" if reason == "epochs" and ran_out else reason,
            epoch=last,
            best=best.epoch if best else None,
        )


def _find_best(epochs: list[EpochRecord]) -> EpochRecord | None:
    best: EpochRecord | None = None
    for epoch in epochs:
        fitness = epoch.metrics.get(FITNESS)
        if fitness is not None and is_better(fitness, best.metrics[FITNESS] if best else None):
            best = epoch
    return best


def write_record(record: RunRecord, run_dir: Path) -> None:
    """Write ``run.json`` in one step."""
    content = msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"
    write_atomic(run_dir / "run.json", content)


def read_record(run_dir: Path) -> RunRecord:
    """Read ``run.json``.

    Raises:
        TrainError: It is missing or not readable.
    """
    path = run_dir / "run.json"
    try:
        record = msgspec.json.decode(read_bounded(path), type=RunRecord)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise TrainError(f"{run_dir} is not a run: it has no run.json") from error
    except OSError as error:
        raise TrainError(f"{path} cannot be read: {error.strerror}") from error
    except DataError as error:
        raise TrainError(f"{path} is not readable: {error.message}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        last = run_dir / "last.pt"
        hint = f"its weights are whole: start a new run with --weights {last}"
        raise TrainError(
            f"{path} is not readable: {error}", hint=hint if last.is_file() else None
        ) from error
    if record.start_epoch is not None and FITNESS not in record.start_epoch.metrics:
        raise TrainError(f"{path} is not readable: start_epoch has no {FITNESS}")
    return record


def count_used(data: DataRecord, used: DataRead) -> DataRecord:
    """Return a record with the images and boxes of a split that the engine really uses."""
    return msgspec.structs.replace(
        data,
        images=data.images | {used.split: used.images},
        boxes=data.boxes | {used.split: used.boxes},
    )


def collect_versions() -> dict[str, str]:
    """Return the versions of everything that a run's outcome depends on."""
    found = {"yolokit": yolokit.__version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def now() -> str:
    """Return the time, with its zone."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def to_plain(value: Any) -> Any:
    """Return a record as plain dicts and lists, for output."""
    return msgspec.to_builtins(value)
