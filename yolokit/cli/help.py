"""``yolokit help``: every option of every command, also those that only a file has."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yolokit.cli.command import JobCommand, json_option

if TYPE_CHECKING:
    from yolokit.cli.hints.option_help import OptionHelp

_HEADS = {
    "command line": "Options:",
    "--config FILE": "By --set KEY=VALUE, or in a file for --config, one a line:",
    "Python": "Only in Python:",
}


def help_(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="COMMAND|OPTION...", help="What to explain.  [default: all]"),
    ] = None,
    json: Annotated[bool, json_option("Print one line of JSON for each option.")] = False,
) -> None:
    """Explain a command or an option, such as: help train mosaic.

    Shows every option with its range, its default and what it is for, also those that are only
    taken from a file for --config. An option is found without its command, too: help mosaic.
    """
    import msgspec

    from yolokit.cli.output import emit, emit_json

    root = ctx.find_root()
    command, path, rest = _find_command(root.command, list(words or ()))
    if not rest and hasattr(command, "commands") and not json:
        group = ctx if not path else typer.Context(command, parent=root, info_name=" ".join(path))
        emit(command.get_help(root if not path else group))
        return
    found = _find_options(command, path, rest)
    if json:
        for one in found:
            emit_json(msgspec.to_builtins(one))
    elif rest:
        emit("\n\n".join(map(describe_option, found)))
    else:
        emit(describe_command(command, " ".join(path), found))


def _find_command(command: Any, words: list[str]) -> tuple[Any, list[str], list[str]]:
    """Follow words down the tree; return the command, its words, and those that are left."""
    path: list[str] = []
    while words and words[0] in getattr(command, "commands", {}):
        path.append(words.pop(0))
        command = command.commands[path[-1]]
    return command, path, words


def _find_options(command: Any, path: list[str], rest: list[str]) -> list[OptionHelp]:
    """Return the options that are asked for.

    Raises:
        ConfigError: There is no command or option of this name, or more than one is named.
    """
    from yolokit.cli.hints.option_help import list_commands, list_option_help, plain_name
    from yolokit.errors import ConfigError

    below = dict(list_commands(command, tuple(path)))
    options = [one for words, child in below.items() for one in list_option_help(child, words)]
    if not rest:
        return options
    if len(rest) > 1:
        raise ConfigError(
            f"no command is called {' '.join([*path, *rest[:-1]])!r}",
            hint="one command and one option are explained at a time: yolokit help train mosaic",
        )
    found = [one for one in options if plain_name(rest[0]) in one.names]
    if not found:
        raise ConfigError(_explain_unknown(command, path, rest[0], options))
    return found


def _explain_unknown(command: Any, path: list[str], word: str, options: list[OptionHelp]) -> str:
    """Say what is meant by a word that is neither a command nor an option."""
    from yolokit.cli.hints.option_help import list_commands, plain_name
    from yolokit.core.suggest import nearest
    from yolokit.datasets.checks import list_checks, load_check

    name = plain_name(word)
    for words, child in list_commands(command, tuple(path)):
        foreign = isinstance(child, JobCommand) and child.load_config().find_foreign(name)
        if foreign:
            return f"{words} has no option {word!r}: it {foreign}"
    if name in list_checks():
        check = load_check(name)
        what = f"what `yolokit data check` calls {check.TITLE}"
        return f"{word} is not an option but {what}: {check.HINT}"
    known = [*getattr(command, "commands", {}), *(known for one in options for known in one.names)]
    guess = nearest(name, known)
    kind = "command or option" if hasattr(command, "commands") else f"option of {' '.join(path)}"
    more = (
        f"did you mean {guess!r}?" if guess else f"`{' '.join(['yolokit help', *path])}` lists all"
    )
    return f"unknown {kind} {word!r}: {more}"


def describe_command(command: Any, words: str, options: list[OptionHelp]) -> str:
    """Return what a command does and takes."""
    lines = [f"yolokit {words}", "", *_wrap(str(command.help).partition("\n\n")[0], "  ")]
    for where, head in _HEADS.items():
        here = [one for one in options if one.where == where]
        if here:
            lines += ["", head]
        for one in here:
            lines += [f"  {one.written}{_in_brackets(one)}", *_wrap(one.help, "      ")]
    named = [one.name for one in options if one.written.startswith("--")]
    lines += ["", f"One of them alone: yolokit help {words} {named[0]}"] if named else []
    return "\n".join(lines)


def describe_option(one: OptionHelp) -> str:
    """Return all about one option."""
    where = {
        "command line": f"yolokit {one.command} {one.written}",
        "--config FILE": (
            f"yolokit {one.command} --set {one.name}=VALUE, or a line `{one.written}` in a file "
            "for --config"
        ),
        "Python": "Python alone",
    }[one.where]
    facts = {"set by": where, "values": one.values, "default": one.default}
    rows = [f"  {key:<7}  {value}" for key, value in facts.items() if value]
    return "\n".join([f"{one.name}: {one.help}", *rows, *filter(None, [one.more])])


def _in_brackets(one: OptionHelp) -> str:
    default = f"default: {one.default}" if one.default else ""
    # Choices stand in the placeholder already.
    values = "" if "|" in one.written else one.values
    inner = "; ".join(filter(None, (values, default)))
    return f"  [{inner}]" if inner else ""


def _wrap(text: str, indent: str) -> list[str]:
    import textwrap

    width = min(100, shutil.get_terminal_size().columns)
    return textwrap.wrap(
        " ".join(text.split()), width, initial_indent=indent, subsequent_indent=indent
    )
