"""``config.yaml`` of a run: all its options, as a file that ``--config`` takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.files.atomic import write_atomic
from yolokit.hub.urls import is_url, public_url, take_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yolokit.train.config import TrainConfig

NAME = "config.yaml"
_PATHS = ("weights", "arch", "trust")
_HEAD = """\
# All options of this run; `yolokit train --config FILE` takes this file as it is.
# Behind each is who said so. What has no effect beside the others is left out.
"""


def leave_out_secrets(config: TrainConfig) -> TrainConfig:
    """Return options as they may be recorded: an address without password and query."""
    if not is_url(config.weights):
        return config
    url, sha256 = take_hash(config.weights)
    public = public_url(url) + (f"#sha256={sha256}" if sha256 else "")
    return msgspec.structs.replace(config, weights=public)


def write_config(
    config: TrainConfig,
    data_path: str,
    origins: Mapping[str, str],
    run_dir: Path,
    *,
    name: str = NAME,
    head: str = _HEAD,
) -> None:
    """Write the options of a run so that they mean the same in any working folder.

    Args:
        config: The options.
        data_path: The data set's file, absolute.
        origins: Who said so, for each option that was stated.
        run_dir: Folder of the run.
        name: Of the file.
        head: What it says first.
    """
    values = list_values(config) | {"data": data_path}
    lines = [f"{_write(key, values[key])}  # {origins.get(key, 'default')}" for key in values]
    write_atomic(run_dir / name, (head + "\n".join(lines) + "\n").encode())


def list_values(config: TrainConfig) -> dict[str, Any]:
    """Return the options that have an effect, with paths made absolute; the preset is spelt out."""
    values: dict[str, Any] = msgspec.structs.asdict(config)
    idle = config.find_idle(values)
    kept = {
        name: value
        for name, value in values.items()
        if name not in idle and name != "preset" and value is not None
    }
    for name in _PATHS:
        if name in kept and Path(kept[name]).is_file():
            kept[name] = str(Path(kept[name]).resolve())
    return kept


def make_absolute(config: TrainConfig) -> TrainConfig:
    """Return options that name the same files in any working folder."""
    paths = {name: getattr(config, name) for name in ("data", *_PATHS)}
    return msgspec.structs.replace(
        config,
        **{
            name: str(Path(path).resolve())
            for name, path in paths.items()
            if path is not None and Path(path).exists()
        },
    )


def _write(name: str, value: Any) -> str:
    """Return one line of YAML, in which a text is quoted as JSON quotes it, which YAML reads."""
    plain = list(value) if isinstance(value, tuple) else value
    return f"{name}: {msgspec.json.encode(plain).decode()}"
