"""A file of options: YAML that holds one mapping of names to values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolokit.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    import yaml

_MAX_BYTES = 1 << 20
_MAX_VALUES = 10_000


def read_option_file(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds one mapping with text keys.

    Raises:
        ConfigError: It cannot be read, is not YAML (with the line), states an option twice, is
            larger than any such file, or holds something else.
    """
    import yaml

    # Not the loader in C: deep nesting overflows its stack and ends the process.
    try:
        loader = yaml.SafeLoader(_read_text(path))
        node = loader.get_single_node()
        if node is None:
            return {}
        _check_count(node, path)
        _check_twice(node, path)
        content = loader.construct_document(node)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or "not valid YAML"
        raise ConfigError(f"{place}: {problem}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(
            f"{path}: must hold `option: value` lines, not a {type(content).__name__}"
        )
    for key in content:
        if not isinstance(key, str):
            raise ConfigError(f"{path}: an option has a name, not {key!r}")
    return content


def _read_text(path: Path) -> str:
    """Return the text of a file, or of a pipe, as a shell makes one of a command's output."""
    try:
        with path.open("rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    if len(content) > _MAX_BYTES:
        raise ConfigError(f"{path} is larger than 1 MiB, which no file of options is")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}:{line}: is not text in UTF-8") from error


def _check_count(node: yaml.Node, path: Path) -> None:
    """Refuse what grows without end as its aliases are followed."""
    count, left = 0, [node]
    while left:
        one = left.pop()
        count += 1
        if count > _MAX_VALUES:
            raise ConfigError(f"{path} holds more than {_MAX_VALUES:,} values, aliases followed")
        if isinstance(one.value, list):
            for part in one.value:
                left += part if isinstance(part, tuple) else [part]


def _check_twice(node: yaml.Node, path: Path) -> None:
    """Refuse an option that is stated twice, of which YAML would take the last."""
    import yaml

    lines: dict[str, int] = {}
    for key, _value in node.value if isinstance(node, yaml.MappingNode) else []:
        name, line = str(key.value), key.start_mark.line + 1
        if name in lines:
            raise ConfigError(f"{path}:{line}: {name} stands in line {lines[name]} already")
        lines[name] = line
