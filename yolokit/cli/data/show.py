"""``yolokit data show``: look at labels, or at what a training is fed."""

from __future__ import annotations

from typing import Annotated

import typer

from yolokit.cli.command import json_option


def show(
    ctx: typer.Context,
    json: Annotated[bool, json_option("Print what is shown as one line of JSON.")] = False,
) -> None:
    """Look at labels, drawn on their images.

    Reads what `yolokit data convert` reads, archives too. Few images are chosen that show much:
    splits take turns, and the class that was seen least comes next. Open FILE in a browser.

    With --augmented, look at what a training on SOURCE would feed the network: its own loader
    makes the first batches, with the options of --config.
    """
    import msgspec

    from yolokit.cli.output import emit, emit_json, say
    from yolokit.cli.progress import show_events
    from yolokit.core.plural import counted
    from yolokit.jobs.show.config import ShowConfig
    from yolokit.jobs.show.job import show_data

    with show_events() as on_event:
        result = show_data(ShowConfig.build(ctx.obj), on_event)
    if json:
        emit_json(msgspec.to_builtins(result, enc_hook=str))
        return
    say(f"{len(result.shown)} of {counted(result.images, 'image')} shown")
    emit(str(result.path))
