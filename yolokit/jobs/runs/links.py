"""One link of the chain that ``yolokit runs lineage`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from yolokit.train.record import RunRecord

if TYPE_CHECKING:
    from collections.abc import Mapping


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One link of the chain.

    Attributes:
        kind: An exported model, a checkpoint, the run that trained it, or that run's data set.
        path: Where it is; None where only its hash is known.
        sha256: Its hash as it is now, or else as it is stated; of a run None.
        facts: What is known of it, in words.
        gaps: What is not known, or not there any more.
        faults: What contradicts what is stated: a hash that does not match.
        record: Of a run: all of its record.
    """

    kind: Literal["model", "checkpoint", "run", "data"]
    path: str | None
    sha256: str | None = None
    facts: dict[str, str] = {}
    gaps: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    record: RunRecord | None = None


def known(facts: Mapping[str, str | None]) -> dict[str, str]:
    """Leave out what is not known."""
    return {name: value for name, value in facts.items() if value}
