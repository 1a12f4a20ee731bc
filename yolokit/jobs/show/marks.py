"""Where a check of the doctor has found something: images, their rows, and what it says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.core.suggest import unknown_name
from yolokit.datasets.checks import load_checks
from yolokit.errors import DataError
from yolokit.jobs.check.config import CheckConfig
from yolokit.jobs.check.job import check_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.events import OnEvent
    from yolokit.core.findings import Finding
    from yolokit.jobs.show.config import ShowConfig
    from yolokit.jobs.show.source import Source
    from yolokit.labels.model import LabelledImage

_SHOWN = 3


class Marks:
    """What one check has found, by the files that it names.

    Args:
        title: What it finds, as a heading.
        findings: All that it found, at least one.

    Attributes:
        title: See there.
        first: The first of them, with its place.
    """

    def __init__(self, title: str, findings: Sequence[Finding]) -> None:
        self.title = title
        self.first = str(findings[0])
        self._by_file: dict[str, list[Finding]] = {}
        for finding in findings:
            for path in {finding.image, None if finding.path is None else str(finding.path)}:
                if path is not None:
                    place = os.path.abspath(path)  # noqa: PTH100 - not to follow links
                    self._by_file.setdefault(place, []).append(finding)

    def find(self, source: Source, labelled: LabelledImage) -> list[tuple[int | None, str]]:
        """Return what was found in an image: the row, None for the image itself, and what is said.

        ``labelled`` has been located.
        """
        image, places = labelled.image, labelled.annotations.places.tolist()
        assert image.path is not None, "it was located"
        file, labels = source.shown(image.path), source.shown(image.source.path)
        rows = {place: row for row, place in enumerate(places)}
        found: list[tuple[int | None, str]] = []
        for finding in self._by_file.get(file, []):
            place = finding.index if finding.line is None else finding.line
            found.append((None if place is None else rows.get(place), finding.message))
        for finding in self._by_file.get(labels, []):
            place = finding.index if finding.line is None else finding.line
            if finding.image is None and place in rows:
                found.append((rows[place], finding.message))
        return found


def find_marks(config: ShowConfig, code: str, on_event: OnEvent) -> Marks:
    """Check a source, and return what one check finds.

    Raises:
        ConfigError: There is no such check; the message suggests the nearest.
        DataError: It finds nothing.
    """
    checked = CheckConfig(
        config.source,
        from_format=config.from_format,
        images=config.images,
        assume=config.assume,
    )
    report = check_data(checked, on_event)
    groups = {group.code: group for group in report.groups}
    if code not in groups:
        known = {*groups, *(check.CODE for check in load_checks())}
        if code not in known:
            raise unknown_name("code", code, sorted(known))
        raise DataError(f"{code} is not found in it", path=Path(config.source))
    return Marks(groups[code].title, groups[code].findings)


def describe_marks(found: Sequence[tuple[int | None, str]]) -> str:
    """Return what was found in an image, as one line."""
    texts = list(dict.fromkeys(text for _, text in found))
    more = f"; and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return "; ".join(texts[:_SHOWN]) + more
