"""Whether the data sets of runs are what they were: classes, names, labels and images."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.core.events import Progress
from yolokit.core.plural import counted
from yolokit.datasets.check import hash_labels
from yolokit.datasets.data_yaml import load_data_yaml
from yolokit.errors import DataError
from yolokit.files.digest import sha256_file
from yolokit.jobs.runs.links import Link
from yolokit.train.image_hashes import HASHES_FILE, find_changed, read_hashes

if TYPE_CHECKING:
    from yolokit.core.events import OnEvent
    from yolokit.datasets.data_yaml import DataYaml
    from yolokit.train.record import RunRecord

_SHOWN = 3
_NOT_KNOWN = (
    f"the run has no {HASHES_FILE} that it recorded: whether an image has changed is not known"
)


class DataLinks:
    """Describes data sets; an image is read once, however many runs had it."""

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self._hash_file = functools.cache(sha256_file)

    def describe(self, record: RunRecord, folder: Path) -> Link:
        """Return the link of a run's data set, compared with what is there now."""
        path, stated = record.data.path, record.data.sha256
        gaps, faults = [], []
        try:
            data = load_data_yaml(Path(path))
            now = hash_labels(data)
        except (DataError, OSError):
            gaps.append("it is not there any more, or cannot be read: only its hash is known")
        else:
            if now != stated:
                faults.append(f"classes, image names or labels are not those of then: now {now}")
            gap, fault = self._compare_images(data, record, folder)
            gaps += [gap] * bool(gap)
            faults += [fault] * bool(fault)
        facts = {f"images of {split}": str(count) for split, count in record.data.images.items()}
        if record.data.images_sha256:
            facts["sha256 of images"] = record.data.images_sha256
        return Link(
            kind="data", path=path, sha256=stated, facts=facts,
            gaps=tuple(gaps), faults=tuple(faults),
        )  # fmt: skip

    def _compare_images(self, data: DataYaml, record: RunRecord, folder: Path) -> tuple[str, str]:
        """Return what is not known of the images, and which are not those of then."""
        hashes = read_hashes(folder, record.data.images_sha256)
        if hashes is None:
            return _NOT_KNOWN, ""
        changed = find_changed(
            data,
            hashes,
            self._hash_file,
            on_progress=lambda done: self._on_event(
                Progress("comparing images", done, len(hashes))
            ),
        )
        if not changed:
            return "", ""
        more = ", ..." * (len(changed) > _SHOWN)
        verb = "has" if len(changed) == 1 else "have"
        listed = ", ".join(changed[:_SHOWN]) + more
        return "", f"{counted(len(changed), 'image')} {verb} changed or gone: {listed}"
