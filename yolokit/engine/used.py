"""What a training finally computes with, and what of it a person would not expect."""

from __future__ import annotations

from typing import Any

from yolokit.core.plural import counted
from yolokit.engine_protocol.training import UsedSettings

_FEW_STEPS = 100


def describe_settings(trainer: Any) -> UsedSettings:
    """Return what upstream's trainer uses, once it is set up."""
    groups = trainer.optimizer.param_groups
    cadence, loader, args = trainer.cadence, trainer.train_loader, trainer.args
    if "betas" in groups[0]:
        momentum = groups[0]["betas"][0]
    else:  # a warm-up ends at the option's, whatever auto began with
        momentum = args.momentum if cadence.warmup else groups[0]["momentum"]
    return UsedSettings(
        images=len(loader.dataset),
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
    )


def list_notes(trainer: Any, used: UsedSettings) -> list[str]:
    """Return a sentence for each option that has no effect, or less than one might think."""
    args, epochs = trainer.args, trainer.epochs
    labels = trainer.train_loader.dataset.labels
    notes = [_describe_steps(used, epochs)]
    if used.lr0_reason:
        notes.append(f"auto takes {used.optimizer} at {used.lr0:g}: {used.lr0_reason}")
    if trainer.cadence.warmup < trainer.asked_warmup:
        batches = counted(used.batches * epochs, "batch", "batches")
        notes.append(
            f"warm-up over {used.warmup_batches} of the {batches}: what warmup_epochs "
            f"({args.warmup_epochs:g}) asks for is too long for this run"
        )
    if args.mosaic and args.close_mosaic >= epochs:
        notes.append(f"no mosaic: close_mosaic ({args.close_mosaic}) covers every epoch")
    if args.copy_paste and not any(len(label["segments"]) for label in labels):
        notes.append("copy_paste has no effect: it pastes outlined objects, and there are none")
    if args.fraction < 1:
        notes.append(f"fraction {args.fraction:g}: an epoch shows {counted(used.images, 'image')}")
    if not args.val and 0 < args.patience < epochs:
        notes.append("patience has no effect: with validate: false there is nothing to judge by")
    if args.cache and not trainer.train_loader.dataset.cache:
        notes.append("cache has no effect: there is too little free memory for the images")
    return notes


def _describe_steps(used: UsedSettings, epochs: int) -> str:
    each = counted(used.steps_per_epoch, "optimizer step")
    more = used.steps > used.steps_per_epoch * epochs
    text = f"{each} an epoch{' (more in the warm-up)' * more}, {used.steps} in all"
    if used.steps < _FEW_STEPS:
        text += (
            "; that is little to learn from: more --epochs give more, or a smaller nbs in --config"
        )
    return text
