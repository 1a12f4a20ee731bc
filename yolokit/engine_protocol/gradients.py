"""What ``--watch gradients`` tells of an epoch."""

from __future__ import annotations

import msgspec

from yolokit.core.events import Event

CLIP_NORM = 10.0  # of all layers together: what upstream clips to (engine/trainer.py)


class LayerGradients(msgspec.Struct, frozen=True, kw_only=True):
    """The gradients of one layer over the steps of an epoch, before they are clipped.

    Attributes:
        layer: Its place in the network, from 0.
        name: What ``yolokit inspect`` calls it, e.g. ``model.4``.
        type: What it is, e.g. ``C3k2``.
        mean: Mean of its norms (L2, all of its weights together).
        max: The largest one.
        update_ratio: By which share of its norm the weights changed in the first step of the
            epoch; None where nothing was stepped.
    """

    layer: int
    name: str
    type: str
    mean: float
    max: float
    update_ratio: float | None


class Gradients(Event, frozen=True, kw_only=True, tag="gradients"):
    """The gradients of one epoch.

    Attributes:
        epoch: From 1; its ``EpochEnd`` follows.
        steps: Steps of the optimizer whose gradients were numbers; norms are of these.
        clipped: How many of them were clipped, since the norm of all was above ``CLIP_NORM``.
        not_finite: Further steps, whose gradients were NaN or infinite.
        layers: Those that are trained, in order.
    """

    epoch: int
    steps: int
    clipped: int
    not_finite: int
    layers: list[LayerGradients]
