"""``yolokit quickstart``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yolokit.cli.command import json_option

if TYPE_CHECKING:
    from yolokit.jobs.quickstart import QuickstartResult


_NEXT = """Next, on your own data:
  yolokit data convert PATH/TO/ANNOTATIONS --out datasets/mine
  yolokit train --data datasets/mine/data.yaml --name mine
  yolokit export runs/train/mine/best.pt --data datasets/mine/data.yaml"""


def quickstart(
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Folder of the results below runs.  [default: a fresh one]"
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the results, anywhere.")
    ] = None,
    json: Annotated[bool, json_option("Print the result as one line of JSON.")] = False,
) -> None:
    """Do the whole job on drawn data: convert, train, export, verify, evaluate, predict.

    Takes minutes on a CPU and needs no connection.
    """
    import msgspec

    from yolokit.cli.output import choose_folder, emit, emit_json
    from yolokit.cli.train_progress import show_progress
    from yolokit.jobs.quickstart import RUNS, run_quickstart

    folder = choose_folder(name, out, RUNS)
    with show_progress() as on_event:
        result = run_quickstart(folder, on_event)
    if json:
        emit_json(msgspec.to_builtins(result, enc_hook=str))
    else:
        emit(_describe(result))


def _describe(result: QuickstartResult) -> str:
    from yolokit.cli.output import table

    rows = [
        (f"{step.seconds:.1f}", step.command.split(maxsplit=3)[1], step.outcome)
        for step in result.steps
    ]
    files = [(what, path) for what, path in result.files.items()]
    scores = (
        f"mAP50 on the test split, through ONNX: {result.map50_before:.3f} before, "
        f"{result.map50_after:.3f} after fine-tuning ({result.seconds:.0f} s in all)"
    )
    parts = (
        table(("seconds", "step", "what came out"), rows),
        scores,
        table(("to open", "where"), files),
        _NEXT,
    )
    return "\n" + "\n\n".join(parts)
