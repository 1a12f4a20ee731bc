"""``yolokit verify``: whether a model is as good as another, or an engine right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from yolokit.jobs.verify.record import VerifyReport


def verify(ctx: typer.Context) -> int:
    """Prove that a model is as good as another, on any engine.

    MODEL is the reference, OTHER what has to be as good: checkpoints (.pt), ONNX files of any
    precision and tool. Both run on the same images. With --data their mAP decides, within
    --max-map-drop; without, whether they show the same boxes on shipped images. MODEL alone runs on
    the CPU and on --provider, and both have to compute the same.

    The exit code is 0 if OTHER is as good and 5 if it is not, for CI. All figures go to
    runs/verify/NAME/verify.json; --report makes a page with both models' boxes in the images that
    differ most. Classes are matched by name, and told where the lists differ.
    """
    from yolokit.cli.output import emit, emit_json, say
    from yolokit.cli.progress import show_events
    from yolokit.errors import GateError
    from yolokit.jobs.verify.config import VerifyConfig
    from yolokit.jobs.verify.job import verify_models

    config = VerifyConfig.build(ctx.obj)
    with show_events() as on_event:
        run = verify_models(config, on_event)
    if config.report_only:
        import msgspec

        emit_json(msgspec.to_builtins(run.report))
    else:
        emit(describe_report(run.report))
    if run.path is not None:
        say(f"all figures: {run.path}")
    if run.page is not None:
        say(f"report: {run.page}")
    elif run.report.most_different:
        say("for the images that differ most, with the boxes of both: --report")
    return 0 if run.report.is_good else GateError.exit_code


def describe_report(report: VerifyReport) -> str:
    """Return the table of both models, what was judged, and the verdict."""
    from yolokit.cli.output import table
    from yolokit.jobs.verify.words import describe_speed, describe_verdict

    parts = [table(("", "first", "second"), list_rows(report))]
    marks = {True: "ok  ", False: "BAD ", None: "note"}
    parts.append("\n".join(f"{marks[one.holds]}  {one.text}" for one in report.checks))
    if report.speed is not None:
        parts[-1] += f"\ntime  {describe_speed(report.speed)}"
    elif report.why_not_timed is not None:
        parts[-1] += f"\ntime  not measured: {report.why_not_timed}"
    parts += [f"note: {one}" for one in report.notes]
    return "\n\n".join([*parts, describe_verdict(report)])


def list_rows(report: VerifyReport) -> list[tuple[str, ...]]:
    """Return the facts and figures of both models, side by side."""
    from pathlib import Path

    from yolokit.evaluate.words import show_decimal
    from yolokit.jobs.verify.words import tell_engine

    models = (report.first, report.second)
    rows: list[tuple[str, ...]] = [
        ("file", *(Path(one.path).name for one in models)),
        ("precision", *(one.file_precision for one in models)),
        ("runs on", *map(tell_engine, models)),
        ("input", *("{}x{}".format(*one.input_wh) for one in models)),
    ]
    if report.accuracy is not None:
        maps = report.accuracy
        rows += [
            ("mAP50-95", show_decimal(maps.first), show_decimal(maps.second)),
            ("mAP50", show_decimal(maps.first_map50), show_decimal(maps.second_map50)),
        ]
    if report.speed is not None:
        sides = (report.speed.first, report.speed.second)
        rows.append(("ms an image", *(f"{one.p50_ms:.2f}" for one in sides)))
    return rows
