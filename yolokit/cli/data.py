"""``yolokit data ...``: make, convert, fetch and check data sets."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer

from yolokit.cli.command import Command
from yolokit.cli.demo import demo
from yolokit.cli.formats import formats
from yolokit.cli.known_data import Allow, Overwrite, get, info, list_
from yolokit.core.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from yolokit.convert.job import ConvertResult

app = typer.Typer(
    name="data",
    help="Convert data sets, list the formats, fetch public sets by name, or draw one.",
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def convert(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE...",
            help="Annotation files, folders or archives; several become one set.",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder to make, unless --name is given.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Folder to make in the store of data sets.")
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the images are, if not beside the annotations."),
    ] = None,
    from_format: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="NAME",
            help="Format of the source, as `yolokit data formats` lists it, or auto.",
        ),
    ] = "auto",
    to_format: Annotated[
        str,
        typer.Option(
            "--to", metavar="NAME", help="Format to write, as `yolokit data formats` lists it."
        ),
    ] = "yolo",
    task: Annotated[
        str, typer.Option(metavar="detect|segment|pose|obb", help="What the labels become.")
    ] = Task.DETECT.value,
    boxes_as_outlines: Annotated[
        bool,
        typer.Option(
            "--boxes-as-outlines", help="Make outlines or rotated boxes of plain boxes too."
        ),
    ] = False,
    maps: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="OLD,OLD=NEW", help="Rename or merge classes. Repeatable."),
    ] = None,
    keep: Annotated[
        list[str] | None, typer.Option(metavar="NAME,...", help="Keep only these classes.")
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(metavar="NAME,...", help="Leave these classes out.")
    ] = None,
    min_area: Annotated[
        str | None,
        typer.Option(metavar="PX|SHARE", help="Leave smaller labels out: square px, or 0.1%."),
    ] = None,
    max_area: Annotated[
        str | None, typer.Option(metavar="PX|SHARE", help="Leave larger labels out.")
    ] = None,
    sample: Annotated[
        str | None,
        typer.Option(metavar="SHARE|N", help="Take only this many of the images: 10%, or 500."),
    ] = None,
    tile: Annotated[
        int | None, typer.Option(metavar="PX", help="Cut larger images into tiles of this side.")
    ] = None,
    tile_overlap: Annotated[
        float, typer.Option(metavar="SHARE", help="What a tile shares with the next one.")
    ] = 0.2,
    min_visible: Annotated[
        float, typer.Option(metavar="SHARE", help="What a tile must show of a label to keep it.")
    ] = 0.3,
    split: Annotated[
        str,
        typer.Option(
            metavar="auto|keep|SHARES",
            help="Splits to write: auto keeps those of the source, or makes 0.8,0.1,0.1.",
        ),
    ] = "auto",
    group: Annotated[
        str | None,
        typer.Option(
            metavar="folder|video|near-duplicate|re:PATTERN",
            help="What must stay together in one split.",
        ),
    ] = None,
    folds: Annotated[
        int | None, typer.Option(metavar="K", help="Make K folds, each with a YAML of its own.")
    ] = None,
    seed: Annotated[
        int, typer.Option(metavar="N", help="Seed of the splits and samples that are made.")
    ] = 0,
    link: Annotated[
        str, typer.Option(metavar="copy|hardlink|symlink", help="How images get into the set.")
    ] = "copy",
    labels_only: Annotated[
        bool, typer.Option("--labels-only", help="Write labels alone; no image is read or written.")
    ] = False,
    max_drop: Annotated[
        str, typer.Option(metavar="SHARE|N", help="Fail if more annotations are dropped.")
    ] = "0.5%",
    assume: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="A convention of the source, as `yolokit data formats NAME` lists it. Repeatable.",
        ),
    ] = None,
    allow: Allow = None,
    overwrite: Overwrite = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print what was written as one line of JSON.")
    ] = False,
) -> None:
    """Convert annotations between formats.

    Every annotation is accounted for: kept, clipped (cut at the edge of its image), reinterpreted
    (a mask became a box, say), dropped (unusable) or excluded (left out on purpose).

    DIR appears whole or not at all. DIR/ledger.jsonl lists each annotation that was not simply
    kept, with its file, line and reason.
    """
    from yolokit.cli.output import choose_dataset_folder
    from yolokit.convert.config import ConvertConfig
    from yolokit.convert.job import convert as run

    config = ConvertConfig.build(
        {
            "sources": tuple(sources),
            "out": choose_dataset_folder(name, out),
            "images": images,
            "from_format": from_format,
            "to_format": to_format,
            "task": task,
            "boxes_as_outlines": boxes_as_outlines,
            "maps": tuple(maps or ()),
            "keep": tuple(keep or ()),
            "drop": tuple(drop or ()),
            "min_area": min_area,
            "max_area": max_area,
            "sample": sample,
            "tile": tile,
            "tile_overlap": tile_overlap,
            "min_visible": min_visible,
            "split": split,
            "group": group,
            "folds": folds,
            "seed": seed,
            "link": link,
            "labels_only": labels_only,
            "max_drop": max_drop,
            "assume": tuple(assume or ()),
            "allow": tuple(allow or ()),
            "overwrite": overwrite,
        }
    )
    with Stages() as stages:
        result = run(config, on_start=stages.start, on_progress=stages.advance)
    print_result(result, as_json=json)


app.command(cls=Command)(convert)
app.command(cls=Command)(formats)
app.command(cls=Command)(demo)
app.command(cls=Command)(get)
app.command("list", cls=Command)(list_)
app.command(cls=Command)(info)


class Stages:
    """One progress bar after another."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._show: Callable[[int], None] = lambda _done: None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def start(self, stage: str, total: int | None) -> None:
        """Show a bar for a stage, in place of the one before."""
        from yolokit.cli.output import progress

        self._stack.close()
        self._show = self._stack.enter_context(progress(stage, total))

    def advance(self, done: int) -> None:
        """Show how many images are done."""
        self._show(done)


def print_result(result: ConvertResult, *, as_json: bool) -> None:
    """Print what a conversion did: words on stderr, counts on stdout."""
    from yolokit.cli.output import emit, emit_json, say, table

    for sentence in result.evidence:
        say(f"read as {sentence}" if sentence == result.evidence[0] else f"note: {sentence}")
    for sentence in result.warnings:
        say(f"warning: {sentence}")
    if as_json:
        import msgspec

        emit_json(msgspec.to_builtins(result, enc_hook=str))
        return
    rows = [
        (split, counts.images, counts.background_images, counts.boxes)
        for split, counts in result.splits.items()
    ]
    emit(table(("split", "images", "without boxes", "boxes"), rows))
    splits = result.splits.values()
    by_class = [
        (name, *(counts.boxes_by_class[index] for counts in splits))
        for index, name in enumerate(result.names)
    ]
    emit("\n" + table(("class", *result.splits), by_class))
    emit("\n" + _describe_totals(result))
    emit(str(result.out))


def _describe_totals(result: ConvertResult) -> str:
    from yolokit.convert.earlier import LEDGER_FILE
    from yolokit.core.plural import counted

    totals = result.totals
    head = (
        f"{counted(totals.annotations_in, 'annotation')} in = {totals.kept} kept "
        f"+ {totals.clipped} clipped + {totals.reinterpreted} reinterpreted "
        f"+ {totals.dropped} dropped + {totals.excluded} excluded"
    )
    reasons = [
        f"  {count} {code} ({'first: ' if count > 1 else ''}{result.examples[code]})"
        for code, count in result.codes.items()
    ]
    where = [f"each of these is in {result.out / LEDGER_FILE}"] if reasons else []
    return "\n".join([head, *reasons, *where])
