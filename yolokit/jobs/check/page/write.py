"""Writes the page of a check, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.files.atomic import publish_file
from yolokit.files.outputs import Replacing, Result, check_output
from yolokit.jobs.check.page.page import COMMAND, make_page
from yolokit.report.render import is_made_by, render_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from yolokit.datasets.check_report import CheckReport
    from yolokit.datasets.facts import DatasetFacts
    from yolokit.jobs.check.config import CheckConfig


def check_page_output(config: CheckConfig) -> None:
    """Refuse a page that exists and is not to be replaced, before any work is done.

    Raises:
        OutputExistsError: It may not be replaced.
    """
    if config.report is not None:
        check_output(Path(config.report), _replacing(config))


def write_page(
    config: CheckConfig, report: CheckReport, facts: DatasetFacts, shown: Callable[[str], str]
) -> None:
    """Write the page that is asked for, if any; ``shown`` is as for :func:`make_page`.

    Raises:
        OutputExistsError: It may not be replaced.
        ConfigError: Its folder cannot be made.
    """
    if config.report is None:
        return
    content = render_page(make_page(report, facts, shown)).encode()
    with publish_file(Path(config.report), _replacing(config)) as part:
        part.write_bytes(content)


def _replacing(config: CheckConfig) -> Replacing:
    keep = [Path(path) for path in (config.source, config.images, config.model) if path is not None]
    return Replacing(result=_RESULT, wanted=config.overwrite, keep=tuple(keep))


def _recognise(path: Path) -> tuple[()] | None:
    return () if is_made_by(path, COMMAND) else None


_RESULT = Result(command=COMMAND, recognise=_recognise, is_folder=False, options="--report")
