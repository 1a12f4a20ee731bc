"""The commands that are recorded: a table of cases, each run in a folder of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

Command: TypeAlias = tuple[str, ...]

SLOW = "slow/"  # recorded only where --only names them
GROUPS = ("", "data", "weights")
COMMANDS = (
    "quickstart", "train", "export", "val", "predict", "doctor", "data convert", "data formats",
    "data demo", "data get", "data list", "data info", "weights list", "weights info",
    "weights pull", "weights verify", "weights where", "weights bundle", "weights import",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """Commands that run one after another in one folder.

    Attributes:
        name: Names its record: ``data/coco``.
        commands: Words behind ``yolokit``, or a program of :data:`PROGRAMS`. ``$BASE`` is the
            address of the recording's server, ``$INPUTS`` the folder of inputs.
        inputs: What is copied into the folder before: its name there to its name in the inputs.
        environment: Variables beside those of every case.
    """

    name: str
    commands: tuple[Command, ...]
    inputs: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


def case(
    name: str,
    *lines: str,
    put: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
) -> Case:
    """Make a case of lines whose words are parted by spaces; ``~`` in a word is a space."""
    commands = tuple(tuple(w.replace("~", " ") for w in line.split()) for line in lines)
    return Case(name, commands, put or {}, env or {})


def list_cases(inputs: Path) -> list[Case]:
    """Return all cases whose inputs are there."""
    from tests.pinned import table_convert, table_hub, table_models, table_train

    facts: dict[str, Any] = json.loads((inputs / "formats.json").read_text())
    found = [
        *_list_help(),
        *table_convert.list_cases(inputs, facts),
        *table_hub.list_cases(),
        *table_models.list_cases(inputs),
        *table_train.list_cases(inputs),
    ]
    names = [one.name for one in found]
    assert len(set(names)) == len(names), "two cases have one name"
    return found


def _list_help() -> Iterator[Case]:
    lines = [f"{group} --help".strip() for group in GROUPS]
    lines += [f"{command} -h" for command in COMMANDS]
    yield case("help/all", *lines, "--version")
    yield case("help/none", "", "data", "weights", *COMMANDS[1:])
    yield case(
        "help/wrong",
        "predcit", "--versoin", "data covnert", "weights pul", "data convert --too x",
        "train --epoch 3", "predict a b --cnof 1", "export", "val a", "--debug export missing.pt",
        "export missing.pt --debug", "weights list --bogus", "doctor extra",
    )  # fmt: skip
    yield case("doctor", "doctor", "doctor --json")
