"""Takes values out of JSON that nobody has checked yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def as_number(value: Any, what: str) -> float:
    """Return a number, which may be NaN.

    Args:
        value: From JSON.
        what: What it is, for the message.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError as error:
            raise ValueError(f"{what} is too large for a number") from error
    raise ValueError(f"{what} is not a number: {str(value)[:60]!r}")


def as_numbers(values: Mapping[str, Any], *keys: str) -> list[float]:
    """Return the numbers under some keys.

    Raises:
        ValueError: One is missing or no number.
    """
    for key in keys:
        if key not in values:
            raise ValueError(f"`{key}` is missing")
    return [as_number(values[key], f"`{key}`") for key in keys]


def as_size(width: Any, height: Any) -> tuple[int, int] | tuple[None, None]:
    """Return width and height in px, or twice None where they are not usable size."""
    try:
        sides = round(as_number(width, "width")), round(as_number(height, "height"))
    except (ValueError, OverflowError):
        return None, None
    return sides if min(sides) > 0 and max(sides) < 1 << 31 else (None, None)


def read_size(value: Any) -> tuple[int, int] | tuple[None, None]:
    """Return the whole numbers under ``width`` and ``height`` in px, or twice None."""
    sizes = as_dict(value)
    width, height = sizes.get("width"), sizes.get("height")
    if not isinstance(width, int) or not isinstance(height, int):
        return None, None
    usable = min(width, height) > 0 and max(width, height) < 1 << 31
    return (width, height) if usable else (None, None)


def as_dict(value: Any) -> dict[str, Any]:
    """Return a dict, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return a list, an empty one for anything else."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """Return a text stripped, whole numbers as text too; empty for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) else ""
