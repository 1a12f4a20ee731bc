"""The help of all commands is of one style."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from yolokit.cli.main import app

if TYPE_CHECKING:
    from collections.abc import Iterator

# A placeholder is in capitals, a word to be typed as it stands is not; `|` stands between choices.
CHOICE = r"([A-Z]+|[a-z0-9-]+([:@][A-Z]+)?|0,1)"
# The usage line puts brackets around what may be left out.
STYLE = re.compile(
    rf"{CHOICE}(\|{CHOICE})*(\.\.\.|,\.\.\.)?|KEY=VALUE|OLD,OLD=NEW|HOST:PORT|PX\|H,W"
)


def _list_commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if hasattr(command, "commands"):
        for word, child in command.commands.items():
            yield from _list_commands(child, (*words, word))
    else:
        yield words


def _find(words: tuple[str, ...]) -> Any:
    command: Any = get_command(app)
    for word in words:
        command = command.commands[word]
    return command


COMMANDS = list(_list_commands(get_command(app)))


def test_there_are_commands() -> None:
    assert {("train",), ("data", "convert"), ("weights", "pull")} <= set(COMMANDS)


def test_nearly_all_commands_have_options() -> None:
    assert [words for words in COMMANDS if not _find(words).params] == [("weights", "where")]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_placeholders_are_in_capitals(words: tuple[str, ...]) -> None:
    for parameter in _find(words).params:
        if not getattr(parameter, "is_flag", False):
            assert parameter.metavar is not None, f"{parameter.name} has no placeholder"
            assert STYLE.fullmatch(parameter.metavar), parameter.metavar


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_usage_needs_no_braces(words: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*words, "--help"], prog_name="yolokit").output
    assert shown.startswith(f"Usage: yolokit {' '.join(words)} [OPTIONS]")
    assert not set("{}<>") & set(shown.partition("\n\n")[0])


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_option_says_what_it_is_for(words: tuple[str, ...]) -> None:
    for parameter in _find(words).params:
        text = parameter.help or ""
        assert re.search(r"^[A-Z].*[.\]]$", text), f"{parameter.name}: {text!r}"
        assert not re.search(r"[^ ] \[default", text), f"{parameter.name}: two spaces before it"


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_an_option_that_may_be_repeated_says_so(words: tuple[str, ...]) -> None:
    for parameter in _find(words).params:
        if parameter.param_type_name == "option" and parameter.name != "help":
            says = "Repeatable." in (parameter.help or "") or (parameter.metavar or "").endswith(
                ",..."
            )
            assert says or not parameter.multiple, f"{parameter.name}: {parameter.help!r}"


@pytest.mark.parametrize("group", ["", "data", "weights", "runs"])
def test_lists_of_commands_are_not_cut(group: str) -> None:
    shown = CliRunner().invoke(app, [*group.split(), "--help"], prog_name="yolokit").output
    listed = shown.partition("Commands:")[2]
    assert listed.strip()
    assert "..." not in listed
