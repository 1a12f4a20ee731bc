"""``yolokit data convert``: data sets in, one out, and what became of each annotation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yolokit.cli.command import DatasetName, json_option

if TYPE_CHECKING:
    from yolokit.convert.job import ConvertResult


def convert(
    ctx: typer.Context,
    name: DatasetName = None,
    json: Annotated[bool, json_option("Print what was written as one line of JSON.")] = False,
) -> None:
    """Convert annotations between formats.

    Every annotation is accounted for: kept, clipped (cut at the edge of its image), reinterpreted
    (a mask became a box, say), dropped (unusable) or excluded (left out on purpose).

    DIR appears whole or not at all. DIR/ledger.jsonl lists each annotation that was not simply
    kept, with its file, line and reason.
    """
    from yolokit.cli.output import choose_dataset_folder
    from yolokit.cli.progress import show_events
    from yolokit.convert.config import ConvertConfig
    from yolokit.convert.job import convert as run

    out = choose_dataset_folder(name, ctx.obj.get("out"))
    config = ConvertConfig.build(ctx.obj | {"out": out})
    with show_events() as on_event:
        result = run(config, on_event)
    print_result(result, as_json=json)


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
