"""``yolokit quickstart``."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yolokit.cli.command import json_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.jobs.quickstart_result import QuickstartResult, Score


_WIDTH = 90
_NEXT = """Next, on your own pictures (each command says more with --help):
  yolokit data convert PATH/TO/LABELS --out datasets/mine
  yolokit train --data datasets/mine/data.yaml --weights yolo26n --name mine
  yolokit export runs/train/mine/best.pt --data datasets/mine/data.yaml
  yolokit val runs/train/mine/best.onnx --data datasets/mine/data.yaml
  yolokit predict runs/train/mine/best.onnx PATH/TO/PICTURES"""


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
    """Do the whole job on drawn data, from labels to a judged model.

    Converts, trains, exports, verifies, evaluates and predicts. Takes two to four minutes on two
    idle cores, and needs neither a GPU nor a connection.
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
    from yolokit.core.units import describe_seconds

    steps = [
        (f"{step.seconds:.1f}", _name_job(step.command), step.outcome) for step in result.steps
    ]
    parts = (
        f"Done in {describe_seconds(result.seconds)}; all is in {result.folder}",
        table(("seconds", "step", "what came out"), steps),
        describe_outcome(result),
        table(("open first", "where"), [(what, path) for what, path in result.files.items()]),
        _NEXT,
    )
    return "\n" + "\n\n".join(parts)


def _name_job(command: str) -> str:
    words = command.split(maxsplit=3)
    return " ".join(words[1:3]) if words[1] == "data" else words[1]


def describe_outcome(result: QuickstartResult) -> str:
    """Say what was learned, in words that need no knowledge of the field."""
    from yolokit.core.plural import counted

    times = "once" if result.epochs == 1 else f"{result.epochs} times"
    learned = (
        "The network that comes with yolokit knows other kinds of parts. To learn "
        f"{_join(result.classes)}, it looked {times} at "
        f"{counted(result.images['train'], 'picture')} on which they are marked. Then it was "
        f"tested on {counted(result.images['test'], 'picture')} that it had never seen:"
    )
    figures = (
        "A box is drawn where the network is sure enough, and this counts at the limit that suits "
        f"it best; after the training that is `yolokit predict --conf {result.after.conf:.2f}`. "
        "The usual score, mAP50, is over all limits, and 1 is perfect: "
        f"{result.map50_before:.3f} before, {result.map50_after:.3f} after. All of it was measured "
        "on the exported file, which was published because it gives the same boxes as the trained "
        f"network: {counted(result.matched, 'box was', 'boxes were')} compared, and none differs."
    )
    scores = (
        f"    before  {_describe_score(result.before)}",
        f"    after   {_describe_score(result.after)}",
    )
    return "\n".join(("What happened", _wrap(learned), *scores, _wrap(figures)))


def _wrap(text: str) -> str:
    indent = "  "
    return textwrap.fill(text, _WIDTH, initial_indent=indent, subsequent_indent=indent)


def _describe_score(score: Score) -> str:
    """Say e.g. that it finds 277 of 306 parts (91 of 100), and that 20 of 297 boxes are wrong."""
    from yolokit.core.plural import counted, share

    hundred = round(100 * score.found / max(score.parts, 1))
    boxes = share(score.wrong, f"{score.marked} marked boxes", "is wrong", "are wrong")
    return f"it finds {score.found} of {counted(score.parts, 'part')} ({hundred} of 100); {boxes}"


def _join(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
