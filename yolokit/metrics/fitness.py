"""What the epochs of a training are judged by: the metric that chooses ``best.pt``.

A plain metric has a line in ``_PLAIN``, whatever the task: an epoch's metrics must hold it under
the name of records. ``recall@P`` is the highest recall at a precision of at least P: for each
class over all confidences, so each at a confidence of its own, with boxes that are right from an
IoU of 0.5; then the mean over the classes that have true boxes. A class that reaches the precision
at no confidence counts as 0.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

MAP50_95 = "mAP50-95"  # every record has it, so runs of different fitness are compared by it
DEFAULT = "map50-95"
ALLOWED = (
    "map50-95, map50, or recall@P with a precision P above 0 and at most 1, such as recall@0.9"
)
_PLAIN = {DEFAULT: MAP50_95, "map50": "mAP50"}
_RECALL = re.compile(r"recall@(0?\.\d{1,4}|1(?:\.0{1,4})?)")


class Fitness(msgspec.Struct, frozen=True):
    """A metric that epochs are judged by; more is better, and 0 is nothing.

    Attributes:
        name: As in records: ``mAP50-95``, ``recall@0.9``.
        min_precisions: The P of ``recall@P``; empty for another metric.
    """

    name: str
    min_precisions: tuple[float, ...] = ()


def parse_fitness(text: str) -> Fitness:
    """Return what an option says, in capitals or not.

    Raises:
        ValueError: It is not a metric to judge by; the message names those that are.
    """
    word = text.strip().lower()
    if word in _PLAIN:
        return Fitness(_PLAIN[word])
    found = _RECALL.fullmatch(word)
    if found is None or float(found[1]) == 0:
        raise ValueError(f"must be {ALLOWED}, not {text!r}")
    share = float(found[1])
    return Fitness(name_recall(f"{share:g}"), (share,))


def name_recall(share: str) -> str:
    """Return the name of the recall at a precision, which is a key of ``BoxMetrics.recall_at``."""
    return f"recall@{share}"


def explain_recall(share: str) -> str:
    """Return what the recall at a precision is."""
    return (
        f"the highest recall at a precision of at least {share}, each class at a confidence of its "
        "own, and their mean"
    )


def describe_fitness(fitness: Fitness) -> str:
    """Return a metric by its name, with what it is where the name does not say it."""
    whats = [f": {explain_recall(f'{share:g}')}" for share in fitness.min_precisions]
    return "".join([fitness.name, *whats])


def describe_scores(
    metrics: Mapping[str, float], fitness: str, *others: str, digits: int = 4
) -> str:
    """Return ``recall@0.9 0.7312, mAP50-95 0.4120``: the fitness first, then what else is known."""
    names = dict.fromkeys((fitness, MAP50_95, *others))
    return ", ".join(f"{name} {metrics[name]:.{digits}f}" for name in names if name in metrics)
