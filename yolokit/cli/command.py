"""How every command shows its usage, and how that of a job takes the options of its config.

Nothing is stated twice: what the config of a job states about an option is all there is.
"""

from __future__ import annotations

import importlib
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer
from typer._click import types  # typer 0.28 carries click within
from typer.core import TyperArgument, TyperCommand, TyperOption

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typer._click import Context, Parameter

    from yolokit.core.config import Config
    from yolokit.core.options import Stated

DatasetName = Annotated[
    str | None, typer.Option(metavar="NAME", help="Folder to make in the store of data sets.")
]
_NO_PLACES: Mapping[str, str] = MappingProxyType({})


def json_option(help_text: str) -> Any:
    """Return the option of a command that prints for machines."""
    return typer.Option("--json", help=help_text)


class Command(TyperCommand):
    """A command whose usage names what it needs as the help does: ``MODEL``, not ``{MODEL}``."""

    def collect_usage_pieces(self, ctx: Context) -> list[str]:
        """Return the parts of the usage line."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]


class JobCommand(Command):
    """A command that takes the options of a job's config, beside its own.

    Its function gets those that were given as ``ctx.obj``, name to value. The config is loaded
    when the help of the command is shown or the command runs, and not before.
    """

    config: ClassVar[str]
    places: ClassVar[Mapping[str, str]]

    @property
    def params(self) -> list[Parameter]:
        """The options of the config, with the command's own among them."""
        return self._placed

    @params.setter
    def params(self, own: list[Parameter]) -> None:
        self._own = own

    @cached_property
    def _placed(self) -> list[Parameter]:
        return _place(list(map(_make_parameter, self._stated)), self._own, self.places)

    @cached_property
    def _stated(self) -> list[Stated]:
        from yolokit.core.options import list_options

        return list(list_options(self.load_config()))

    @classmethod
    def load_config(cls) -> type[Config]:
        """Return the struct that states the options."""
        module, _, name = cls.config.partition(":")
        config: type[Config] = getattr(importlib.import_module(module), name)
        return config

    def invoke(self, ctx: Context) -> Any:
        """Run the command with its own options; those of the config are in ``ctx.obj``."""
        values = {stated.name: ctx.params.pop(stated.name) for stated in self._stated}
        ctx.obj = {name: value for name, value in values.items() if _is_given(value)}
        return super().invoke(ctx)


def options_of(config: str, places: Mapping[str, str] = _NO_PLACES) -> type[JobCommand]:
    """Return the class of a command that takes the options of a config.

    Args:
        config: ``module:Class``.
        places: For an option of the command itself, the one that it follows in the help, or an
            empty text for the first place. All others come last.
    """
    return type("JobCommand", (JobCommand,), {"config": config, "places": places})


def _is_given(value: Any) -> bool:
    return not (value is None or value is False or value == ())


def _make_parameter(stated: Stated) -> Parameter:
    from yolokit.core.options import Argument, Option

    option = stated.option
    assert isinstance(option, Option)
    if isinstance(option, Argument):
        return TyperArgument(
            param_decls=[stated.name],
            type=_find_type(stated),
            required=stated.is_required,
            nargs=-1 if stated.is_many else 1,
            metavar=option.metavar,
            help=option.help,
        )
    is_flag = bool in stated.kinds
    return TyperOption(
        param_decls=[
            stated.name,
            option.name_flag(stated.name),
            *([option.former] if option.former else []),
        ],
        type=None if is_flag else _find_type(stated),
        is_flag=is_flag,
        multiple=stated.is_many,
        required=stated.is_required and not option.may_lack,
        metavar=option.metavar,
        help=option.help + (f"  [default: {stated.default}]" if stated.default else ""),
    )


def _find_type(stated: Stated) -> types.ParamType:
    """Return what a text has to be."""
    from pathlib import Path

    from typer.models import TyperPath

    from yolokit.core.options import Option

    known: Mapping[type, types.ParamType] = {
        int: types.INT, float: types.FLOAT, Path: TyperPath(),
    }  # fmt: skip
    if isinstance(stated.option, Option) and stated.option.takes_more:
        return types.FuncParamType(_read_number_or_more)
    if stated.kinds == {int, str}:
        return types.FuncParamType(_read_number_or_word)
    found = [known.get(kind, types.STRING) for kind in stated.kinds]
    return found[0] if len(found) == 1 else types.STRING


def _read_number_or_more(text: str) -> int | str:
    """Read ``N`` or, as text, ``+N``.

    Raises:
        BadParameter: It is neither.
    """
    from typer._click.exceptions import BadParameter

    try:
        number = int(text)
    except ValueError as error:
        raise BadParameter(f"{text!r} is neither a whole number nor +N.") from error
    return text if text.startswith("+") else number


def _read_number_or_word(text: str) -> int | str:
    try:
        return int(text)
    except ValueError:
        return text


def _place(
    taken: list[Parameter], own: list[Parameter], places: Mapping[str, str]
) -> list[Parameter]:
    """Return the options of a config with a command's own among them."""
    placed = list(taken)
    for parameter in own:
        names = [one.name for one in placed]
        after = places.get(str(parameter.name), names[-1])
        placed.insert(names.index(after) + 1 if after else 0, parameter)
    return placed
