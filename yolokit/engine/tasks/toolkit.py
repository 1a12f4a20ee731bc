"""What a task offers to the engine, and how the module of one is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from yolokit.core.plugins import load_plugin
from yolokit.errors import ConfigError, WeightsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yolokit.core.task import Task
    from yolokit.engine.trainer import YolokitTrainer
    from yolokit.files.digest import FileDigest

PACKAGE = "yolokit.engine.tasks"


class EngineTask(Protocol):
    """A module of ``engine.tasks``: all that the engine does for one task alone.

    Attributes:
        ACTIVITY: What such a model does, for messages: ``detection``.
        MODEL: What it is called in messages: ``detector``.
        HEADS: Names of upstream's classes that a model of the task ends in.
        CLASS_BRANCHES: Attributes of such a head that hold a sequence for each level of features,
            whose last layer has one row for each class.
        OUTPUTS: Names of the outputs of an exported graph, in the order in which the model gives
            them; the parity gate compares each of them.
        Trainer: Upstream's trainer of the task, with :class:`YolokitTrainer` in front. A class of
            the module: on several GPUs, each worker imports it by this name.
    """

    ACTIVITY: str
    MODEL: str
    HEADS: tuple[str, ...]
    CLASS_BRANCHES: tuple[str, ...]
    OUTPUTS: tuple[str, ...]
    Trainer: type[YolokitTrainer]

    def build(self, arch: dict[str, Any], class_count: int) -> Any:
        """Build upstream's model of an architecture, which may be changed, with fresh weights."""

    def choose_head(self, model: Any, layout: str | None) -> None:
        """Let a model give the outputs of one of its heads; None leaves it as it is.

        Raises:
            ConfigError: It has no head of this layout.
        """

    def tell_layout(self, model: Any) -> str:
        """Return how a model's outputs are laid out: a module of ``runtime/heads``."""

    def list_size_axes(self, layout: str) -> Mapping[str, dict[int, str]]:
        """Return the axes of each output that depend on the size of the image, with their names."""


def load_task(name: Task) -> EngineTask:
    """Return the module of a task.

    Raises:
        ConfigError: This version does not train it.
    """
    return cast("EngineTask", load_plugin(PACKAGE, name, kind="task"))


def require_head(task: EngineTask, arch: dict[str, Any]) -> None:
    """Refuse an architecture that ends in another head than those of the task.

    Raises:
        ConfigError: It does.
    """
    head = arch["head"][-1]
    name = head[2] if isinstance(head, list) and len(head) > 2 else head
    if name not in task.HEADS:
        raise ConfigError(
            f"{arch.get('yaml_file', 'the architecture')} ends in {name}, which is not a "
            f"{task.ACTIVITY} head that this version trains",
            hint="`yolokit train --init backbone` takes the backbone of any checkpoint",
        )


def load_task_model(
    task: EngineTask, path: str, digest: FileDigest | None = None, *, trust: bool = False
) -> tuple[Any, dict[str, Any]]:
    """Load a checkpoint of the task; otherwise as ``ultralytics_patches.load_model``.

    Raises:
        WeightsError: See there; or the checkpoint is one of another task.
    """
    from yolokit.engine import ultralytics_patches

    model, checkpoint = ultralytics_patches.load_model(path, digest, trust=trust)
    head = type(model.model[-1]).__name__
    if head not in task.HEADS:
        raise WeightsError(
            f"{path} is not a {task.MODEL}: it ends in {head}; this version handles "
            f"{task.ACTIVITY} only",
            hint=f"`yolokit train --init backbone --weights {path}` takes its backbone",
        )
    return model, checkpoint
