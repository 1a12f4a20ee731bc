"""Goes on with folds that were interrupted: what is complete is left as it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.core.events import OnEvent, ignore
from yolokit.errors import ConfigError, DataError, TrainError
from yolokit.train.config import TrainConfig
from yolokit.train.folds.dealing import read_dealing
from yolokit.train.folds.images import read_fold_images
from yolokit.train.folds.job import FoldsRun, train_rest
from yolokit.train.folds.record import FoldsRecord, read_folds
from yolokit.train.launch import describe_launch
from yolokit.train.record import OptionChange, collect_versions, now
from yolokit.train.run_folder import hold_run
from yolokit.train.run_log import require_loggers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yolokit.train.folds.images import FoldImages

CHANGEABLE = ("data", "batch", "device", "allow", "log", "watch")


def resume_folds(
    folder: Path, changes: Mapping[str, Any] | None = None, *, on_event: OnEvent = ignore
) -> FoldsRun:
    """Go on with the fold that was interrupted, and train those that are left.

    Args:
        folder: Folder of the folds.
        changes: Options of ``CHANGEABLE`` to change.
        on_event: Called with what happens, in order.

    Raises:
        ConfigError: An option cannot be changed, or has no such value.
        TrainError: The folder has no folds, or they are complete or still being trained.
        DataError: The data set is not the one that was dealt.
    """
    run_dir = folder.resolve()
    read_folds(run_dir)  # before anything is written to a folder that has none
    with hold_run(run_dir):
        record = read_folds(run_dir)
        if record.state == "complete":
            raise TrainError(
                f"all {record.count} folds of {folder} are complete: nothing is left to train",
                hint="to train others, start anew under another --name",
            )
        changes = _check_changes(record, changes or {})
        require_loggers(changes.get("log", record.config.log))
        found = _find_images(record, changes, on_event)
        fold_of = read_dealing(run_dir, found, record.dealing)
        _record_changes(record, changes, found)
        record.resumed.append(now())
        record.launches.append(describe_launch(collect_versions()))
        # Each fold has a data.yaml of its own.
        others = {name: value for name, value in changes.items() if name != "data"}
        return train_rest(record, run_dir, found, fold_of, others, on_event)


def _check_changes(record: FoldsRecord, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Check what is changed.

    Raises:
        ConfigError: An option cannot be changed, or has no such value.
    """
    fixed = [f"{name}: all folds are trained alike" for name in changes if name not in CHANGEABLE]
    if fixed:
        raise ConfigError(
            "these options cannot be changed:",
            problems=fixed,
            hint=f"{', '.join(f'--{name}' for name in CHANGEABLE)} may be changed",
        )
    began = {name: getattr(record.config, name) for name in CHANGEABLE}
    values = began | dict(changes)
    values["allow"] = tuple(dict.fromkeys((*began["allow"], *values["allow"])))
    checked = TrainConfig.build(values)
    return {name: getattr(checked, name) for name in changes}


def _find_images(record: FoldsRecord, changes: Mapping[str, Any], on_event: OnEvent) -> FoldImages:
    """Read the data set, where it was or where it is now.

    Raises:
        DataError: It is not there, has faults, or its labels are not those that were dealt.
    """
    path = changes.get("data", record.data.path)
    if "data" not in changes and not Path(path).is_file():
        raise DataError(
            "the data set of the folds is not there any more",
            path=path,
            hint="if it was moved, --data says where its data.yaml is now",
        )
    found = read_fold_images(
        msgspec.structs.replace(record.config, **{**changes, "data": path}), on_event
    )
    if found.record.sha256 != record.data.sha256:
        raise DataError(
            "this is not the data set that was dealt: classes, image names or labels differ",
            path=path,
            hint="start anew under another --name",
        )
    return found


def _record_changes(record: FoldsRecord, changes: Mapping[str, Any], found: FoldImages) -> None:
    before = {name: getattr(record.config, name) for name in changes}
    record.changes += [
        OptionChange(at=now(), option=name, before=before[name], after=changes[name])
        for name in changes
        if before[name] != changes[name]
    ]
    record.config = msgspec.structs.replace(record.config, **changes)
    record.data = msgspec.structs.replace(record.data, path=found.record.path)
