"""A YAML file of keys and values, read as text with its lines: no objects of any kind are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolokit.errors import DataError
from yolokit.files.size_limits import refuse_pointer

if TYPE_CHECKING:
    from pathlib import Path

_MAX_BYTES = 4 << 20


class YamlMapping:
    """The keys of a ``data.yaml``, each with the node of its value.

    Raises:
        DataError: It cannot be read, or is not such a file; with the line of the mistake.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values: dict[str, Any] = {}
        for key, value in _compose(path).value:
            text = self.text(key, "a key")
            if text in self.values:
                raise self.error_at(key, f"{text!r} appears here a second time")
            self.values[text] = value

    def words(self, node: Any) -> list[str] | None:
        """Return the texts of a list; None if it is not a list of texts."""
        if node.id != "sequence" or not all(item.id == "scalar" for item in node.value):
            return None
        return [str(item.value).strip() for item in node.value]

    def text(self, node: Any, what: str) -> str:
        """Return the text of a node.

        Raises:
            DataError: It is a list or a mapping.
        """
        if node.id != "scalar":
            raise self.error_at(node, f"{what} must be text")
        return str(node.value)

    def error_at(self, node: Any, message: str, *, hint: str | None = None) -> DataError:
        """Return an error at the line of a node."""
        return DataError(message, path=self.path, line=node.start_mark.line + 1, hint=hint)


def _compose(path: Path) -> Any:
    """Parse YAML into nodes: text and positions, no objects of any kind."""
    import yaml

    try:
        if path.is_file() and path.stat().st_size > _MAX_BYTES:
            raise DataError("this is too large for a data.yaml", path=path)
        data = path.read_bytes()
        refuse_pointer(data, path)
        text = data.decode("utf-8-sig")
        # Not the loader in C: it overflows the stack on deep nesting and ends the process.
        root: Any = yaml.compose(text, Loader=yaml.BaseLoader)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise DataError("this is not a data.yaml: it is not UTF-8 text", path=path) from error
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        reason = getattr(error, "problem", None) or getattr(error, "reason", None)
        problem = f"this is not valid YAML: {reason or 'it is nested too deep'}"
        raise DataError(problem, path=path, line=line) from error
    if root is None or root.id != "mapping":
        raise DataError("this is not a data.yaml: it must hold `key: value` lines", path=path)
    return root
