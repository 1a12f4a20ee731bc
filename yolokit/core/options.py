"""What states an option of a job, once: type, range, default, help, name on the command line.

The options of a job are a frozen struct (``core/config.py``), a field for each in the order of the
help; its annotation is ``Annotated[type, Option(...)]``, with ``msgspec.Meta`` for a range. From it
follow the check of values, the command line (``cli/command.py``) and the functions of the
Python API (``core/job.py``). Importing this takes nothing but msgspec, so that a help is quick.
"""

from __future__ import annotations

import os
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


class Option(msgspec.Struct, frozen=True):
    """How a field of a config is shown on the command line; one without has no option there.

    Attributes:
        help: What it is for.
        metavar: What stands for its value; None for a flag.
        flag: Its name, where that is not the field's.
        former: What it was called before, which is understood still.
        default: What happens without it, in words, where the field's default does not tell.
        may_lack: The command takes it from elsewhere, although the field has no default.
    """

    help: str
    metavar: str | None = None
    flag: str | None = None
    former: str | None = None
    default: str | None = None
    may_lack: bool = False


class Argument(Option, frozen=True):
    """A field that stands on the command line without a name."""


class Stated(msgspec.Struct, frozen=True):
    """An option with all that is stated of it.

    Attributes:
        name: The field's.
        option: Its help and more.
        kinds: The plain types that its value may have, such as int; of each value of a tuple.
        is_many: It is a tuple.
        is_required: It has no default.
        former: A field name that it had, which goes on working.
        default: Its default in words, as the help shows it; empty where there is none to show.
    """

    name: str
    option: Option
    kinds: frozenset[type]
    is_many: bool
    is_required: bool
    default: str
    former: str | None = None


def list_options(config: type[msgspec.Struct]) -> Iterator[Stated]:
    """Yield the fields of a config that the command line shows, in their order."""
    for field in msgspec.structs.fields(config):
        parts = list_types(field.type)
        option = next((part for part in parts if isinstance(part, Option)), None)
        if option is None:
            continue
        yield Stated(
            name=field.name,
            option=option,
            kinds=frozenset(kind for part in [field.type, *parts] if (kind := _plain(part))),
            is_many=any(get_origin(part) is tuple for part in parts),
            is_required=field.required,
            default=option.default or _describe(field.default),
            former=option.former and option.former.strip("-").replace("-", "_"),
        )


def list_types(hint: Any) -> list[Any]:
    """Return the types that a union or an annotated type is made of."""
    return [inner for part in get_args(hint) for inner in (part, *list_types(part))]


def _plain(hint: Any) -> type | None:
    """Return the plain type of a value; None for what is put together of others."""
    if get_origin(hint) is Literal:
        return str
    return hint if isinstance(hint, type) and hint is not type(None) else None


def _describe(default: Any) -> str:
    is_shown = isinstance(default, str | int | float) and not isinstance(default, bool)
    return str(default) if is_shown else ""
