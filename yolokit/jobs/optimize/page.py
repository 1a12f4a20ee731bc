"""``report.html`` of a search: what won, the front, and why each other candidate did not win."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yolokit
from yolokit.core.plural import counted, describe_size
from yolokit.core.units import describe_number, describe_seconds
from yolokit.files.atomic import write_atomic
from yolokit.jobs.optimize.candidates import PARENT
from yolokit.jobs.optimize.front_chart import draw_front
from yolokit.jobs.optimize.ranking import describe_limits, explain_misses
from yolokit.jobs.optimize.record import MODEL_NAME
from yolokit.report.page import (
    Commands,
    Details,
    Figure,
    Figures,
    Page,
    Section,
    Table,
    Text,
    Verdict,
)
from yolokit.report.render import render_page
from yolokit.train.report.advice import show_path

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.jobs.optimize.candidates import Engine
    from yolokit.jobs.optimize.ranking import Place, Ranking
    from yolokit.jobs.optimize.record import Published, Search, Trained
    from yolokit.report.page import Block, Mood

REPORT_NAME = "report.html"
COMMAND = "yolokit optimize"
_COLUMNS = ("", "candidate", "ms", "speed-up", "mAP50-95", "lost", "size")
_MISSING = ("", "candidate", "ms", "mAP50-95", "why")


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a search has found so far.

    Attributes:
        search: What it is about.
        folder: Its folder.
        ranking: All candidates under the limits.
        trained: What the trained model reaches.
        published: The winner once it is published.
    """

    search: Search
    folder: Path
    ranking: Ranking
    trained: Trained
    published: Published | None = None


def write_report(found: Findings) -> Path:
    """Write the report of a search into its folder, in one step."""
    path = found.folder / REPORT_NAME
    write_atomic(path, render_page(build_page(found)).encode("utf-8", "backslashreplace"))
    return path


def build_page(found: Findings) -> Page:
    """Return the report of a search as data."""
    ranking = found.ranking
    sections = [
        Section("What came of it", tuple(_answer(found))),
        Section("mAP against latency", (draw_front(ranking), *_tabulate(ranking))),
    ]
    if found.published is not None:
        model = found.folder / MODEL_NAME
        sections.append(Section("Next", (_suggest(model, found.published.candidate.engine),)))
    sections.append(Section("How it was measured", tuple(_explain(found))))
    search = found.search
    return Page(
        title=f"The fastest model that is as good: {found.folder.name}",
        lead=f"{counted(_count(ranking), 'candidate')} tried on {search.machine}; "
        f"{describe_limits(ranking.limits)}.",
        sections=tuple(sections),
        facts=(
            ("weights", search.weights),
            ("data", search.data),
            ("begun", search.started),
            *search.versions.items(),
        ),
        made_by=f"{COMMAND} {yolokit.__version__}",
    )


def _count(ranking: Ranking) -> int:
    return len(ranking.places) + len(ranking.others)


def _answer(found: Findings) -> list[Block]:
    ranking, winner = found.ranking, found.ranking.winner
    if winner is None:
        head = "No candidate keeps the limits" if ranking.places else "Nothing was measured yet"
        near = tuple(f"{one[0].upper()}{one[1:]}." for one in explain_misses(ranking))
        return [Verdict("bad" if ranking.places else "neutral", head, next=near)]
    which = "The winner" if found.published else "The best so far"
    head = f"{which}: {winner.candidate.title}, {winner.speedup:.2f}x as fast"
    if winner.candidate == PARENT:
        rest = "; nothing faster is as accurate" if found.published else ""
        head = f"{which}: {winner.candidate.title}{rest}"
    mood: Mood = "good" if found.published else "neutral"
    return [Verdict(mood, head, _describe_choice(found)), Figures(_list_figures(found, winner))]


def _list_figures(found: Findings, winner: Place) -> tuple[Figure, ...]:
    """Return what the winner reaches, each figure beside what it is compared with."""
    ranking, published = found.ranking, found.published
    found_map = ranking.trained_map - (winner.drop or 0.0)
    lost = f"of {describe_number(ranking.limits.max_map_drop)} that may be lost"
    if published is not None and published.low is not None and published.high is not None:
        lost = f"on other images {published.low:.4f} to {published.high:.4f}"
    figures = [
        Figure(
            "Latency", f"{winner.latency_ms:.3g} ms", f"FP32 on cpu: {ranking.parent_ms:.2f} ms"
        ),
        Figure("mAP50-95 on val", f"{found_map:.4f}", f"trained model: {ranking.trained_map:.4f}"),
        Figure("mAP50-95 lost", f"{winner.drop or 0.0:.4f}", lost),
    ]
    if published is not None and published.test is not None and published.trained_test is not None:
        note = f"trained model: {published.trained_test.map50_95:.4f}; nothing was chosen by it"
        figures.append(Figure("mAP50-95 on test", f"{published.test.map50_95:.4f}", note))
    size = describe_size(winner.outcome.size_bytes)
    return (*figures, Figure("File", size, winner.candidate.recipe.title))


def _describe_choice(found: Findings) -> str:
    count = sum(one.drop is not None for one in found.ranking.places)
    if count == 1:
        return "No other candidate has been measured."
    text = (
        f"It was chosen among {counted(count, 'candidate')} by the images of val that it was "
        "measured on, so its mAP there is a little flattered."
    )
    if found.published is not None and found.published.test is None:
        text += " The data set has no test split, which would tell by how much."
    return text


def _tabulate(ranking: Ranking) -> list[Block]:
    numbered = list(enumerate(ranking.places, 1))
    good = tuple(_make_row(number, one, ranking) for number, one in numbered if one.is_eligible)
    missing = [
        _make_missing_row(number, one) for number, one in numbered if not one.is_eligible
    ]  # fmt: skip
    failed = [
        ("-", one.candidate.title, "-", "-", f"It failed: {one.why}.") for one in ranking.others
    ]
    return [
        Table(_COLUMNS, good, "Candidates that keep the limits, the fastest first"),
        Table(_MISSING, (*missing, *failed), "Candidates that do not"),
    ]


def _make_row(number: int, place: Place, ranking: Ranking) -> tuple[str, ...]:
    title = place.candidate.title
    return (
        str(number),
        f"{title}: the winner" if place == ranking.winner else title,
        f"{place.latency_ms:.2f}",
        f"{place.speedup:.2f}",
        *_show_accuracy(place),
        describe_size(place.outcome.size_bytes),
    )


def _show_accuracy(place: Place) -> tuple[str, str]:
    score = place.outcome.score
    if place.drop is None or score is None:
        return "-", "-"
    return f"{score.map50_95:.4f}", f"{place.drop:.4f}"


def _make_missing_row(number: int, place: Place) -> tuple[str, ...]:
    score, _ = _show_accuracy(place)
    title = place.candidate.title
    return str(number), title, f"{place.latency_ms:.2f}", score, _explain_miss(place)


def _explain_miss(place: Place) -> str:
    """Say why a candidate could not win."""
    outcome = place.outcome
    if outcome.state == "hopeless":
        return f"It loses {outcome.part_drop or 0:.3f} mAP on a part of val already."
    reasons = list(place.misses)
    if outcome.state == "slower":
        reasons.insert(0, "it is slower than FP32 on cpu, so its mAP was not measured")
    text = "; ".join(reasons)
    return f"{text[0].upper()}{text[1:]}."


def _suggest(model: Path, engine: Engine) -> Commands:
    options = f"--provider {engine.provider}"
    options += f" --precision {engine.precision}" if engine.precision != "fp32" else ""
    options += f" --threads {engine.threads}" if engine.threads is not None else ""
    path = show_path(model)
    return Commands(
        (
            (
                f"yolokit predict {path} images/",
                "runs it here as it was measured: the profile of this machine says how",
            ),
            (
                f"yolokit predict {path} images/ {options}",
                "states the same, as another machine needs it",
            ),
        )
    )


def _explain(found: Findings) -> list[Block]:
    ranking = found.ranking
    seconds = sum(one.outcome.seconds for one in ranking.places)
    seconds += sum(one.seconds for one in ranking.others)
    spreads = tuple(
        (
            one.candidate.title,
            *(f"{value:.2f}" for value in (min(latency.speedups), max(latency.speedups))),
            f"{latency.p50_ms:.2f}",
            f"{latency.p95_ms:.2f}",
            f"{latency.parent_ms:.2f}",
        )
        for one in ranking.places
        if (latency := one.outcome.latency) is not None
    )
    columns = ("candidate", "least", "most", "p50 ms", "p95 ms", "parent ms")
    return [
        Text(
            "Each candidate was timed in turn with FP32 on onnxruntime's CPU provider, each in a "
            "process of its own that rests while the other runs. The speed-up is the median ratio "
            "of the rounds; `ms` is what an image takes in the model where the parent takes its "
            f"median of the search, {ranking.parent_ms:.2f} ms, so that all candidates are seen "
            "beside the same parent, although other work on the machine came and went."
        ),
        Text(
            f"Accuracy is mAP50-95 on {counted(found.trained.score.images, 'image')} of val, by "
            "the deployed runtime; what is lost is counted from the trained model in torch. On "
            "other images it lies where 95 of 100 draws of these images put it. "
            "8-bit numbers are calibrated on images of train, never on those that judge. "
            f"All of it took {describe_seconds(seconds)}."
        ),
        Details(
            "Speed-up by round, and times as measured",
            (Table(columns, spreads, "Speed-up: least and most of the rounds"),),
        ),
    ]
