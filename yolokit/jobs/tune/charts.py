"""The charts of a search: its course, what mattered, and the score over each option."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolokit.core.plural import counted
from yolokit.jobs.tune.space import Choice, Range
from yolokit.jobs.tune.trial import OWN_OPTIONS
from yolokit.report.charts import Axis, Series, bar_chart, scatter_chart
from yolokit.report.page import Details, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from yolokit.jobs.tune.search import Search
    from yolokit.jobs.tune.study import Trial
    from yolokit.report.page import Block, Chart

ENOUGH = 10  # complete trials from which importances begin to mean something
_HOW = Details(
    "How this is computed",
    (
        Text(
            "By PED-ANOVA: how differently the values of an option are spread among the best "
            "quarter of the complete trials and among all of them. It says what decided within "
            "the space that was searched, not how much there is to gain."
        ),
    ),
)


def draw_history(trials: Sequence[Trial], fitness: str) -> tuple[Block, ...]:
    """Return the score of each trial, and the best one so far."""
    best, xs, ys = 0.0, list[float](), list[float]()
    for one in trials:
        if one.state == "complete" and one.score is not None:
            best = max(best, one.score)
        if xs or best:
            xs.append(float(one.number))
            ys.append(best)
    chart = scatter_chart(
        "Score by trial",
        _group(trials, lambda one: float(one.number)),
        axis=Axis("trial"),
        y_label=f"{fitness} on val",
        line=Series("best so far", tuple(xs), tuple(ys)) if len(xs) > 1 else None,
    )
    return (chart,)


def draw_importance(importance: Mapping[str, float], trials: Sequence[Trial]) -> tuple[Block, ...]:
    """Return bars of how much each option decided."""
    complete = sum(one.state == "complete" for one in trials)
    if not importance:
        return (Text("Too few trials are complete to say which options decided."),)
    chart = bar_chart(
        "How much each option decided",
        [*importance],
        [*importance.values()],
        value_label="importance (all: 1)",
        add_up=False,
    )
    if complete >= ENOUGH:
        return (chart, _HOW)
    note = f"From {counted(complete, 'complete trial')} this is a first impression, not a finding."
    return (Text(note), chart, _HOW)


def draw_slices(search: Search, trials: Sequence[Trial]) -> tuple[Block, ...]:
    """Return the score over each option."""
    return tuple(_draw_slice(name, search, trials) for name in search.space)


def _draw_slice(name: str, search: Search, trials: Sequence[Trial]) -> Chart:
    dimension, fitness = search.space[name], search.fitness
    points = _group(trials, lambda one: _place(one.values.get(name), dimension))
    return scatter_chart(
        name, points, axis=_name_axis(name, dimension), y_label=f"{fitness} on val"
    )


def _name_axis(name: str, dimension: Range | Choice) -> Axis:
    if isinstance(dimension, Choice):
        return Axis(name, names=tuple(map(str, dimension.values)))
    return Axis(name, is_log=dimension.kind == "log")


def _place(value: Any, dimension: Range | Choice) -> float | None:
    """Return where a value lies along its axis; None where a trial has none."""
    if value is None:
        return None
    if isinstance(dimension, Choice):
        return float(dimension.values.index(value))
    assert isinstance(value, int | float)
    return float(value)


def _group(trials: Sequence[Trial], place: Callable[[Trial], float | None]) -> list[Series]:
    """Return the points of the trials that have a score, by what became of them."""
    groups: dict[str, list[tuple[float, float]]] = {"your own": [], "complete": [], "pruned": []}
    for one in trials:
        x = place(one)
        if x is None or one.score is None:
            continue
        groups["your own" if one.number == OWN_OPTIONS else one.state].append((x, one.score))
    return [
        Series(name, tuple(x for x, _ in points), tuple(y for _, y in points))
        for name, points in groups.items()
    ]
