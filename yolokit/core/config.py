"""The options of a job: a frozen struct that is checked as a whole; all mistakes are told at once.

They are checked before anything is loaded, downloaded or written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Self, get_args, get_origin

import msgspec

from yolokit.core.options import list_options, list_types
from yolokit.core.plural import counted
from yolokit.core.suggest import describe_unknown
from yolokit.errors import ConfigError

_NO_WORDS: Mapping[str, str] = MappingProxyType({})
AUTO = "auto"
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the options of a job; ``core/options.py`` says how a field states one."""

    JOB: ClassVar[str]
    """What is configured, for messages, e.g. ``train``."""
    FOREIGN: ClassVar[Mapping[str, str]] = _NO_WORDS
    """Options that it does not have, as of other tools, each with what to say about it."""

    @classmethod
    def find_problems(cls, values: Mapping[str, Any]) -> list[str]:
        """Check between fields: return one sentence for each mistake.

        The values are those that are right by themselves, completed by the defaults of the others.
        """
        del values
        return []

    @classmethod
    def explain_more(cls, name: str) -> str:
        """Return what `yolokit help` says of one option beside its help, or an empty text."""
        del name
        return ""

    @classmethod
    def find_idle(cls, values: Mapping[str, Any]) -> Mapping[str, str]:
        """Return options that have no effect beside the others, each with the reason.

        To state one is a mistake. ``values`` is as for :meth:`find_problems`.
        """
        del values
        return {}

    @classmethod
    def build(cls, values: Mapping[str, Any]) -> Self:
        """Check values field by field, then between fields, and build a config from them.

        A number or a truth value may be given as text and text as a number, since YAML reads
        ``1e-3`` as text and ``device: 0`` as a number. A missing value is the field's default.

        Raises:
            ConfigError: Anything is wrong; ``problems`` has a sentence for each mistake.
        """
        former = {one.former: one.name for one in list_options(cls) if one.former}
        values = {former.get(key, key): value for key, value in values.items()}
        fields = msgspec.structs.fields(cls)
        hints = {field.name: field.type for field in fields}
        good = {field.name: field.default for field in fields if not field.required}
        problems = [cls.explain_unknown(key) for key in values if key not in hints]
        for key, value in values.items():
            if key not in hints:
                continue
            if isinstance(value, str) and "\0" in value:  # which no path can hold
                problems.append(f"{key}: must be text without zero bytes, not {value!r}")
                continue
            try:
                good[key] = _convert(value, hints[key])
            except msgspec.ValidationError as error:
                problems.append(f"{key}: {_in_words(str(error), hints[key])}, not {value!r}")
        problems += [f"{key}: is missing" for key in hints if key not in good and key not in values]
        problems += cls.find_problems(good)
        problems += [f"{key}: {why}" for key, why in cls.find_idle(good).items() if key in values]
        if problems:
            count = counted(len(problems), "mistake")
            raise ConfigError(f"{count} in the options of {cls.JOB}:", problems=problems)
        return cls(**good)

    @classmethod
    def explain_unknown(cls, key: str) -> str:
        """Say what to use in place of an option that there is not, or which are near to it."""
        foreign = cls.find_foreign(key)
        if foreign is not None:
            return f"{key}: {foreign}"
        return describe_unknown("option", key, cls.__struct_fields__)

    @classmethod
    def has_option(cls, name: str) -> bool:
        """Tell whether an option has this name, or had it in an earlier version."""
        return name in cls.__struct_fields__ or any(one.former == name for one in list_options(cls))

    @classmethod
    def find_foreign(cls, key: str) -> str | None:
        """Return what to say about an option of another tool, if it is one."""
        # Other tools' options are seen with dashes as well.
        return cls.FOREIGN.get(key.lower().replace("-", "_"))


def _convert(value: Any, hint: Any) -> Any:
    """Return a value of the type that is wanted: as it is, or what its text or number means.

    Raises:
        msgspec.ValidationError: It is neither.
    """
    wanted = [hint, *list_types(hint)]
    is_tuple = any(get_origin(one) is tuple for one in wanted)
    if isinstance(value, os.PathLike) and str in wanted:
        value = os.fspath(value)
    if is_tuple and isinstance(value, str | os.PathLike):
        value = [value]
    elif isinstance(value, str):
        word = value.strip().lower()
        if bool in wanted and word in _BOOLEANS:
            return _BOOLEANS[word]
        if word in ("nan", "null"):  # numbers and nothing to msgspec, and to nobody else
            return msgspec.convert(value, hint, strict=True, dec_hook=_to_path)
    elif isinstance(value, int | float) and not isinstance(value, bool) and str in wanted:
        value = str(value)
    return msgspec.convert(value, hint, strict=False, dec_hook=_to_path)


def _to_path(_kind: type, value: Any) -> Path:
    """Return what a text stands for where a path is wanted."""
    if not isinstance(value, str | os.PathLike):
        raise ValueError("Expected a path")  # noqa: TRY004 - msgspec makes its own error of this
    return Path(value)


def find_name_problems(values: Mapping[str, Any]) -> list[str]:
    """Check ``out``, a folder anywhere, and ``name``, one below the folder of such results."""
    problems = []
    name = values["name"]
    if values["out"] is not None and name is not None:
        problems.append("out and name: give one of them")
    if name is not None and not is_plain_name(name):
        problems.append(f"name: must be the name of a folder, not {name!r}")
    return problems


def is_plain_name(name: str) -> bool:
    """Tell whether a folder of this name lies below another, whatever the system."""
    return name not in ("", ".", "..") and not set(name) & set("/\\:")


def exists(path: Path) -> bool:
    """Tell whether a path is there; one that no file can have is not."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


_PLAIN_WORDS = {
    r"^Expected ": "must be ",
    r"\bint\b": "a whole number",
    r"\bfloat\b": "a number",
    r"\bbool\b": "true or false",
    r"\bstr\b": "a text",
    r"\bnull\b": "nothing",
    r" \| ": " or ",
    r"(?<=length) >= ": " at least ",
    r" >= ": " of at least ",
    r" <= ": " of at most ",
    r" > ": " above ",
    r" < ": " below ",
}


def _in_words(message: str, hint: Any) -> str:
    """Turn msgspec's sentence into ours.

    ``Expected `int` >= 1`` becomes ``must be a whole number of at least 1``.
    """
    message = message.split(" - at ", 1)[0].replace("`", "")
    if ", got " in message:
        message = message.split(", got ", 1)[0]
    words = _literals(hint)
    if words and (message.startswith("Invalid enum value") or "str" in message):
        if int in list_types(hint):
            return f"must be {', '.join(words)} or a whole number"
        if float in list_types(hint):
            return f"must be {', '.join(words)} or a number"
        return f"must be one of {', '.join(words)}"
    if not message.startswith("Expected "):
        return message
    for pattern, plain in _PLAIN_WORDS.items():
        message = re.sub(pattern, plain, message)
    return message


def _literals(hint: Any) -> list[str]:
    """Return the literal values, or those of an enum, somewhere inside a type."""
    if get_origin(hint) is Literal:
        return [str(value) for value in get_args(hint)]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return [str(one.value) for one in hint]
    return [value for part in get_args(hint) for value in _literals(part)]
