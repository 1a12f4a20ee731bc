"""Architectures as mappings, and the models that upstream builds from them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yolokit.engine.failures import is_out_of_memory
from yolokit.engine.tasks.toolkit import load_task, require_head
from yolokit.errors import ConfigError

if TYPE_CHECKING:
    from yolokit.core.task import Task


def read_arch(path: str) -> dict[str, Any]:
    """Read an architecture YAML.

    The scale letter is part of the file's name, as upstream has it: ``yolo26n.yaml``.

    Raises:
        ConfigError: The file describes no network.
    """
    import yaml

    from yolokit.engine import ultralytics_patches

    try:
        content = yaml.safe_load(Path(path).read_bytes())
    except (OSError, yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is not a readable YAML file: {error}") from error
    if not isinstance(content, dict) or not all(
        isinstance(content.get(part), list) and content[part] for part in ("backbone", "head")
    ):
        raise ConfigError(
            f"{path} does not describe a network: it needs `backbone:` and `head:` lists"
        )
    for row in (*content["backbone"], *content["head"]):
        if not _is_row(row):
            raise ConfigError(
                f"{path}: {row} is not a layer: it must be [from, repeats, module, args]"
            )
    content.setdefault("scale", ultralytics_patches.guess_scale(path))
    content["yaml_file"] = Path(path).name
    return content


def make_model(arch: dict[str, Any], names: list[str], task: Task) -> Any:
    """Build a model of a task for these classes, with fresh weights.

    Args:
        arch: Mapping of an architecture YAML.
        names: Class names, by index.
        task: What the model is for.

    Raises:
        ConfigError: Its head is for another task, or upstream cannot build it.
    """
    plugin = load_task(task)
    require_head(plugin, arch)
    try:
        # A copy: upstream writes the number of classes into the mapping that it is given.
        model = plugin.build(copy.deepcopy(arch), len(names))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise
        name = arch.get("yaml_file", "the architecture")
        raise ConfigError(f"{name} cannot be built: {type(error).__name__}: {error}") from error
    model.names = dict(enumerate(names))
    return model


def count_backbone(model: Any) -> int:
    """Return how many of a model's layers are its backbone."""
    return len(model.yaml["backbone"])


def _is_row(row: object) -> bool:
    if not isinstance(row, list) or len(row) != 4:
        return False
    source, repeats, module, values = row
    sources = source if isinstance(source, list) else [source]
    numbers = bool(sources) and all(isinstance(value, int) for value in [*sources, repeats])
    return numbers and isinstance(module, str) and isinstance(values, list)
