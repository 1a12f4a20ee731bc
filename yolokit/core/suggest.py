"""What to say about an unknown name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that looks most like ``name``, or None if none comes near."""
    import difflib

    by_lower = {candidate.lower(): candidate for candidate in known}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.55)
    return by_lower[found[0]] if found else None


def describe_unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Return one sentence about an unknown name, with the nearest known one or all of them."""
    names = list(known)
    guess = nearest(name, names)
    if guess is not None:
        return f"unknown {kind} {name!r}: did you mean {guess!r}?"
    return f"unknown {kind} {name!r}: the known ones are {', '.join(names) or 'none'}"


def unknown_name(kind: str, name: str, known: Iterable[str]) -> ConfigError:
    """Return the error for an unknown name; nothing is guessed on the user's behalf."""
    return ConfigError(describe_unknown(kind, name, known))
