"""The chart of a search: mAP over latency, the front, the limits and the winner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.core.plural import counted
from yolokit.core.units import describe_number
from yolokit.jobs.optimize.candidates import PARENT
from yolokit.report.charts import Axis, Mark, Note, Series, scatter_chart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.jobs.optimize.ranking import Place, Ranking
    from yolokit.report.page import Chart

_SLOWEST = 1.3  # times the parent's latency
_MOST_LOST = 0.05  # mAP, or this many times what may be lost
_TIMES_LOST = 4


def draw_front(ranking: Ranking) -> Chart:
    """Return mAP over latency; what is far from where a choice is made is left out, and counted.

    Numbers beside points are those of the tables.
    """
    measured = [one for one in ranking.places if one.drop is not None]
    shown = [one for one in measured if _is_near(one, ranking)]
    winner = [one for one in shown if one == ranking.winner]
    rest = [one for one in shown if one != ranking.winner]
    groups = [
        _group("winner", winner, ranking),
        _group("keeps the limits", [one for one in rest if one.is_eligible], ranking),
        _group("misses a limit", [one for one in rest if not one.is_eligible], ranking),
    ]
    return scatter_chart(
        "The front of mAP against latency",
        groups,
        axis=Axis("latency of one image in the model, ms"),
        y_label="mAP50-95 on val",
        line=_draw_stairs(shown, ranking),
        marks=_mark_speed(ranking),
        notes=_list_notes(shown, ranking),
        summary=_summarise(ranking, len(measured) - len(shown)),
    )


def _summarise(ranking: Ranking, left_out: int) -> str:
    front = ", ".join(
        f"{number} ({one.candidate.title})"
        for number, one in enumerate(ranking.places, 1)
        if one.is_front
    )
    said = f"No candidate is both faster and more accurate than these: {front}. "
    parent = [n for n, one in enumerate(ranking.places, 1) if one.candidate == PARENT]
    said += f"FP32 on cpu is {parent[0]}. " if parent else ""
    said += "The numbers are those of the tables."
    if left_out:
        what = counted(left_out, "candidate is", "candidates are")
        said += f" {what} far slower or less accurate, and in the tables alone."
    return said


def _is_near(place: Place, ranking: Ranking) -> bool:
    most_lost = max(_MOST_LOST, _TIMES_LOST * ranking.limits.max_map_drop)
    is_slow = place.latency_ms > _SLOWEST * ranking.parent_ms
    return place.drop is not None and place.drop <= most_lost and not is_slow


def _map_of(place: Place, ranking: Ranking) -> float:
    return ranking.trained_map - (place.drop or 0.0)


def _group(name: str, places: Sequence[Place], ranking: Ranking) -> Series:
    return Series(
        name,
        tuple(one.latency_ms for one in places),
        tuple(_map_of(one, ranking) for one in places),
    )


def _draw_stairs(shown: Sequence[Place], ranking: Ranking) -> Series | None:
    """Return the best mAP within each latency, as steps from point to point."""
    xs, ys = list[float](), list[float]()
    for one in shown:
        if one.is_front:
            if ys:
                xs.append(one.latency_ms)
                ys.append(ys[-1])
            xs.append(one.latency_ms)
            ys.append(_map_of(one, ranking))
    return Series("front", tuple(xs), tuple(ys)) if len(xs) > 1 else None


def _mark_speed(ranking: Ranking) -> list[Mark]:
    limits, marks = ranking.limits, list[Mark]()
    if limits.min_speedup is not None:
        at_ms = ranking.parent_ms / limits.min_speedup
        marks.append(Mark(at_ms, f"limit: {describe_number(limits.min_speedup)}x as fast"))
    if limits.max_latency_ms is not None:
        label = f"{describe_number(limits.max_latency_ms)} ms"
        marks.append(Mark(limits.max_latency_ms, f"limit: {label}"))
    return marks


def _list_notes(shown: Sequence[Place], ranking: Ranking) -> list[Note]:
    lowest = ranking.trained_map - ranking.limits.max_map_drop
    lost = describe_number(ranking.limits.max_map_drop)
    numbered = [
        (number, one)
        for number, one in enumerate(ranking.places, 1)
        if one in shown and (one.is_front or one == ranking.winner or one.candidate == PARENT)
    ]
    return [
        Note(None, ranking.trained_map, "trained model"),
        Note(None, lowest, f"limit: {lost} lost"),
        *(
            Note(
                one.latency_ms,
                _map_of(one, ranking),
                f"{number} winner" if one == ranking.winner else str(number),
            )
            for number, one in numbered
        ),
    ]
