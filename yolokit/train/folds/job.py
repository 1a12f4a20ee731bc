"""Trains the folds one after another, each as an ordinary run in a folder of its own."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from yolokit.core.events import Notice, OnEvent, Phase, ignore
from yolokit.errors import (
    ConfigError,
    DataError,
    JobCancelledError,
    OutputExistsError,
    WeightsError,
    YolokitError,
)
from yolokit.files.atomic import claim_folder, write_atomic
from yolokit.files.digest import sha256_file
from yolokit.train.config.stored import make_absolute, write_config
from yolokit.train.data import refuse_single
from yolokit.train.folds.dealing import (
    ALL_NAME,
    SPLITS_DIR,
    deal_images,
    view_path,
    write_views,
)
from yolokit.train.folds.figures import sum_up
from yolokit.train.folds.images import read_fold_images
from yolokit.train.folds.page import FINAL_NAME, write_page
from yolokit.train.folds.record import (
    FoldsRecord,
    fold_dir,
    has_folds,
    write_folds,
)
from yolokit.train.folds.seen import warn_of_seen
from yolokit.train.folds.tell import FoldTeller
from yolokit.train.launch import describe_launch
from yolokit.train.record import collect_versions, now, read_record
from yolokit.train.report.draw import try_drawing
from yolokit.train.report.page import REPORT_NAME
from yolokit.train.run import resume_training, train_model
from yolokit.train.run_folder import (
    DEALING_NAME,
    RUNS_DIR,
    check_run_folder,
    clear_failed_run,
    hold_run,
    resume_command,
)
from yolokit.train.run_log import require_loggers
from yolokit.train.start import plan_start

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from yolokit.train.config import TrainConfig
    from yolokit.train.folds.images import FoldImages
    from yolokit.train.folds.record import FoldsSummary

_FINAL_HEAD = """\
# The options of the folds for a training on all their images; `yolokit train --config FILE` takes
# this file as it is. Nothing is held back to measure it by: val is among what it learns, so its
# figures say nothing, and those of the folds are what to expect. Take last.pt.
"""


@dataclass(frozen=True, slots=True)
class FoldsRun:
    """Folds that are trained: their folder, and the record with what came of them."""

    folder: Path
    record: FoldsRecord

    @property
    def summary(self) -> FoldsSummary:
        """The figures of all folds."""
        assert self.record.summary is not None, "it is complete"
        return self.record.summary

    @property
    def report(self) -> Path:
        """The page that shows them."""
        return self.folder / REPORT_NAME


def train_folds(
    config: TrainConfig,
    on_event: OnEvent = ignore,
    *,
    folder: Path | None = None,
    origins: Mapping[str, str] | None = None,
) -> FoldsRun:
    """Deal the images of train and val into folds, and train once for each: without it, on it.

    Args:
        config: What to train; ``folds`` says how many times.
        on_event: Called with what happens, in order.
        folder: Folder of all; None for a fresh one below ``runs/train``.
        origins: Who said so, for each option that was stated; for the record.

    Raises:
        ConfigError: ``folds`` is not set, the architecture is unknown or the folder exists.
        DataError: The data set has faults, or too few images.
        WeightsError: The weights are missing or cannot be loaded.
        TrainError: Training failed.
        JobCancelledError: It was interrupted; :func:`resume_folds` goes on.
    """
    if config.folds is None:
        raise ConfigError("folds: must be a number, of 2 or more")
    require_loggers(config.log)
    if folder is not None:
        _check_folder(folder)
    weights = plan_start(config, on_event).record()
    found = read_fold_images(config, on_event)
    dealing, table, fold_of = deal_images(found, config)
    for dealt in dealing.folds:
        refuse_single(len(found.images) - dealt.images, config)
    if folder is not None:
        clear_failed_run(folder)  # killed before its first record
    stem = Path(found.record.path).parent.name or "run"
    run_dir = claim_folder(folder, parent=RUNS_DIR, stem=stem).resolve()
    with hold_run(run_dir):
        record = FoldsRecord(
            config=make_absolute(config),
            origins=dict(origins or {}),
            data=found.record,
            dealing=dealing,
            versions=(versions := collect_versions()),
            launches=[describe_launch(versions)],
            started=now(),
            notes=list(filter(None, [warn_of_seen(weights, found)])),
        )
        for note in (*dealing.notes, *record.notes):
            on_event(Notice(f"note: {note}"))
        write_atomic(run_dir / DEALING_NAME, table)
        return train_rest(record, run_dir, found, fold_of, {}, on_event)


def _check_folder(folder: Path) -> None:
    """Refuse a folder in which no folds can begin.

    Raises:
        OutputExistsError: It holds something.
    """
    if has_folds(folder):
        raise OutputExistsError(
            f"{folder} already holds folds",
            hint=f"go on with them: `{resume_command(folder)}`; or choose another --name or --out",
        )
    check_run_folder(folder)
    if (folder / "run.json").exists():
        raise OutputExistsError(
            f"{folder} already holds a run", hint="choose another --name or --out"
        )


def train_rest(
    record: FoldsRecord,
    run_dir: Path,
    found: FoldImages,
    fold_of: Mapping[str, int],
    changes: Mapping[str, Any],
    on_event: OnEvent,
) -> FoldsRun:
    """Train what is not complete, in a folder that is held."""
    record.state, record.error, record.ended = "running", None, None
    write_folds(record, run_dir)
    write_views(run_dir, found.images, fold_of, found.names)
    write_config(record.config, record.data.path, record.origins, run_dir)
    _write_final(record, run_dir)
    teller = FoldTeller(record, on_event)
    try:
        for fold in range(1, record.count + 1):
            _train_fold(record, run_dir, fold, changes, teller)
    except BaseException as error:
        _close_failed(record, run_dir, error)
        raise
    record.state, record.ended = "complete", now()
    write_folds(record, run_dir)  # whatever becomes of the figures
    on_event(Phase("drawing the report of all folds"))
    note = _sum_up(record, run_dir)
    if note is not None:
        on_event(Notice(note))
    return FoldsRun(run_dir, record)


def _write_final(record: FoldsRecord, run_dir: Path) -> None:
    """Write the options of a training on all images, after the folds have said what to expect."""
    config = msgspec.structs.replace(
        record.config,
        folds=None,
        fold_group=None,
        validate=record.config.add_classes,  # which proves on val that old classes are as they were
        patience=0,
        allow=tuple(dict.fromkeys((*record.config.allow, "leaking-images"))),
    )
    everything = str(run_dir / SPLITS_DIR / ALL_NAME)
    ours = dict.fromkeys(("data", "validate", "patience", "allow"), "to train on all images")
    origins = record.origins | ours
    write_config(config, everything, origins, run_dir, name=FINAL_NAME, head=_FINAL_HEAD)


def _train_fold(
    record: FoldsRecord,
    run_dir: Path,
    fold: int,
    changes: Mapping[str, Any],
    teller: FoldTeller,
) -> None:
    """Train one fold, or go on with it; one that is complete is left as it is."""
    folder = fold_dir(run_dir, fold)
    run = read_record(folder) if (folder / "run.json").exists() else None
    if run is not None and run.state == "complete":
        teller.skip(fold, run)
        return
    tell = teller.begin(fold)
    data = str(view_path(run_dir, fold))
    if run is not None and (folder / "last.pt").is_file():
        moved = {"data": data} if run.data.path != data else {}
        done = resume_training(folder, {**changes, **moved}, on_event=tell)
    else:
        if run is None and not any(folder.glob("*.pt")):  # it was killed as it began
            shutil.rmtree(folder, ignore_errors=True)
        _require_same_start(record, run_dir, fold)
        config = msgspec.structs.replace(record.config, data=data, folds=None, fold_group=None)
        done = train_model(config, tell, folder=folder, origins=record.origins)
    teller.end(fold, done.record)


def _require_same_start(record: FoldsRecord, run_dir: Path, fold: int) -> None:
    """Refuse weights that changed since the first fold began.

    Raises:
        WeightsError: They did.
    """
    path = Path(record.config.weights)
    if fold == 1 or not path.is_file():
        return
    first = read_record(fold_dir(run_dir, 1)).weights
    if first is not None and sha256_file(path) != first.sha256:
        raise WeightsError(
            f"{path} is not the file that fold 1 started from: folds must start alike",
            hint="put it back, or start anew under another --name",
        )


def _close_failed(record: FoldsRecord, run_dir: Path, error: BaseException) -> None:
    """Record why the folds are not complete; if none began, no folder is left."""
    began = bool(record.resumed) or any(map(Path.exists, _list_folders(record, run_dir)))
    if not began and isinstance(error, ConfigError | DataError | WeightsError):
        shutil.rmtree(run_dir, ignore_errors=True)
        return
    cancelled = isinstance(error, JobCancelledError | KeyboardInterrupt)
    record.state = "interrupted" if cancelled else "failed"
    record.error, record.ended = str(error), now()
    _sum_up(record, run_dir)
    if isinstance(error, YolokitError):
        error.hint = _name_command(error.hint, record, run_dir)


def _name_command(hint: str | None, record: FoldsRecord, run_dir: Path) -> str:
    """Return a hint that says how to go on with all folds, not with the one that failed alone."""
    go_on = f"go on with: {resume_command(run_dir)}"
    if hint is None:
        return go_on
    for folder in _list_folders(record, run_dir):
        hint = hint.replace(f"go on with: {resume_command(folder)}", go_on)
    return hint if go_on in hint else f"{hint}; {go_on}"


def _list_folders(record: FoldsRecord, run_dir: Path) -> list[Path]:
    return [fold_dir(run_dir, fold) for fold in range(1, record.count + 1)]


def _sum_up(record: FoldsRecord, run_dir: Path) -> str | None:
    """Write what came of the folds so far; return what to tell if the page cannot be drawn."""
    record.summary = sum_up(record, run_dir)
    write_folds(record, run_dir)

    def draw() -> None:
        write_page(record, run_dir)

    return try_drawing(REPORT_NAME, draw)
