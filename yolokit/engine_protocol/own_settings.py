"""What a training of ours needs beyond upstream's own settings."""

from __future__ import annotations

from typing import Literal

import msgspec

from yolokit.engine_protocol.added import AddingSettings


class OwnSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings that our trainer reads, in each of its processes.

    Attributes:
        run_dir: Folder of the run.
        lineage: What every checkpoint states about where it comes from, as JSON.
        leave_out: Go on where upstream leaves out an image that it was given.
        watch: What is recorded of each epoch beside its figures.
        knows_classes: Whether the start detects all classes already; the engine finds out.
        patience_anew: Whether patience, which had run out, counts from the resumption on.
        machines: How many machines train together.
        rdzv: HOST:PORT where they meet; empty for one alone.
        leads: Whether this machine is the first, which reports and has the folder of the run.
        command: A digest of what was asked for, which must be equal on all machines.
        adding: What a training that adds classes needs; None for any other.
        box_loss: How the loss of a box is computed: a key of ``engine.box_loss.FLAGS``.
        dropout: Share that dropout layers drop; None for what the network states.
        lr: Rate to begin with; None to fit it to the start and to the number of steps.
        schedule: Course of the rate over the run.
        repeat_factor: Share of images below which a class is shown more often; 0 for none.
    """

    run_dir: str
    lineage: str = "{}"
    leave_out: bool = False
    watch: Literal["none", "gradients"] = "none"
    knows_classes: bool = False
    patience_anew: bool = False
    machines: int = 1
    rdzv: str = ""
    leads: bool = True
    command: str = ""
    adding: AddingSettings | None = None
    box_loss: str = "ciou"
    dropout: float | None = None
    repeat_factor: float = 0.0
    lr: float | None = None
    schedule: Literal["linear", "cosine", "one-cycle"] = "linear"
