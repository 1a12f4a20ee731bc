"""All that a command takes, as records: for ``yolokit help`` and the page of all options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from yolokit.cli.command import JobCommand
from yolokit.core.options import Argument, Option, list_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.core.options import Stated

_DEFAULT = "  [default: "


class OptionHelp(msgspec.Struct, frozen=True):
    """One thing that a command takes.

    Attributes:
        command: Its words after ``yolokit``.
        name: Its name in Python and in a file for ``--config``.
        written: How it is written, such as ``--imgsz PX``.
        where: Where it is written.
        values: What it may be, in words; empty where the help says so, or anything goes.
        default: What it is otherwise; empty where it is off or must be given.
        help: What it is for.
        names: All names by which it is found.
        more: What is said where it is explained alone.
    """

    command: str
    name: str
    written: str
    where: Literal["command line", "--config FILE", "Python"]
    values: str
    default: str
    help: str
    names: tuple[str, ...]
    more: str = ""


def list_commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield the words of all commands below one, and what stands for them."""
    if not hasattr(command, "commands"):
        yield " ".join(words), command
        return
    for word, child in command.commands.items():
        yield from list_commands(child, (*words, word))


def list_option_help(command: Any, words: str) -> list[OptionHelp]:
    """Return all that a command takes: in the order of its help, then what has no option."""
    if not isinstance(command, JobCommand):
        return [_of_parameter(one, words) for one in command.params]
    config = command.load_config()
    settings = {one.name: one for one in list_settings(config)}
    shown = [
        _of_setting(settings[str(one.name)], words) if one.name in settings else
        _of_parameter(one, words)
        for one in command.params
    ]  # fmt: skip
    takes_file = any(one.name == "config" for one in command.params)
    others = [
        _of_setting(one, words, takes_file=takes_file)
        for one in settings.values()
        if not isinstance(one.option, Option)
    ]
    every = [*shown, *others]
    return [msgspec.structs.replace(one, more=config.explain_more(one.name)) for one in every]


def _of_setting(stated: Stated, words: str, *, takes_file: bool = False) -> OptionHelp:
    setting, flag = stated.option, ""
    metavar = setting.metavar or ("true|false" if not isinstance(setting, Option) else "")
    if isinstance(setting, Argument):
        written = metavar
    elif isinstance(setting, Option):
        flag = setting.name_flag(stated.name)
        written = " ".join(filter(None, (flag, metavar)))
    else:
        written = f"{stated.name}: {metavar}" if takes_file else f"{stated.name}="
    on_line = isinstance(setting, Option)
    return OptionHelp(
        command=words,
        name=stated.name,
        written=written,
        where="command line" if on_line else "--config FILE" if takes_file else "Python",
        values=stated.values,
        default=stated.default,
        help=setting.help,
        names=_plain_names(stated.name, flag, stated.former or ""),
    )


def _of_parameter(parameter: Any, words: str) -> OptionHelp:
    """Return the record of an option that the command itself has."""
    is_flag = getattr(parameter, "is_flag", False)
    is_argument = parameter.param_type_name == "argument"
    metavar = "" if is_flag else str(parameter.metavar)
    text, _, default = str(parameter.help).partition(_DEFAULT)
    is_shown = parameter.default not in (None, False) and not callable(parameter.default)
    return OptionHelp(
        command=words,
        name=str(parameter.name).rstrip("_"),
        written=metavar if is_argument else f"{parameter.opts[0]} {metavar}".strip(),
        where="command line",
        values="",
        default=default.rstrip("]") or (str(parameter.default) if is_shown else ""),
        help=text,
        names=_plain_names(str(parameter.name), *parameter.opts),
    )


def plain_name(word: str) -> str:
    """Return the name of an option, however it was written."""
    return word.strip("-").replace("-", "_").lower()


def _plain_names(*words: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(plain_name(word) for word in words if word))
