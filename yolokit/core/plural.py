"""Numbers with their nouns: ``1 image``, ``2 images``."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun; ``plural`` is given where it is not the noun with an s."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def share(part: int, whole: str, verb: str, plural: str) -> str:
    """Return how many of a whole, such as ``5 images``, and the verb: ``1 of 5 images has``."""
    return counted(part, f"of {whole} {verb}", f"of {whole} {plural}")


def describe_size(size_bytes: int) -> str:
    """Return a size as people read it."""
    if size_bytes < 1000:
        return counted(size_bytes, "byte")
    size = size_bytes / 1000
    for unit in ("kB", "MB"):
        if size < 999.95:
            return f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
