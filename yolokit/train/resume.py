"""What may change when a run is resumed: another place, another machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from yolokit.core.events import Notice
from yolokit.core.plural import counted
from yolokit.engine_protocol.requests import STATE_FILE
from yolokit.errors import ConfigError, DataError, TrainError
from yolokit.train.config import TrainConfig
from yolokit.train.data import check_data
from yolokit.train.image_hashes import hash_images, list_changed
from yolokit.train.record import OptionChange, now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yolokit.core.events import OnEvent
    from yolokit.datasets.check import DatasetReport
    from yolokit.train.record import RunRecord

_SHOWN = 20
CHANGEABLE = (
    "data", "epochs", "batch", "device", "nnodes", "rdzv", "imgsz", "allow", "log", "watch",
)  # fmt: skip


def explain_fixed(name: str) -> str:
    """Say why an option cannot be changed when a run goes on."""
    if name == "fitness":
        return (
            "a resumed run keeps what it began with: best.pt was chosen by that, and the weights "
            "of other epochs are gone; a new run can start from its best.pt or last.pt (--weights)"
        )
    return "a resumed run keeps what it began with"


def require_last(record: RunRecord, folder: Path) -> Path:
    """Return the ``last.pt`` of a run, absolute.

    Raises:
        TrainError: There is none.
    """
    last = folder.resolve() / "last.pt"
    if last.is_file():
        return last
    if not record.epochs:
        raise TrainError(
            f"{folder} has no last.pt: its first epoch was not completed",
            hint="there is nothing to go on with: start it again",
        )
    best, state = folder / "best.pt", folder / STATE_FILE
    hint = None
    if best.is_file():
        hint = f"start a new run with --weights {best}"
        if state.is_file():
            hint = f"copy {best} to it: with {STATE_FILE}, the run then goes on exactly"
    raise TrainError(f"{folder / 'last.pt'} is not there, or is not a file", hint=hint)


def check_changes(record: RunRecord, changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Check what is changed together with the options that belong to it.

    Raises:
        ConfigError: An option cannot be changed, or has no such value.
    """
    fixed = [f"{name}: {explain_fixed(name)}" for name in changes if name not in CHANGEABLE]
    if fixed:
        raise ConfigError("these options cannot be changed:", problems=fixed)
    changes = dict(changes)
    if "epochs" in changes:
        changes["epochs"] = choose_epochs(record, changes["epochs"])
    began = {name: getattr(record.config, name) for name in CHANGEABLE}
    values = began | changes
    values["allow"] = tuple(dict.fromkeys((*began["allow"], *values["allow"])))
    checked = TrainConfig.build(values)
    return {name: getattr(checked, name) for name in changes}


def choose_epochs(record: RunRecord, asked: object) -> int:
    """Return how many epochs a run is to have, given a number, ``+N`` or nothing.

    Raises:
        ConfigError: It has as many already, or ``asked`` is neither.
    """
    done = record.epochs[-1].epoch if record.epochs else 0
    planned = done if record.state == "complete" else record.config.epochs
    text = str(planned if asked is None else asked)
    if not text.removeprefix("+").isdecimal():
        raise ConfigError(f"epochs: must be a whole number, or +N for N more, not {text!r}")
    total = int(text) + (planned if text.startswith("+") else 0)
    if asked is not None and total <= done:
        raise ConfigError(
            f"epochs: must be more than the {counted(done, 'epoch')} that are done",
            hint="--epochs +N adds N",
        )
    return total


def describe_epochs(record: RunRecord, total: int) -> list[str]:
    """Say what becomes of the schedule of a run that gets another number of epochs."""
    if not record.epochs:
        return []
    config, done = record.config, record.epochs[-1].epoch
    sentences = []
    if total != config.epochs:
        sentences.append(
            f"the learning rate goes on as in a run of {counted(total, 'epoch')}, of which {done} "
            f"{'is' if done == 1 else 'are'} done"
        )
        if config.mosaic and config.close_mosaic:
            last = counted(config.close_mosaic, "epoch")
            sentences.append(f"mosaics end with the last {last} of it")
    if record.stopped is not None and record.stopped.reason == "patience":
        sentences.append("patience counts anew from here")
    return sentences


def find_data(
    record: RunRecord,
    changes: Mapping[str, Any],
    last: Path,
    on_event: OnEvent,
) -> DatasetReport:
    """Check the data set, where it was or where it is now, and that it is still the same.

    Raises:
        DataError: It is not there, has faults, or is another one.
    """
    moved = changes.get("data")
    path = moved or record.data.path
    if moved is None and not Path(path).is_file():
        raise DataError(
            "the data set of the run is not there any more",
            path=path,
            hint="if it was moved, --data says where its data.yaml is now",
        )
    data = check_data(Path(path), msgspec.structs.replace(record.config, **changes), on_event)
    if data.sha256 != record.data.sha256:
        what = "this is not the data set that the run began with" if moved else (
            "the data set has changed since the run began"
        )  # fmt: skip
        lines = _name_differences(record, data, last.parent)
        raise DataError(
            "\n".join([f"{what}:", *lines]),
            path=path,
            hint=f"start a new run with --weights {last}",
        )
    _compare_images(record, data, last, on_event)
    return data


def _name_differences(record: RunRecord, data: DatasetReport, run_dir: Path) -> list[str]:
    """Return a line for each class and image that differs; else what is known of the labels."""
    began, classes = record.data.names, list(data.names)
    lines = []
    if not record.config.add_classes and began != classes:  # which writes those of the start first
        lines.append(f"  its classes are {', '.join(classes)}; they were {', '.join(began)}")
    changed = list_changed(data, run_dir)
    if changed:
        lines += ["  images that came, went or changed:", *_list_some(changed)]
    return lines or ["  the rows of its label files, or its classes, differ; no image does"]


def _list_some(names: list[str]) -> list[str]:
    more = [f"  ... and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return [f"  {name}" for name in names[:_SHOWN]] + more


def _compare_images(record: RunRecord, data: DatasetReport, last: Path, on_event: OnEvent) -> None:
    """Check that the images still have the content that the run began with.

    Raises:
        DataError: Some have another; they are named.
    """
    began = record.data.images_sha256
    if began is None:
        on_event(
            Notice(
                "note: an earlier version began this run and recorded no hashes of its images: "
                "whether one has changed is not known"
            )
        )
    elif began != hash_images(data):
        changed = list_changed(data, last.parent)
        count = counted(len(changed), "image") if changed else "images"
        verb = "has" if len(changed) == 1 else "have"
        lines = _list_some(changed)
        message = f"{count} {verb} changed since the run began"
        raise DataError(
            "\n".join([message + ":" * bool(lines), *lines]),
            path=data.path,
            hint=f"put them back, or start a new run with --weights {last}",
        )


def record_changes(record: RunRecord, changes: Mapping[str, Any], data: DatasetReport) -> list[str]:
    """Record what is changed, and return a sentence for each change."""
    before = {name: getattr(record.config, name) for name in changes}
    after = dict(changes)
    if "data" in changes:  # a relative path says nothing about a move
        before["data"], after["data"] = record.data.path, str(data.path)
    changed = [
        OptionChange(at=now(), option=name, before=before[name], after=after[name])
        for name in changes
        if before[name] != after[name]
    ]
    record.changes += changed
    record.config = msgspec.structs.replace(record.config, **changes)
    record.origins |= dict.fromkeys(changes, "a resumption")
    record.data = msgspec.structs.replace(
        record.data, path=str(data.path), images_sha256=hash_images(data)
    )
    return [f"{change.option}: {change.after}, no longer {change.before}" for change in changed]


def list_frozen(record: RunRecord) -> int | Literal["backbone", "neck"] | list[int]:
    """Return the layers that the run began to freeze: which were fresh is known at its start."""
    if record.start is None or record.start.frozen is None:
        return record.config.freeze
    return record.start.frozen
