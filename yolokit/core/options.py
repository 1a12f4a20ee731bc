"""What states an option of a job, once: type, range, default, help, name on the command line.

The options of a job are a frozen struct (``core/config.py``), a field for each in the order of the
help; its annotation is ``Annotated[type, Option(...)]``, or ``Setting(...)`` for what only a file
for ``--config`` takes, with ``msgspec.Meta`` for a range. From it follow the check of values, the
command line (``cli/command.py``), ``yolokit help`` and the functions of the Python API
(``core/job.py``). Importing this takes nothing but msgspec, so that a help is quick.
"""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_args, get_origin

import msgspec
from msgspec import Meta

# Types of which one may give more than a checked config holds: type checkers see the first.
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    AnyPath: TypeAlias = str | os.PathLike[str]
    AnyPaths: TypeAlias = AnyPath | Sequence[AnyPath]
    PathText: TypeAlias = AnyPath
    PathTexts: TypeAlias = AnyPaths
    Texts: TypeAlias = Sequence[str]
else:
    AnyPath = Path
    AnyPaths = tuple[Path, ...]
    PathText = str  # as it was given: for a record, or where it may be a pattern
    PathTexts = tuple[str, ...]
    Texts = tuple[str, ...]

Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]


def list_paths(given: AnyPaths) -> list[str]:
    """Return one path or several as texts."""
    return [os.fspath(one) for one in ([given] if isinstance(given, str | os.PathLike) else given)]


class Setting(msgspec.Struct, frozen=True):
    """What a field of a config is for. One without an option is set by ``--config`` or in Python.

    Attributes:
        help: What it is for.
        metavar: What stands for its value; None for a flag.
        default: What happens without it, in words, where the field's default does not tell.
    """

    help: str
    metavar: str | None = None
    default: str | None = None


class Option(Setting, frozen=True):
    """A setting that has an option on the command line.

    Attributes:
        flag: Its name, where that is not the field's.
        former: What it was called before, which is understood still.
        may_lack: The command takes it from elsewhere, although the field has no default.
        takes_more: The command understands ``+N`` as well, and gets it as text.
    """

    flag: str | None = None
    former: str | None = None
    may_lack: bool = False
    takes_more: bool = False

    def name_flag(self, field: str) -> str:
        """Return what it is called on the command line."""
        return self.flag or f"--{field.replace('_', '-')}"


class Argument(Option, frozen=True):
    """A field that stands on the command line without a name."""


class Stated(msgspec.Struct, frozen=True):
    """A setting with all that is stated of it.

    Attributes:
        name: The field's.
        option: Its help and more.
        kinds: The plain types that its value may have, such as int; of each value of a tuple.
        values: What it may be, in words: its choices or its range; empty where that is not stated.
        is_many: It is a tuple.
        is_required: It has no default.
        former: A field name that it had, which goes on working.
        default: Its default in words, as the help shows it; empty where there is none to show.
    """

    name: str
    option: Setting
    kinds: frozenset[type]
    values: str
    is_many: bool
    is_required: bool
    default: str
    former: str | None = None


def list_settings(config: type[msgspec.Struct]) -> Iterator[Stated]:
    """Yield the fields of a config that a user may set, in their order."""
    for field in msgspec.structs.fields(config):
        parts = list_types(field.type)
        setting = next((part for part in parts if isinstance(part, Setting)), None)
        if setting is None:
            continue
        former = setting.former if isinstance(setting, Option) else None
        yield Stated(
            name=field.name,
            option=setting,
            kinds=frozenset(kind for part in [field.type, *parts] if (kind := _plain(part))),
            values=describe_values(field.type),
            is_many=any(get_origin(part) is tuple for part in parts),
            is_required=field.required,
            default=setting.default or _describe(field.default, setting),
            former=former and former.strip("-").replace("-", "_"),
        )


def list_options(config: type[msgspec.Struct]) -> Iterator[Stated]:
    """Yield those that the command line shows."""
    return (stated for stated in list_settings(config) if isinstance(stated.option, Option))


def describe_values(hint: Any) -> str:
    """Say what a value of a type may be: ``none, ram``, ``0 to 1``, ``auto, or at least 1``."""
    parts = [hint, *list_types(hint)]
    choices = [str(value) for one in parts if get_origin(one) is Literal for value in get_args(one)]
    choices += [one.value for kind in parts if _is_enum(kind) for one in kind]
    ranges = [_describe_range(one) for one in parts if isinstance(one, Meta)]
    return ", or ".join([*([", ".join(choices)] if choices else []), *filter(None, ranges)])


def _is_enum(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Enum)


def _describe_range(meta: Meta) -> str:
    low = meta.gt if meta.ge is None else meta.ge
    high = meta.lt if meta.le is None else meta.le
    if meta.ge is not None and meta.le is not None:
        return f"{low} to {high}"
    above = "" if low is None else f"{'at least' if meta.gt is None else 'above'} {low}"
    below = "" if high is None else f"{'at most' if meta.lt is None else 'below'} {high}"
    return " and ".join(filter(None, (above, below)))


def list_types(hint: Any) -> list[Any]:
    """Return the types that a union or an annotated type is made of."""
    return [inner for part in get_args(hint) for inner in (part, *list_types(part))]


def _plain(hint: Any) -> type | None:
    """Return the plain type of a value; None for what is put together of others."""
    if get_origin(hint) is Literal:
        return str
    return hint if isinstance(hint, type) and hint is not type(None) else None


def _describe(default: Any, setting: Setting) -> str:
    if isinstance(default, bool):  # a flag of the command line is off
        return "" if isinstance(setting, Option) else str(default).lower()
    return str(default) if isinstance(default, str | int | float) else ""
