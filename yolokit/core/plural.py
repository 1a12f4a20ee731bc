"""Numbers with their nouns: ``1 image``, ``2 images``."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun, in the singular for one.

    Args:
        number: How many.
        noun: What, as one of them is called.
        plural: What several are called, where that is not ``noun`` with an s.
    """
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
