"""The loggers that a run asks for: opened, fed from the record, closed; none may stop training."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from yolokit.core.events import Notice
from yolokit.core.extras import is_installed, missing
from yolokit.core.plugins import load_plugin
from yolokit.errors import ConfigError
from yolokit.train.config.logs import LOGGERS, describe_destination
from yolokit.train.loggers.toolkit import list_result, name_figures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from yolokit.core.events import OnEvent
    from yolokit.train.loggers.toolkit import Logger, LoggerPlugin
    from yolokit.train.record import RunRecord


def require_loggers(names: Iterable[str]) -> None:
    """Check that the package of each logger is there, without loading it.

    Raises:
        MissingDependencyError: One is not installed; the hint is the command that installs it.
    """
    for name in names:
        plugin = _load(name)
        if not is_installed(plugin.MODULE):
            raise missing(plugin.MODULE, extra=plugin.EXTRA, purpose=f"--log {name}")


def _load(name: str) -> LoggerPlugin:
    return cast("LoggerPlugin", load_plugin(LOGGERS, name, kind="logger"))


class RunLog:
    """The loggers of one run. One that fails is told once and left alone from then on."""

    def __init__(self, record: RunRecord, run_dir: Path, on_event: OnEvent) -> None:
        """Open them.

        Raises:
            ConfigError: One cannot be opened, and nothing was trained yet.
        """
        self._on_event = on_event
        self._loggers: dict[str, Logger] = {}
        for name in dict.fromkeys(record.config.log):
            # Told each time: a run that is resumed may be another's, with a record that says so.
            destination = describe_destination(record.config, name)
            if destination is not None:
                on_event(Notice(destination))
            try:
                self._loggers[name] = _load(name).open_logger(record, run_dir)
            except Exception as error:  # whatever a library raises
                if not record.epochs:
                    raise ConfigError(f"--log {name} cannot begin: {_describe(error)}") from error
                self._tell(name, error)
        self.write(record)

    def write(self, record: RunRecord) -> None:
        """Log the epochs that are not logged yet."""
        start = [record.start_epoch] if record.start_epoch else []
        for epoch in [*start, *record.epochs]:
            figures = name_figures(epoch)
            self._each(
                lambda logger, number=epoch.epoch, figures=figures: (  # type: ignore[misc]
                    logger.log_epoch(number, figures) if number > logger.last_epoch else None
                )
            )

    def close(self, record: RunRecord, verdict: str | None = None) -> None:
        """Log how the run ended."""
        result = list_result(record, verdict)
        self._each(lambda logger: logger.close(record, result))
        self._loggers.clear()

    def _each(self, act: Callable[[Logger], None]) -> None:
        for name, logger in list(self._loggers.items()):
            try:
                act(logger)
            except Exception as error:  # noqa: BLE001 - hours of training are not lost to a log
                del self._loggers[name]
                self._tell(name, error)

    def _tell(self, name: str, error: Exception) -> None:
        self._on_event(
            Notice(
                f"note: --log {name} failed, and training goes on without it: {_describe(error)}; "
                "run.json and results.csv have every epoch"
            )
        )


def _describe(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{text} ({type(error).__name__})" if text else type(error).__name__
