"""What was transferred to a model from where it started: an account of every tensor."""

from __future__ import annotations

from typing import Literal

import msgspec

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
    """

    kind: str
    groups: list[TransferGroup]
    left: list[TransferGroup] = []
    whole_layers: list[int] = []
    knows_classes: bool = False
    frozen: list[int] | None = None
    unfrozen: list[int] = []

    @property
    def tensors(self) -> int:
        """How many tensors the model has."""
        return sum(group.tensors for group in self.groups)

    @property
    def transferred(self) -> int:
        """How many tensors came from the source, class rows found by name included."""
        return sum(group.tensors for group in self.groups if group.action != "fresh")
