"""Optional packages: a missing one is a clear error with the command that installs it."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.errors import MissingDependencyError

if TYPE_CHECKING:
    from types import ModuleType

# yolokit is on no public package index, so a hint never says `pip install "yolokit[...]"`:
# that name could one day bring a stranger's package.
_SYNC = {
    "cpu": "uv sync --no-default-groups --extra cpu",
    "train": "uv sync",
    "gpu": "uv sync --no-default-groups --extra gpu --extra train",
    # Beside whatever is there, such as the build for a GPU.
    "tensorboard": "uv sync --inexact --no-default-groups --extra tensorboard",
    "mlflow": "uv sync --inexact --no-default-groups --extra mlflow",
    "wandb": "uv sync --inexact --no-default-groups --extra wandb",
    "tune": "uv sync --inexact --no-default-groups --extra tune",
    "openvino": "uv sync --inexact --no-default-groups --extra openvino",
}


def install_command(extra: str) -> str:
    """Return the command that installs an extra, for a checkout or for an installed wheel."""
    root = Path(__file__).resolve().parents[2]
    if (root / "pyproject.toml").is_file():
        return f"{_SYNC[extra]}   (in {root})"
    return f'pip install "PATH/TO/yolokit-checkout[{extra}]"'


def is_installed(module: str) -> bool:
    """Tell whether a top-level module could be imported, without importing it.

    A mere folder of that name, which Python would import as an empty package, does not count.
    """
    spec = importlib.util.find_spec(module)
    return spec is not None and spec.origin is not None


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import an optional module, which an extra of this project installs.

    ``purpose`` starts the sentence that says what needs it, e.g. ``Running a model``.

    Raises:
        MissingDependencyError: It is not installed; the hint is the exact command.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.split(".", 1)[0]:
            raise
        raise missing(module, extra=extra, purpose=purpose) from error


def missing(module: str, *, extra: str, purpose: str) -> MissingDependencyError:
    """Return the error for an optional module that is not installed."""
    return MissingDependencyError(
        f"{purpose} needs {module}, which is not installed", hint=install_command(extra)
    )
