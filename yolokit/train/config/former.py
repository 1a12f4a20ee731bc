"""Options that had another name in an earlier version, in files and records of that time."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from yolokit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

TODAY: Mapping[str, str] = MappingProxyType({"lr0": "lr", "cos_lr": "schedule"})
_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def take_former(values: Mapping[str, Any], where: str = "train") -> dict[str, Any]:
    """Return options under today's names; all others are as they were.

    Args:
        values: Options, as they were given.
        where: What states them, for messages.

    Raises:
        ConfigError: An option is given under both names, or a former one has no such value.
    """
    today = {name: value for name, value in values.items() if name not in TODAY}
    problems = []
    for former in TODAY.keys() & values.keys():
        name, value = TODAY[former], values[former]
        if name in values:
            problems.append(f"{former}: is called {name} now, which is given too; leave it out")
        elif former == "lr0":
            today |= {} if value is None else {name: value}
        elif (word := str(value).strip().lower()) in (*_YES, *_NO):
            today[name] = "cosine" if word in _YES else "linear"
        else:
            problems.append(f"{former}: is `schedule: cosine` now, or linear; not {value!r}")
    if problems:
        raise ConfigError(f"mistakes in the options of {where}:", problems=sorted(problems))
    return today
