"""Messages about images that were not found or cannot be read: which, why, and what helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.core.plural import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.labels.ledger import Ledger

MISSING = "missing-image"

_SHOWN = 3
_HINT = "say with --images where the images are"


def why_nothing(ledger: Ledger) -> str:
    """Return why a set has nothing in it, in brackets: the loss of an image before all else."""
    lost = ledger.lost_images()
    missing = [entry for entry in lost if entry.code == MISSING]
    if lost:
        more = f"; {len(lost) - 1} more" if len(lost) > 1 else ""
        return f" ({(missing or lost)[0].message}{more})"
    dropped = [entry for entry in ledger.entries if entry.action == "dropped"]
    entries = dropped or ledger.entries
    return f" ({entries[0].place}: {entries[0].message})" if entries else ""


def hint_at_images(ledger: Ledger) -> str | None:
    """Return what helps where images are missing, None where none is."""
    return _HINT if any(entry.code == MISSING for entry in ledger.entries) else None


def warn_of_losses(ledger: Ledger) -> Iterator[str]:
    """Say how many images were left out because they are not there or cannot be read."""
    lost = ledger.lost_images()
    missing = [entry.image for entry in lost if entry.code == MISSING]
    others = [entry.image for entry in lost if entry.code != MISSING]
    if missing:
        yield f"{_were(missing)} not found: {_shown(missing)} ({_HINT})"
    if others:
        yield f"{_were(others)} left out as unusable: {_shown(others)}"


def _were(images: list[str | None]) -> str:
    return counted(len(images), "image was", "images were")


def _shown(images: list[str | None]) -> str:
    return ", ".join(map(str, images[:_SHOWN])) + (", ..." if len(images) > _SHOWN else "")
