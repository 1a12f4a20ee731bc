"""What the engine tells of a training, for its record: where it began, what it computes with."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from yolokit.engine_protocol.added import AddedClasses

Part = Literal["backbone", "neck", "head"]
Action = Literal["taken", "reshaped", "fresh", "left"]


class TransferGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Tensors of one part of a network that were treated alike for the same reason.

    Attributes:
        part: Where in the network they are.
        action: ``taken`` as they were, ``reshaped`` (class rows found by name), or kept ``fresh``;
            ``left`` in the source, which has them where the model does not.
        reason: Why, in words; empty where nothing needs to be said.
        tensors: How many tensors of the network's state, batch norm's counters included.
        values: How many numbers those hold.
    """

    part: Part
    action: Action
    reason: str
    tensors: int
    values: int


class TransferReport(msgspec.Struct, frozen=True, kw_only=True):
    """How the start of a run was made.

    Attributes:
        kind: Which kind of start: a module of ``engine.initializers``.
        groups: All tensors of the model, in groups; their counts add up to the whole model.
        left: The source's other tensors, in groups.
        whole_layers: Layers of the model that have tensors, all of them taken.
        knows_classes: Whether nothing is fresh, no class row either, so that it detects already.
        frozen: Layers that training leaves as they are; None where nothing was to be frozen.
        unfrozen: Layers that were to be frozen but hold fresh weights, so that they are trained.
        added: Old and new classes, where new ones were added to a detector that stays as it is.
    """

    kind: str
    groups: list[TransferGroup]
    left: list[TransferGroup] = []
    whole_layers: list[int] = []
    knows_classes: bool = False
    frozen: list[int] | None = None
    unfrozen: list[int] = []
    added: AddedClasses | None = None

    @property
    def tensors(self) -> int:
        """How many tensors the model has."""
        return sum(group.tensors for group in self.groups)

    @property
    def transferred(self) -> int:
        """How many tensors came from the source, class rows found by name included."""
        return sum(group.tensors for group in self.groups if group.action != "fresh")


class MemoryNeeds(msgspec.Struct, frozen=True, kw_only=True):
    """What a training on a CPU needs of the memory, as measured before it began.

    Attributes:
        start_bytes: What it held by then.
        image_bytes: What each image of a batch takes beside that, at most.
        free_bytes: What was left, of the machine or of the container.
    """

    start_bytes: int
    image_bytes: int
    free_bytes: int


def count_fitting(needs: MemoryNeeds) -> int:
    """Return how many images of a batch fit into nine tenths of what was left."""
    return needs.free_bytes * 9 // 10 // max(1, needs.image_bytes)


class UsedSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a training computes with, once everything left open is chosen.

    Attributes:
        images: Images of the train split that an epoch shows.
        batch: Images of a batch, on all devices together.
        batches: Batches of an epoch.
        accumulate: Batches of a whole optimizer step; the last step of an epoch may have fewer.
        steps_per_epoch: Optimizer steps of an epoch after the warm-up.
        steps: Optimizer steps of all epochs.
        warmup_batches: Batches in which the rates rise to ``lr0``.
        warmup_bias_lr: Rate at which biases begin the warm-up.
        optimizer: Name of the class.
        lr0: Rate after the warm-up.
        lr0_reason: Why auto took it, where it is not upstream's choice.
        momentum: Momentum of SGD, first beta of the kin of Adam.
        weight_decay: As the optimizer has it: scaled by upstream where ``nbs`` is not a multiple.
        workers: Processes that load images; 0 for the training's own.
        threads: Threads that compute on a CPU at first; None on another device.
        device_name: Model of the GPU; None on another device.
        validation: How epochs are measured: as the ``deployed`` file is by ``yolokit val``, or in
            ``rectangles`` and by upstream's own rule, as earlier versions did.
        memory: What it needs of the memory; None on another device.
    """

    images: int
    batch: int
    batches: int
    accumulate: int
    steps_per_epoch: int
    steps: int
    warmup_batches: int
    warmup_bias_lr: float
    optimizer: str
    lr0: float
    lr0_reason: str | None = None
    momentum: float
    weight_decay: float
    workers: int
    threads: int | None
    device_name: str | None = None
    validation: Literal["deployed", "rectangles"] = "rectangles"
    memory: MemoryNeeds | None = None


def advise_more_steps(used: UsedSettings) -> str:
    """Return what gives a run more optimizer steps; options stand in backticks."""
    if used.accumulate > 1:
        fewer = f"fewer images in each: `--set nbs={used.batch}`"
    else:
        fewer = "a smaller `--batch`"
    return f"more `--epochs` give more, or {fewer}"


def is_better(fitness: float | None, best: float | None) -> bool:
    """Tell whether an epoch replaces the best one before it.

    Of equal epochs the first stays, which is the one that patience counts from. As long as
    nothing could be measured, or nothing was found, the last is taken: it has learnt longest.

    Args:
        fitness: What the epoch is judged by, such as its mAP50-95; None if it was not validated.
        best: The highest of the epochs before it; None if none was validated.
    """
    if best is None or math.isnan(best):
        return True
    if fitness is None or math.isnan(fitness):
        return False
    return fitness > best or fitness == best == 0


class FedImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image as the network gets it.

    Attributes:
        image: File of the image, or of the first one of a mosaic.
        class_ids: N of them.
        xyxy: (N, 4) px of the image as the network gets it.
    """

    image: str
    class_ids: list[int]
    xyxy: list[list[float]]


class FedBatches(msgspec.Struct, frozen=True, kw_only=True):
    """The first batches of a training.

    Attributes:
        images: In the order in which the network gets them.
        batch: Images of a batch.
        epoch: The epoch that they are of, from 1.
    """

    images: list[FedImage]
    batch: int
    epoch: int
