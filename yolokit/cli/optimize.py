"""``yolokit optimize``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yolokit.cli.command import json_option

if TYPE_CHECKING:
    from yolokit.jobs.optimize.candidates import Outcome
    from yolokit.jobs.optimize.job import OptimizeResult
    from yolokit.jobs.optimize.ranking import Place, Ranking

# Of a table of 100 columns.
_FILE_LENGTH, _ENGINE_LENGTH = 29, 14
_HEAD = ("", "file", "engine", "ms", "speed-up", "mAP50-95", "lost", "MB", "verdict")


def optimize(
    ctx: typer.Context,
    json: Annotated[bool, json_option("Print what was found as one line of JSON.")] = False,
) -> None:
    """Find the fastest file and engine that are as good.

    Tries FP32, half precision and 8-bit numbers on every provider that loads here, and publishes
    the fastest that keeps the limits, with its proof. Writes runs/optimize/NAME: report.html (look
    at this first), best.onnx with its records, candidates/ with what was measured. The same command
    goes on after Ctrl-C or a crash; with other limits it takes what was measured. Where nothing
    keeps the limits, it says how near the candidates came, and the exit code is 5.
    """
    from yolokit.cli.progress import show_events
    from yolokit.jobs.optimize.config import OptimizeConfig
    from yolokit.jobs.optimize.job import find_fastest, require_winner

    with show_events() as on_event:
        result = find_fastest(OptimizeConfig.build(ctx.obj), on_event)
    _print_result(result, as_json=json)
    require_winner(result)


def _print_result(result: OptimizeResult, *, as_json: bool) -> None:
    import msgspec

    from yolokit.cli.output import emit, emit_json, say
    from yolokit.jobs.optimize.ranking import describe_place
    from yolokit.train.report.advice import show_path

    if as_json:
        emit_json(msgspec.to_builtins(result, enc_hook=str))
        return
    ranking, published = result.ranking, result.published
    emit(lay_out(ranking))
    for one in ranking.others:
        say(f"{one.candidate.title} failed: {one.why}")
    if ranking.winner is None or published is None:
        return
    emit(f"best: {ranking.winner.candidate.title}, {describe_place(ranking.winner)}")
    if published.test is not None and published.trained_test is not None:
        emit(
            f"on test, by which nothing was chosen: mAP50-95 {published.test.map50_95:.4f}, "
            f"the trained model {published.trained_test.map50_95:.4f}"
        )
    say("`yolokit predict` runs it here as it was measured, by the profile of this machine")
    say(f"open: {show_path(result.report)}")
    emit(f"{result.model}")


def lay_out(ranking: Ranking) -> str:
    """Return the candidates as a table of at most 100 columns, the fastest first.

    ``*`` marks the winner, ``o`` what else lies on the front of mAP and latency.
    """
    from yolokit.cli.output import table

    rows = [_make_row(one, ranking) for one in ranking.places]
    rows += [["", *_name(one), "-", "-", "-", "-", "-", "failed"] for one in ranking.others]
    return table(_HEAD, rows)


def _name(outcome: Outcome) -> tuple[str, str]:
    from yolokit.report.axes import shorten

    recipe, engine = outcome.candidate.recipe, outcome.candidate.engine
    file = recipe.title.replace(" layers in", " in").replace(" layer in", " in")
    return shorten(file, _FILE_LENGTH), shorten(engine.title, _ENGINE_LENGTH)


def _make_row(place: Place, ranking: Ranking) -> list[str]:
    outcome, drop = place.outcome, place.drop
    is_winner = place == ranking.winner
    return [
        "*" if is_winner else "o" if place.is_front else "",
        *_name(outcome),
        f"{place.latency_ms:.2f}",
        f"{place.speedup:.2f}x",
        "-" if drop is None else f"{ranking.trained_map - drop:.4f}",
        "-" if drop is None else f"{drop:.4f}",
        f"{outcome.size_bytes / 1e6:.1f}",
        "winner" if is_winner else _judge(place, ranking),
    ]


def _judge(place: Place, ranking: Ranking) -> str:
    """Say in a word or two why a candidate is not the winner; the page says more."""
    from yolokit.jobs.optimize.ranking import loses_too_much

    if place.outcome.state == "slower":
        return "too slow"
    if loses_too_much(place, ranking.limits):
        return "inaccurate"
    return "too slow" if place.is_too_slow else "good"
