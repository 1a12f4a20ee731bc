"""``yolokit data demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yolokit.cli.command import DatasetName, json_option
from yolokit.core.plural import counted

if TYPE_CHECKING:
    from yolokit.jobs.demo import DemoResult


def demo(
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder to make, unless --name is given.")
    ] = None,
    name: DatasetName = None,
    classes: Annotated[
        str,
        typer.Option(
            metavar="belt|pretrain",
            help="What is drawn: bolts, nuts, washers and gears; or sixteen other kinds of parts.",
        ),
    ] = "belt",
    images: Annotated[
        int, typer.Option(metavar="N", help="Images in all: 75 % train, 10 % val, 15 % test.")
    ] = 480,
    video_seconds: Annotated[
        float, typer.Option(metavar="S", help="Length of the video; 0 for none.")
    ] = 8.0,
    seed: Annotated[int, typer.Option(metavar="N", help="Equal seeds give equal labels.")] = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier result in DIR.")
    ] = False,
    json: Annotated[bool, json_option("Print what was written as one line of JSON.")] = False,
) -> None:
    """Draw a labelled data set of parts, and a video of them.

    The parts lie on a conveyor belt. Labels are COCO JSON and the same on every machine; the video
    has ground truth per frame.
    """
    from yolokit.cli.output import choose_dataset_folder
    from yolokit.cli.progress import show_events
    from yolokit.core.events import Progress
    from yolokit.jobs.demo import VIDEO_FPS, write_demo

    total = images + round(max(video_seconds, 0.0) * VIDEO_FPS)
    with show_events() as on_event:
        result = write_demo(
            choose_dataset_folder(name, out),
            classes=classes,
            seed=seed,
            images=images,
            video_seconds=video_seconds,
            overwrite=overwrite,
            on_progress=lambda done: on_event(Progress("drawing", done, total)),
        )
    _print_result(result, as_json=json)


def _print_result(result: DemoResult, *, as_json: bool) -> None:
    from yolokit.cli.output import emit, emit_json, say, table

    if as_json:
        import msgspec

        emit_json(msgspec.to_builtins(result, enc_hook=str))
        return
    say(f"classes: {', '.join(result.classes)}")
    rows = [
        (split, count, result.parts[split], result.backgrounds[split])
        for split, count in result.images.items()
    ]
    emit(table(("split", "images", "parts", "without parts"), rows))
    if result.video is not None:
        say(f"video: {result.video}, {counted(result.frames, 'frame')}")
    emit(str(result.out))
