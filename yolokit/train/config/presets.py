"""Presets: named sets of options for one purpose, each a YAML file with a reason at each option."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yolokit.core.option_file import read_option_file
from yolokit.core.suggest import describe_unknown
from yolokit.errors import ConfigError
from yolokit.train.config.former import take_former

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent.parent / "presets"
NAMES = ("default", "small-data", "small-objects", "fast", "long-tail")
_INDENT = " " * 6
_ZERO = ("0", "0.0")  # as written
# A preset may come from someone else: it says how to train, not on what, nor what to accept.
_NOT_IN_A_PRESET = ("data", "preset", "trust", "allow", "offline", "require_hash")


def find_preset(name: str) -> Path:
    """Return the file of a preset: one of :data:`NAMES`, or a YAML file of the user's own.

    Raises:
        ConfigError: There is no such preset.
    """
    if name in NAMES:
        return FOLDER / f"{name}.yaml"
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise ConfigError(f"preset: {name} is not a file")
        return path
    raise ConfigError(
        f"preset: {describe_unknown('preset', name, NAMES)}",
        hint="a preset of your own is a file whose name ends in .yaml",
    )


def read_preset(name: str) -> dict[str, Any]:
    """Return the options that a preset states, as they are written.

    Raises:
        ConfigError: There is no such preset, or it states what a preset must not.
    """
    path = find_preset(name)
    stated = take_former(read_option_file(path))
    wrong = [
        f"{key}: is not for a preset, which says how to train; write it into a file for --config"
        for key in _NOT_IN_A_PRESET
        if key in stated
    ]
    if wrong:
        raise ConfigError(f"{path} cannot be a preset:", problems=wrong)
    return stated


def describe_presets() -> str:
    """Return what each preset is for, what it sets, and where to read why."""
    lines = []
    for name in NAMES:
        path = find_preset(name)
        purpose = path.read_text("utf-8").partition("\n")[0].removeprefix("# ")
        stated = read_preset(name)
        values = ", ".join(f"{key} {stated[key]}" for key in stated).replace("True", "true")
        lines += [
            "",
            f"  {name}: {purpose}",
            *textwrap.wrap(values, 88, initial_indent=_INDENT, subsequent_indent=_INDENT),
        ]
    return "\n".join([*lines, "", f"  Why each value, in the files: {FOLDER}"])


def add_preset(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values completed by those of the preset that they name, if they name one.

    What a preset states gives way to what is stated beside it: also a rate that belongs to another
    optimizer, and an option that would have no effect.

    Raises:
        ConfigError: As :func:`read_preset`.
    """
    if values.get("preset") is None:
        return dict(values)
    preset = read_preset(str(values["preset"]))
    for groundless in _find_groundless(values, preset):
        preset.pop(groundless, None)
    return preset | dict(values)


def _find_groundless(values: Mapping[str, Any], preset: Mapping[str, Any]) -> list[str]:
    """Return options of a preset that what is stated beside it leaves without a ground."""
    together = {key: str(value).lower() for key, value in {**preset, **values}.items()}
    groundless = []
    if "optimizer" in values and values["optimizer"] != preset.get("optimizer"):
        groundless += ["lr", "momentum"]
    if together.get("mosaic") in _ZERO:
        groundless.append("close_mosaic")
    if together.get("box") in _ZERO:
        groundless.append("box_loss")
    if together.get("validate") == "false":
        groundless += ["patience", "fitness"]
    is_fresh = together.get("weights", "none") == "none" and together.get("init") != "imagenet"
    if is_fresh or together.get("add_classes") == "true":
        groundless.append("freeze")
    if together.get("schedule") == "one-cycle":
        groundless.append("warmup_epochs")
    return groundless
