"""What a training of ours needs beyond upstream's own settings."""

from __future__ import annotations

import msgspec


class OwnSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings that our trainer reads, in each of its processes.

    Attributes:
        run_dir: Folder of the run.
        lineage: What every checkpoint states about where it comes from, as JSON.
        leave_out: Go on where upstream leaves out an image that it was given.
        knows_classes: Whether the start detects all classes already; the engine finds out.
        box_loss: How the loss of a box is computed: a key of ``engine.box_loss.FLAGS``.
        dropout: Share that dropout layers drop; None for what the network states.
        repeat_factor: Share of images below which a class is shown more often; 0 for none.
    """

    run_dir: str
    lineage: str = "{}"
    leave_out: bool = False
    knows_classes: bool = False
    box_loss: str = "ciou"
    dropout: float | None = None
    repeat_factor: float = 0.0
