"""Where each option of a training comes from: default < preset < file < command line."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.core.option_file import read_option_file
from yolokit.core.options import list_settings
from yolokit.core.plural import counted
from yolokit.errors import ConfigError
from yolokit.train.config import TrainConfig
from yolokit.train.config.former import TODAY, take_former
from yolokit.train.config.presets import add_preset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

ON_LINE = "command line"
_NOTHING = "null"


class Resolved(msgspec.Struct, frozen=True):
    """Checked options, and for each that is not at its default by chance, who said so.

    Attributes:
        config: The options.
        origins: Name -> ``preset NAME``, ``FILE``, ``--set`` or ``command line``.
    """

    config: TrainConfig
    origins: dict[str, str]


def resolve_options(
    given: Mapping[str, Any],
    *,
    file: Path | None = None,
    settings: Sequence[str] = (),
    kind: type[TrainConfig] = TrainConfig,
) -> Resolved:
    """Lay options over each other, and check what comes of it.

    Args:
        given: Options of the command line.
        file: That of ``--config``.
        settings: ``KEY=VALUE`` texts of ``--set``.
        kind: What to build.

    Raises:
        ConfigError: Anything is wrong; each mistake says in which file it is.
    """
    layers = {str(file): read_option_file(file)} if file is not None else {}
    layers["--set"] = read_settings(settings, given)
    layers[ON_LINE] = dict(given)
    return resolve_layers(layers, kind)


def resolve_layers(
    layers: Mapping[str, Mapping[str, Any]], kind: type[TrainConfig] = TrainConfig
) -> Resolved:
    """Lay options over each other, the last ones on top.

    Args:
        layers: Who says so -> options.
        kind: What to build.

    Raises:
        ConfigError: As :func:`resolve_options`.
    """
    stated: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, given in layers.items():
        values = take_former(given, origin)
        stated |= values
        origins |= dict.fromkeys(values, origin)
    completed = add_preset(stated)
    origins = dict.fromkeys(completed, f"preset {stated.get('preset')}") | origins
    try:
        config = kind.build(stated)
    except ConfigError as error:
        problems = [_place(problem, origins) for problem in error.problems]
        raise ConfigError(error.message, hint=error.hint, problems=problems) from error
    return Resolved(config, {key: origins[key] for key in completed})


def read_settings(texts: Sequence[str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Read ``KEY=VALUE`` texts; an option that takes several values may be repeated.

    Raises:
        ConfigError: One has no value, or is given twice, also by an option of its own.
    """
    pairs = [(_name(text), text.partition("=")[2].strip()) for text in texts]
    many = {one.name for one in list_settings(TrainConfig) if one.is_many}
    times = Counter(key for key, _ in pairs)
    problems = [f"--set {text}: must be KEY=VALUE" for text in texts if not _is_pair(text)]
    for key, often in times.items():
        if TODAY.get(key, key) in given:
            problems.append(f"{key}: is given by --set and by an option of its own; give one")
        if often > 1 and key not in many:
            problems.append(f"{key}: is set {often} times")
    if problems:
        count = counted(len(problems), "mistake")
        raise ConfigError(f"{count} in the options of train:", problems=problems)
    read: dict[str, Any] = {}
    for key, value in pairs:
        plain = None if value == _NOTHING else value
        read[key] = [*read.get(key, []), plain] if key in many else plain
    return read


def _name(text: str) -> str:
    return text.partition("=")[0].strip().lstrip("-").replace("-", "_")


def _is_pair(text: str) -> bool:
    key, equals, value = text.partition("=")
    return bool(key.strip() and equals and value.strip())


def _place(problem: str, origins: Mapping[str, str]) -> str:
    """Name the file that a mistake is in; what was typed needs no place."""
    key, colon, rest = problem.partition(":")
    unknown = re.match(r"unknown option '([^']*)'", problem)
    origin = origins.get(unknown[1] if unknown else key)
    if origin is None or origin in (ON_LINE, "--set", "Python"):
        return problem
    return f"{key} (in {origin}){colon}{rest}"
