"""The options of ``yolokit train``: where else a run is logged, and what is watched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from yolokit.core.options import Option, Setting, Texts
from yolokit.core.plugins import list_plugins
from yolokit.core.suggest import describe_unknown
from yolokit.train.config.augment import AugmentOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

LOGGERS = "yolokit.train.loggers"


class LogOptions(AugmentOptions, frozen=True, kw_only=True):
    """Where else a run is logged, and what is watched."""

    log: Annotated[
        Texts,
        Option("Log to tensorboard, mlflow or wandb, in the run's folder. Repeatable.", "NAME"),
    ] = ()
    watch: Annotated[
        Literal["none", "gradients"],
        Option("Watch each layer's gradients; tell if they vanish or explode.", "gradients"),
    ] = "none"
    log_project: Annotated[
        str, Setting("Experiment of --log mlflow, project of --log wandb.", "NAME")
    ] = "yolokit"
    mlflow_uri: Annotated[
        str | None,
        Setting(
            "Where --log mlflow writes: a folder, or the address of a server.",
            "PATH|URL",
            "the run's folder",
        ),
    ] = None
    wandb_online: Annotated[
        bool, Setting("Send what --log wandb records to its server; false keeps it on disk.")
    ] = False


def find_log_problems(values: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each mistake in these options."""
    log, known = values.get("log", ()), list_plugins(LOGGERS)
    unknown = [name for name in log if name not in known]
    problems = [f"log: {describe_unknown('logger', name, known)}" for name in unknown]
    uri, online = values.get("mlflow_uri"), values.get("wandb_online", False)
    needs = (("mlflow_uri", "mlflow", uri), ("wandb_online", "wandb", online))
    problems += [
        f"{option}: has no effect unless log names {name}"
        for option, name, given in needs
        if given and name not in log
    ]
    if uri is not None and "@" in urlsplit(uri).netloc:
        problems.append(
            "mlflow_uri: must not name a user, since the run's record keeps it; set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        )
    if values.get("offline") and uri is not None and not is_local_store(uri):
        problems.append(f"mlflow_uri: {uri} is a server, and offline opens no connection")
    if values.get("offline") and online:
        problems.append("wandb_online: cannot be combined with offline, which opens no connection")
    return problems


def describe_destination(config: LogOptions, name: str) -> str | None:
    """Say where a logger writes or sends a run; None if that is its own folder in the run's."""
    if name == "wandb" and config.wandb_online:
        return "wandb_online: --log wandb sends the figures and options of this run to its server"
    if name == "mlflow" and config.mlflow_uri is not None:
        uri = config.mlflow_uri
        does = "writes" if is_local_store(uri) else "sends"
        return f"mlflow_uri: --log mlflow {does} the figures and options of this run to {uri}"
    return None


def is_local_store(uri: str) -> bool:
    """Tell whether this is a folder or a file rather than a server of MLflow."""
    scheme, mark, _rest = uri.partition(":")
    # One letter is a drive of Windows; "databricks" alone names a server.
    return uri != "databricks" and (not mark or len(scheme) == 1 or scheme in ("file", "sqlite"))
