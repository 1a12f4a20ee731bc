"""What a training of ours needs beyond upstream's own settings."""

from __future__ import annotations

import msgspec

from yolokit.engine_protocol.added import AddingSettings


class OwnSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings that our trainer reads, in each of its processes.

    Attributes:
        run_dir: Folder of the run.
        lineage: What every checkpoint states about where it comes from, as JSON.
        leave_out: Go on where upstream leaves out an image that it was given.
        knows_classes: Whether the start detects all classes already; the engine finds out.
        adding: What a training that adds classes needs; None for any other.
    """

    run_dir: str
    lineage: str = "{}"
    leave_out: bool = False
    knows_classes: bool = False
    adding: AddingSettings | None = None
