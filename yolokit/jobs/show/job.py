"""The job ``data show``: some images of a set with their labels, or with what training sees."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from yolokit.core.events import Notice, OnEvent, ignore
from yolokit.files.atomic import scratch_folder
from yolokit.files.outputs import check_output
from yolokit.jobs.show.config import RUNS
from yolokit.jobs.show.output import PAGE_WH_PX, SHEET_WH_PX, replacing, write_look

if TYPE_CHECKING:
    from yolokit.jobs.show.config import ShowConfig
    from yolokit.jobs.show.look import Look, View


class ShownImage(msgspec.Struct, frozen=True):
    """One picture: its image, how many labels of each class it has, and what a check says."""

    name: str
    split: str
    labels: dict[str, int]
    note: str


class ShowResult(msgspec.Struct, frozen=True):
    """What is shown.

    Attributes:
        path: The page or picture that was written.
        format: How the source is written.
        task: What its labels are.
        images: How many there were to choose from.
        shown: Those that are shown.
        left_out: Images that were chosen and cannot be shown, each with the reason.
    """

    path: Path
    format: str
    task: str
    images: int
    shown: tuple[ShownImage, ...]
    left_out: tuple[str, ...]


def show_data(config: ShowConfig, on_event: OnEvent = ignore) -> ShowResult:
    """Show labels on their images, or what a training feeds to the network.

    Raises:
        ConfigError: An option does not fit the source.
        DataError: The source is broken, or there is nothing to show.
        OutputExistsError: ``out`` exists and is not to be replaced.
        TrainError: With ``augmented``: the training framework failed.
    """
    if config.out is not None:
        check_output(Path(config.out), replacing(config))
    look = _look(config, on_event)
    for text in look.left_out:
        on_event(Notice(f"not shown: {text}"))
    path = write_look(look, config)
    shown = tuple(map(_summarize, look.views))
    return ShowResult(path, look.format, look.task, look.images, shown, look.left_out)


def _look(config: ShowConfig, on_event: OnEvent) -> Look:
    from yolokit.jobs.show.augmented import show_augmented
    from yolokit.jobs.show.labels import show_labels

    fit_wh = PAGE_WH_PX if config.is_page else SHEET_WH_PX
    # Whatever is unpacked lies beside the output, on the same disk.
    beside = (Path(config.out) if config.out is not None else RUNS / "sheet").absolute()
    with scratch_folder(beside.with_name(f"{beside.name}-unpacked")) as scratch:
        run = show_augmented if config.augmented else show_labels
        return run(config, scratch, fit_wh, on_event)


def _summarize(view: View) -> ShownImage:
    return ShownImage(view.name, view.split, view.labels, view.note)
