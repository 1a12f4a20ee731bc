"""Architectures as mappings, as upstream builds models from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from yolokit.errors import ConfigError


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


def _is_row(row: object) -> bool:
    if not isinstance(row, list) or len(row) != 4:
        return False
    source, repeats, module, values = row
    sources = source if isinstance(source, list) else [source]
    numbers = bool(sources) and all(isinstance(value, int) for value in [*sources, repeats])
    return numbers and isinstance(module, str) and isinstance(values, list)
