"""``yolokit data fix``: the safe mends of a data set, in a new folder."""

from __future__ import annotations

from typing import Annotated

import typer

from yolokit.cli.command import DatasetName, json_option


def fix(
    ctx: typer.Context,
    name: DatasetName = None,
    json: Annotated[bool, json_option("Print what was written as one line of JSON.")] = False,
) -> None:
    """Mend what needs no eye, into a new folder.

    Left out are images that cannot be decoded, pictures of val and test in train, pictures
    and labels that are there twice. Boxes are cut at the edge of their image. Each of these is in
    DIR/ledger.jsonl, with its file, line and reason. What needs an eye is listed by
    `yolokit data check`.
    """
    from yolokit.cli.data.convert import print_result
    from yolokit.cli.output import choose_dataset_folder, say
    from yolokit.cli.progress import show_events
    from yolokit.jobs.fix.config import FixConfig
    from yolokit.jobs.fix.job import fix_data

    out = choose_dataset_folder(name, ctx.obj.get("out"))
    config = FixConfig.build(ctx.obj | {"out": out})
    with show_events() as on_event:
        result = fix_data(config, on_event)
    print_result(result, as_json=json)
    if not json:
        say(f"what is left to look at: `yolokit data check {result.out}`")
