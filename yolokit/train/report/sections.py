"""Parts of a run's report: where it started, its time and steps, its options, its files."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.core.plural import counted, describe_size, share
from yolokit.core.units import describe_rate, describe_seconds, describe_share
from yolokit.engine_protocol.validations import BEST_VALIDATION, START_VALIDATION
from yolokit.report.page import Details, Section, Table, Text
from yolokit.train.report.advice import share_waiting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from yolokit.engine_protocol.training import TransferGroup
    from yolokit.report.page import Block
    from yolokit.train.config import TrainConfig
    from yolokit.train.record import OptionChange, RunRecord

_FILES = {
    "best.pt": "the weights of the best epoch on val: what to export",
    "last.pt": "the weights of the last epoch; what a run is resumed from",
    "report.html": "this page",
    "run.json": "the record: options, data, versions, and every figure of every epoch",
    "results.csv": "every figure of every epoch as a table",
    "gradients.csv": "the gradients of each layer in every epoch",
    "curves.png": "the curves as one picture",
    "train.log": "all that the training framework printed",
    "data.yaml": "the data set as it was handed to the training framework",
    "train.txt": "the images trained on",
    "val.txt": "the images validated on",
    BEST_VALIDATION: "what the best epoch found in each image of val: this page is drawn from it",
    START_VALIDATION: "what the start found in each image of val, before training",
}


def describe_start(record: RunRecord) -> list[Section]:
    """Return the transfer report: which weights the run began with."""
    report = record.start
    if report is None:
        return []
    source = record.weights.name or record.weights.path if record.weights else "nothing"
    taken = share(report.transferred, counted(report.tensors, "tensor"), "comes", "come")
    blocks: list[Block] = [
        Text(f"Started from {source}: {taken} from there, all others began at random.")
    ]
    if report.frozen is not None:
        blocks.append(Text(f"Not trained: {counted(len(report.frozen), 'layer')}."))
    if report.unfrozen:
        layers = counted(len(report.unfrozen), "layer")
        blocks.append(Text(f"Trained although it was to be frozen: {layers} with fresh weights."))
    groups = [*report.groups, *report.left]
    columns = ("Part", "What became of it", "Tensors", "Numbers", "Why")
    blocks.append(Table(columns, tuple(map(_show_group, groups))))
    return [Section("Where it started", tuple(blocks))]


def _show_group(group: TransferGroup) -> tuple[str, ...]:
    return (group.part, group.action, str(group.tensors), f"{group.values:,}", group.reason)


def describe_time(record: RunRecord) -> list[Section]:
    """Return how long a run took and for what, and how many steps the optimizer made."""
    if not record.epochs:
        return []
    blocks = [Text(sentence) for sentence in (*_describe_pace(record), *_describe_steps(record))]
    rows = tuple(
        (
            str(epoch.epoch),
            describe_seconds(epoch.seconds),
            _seconds(epoch.wait_s),
            _seconds(epoch.val_s),
            "-" if epoch.steps is None else str(epoch.steps),
        )
        for epoch in record.epochs
    )
    table = Table(("Epoch", "Time", "Waiting for images", "Validation", "Steps"), rows)
    return [Section("Time and steps", (*blocks, Details("Each epoch", (table,))))]


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else describe_seconds(seconds)


def _describe_pace(record: RunRecord) -> list[str]:
    total = sum(epoch.seconds for epoch in record.epochs)
    val = sum(epoch.val_s or 0 for epoch in record.epochs)
    took = f"{counted(len(record.epochs), 'epoch')} took {describe_seconds(total)}"
    sentences = [f"{took}, of which validation took {describe_share(val, total)}."]
    waiting = share_waiting(record)
    if waiting is not None:
        planned = record.used.images if record.used else 0
        images = sum(planned if one.images is None else one.images for one in record.epochs)
        rate = describe_rate(images / (total - val), "images") if total > val else "-"
        sentences.append(
            f"Training showed the network {rate}; {describe_share(waiting, 1)} of that time it "
            "waited for images to be read and changed."
        )
    return sentences


def _describe_steps(record: RunRecord) -> list[str]:
    known = [epoch for epoch in record.epochs if epoch.steps is not None]
    if not known:
        return []
    sentences = [f"The optimizer made {counted(sum(e.steps or 0 for e in known), 'step')} in all."]
    used = record.used
    if used is not None:
        sentences.append(
            f"A step sums up {counted(used.accumulate, 'batch', 'batches')} of "
            f"{counted(used.batch, 'image')}, where `nbs` asks for "
            f"{counted(record.config.nbs, 'image')}"
            + ("; a whole epoch has no more." if used.accumulate == used.batches else ".")
        )
    idle = [str(epoch.epoch) for epoch in known if epoch.steps == 0]
    if idle:
        epochs = "epoch" if len(idle) == 1 else "epochs"
        sentences.append(f"No step fell in {epochs} {', '.join(idle)}: nothing was learnt there.")
    return sentences


def list_set_options(config: TrainConfig) -> dict[str, Any]:
    """Return the options of a run that are not at their defaults, name to value."""
    fields = msgspec.structs.fields(config)
    values = {field.name: getattr(config, field.name) for field in fields}
    return {
        field.name: values[field.name]
        for field in fields
        if field.required or values[field.name] != field.default
    }


def describe_options(record: RunRecord) -> Section:
    """Return the options that were set, and what auto chose."""
    blocks = tabulate_options(record.config, record.changes)
    if record.used is not None:
        used = msgspec.to_builtins(record.used)
        settings = tuple((name.replace("_", " "), _show(value)) for name, value in used.items())
        blocks.append(Details("What was computed with", (Table(("Setting", "Value"), settings),)))
    if record.data.notes:
        blocks.append(
            Details("What the check of the data said", tuple(map(Text, record.data.notes)))
        )
    return Section("Options", tuple(blocks))


def tabulate_options(config: TrainConfig, changes: Sequence[OptionChange]) -> list[Block]:
    """Return the options that were set, and those that changed later."""
    rows = tuple((name, _show(value)) for name, value in list_set_options(config).items())
    blocks: list[Block] = [Table(("Option", "Value"), rows, "What differs from the defaults")]
    if changes:
        changed = tuple(
            (change.at, change.option, _show(change.before), _show(change.after))
            for change in changes
        )
        blocks.append(
            Table(("When", "Option", "Before", "After"), changed, "Changed when it was resumed")
        )
    return blocks


def _show(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "-"
    return f"{value:g}" if isinstance(value, float) else str(value)


def describe_files(run_dir: Path, files: Mapping[str, str] = MappingProxyType(_FILES)) -> Section:
    """Return what lies in the folder, and what each file is for; the report itself counts."""
    rows = []
    for name, what in files.items():
        path = run_dir / name
        if path.is_file() or name == "report.html":
            size = "-" if name == "report.html" else describe_size(path.stat().st_size)
            rows.append((name, size, what))
    return Section("In the folder", (Table(("File", "Size", "What it is for"), tuple(rows)),))
