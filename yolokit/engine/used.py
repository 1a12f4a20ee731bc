"""What a training really uses, its images and settings, and what comes of it, under our names."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yolokit.core.plural import counted
from yolokit.engine.memory_needs import describe_shortage, measure_needs
from yolokit.engine.process import send
from yolokit.engine.ultralytics_patches import explain_left_out
from yolokit.engine_protocol.child import DataRead
from yolokit.engine_protocol.training import UsedSettings, advise_more_steps
from yolokit.errors import DataError
from yolokit.metrics.fitness import MAP50_95, describe_fitness, parse_fitness

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OWN_METRIC = "yolokit/"  # before the name of a metric that upstream has not
_SHOWN = 20
_FEW_STEPS = 100


def report_images(dataset: Any, list_file: str, split: str, *, leave_out: bool) -> None:
    """Report to the parent what a data set of upstream's really holds.

    Args:
        dataset: Upstream's data set, as it was built.
        list_file: The list of images that it was given.
        split: Which split it is.
        leave_out: Whether images that upstream leaves out are allowed.

    Raises:
        DataError: It uses other images than those of the list, which are named with upstream's
            reasons, and that is not allowed. Or the share that it takes has no box.
    """
    given = sorted(Path(list_file).read_text(encoding="utf-8").splitlines())
    total = len(given)
    if dataset.fraction < 1:  # a share that was asked for: the first ones, as upstream takes them
        given = given[: max(1, round(len(given) * dataset.fraction))]
    left_out = list((Counter(given) - Counter(dataset.im_files)).elements())
    added = list((Counter(dataset.im_files) - Counter(given)).elements())
    if added or (left_out and not leave_out):
        raise _refuse_images(dataset, split, left_out, added)
    boxes = sum(len(label["cls"]) for label in dataset.labels)
    if dataset.fraction < 1 and not boxes:  # for the whole split, the check has reported it
        raise DataError(
            f"fraction {dataset.fraction:g} of {split} has no box: it takes the first images, "
            f"{len(dataset.im_files)} of {total}",
            hint="take a larger fraction",
        )
    send(DataRead(split, len(dataset.im_files), boxes, left_out))


def _name_device(device: Any) -> str | None:
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else None


def describe_settings(trainer: Any) -> UsedSettings:
    """Return what upstream's trainer uses, once it is set up."""
    groups = trainer.optimizer.param_groups
    cadence, loader, args = trainer.cadence, trainer.train_loader, trainer.args
    if "betas" in groups[0]:
        momentum = groups[0]["betas"][0]
    else:  # a warm-up ends at the option's, whatever auto began with
        momentum = args.momentum if cadence.warmup else groups[0]["momentum"]
    return UsedSettings(
        images=trainer.order.shown,
        batch=loader.batch_size * max(trainer.world_size, 1),
        batches=cadence.batches,
        accumulate=cadence.full,
        steps_per_epoch=cadence.count_steps(trainer.epochs),
        steps=sum(map(cadence.count_steps, range(trainer.epochs))),
        warmup_batches=cadence.warmup,
        warmup_bias_lr=args.warmup_bias_lr,
        optimizer=type(trainer.optimizer).__name__,
        lr0=args.lr0,
        lr0_reason=trainer.lr0_reason,
        momentum=momentum,
        weight_decay=max(group["weight_decay"] for group in groups),
        workers=loader.num_workers,
        threads=trainer.pace.threads if trainer.pace else None,
        device_name=_name_device(trainer.device),
        validation="deployed",
        memory=measure_needs(trainer),
    )


def list_notes(trainer: Any, used: UsedSettings) -> list[str]:
    """Return a sentence for each option that has no effect, or less than one might think."""
    args, epochs = trainer.args, trainer.epochs
    labels = trainer.train_loader.dataset.labels
    notes = [_describe_steps(used, epochs)]
    if used.lr0_reason and not trainer.start_epoch:
        notes.append(f"{used.optimizer} begins at {used.lr0:g}: {used.lr0_reason}")
    if trainer.cadence.warmup < trainer.asked_warmup:
        batches = counted(used.batches * epochs, "batch", "batches")
        notes.append(
            f"warm-up over {used.warmup_batches} of the {batches}: what warmup_epochs "
            f"({args.warmup_epochs:g}) asks for is too long for this run"
        )
    if args.mosaic and args.close_mosaic >= epochs:
        notes.append(
            f"no mosaic: it is left out of the last {counted(args.close_mosaic, 'epoch')} "
            f"(close_mosaic), which is all of this run"
        )
    if args.copy_paste and not any(len(label["segments"]) for label in labels):
        notes.append("copy_paste has no effect: it pastes outlined objects, and there are none")
    notes += _describe_compiling(trainer)
    notes += _describe_fitness(trainer.own.fitness)
    if args.fraction < 1:
        notes.append(f"fraction {args.fraction:g}: an epoch shows {counted(used.images, 'image')}")
    if trainer.own.repeat_factor:
        total = len(trainer.train_loader.dataset)
        notes.append(
            f"repeat_factor {trainer.own.repeat_factor:g}: an epoch shows "
            f"{counted(used.images, 'image')} of {total}, those with rare classes more than once"
        )
    if args.multi_scale:
        notes.append(_describe_multi_scale(args.imgsz, args.multi_scale, trainer.stride))
    if not args.val and 0 < args.patience < epochs:
        notes.append("patience has no effect: with validate: false there is nothing to judge by")
    return notes + describe_shortage(used.memory, used.batch, args)


def name_metrics(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, float]:
    """Return losses and metrics of an epoch under our names.

    Args:
        values: Upstream's names to numbers.
        names: Upstream's names of the task's metrics to ours; other metrics are left out, but for
            those of our own.
    """
    ours: dict[str, float] = {}
    for name, value in keep_finite(values).items():
        if name.startswith(("train/", "val/")):
            ours[name.replace("/", "_")] = value
        elif name in names:
            ours[names[name]] = value
        elif name.startswith(OWN_METRIC):
            ours[name.removeprefix(OWN_METRIC)] = value
    return ours


def name_rates(groups: Sequence[Mapping[str, Any]], rates: Mapping[str, float]) -> dict[str, float]:
    """Return the learning rate of the weights, and of each group of parameters that differs.

    Args:
        groups: Those of the optimizer.
        rates: ``lr/pg<index of a group>`` to its rate, as upstream logs them.
    """
    first = float(rates["lr/pg0"])
    named = {"learning_rate": first}
    for index, group in enumerate(groups):
        rate = float(rates[f"lr/pg{index}"])
        if rate != first:
            named[f"learning_rate_{group.get('param_group', index)}"] = rate
    return named


def keep_finite(values: Mapping[str, Any]) -> dict[str, float]:
    """Leave out NaN and infinity, which JSON does not know; upstream recovers from them."""
    return {name: float(value) for name, value in values.items() if math.isfinite(value)}


def _refuse_images(dataset: Any, split: str, left_out: list[str], added: list[str]) -> DataError:
    classes = len(dataset.data["names"])
    lines = [f"  {image}: {explain_left_out(image, classes)}" for image in left_out[:_SHOWN]]
    lines += [f"  {image}: it was not given" for image in added[:_SHOWN]]
    count = len(left_out) + len(added)
    if count > len(lines):
        lines.append(f"  ... and {count - len(lines)} more")
    images = counted(count, "image")
    head = f"ultralytics would not train on what was checked; {images} of {split}:"
    hint = "fix or remove them; --allow unusable-images leaves them out" if left_out else None
    return DataError("\n".join([head, *lines]), hint=hint)


def _describe_compiling(trainer: Any) -> list[str]:
    if not trainer.args.compile:
        return []
    if not hasattr(getattr(trainer.model, "module", trainer.model), "_orig_mod"):
        return ["compile has no effect: train.log says what torch's compiler lacks"]
    dataset, loader = len(trainer.train_loader.dataset), trainer.train_loader
    left = max(0, len(loader.sampler) - len(loader) * loader.batch_size)
    out = (
        f"; an epoch leaves out {counted(left, 'image')} of {dataset}, others each time, since all "
        "its batches must be alike"
    )
    return [f"the network is compiled in the first batches, which takes a while{out * (left > 0)}"]


def _describe_fitness(asked: str) -> list[str]:
    fitness = parse_fitness(asked)
    if fitness.name == MAP50_95:
        return []
    return [f"best.pt and patience go by {describe_fitness(fitness)}"]


def _describe_steps(used: UsedSettings, epochs: int) -> str:
    each = counted(used.steps_per_epoch, "optimizer step")
    more = used.steps > used.steps_per_epoch * epochs
    text = f"{each} an epoch{' (more in the warm-up)' * more}, {used.steps} in all"
    if used.steps < _FEW_STEPS:
        text += f"; that is little to learn from: {advise_more_steps(used)}"
    return text


def _describe_multi_scale(imgsz: int, share: float, stride: int) -> str:
    """Say between which sides a batch's varies; the largest decides on the memory that it takes."""
    low = max(stride, int(imgsz * (1 - share)) // stride * stride)
    high = int(imgsz * (1 + share) + stride - 1) // stride * stride
    return (
        f"multi_scale {share:g}: the side of a batch is {low} to {high} px, validation's {imgsz} "
        f"px; the largest takes {(high / imgsz) ** 2:.1f} times the memory of {imgsz} px"
    )
