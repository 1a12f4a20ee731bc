"""What a search tells while it runs, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.core.plural import counted
from yolokit.core.units import describe_seconds
from yolokit.jobs.optimize.ranking import describe_place

if TYPE_CHECKING:
    from collections.abc import Collection

    from yolokit.jobs.optimize.candidates import Outcome
    from yolokit.jobs.optimize.plan import Setup
    from yolokit.jobs.optimize.ranking import Ranking

_NOISY = 1.5  # between the least and the most speed-up of a candidate's rounds


def describe_plan(setup: Setup, tried: Collection[Outcome]) -> str:
    """Say how much is to come, and what is done."""
    said, most = f"{counted(setup.count_first(), 'candidate')} to try", setup.count_most()
    if most > setup.count_first():
        said += f", up to {most} if 8-bit numbers pay"
    if tried:
        spent = sum(one.seconds for one in tried) / len(tried)
        known = counted(len(tried), "is known", "are known")
        said += f"; {known} from before, at {describe_seconds(spent)} each"
    return said


def describe_time(setup: Setup, typical: Outcome) -> str:
    """Say about how long it takes, by one candidate."""
    least, most = (
        describe_seconds(typical.seconds * count)
        for count in (setup.count_first(), setup.count_most())
    )
    more = f", or up to {most}" if most != least else ""
    return f"by this one, all take about {least}{more}"


def describe_outcome(outcome: Outcome, ranking: Ranking) -> str:
    """Say what became of a candidate."""
    title, place = outcome.candidate.title, ranking.find(outcome.candidate)
    if place is None:
        return f"{title}: failed: {outcome.why}"
    if outcome.state == "slower":
        return f"{title}: {place.speedup:.2f}x, slower than its parent"
    if outcome.state == "hopeless":
        return f"{title}: {place.speedup:.2f}x, but loses {outcome.part_drop:.3f} on a part of val"
    return f"{title}: {describe_place(place)}"


def describe_noise(outcome: Outcome) -> str | None:
    """Say that other work blurs the figures, where a candidate's rounds contradict each other."""
    if outcome.latency is None:
        return None
    low, high = min(outcome.latency.speedups), max(outcome.latency.speedups)
    if high <= _NOISY * low:
        return None
    return (
        f"note: the rounds of this candidate say {low:.2f}x to {high:.2f}x: other work on the "
        "machine blurs the figures; leave it alone while it is measured"
    )


def shorten_refusal(message: str) -> str:
    """Return what a gate complains of, and the first of its problems."""
    complaint, _, problems = message.partition("; nothing was published")
    first = problems.strip().partition("\n")[0].removeprefix("- ")
    return f"{complaint}: {first}" if first else complaint
