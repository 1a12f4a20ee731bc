"""The train job: check everything, claim a run folder, let the engine train, keep the record."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.core.events import Event, Notice, OnEvent, ignore
from yolokit.core.machine import usable_cores
from yolokit.core.plural import counted
from yolokit.datasets.data_yaml import find_data_yaml
from yolokit.engine_protocol.added import AddingProof
from yolokit.engine_protocol.requests import START_FILE, STATE_FILE, TrainRequest
from yolokit.errors import (
    ConfigError,
    TrainError,
    YolokitError,
)
from yolokit.files.atomic import claim_folder
from yolokit.train import record as records
from yolokit.train.books import RunBooks
from yolokit.train.config.stored import leave_out_secrets, write_config
from yolokit.train.config.upstream import to_upstream
from yolokit.train.data import check_data, record_data, write_data_yaml
from yolokit.train.engine_end import (
    CompleteRun,
    close_failed,
    remember_complete,
    train_in_engine,
)
from yolokit.train.entries import enter_event
from yolokit.train.image_hashes import write_hashes
from yolokit.train.launch import describe_launch
from yolokit.train.machines import settle_machines
from yolokit.train.report.draw import draw_result
from yolokit.train.report.end import describe_end
from yolokit.train.resume import (
    check_changes,
    describe_epochs,
    find_data,
    list_frozen,
    record_changes,
    require_last,
)
from yolokit.train.run_folder import (
    RUNS_DIR,
    check_run_folder,
    clear_failed_run,
    hold_run,
)
from yolokit.train.run_log import require_loggers
from yolokit.train.start import StartPlan, ask_adding, hash_outputs, plan_start

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yolokit.datasets.check import DatasetReport
    from yolokit.engine_protocol.requests import StartRequest
    from yolokit.train.config import TrainConfig
    from yolokit.train.record import RunRecord
    from yolokit.train.report.summary import Summary


@dataclass(frozen=True, slots=True)
class TrainRun:
    """A finished run: its folder, its record, and what came of it; None if that was not drawn."""

    folder: Path
    record: RunRecord
    summary: Summary | None = None

    @property
    def best(self) -> Path:
        """The checkpoint of the best epoch."""
        return self.folder / "best.pt"


def train_model(
    config: TrainConfig,
    on_event: OnEvent = ignore,
    *,
    folder: Path | None = None,
    origins: Mapping[str, str] | None = None,
) -> TrainRun:
    """Fine-tune a detector.

    Args:
        config: What to train, how, and on what.
        on_event: Called with what happens, in order.
        folder: Folder of the run; None for a fresh one below ``runs/train``, called after the data
            set's folder.
        origins: Who said so, for each option that was stated; for the record.

    Raises:
        ConfigError: The architecture is unknown or the folder exists.
        DataError: The data set has faults; each is named with file and line.
        WeightsError: The weights are missing or cannot be loaded.
        TrainError: Training failed.
        JobCancelledError: It was interrupted; ``last.pt`` can be resumed from.
    """
    if config.folds is not None:
        raise ConfigError("folds: train_model trains once; train_folds trains for each of them")
    require_loggers(config.log)
    data, plan = check_options(config, folder, on_event)
    if folder is not None and clear_failed_run(folder):
        on_event(Notice(f"note: replacing {folder}, a run that ended before its first epoch"))
    run_dir = claim_folder(folder, parent=RUNS_DIR, stem=data.path.parent.name or "run").resolve()
    with hold_run(run_dir):
        record = _begin_record(config, plan, data, origins or {})
        return _train(record, plan, data, run_dir, on_event)


def _begin_record(
    config: TrainConfig, plan: StartPlan, data: DatasetReport, origins: Mapping[str, str]
) -> RunRecord:
    versions = records.collect_versions()
    return records.RunRecord(
        config=leave_out_secrets(config),
        origins=dict(origins),
        data=record_data(data),
        weights=plan.record(),
        arch=plan.arch.stem if plan.arch else None,
        versions=versions,
        launches=[describe_launch(versions)],
        started=records.now(),
    )


def _train(
    record: RunRecord, plan: StartPlan, data: DatasetReport, run_dir: Path, on_event: OnEvent
) -> TrainRun:
    """Train in a folder that is held."""
    records.write_record(record, run_dir)
    write_config(record.config, record.data.path, record.origins, run_dir)
    start = plan.request(record.config, list(data.names), run_dir)
    request = _make_request(record, data, run_dir, start)
    return _run_engine(request, record, run_dir, on_event)


def resume_training(
    folder: Path,
    changes: Mapping[str, Any] | None = None,
    *,
    on_event: OnEvent = ignore,
) -> TrainRun:
    """Go on with an interrupted run from its ``last.pt``, with the options it began with.

    Args:
        folder: Folder of the run.
        changes: Options of ``yolokit.train.resume.CHANGEABLE`` to change.
        on_event: Called with what happens, in order.

    Raises:
        ConfigError: An option has no such value.
        TrainError: The folder is not a run, or the run is complete or still going on.
        DataError: The data set is not the one that the run began with.
    """
    run_dir = folder.resolve()
    records.read_record(run_dir)  # before anything is written to a folder that is not a run
    with hold_run(run_dir):
        return _resume(folder, run_dir, changes or {}, on_event)


def _resume(folder: Path, run_dir: Path, changes: Mapping[str, Any], on_event: OnEvent) -> TrainRun:
    """Go on with a run that is held."""
    record = records.read_record(run_dir)
    complete = remember_complete(run_dir)
    _require_more(record, changes, folder, run_dir)
    last = require_last(record, folder)
    changes = check_changes(record, changes)
    schedule = describe_epochs(record, changes.get("epochs", record.config.epochs))
    patience_anew = record.stopped is not None and record.stopped.reason == "patience"
    require_loggers(changes.get("log", record.config.log))
    data = find_data(record, changes, last, on_event)
    for note in (*record_changes(record, changes, data), *schedule):
        on_event(Notice(note))
    record.state, record.error = "running", None
    record.outputs, record.stopped = {}, None  # of the files as they were
    shutil.rmtree(run_dir / "engine", ignore_errors=True)  # whatever a killed run left there
    record.resumed.append(records.now())
    record.launches.append(describe_launch(records.collect_versions()))
    records.write_record(record, run_dir)
    write_config(record.config, record.data.path, record.origins, run_dir)
    request = _make_request(record, data, run_dir, None)
    if patience_anew:
        own = msgspec.structs.replace(request.own, patience_anew=True)
        request = msgspec.structs.replace(request, own=own)
    return _run_engine(request, record, run_dir, on_event, complete)


def _require_more(
    record: RunRecord, changes: Mapping[str, Any], folder: Path, run_dir: Path
) -> None:
    """Refuse to go on with a complete run, unless it gets more epochs and kept what it needs.

    Raises:
        TrainError: There is nothing to go on with.
    """
    if record.state != "complete":
        return
    new = f"start a new run with --weights {folder / 'best.pt'}"
    if "epochs" not in changes:
        raise TrainError(
            f"the run {folder} is complete: there is nothing to go on with",
            hint=f"--epochs +N trains N more epochs; or {new}",
        )
    if not (run_dir / STATE_FILE).is_file():
        raise TrainError(
            f"the run {folder} is complete and has no {STATE_FILE}, which it would go on from",
            hint=f"to train further, {new}",
        )


def _make_request(
    record: RunRecord, data: DatasetReport, run_dir: Path, start: StartRequest | None
) -> TrainRequest:
    """Return what the engine needs, with the list of the images that were checked."""
    write_hashes(data, run_dir)
    return TrainRequest(
        data_yaml=str(write_data_yaml(data, run_dir)),
        start=start,
        freeze=list_frozen(record),
        settings=to_upstream(record.config),
        threads=usable_cores(),
        own=msgspec.structs.replace(
            settle_machines(record.config, data, run_dir, record.lineage),
            adding=ask_adding(record),
        ),
    )


def _run_engine(
    request: TrainRequest,
    record: RunRecord,
    run_dir: Path,
    on_event: OnEvent,
    complete: CompleteRun | None = None,
) -> TrainRun:
    books: RunBooks | None = None

    def note(event: Event) -> None:
        if enter_event(event, record):
            records.write_record(record, run_dir)
        assert books is not None
        books.enter(event)

    try:
        books = RunBooks(record, run_dir, on_event)
        result = train_in_engine(request, record, run_dir, note)
    except BaseException as error:
        close_failed(record, run_dir, error, on_event, books, complete)
        raise
    finally:
        (run_dir / START_FILE).unlink(missing_ok=True)
    record.state, record.ended = "complete", records.now()
    record.device, record.precision = result["device"], result["precision"]
    record.batch, record.optimizer = result["batch"], result["optimizer"]
    if record.used is not None:  # on several GPUs, only a worker knows what auto chose
        record.batch, record.optimizer = record.used.batch, record.used.optimizer
    if "adding" in result:
        record.adding = msgspec.convert(result["adding"], AddingProof)
    record.outputs = hash_outputs(run_dir)
    record.stopped = books.describe_stop()
    records.write_record(record, run_dir)
    shutil.rmtree(run_dir / "engine", ignore_errors=True)
    for sentence in describe_end(record):
        on_event(Notice(sentence))
    summary = draw_result(record, run_dir, on_event)
    books.close(summary)
    return TrainRun(run_dir, record, summary)


def check_options(
    config: TrainConfig, folder: Path | None, on_event: OnEvent
) -> tuple[DatasetReport, StartPlan]:
    """Check the data set, plan the start, and report everything that is missing at once.

    Raises:
        YolokitError: One thing is missing: its own class; several: a ConfigError lists them.
    """
    errors: list[YolokitError] = []
    try:
        data_yaml = find_data_yaml(Path(config.data))
    except YolokitError as error:
        errors.append(error)
    try:
        if folder is not None:
            check_run_folder(folder)
    except YolokitError as error:
        errors.append(error)
    try:
        # Nothing is fetched for a run that cannot begin.
        plan = plan_start(config, on_event, fetch=not errors)
    except YolokitError as error:
        errors.insert(0, error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        problems = [str(error) for error in errors]
        count = counted(len(errors), "mistake")
        raise ConfigError(f"{count} in the options of train:", problems=problems)
    data = check_data(data_yaml, config, on_event)
    for warning in data.warnings:
        on_event(Notice(f"note: {warning}"))
    return data, plan
