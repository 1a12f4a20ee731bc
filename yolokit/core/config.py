"""One small checker for the options of every job: it collects all mistakes, then reports them.

A job's options are a frozen ``msgspec.Struct`` whose annotations state type and range. They are
checked before anything is loaded, downloaded or written.
"""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from yolokit.core.plural import counted
from yolokit.core.suggest import describe_unknown
from yolokit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_Config = TypeVar("_Config", bound=msgspec.Struct)
_NO_WORDS: Mapping[str, str] = MappingProxyType({})
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def build_config(
    config_type: type[_Config],
    values: Mapping[str, Any],
    *,
    what: str,
    also: Callable[[Mapping[str, Any]], list[str]] = lambda _values: [],
    foreign: Mapping[str, str] = _NO_WORDS,
) -> _Config:
    """Check values field by field and build a config from them.

    A number or a truth value may be given as text and text as a number, since YAML reads ``1e-3``
    as text and ``device: 0`` as a number.

    Args:
        config_type: The struct to build; its annotations are what is checked.
        values: Field name to value; a missing one takes the struct's default.
        what: What is being configured, for the message, e.g. ``train``.
        also: Checks between fields: takes the values that are right by themselves, completed
            by the defaults of the others, and returns one sentence for each mistake.
        foreign: Options of other tools, each with what to say about it.

    Raises:
        ConfigError: Anything is wrong; ``problems`` has a sentence for each mistake.
    """
    hints = get_type_hints(config_type, include_extras=True)
    problems = [
        f"{key}: {foreign[_plain(key)]}"
        if _plain(key) in foreign
        else describe_unknown("option", key, hints)
        for key in values
        if key not in hints
    ]
    good: dict[str, Any] = {
        field.name: field.default
        for field in msgspec.structs.fields(config_type)
        if field.default is not msgspec.NODEFAULT
    }
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
    problems += also(good)
    if problems:
        count = counted(len(problems), "mistake")
        raise ConfigError(f"{count} in the options of {what}:", problems=problems)
    return config_type(**good)


def _plain(key: str) -> str:
    """Return a name as Python has it: other tools' options are seen with dashes as well."""
    return key.lower().replace("-", "_")


def _convert(value: Any, hint: Any) -> Any:
    """Return a value of the type that is wanted: as it is, or what its text or number means.

    Raises:
        msgspec.ValidationError: It is neither.
    """
    wanted = [hint, *_list_types(hint)]
    if isinstance(value, str):
        word = value.strip().lower()
        if bool in wanted and word in _BOOLEANS:
            return _BOOLEANS[word]
        if get_origin(hint) is tuple:
            value = [value]
        elif word in ("nan", "null"):  # numbers and nothing to msgspec, and to nobody else
            return msgspec.convert(value, hint, strict=True)
    elif isinstance(value, int | float) and not isinstance(value, bool) and str in wanted:
        value = str(value)
    return msgspec.convert(value, hint, strict=False)


def read_yaml_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds one mapping with text keys.

    Raises:
        ConfigError: It cannot be read, is not YAML (with the line) or holds something else.
    """
    import yaml

    try:
        # Not the loader in C: deep nesting overflows its stack and ends the process.
        content = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or "not valid YAML"
        raise ConfigError(f"{place}: {problem}") from error
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ConfigError(f"{path}: must hold `option: value` lines, not {type(content).__name__}")
    return content


def _in_words(message: str, hint: Any) -> str:
    """Turn msgspec's sentence into ours: ``Expected `int` >= 1`` -> ``must be int >= 1``."""
    message = message.split(" - at ", 1)[0].replace("`", "")
    if ", got " in message:
        message = message.split(", got ", 1)[0]
    words = _literals(hint)
    if words and (message.startswith("Invalid enum value") or "str" in message):
        if int in _list_types(hint):
            return f"must be {', '.join(words)} or a whole number"
        return f"must be one of {', '.join(words)}"
    return message.replace("Expected ", "must be ", 1)


def _list_types(hint: Any) -> list[Any]:
    """Return the types that a union or an annotated type is made of."""
    return [inner for part in get_args(hint) for inner in (part, *_list_types(part))]


def _literals(hint: Any) -> list[str]:
    """Return the literal values, or those of an enum, somewhere inside a type."""
    if get_origin(hint) is Literal:
        return [str(value) for value in get_args(hint)]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return [str(one.value) for one in hint]
    return [value for part in get_args(hint) for value in _literals(part)]
