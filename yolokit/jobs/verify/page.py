"""A verification as a page: whether the second model is as good, by what, and where they differ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.core.plural import counted, describe_size
from yolokit.core.units import describe_change
from yolokit.errors import DataError
from yolokit.evaluate.words import show_decimal
from yolokit.jobs.verify.draw import FIRST, SECOND, draw_pairs
from yolokit.jobs.verify.judge import describe_chance, is_rounding
from yolokit.jobs.verify.words import (
    describe_speed,
    describe_verdict,
    name_models,
    tell_engine,
)
from yolokit.report.charts import Axis, Series, scatter_chart
from yolokit.report.page import (
    Details,
    Figure,
    Figures,
    Gallery,
    Legend,
    Page,
    Picture,
    Section,
    Table,
    Text,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.evaluate.finders import ModelFacts
    from yolokit.evaluate.measures.differences import ImageDifference, ImagePairs
    from yolokit.jobs.verify.findings import Found
    from yolokit.jobs.verify.record import MapComparison, VerifyReport
    from yolokit.report.page import Block

COMMAND = "yolokit verify"
_POINTS = 600  # of a chart; of more pairs, those whose scores differ most


def make_page(report: VerifyReport, drawn: Sequence[ImagePairs], found: Found) -> Page:
    """Return the page of a verification; the images that are drawn are read.

    Args:
        report: What was found.
        drawn: Images that differ most.
        found: Where their pictures are, and the boxes of all.
    """
    names = name_models(report)
    images = counted(report.images, "image")
    where = "that are shipped with yolokit"
    if report.data is not None:
        where = f"of the split `{report.split}` of `{report.data}`"
    return Page(
        title=f"{COMMAND}: {names[1]}",
        lead=f"`{names[1]}` beside `{names[0]}`, which is called the first, on {images} {where}.",
        sections=tuple(_make_sections(report, drawn, found)),
        facts=tuple(_list_facts(report)),
        made_by=f"{COMMAND} {report.yolokit_version}",
    )


def _make_sections(
    report: VerifyReport, drawn: Sequence[ImagePairs], found: Found
) -> Iterator[Section]:
    yield Section("In short", (_show_verdict(report), _show_figures(report), _show_models(report)))
    if report.accuracy is not None:
        yield Section("Class by class", tuple(_show_classes(report.accuracy)))
    yield Section("Their boxes", tuple(_show_boxes(report, found)))
    yield Section("The images that differ most", tuple(_show_images(report, drawn, found)))
    if report.speed is not None:
        yield Section("Speed", tuple(_show_speed(report)))
    if report.notes:
        yield Section("Notes", tuple(map(Text, report.notes)))


def _show_verdict(report: VerifyReport) -> Verdict:
    decided = [check for check in report.checks if check.holds is not None]
    told = [check for check in report.checks if check.holds is None]
    failed = [check for check in decided if not check.holds]
    text = ". ".join(_begin(check.text) for check in failed or decided) + "."
    return Verdict(
        "good" if report.is_good else "bad",
        describe_verdict(report),
        text,
        tuple(f"{_begin(check.text)}." for check in told),
    )


def _show_figures(report: VerifyReport) -> Figures:
    boxes = report.boxes
    alone = boxes.only_first + boxes.only_second
    figures = []
    if report.accuracy is not None:
        maps = report.accuracy
        figures += [
            Figure("mAP50-95", show_decimal(maps.second), f"the first {show_decimal(maps.first)}"),
            Figure("Change", describe_change(-maps.lost), f"-{maps.max_map_drop:g} is allowed"),
        ]
    figures += [
        Figure("Boxes of both", str(boxes.pairs), f"from score {boxes.shown_from:g} up"),
        Figure(
            "Boxes of one alone",
            str(alone),
            f"{boxes.only_first} of the first, {boxes.only_second} of the second",
        ),
    ]
    if report.speed is not None:
        speed = report.speed
        figures.append(
            Figure("Speed", f"{speed.speedup:.2f}x", f"{speed.second.p50_ms:.1f} ms an image")
        )
    return Figures(tuple(figures))


def _show_models(report: VerifyReport) -> Table:
    models = (report.first, report.second)
    rows = [
        ("file", *(Path(one.path).name for one in models)),
        ("file's precision", *(one.file_precision for one in models)),
        ("runs on", *map(tell_engine, models)),
        ("threads", *(str(one.threads) for one in models)),
        ("input", *("{} x {} px".format(*one.input_wh) for one in models)),
        ("classes", *(str(len(one.names)) for one in models)),
    ]
    if report.accuracy is not None:
        maps = report.accuracy
        rows += [
            ("mAP50-95", show_decimal(maps.first), show_decimal(maps.second)),
            ("mAP50", show_decimal(maps.first_map50), show_decimal(maps.second_map50)),
            ("F1 from 0.25", show_decimal(maps.first_f1), show_decimal(maps.second_f1)),
        ]
    return Table(("", "First", "Second"), tuple(rows), "The two models")


def _show_classes(maps: MapComparison) -> Iterator[Block]:
    yield Table(
        ("Class", "Objects", "First", "Second", "Change"),
        tuple(
            (
                one.name,
                str(one.boxes),
                show_decimal(one.first),
                show_decimal(one.second),
                "-" if one.lost is None else describe_change(-one.lost),
            )
            for one in maps.classes
        ),
        "mAP50-95 of each class, as COCO measures; those that lost most come first",
    )
    if maps.low is not None and not is_rounding(maps.low, maps.high):
        yield Text(
            f"The images were drawn again {maps.draws} times, with repetition, as many each time "
            f"as there are, and both models measured on each draw: {describe_chance(maps)}."
        )


def _show_boxes(report: VerifyReport, found: Found) -> Iterator[Block]:
    boxes = report.boxes
    if not boxes.pairs:
        yield Text("There is no box that both models show.")
        return
    yield Table(
        ("", "Median", "Worst"),
        (
            ("overlap of a pair (IoU)", f"{boxes.median_iou:.4f}", f"{boxes.min_iou:.4f}"),
            (
                "largest difference of a side, px",
                f"{boxes.median_box_diff_px:.2g}",
                f"{boxes.max_box_diff_px:.2g}",
            ),
            (
                "difference of the scores",
                f"{boxes.median_score_diff:.2g}",
                f"{boxes.max_score_diff:.2g}",
            ),
        ),
        f"The {counted(boxes.pairs, 'box', 'boxes')} that both show, at least one of them from "
        f"score {boxes.shown_from:g} up; partners are of one class and overlap by half",
    )
    points = _list_scores(found.pairs)
    most = "" if boxes.pairs <= _POINTS else f": the {_POINTS} that differ most"
    yield scatter_chart(
        f"Scores of the same boxes{most}",
        [Series("boxes of both", *points)],
        axis=Axis("score by the first model"),
        y_label="score by the second",
        line=Series("equal", (0.0, 1.0), (0.0, 1.0)),
    )


def _list_scores(pairs: Sequence[ImagePairs]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the scores of the pairs by both models."""
    scores = [
        (float(one.a.scores[at]), float(one.b.scores[partner]))
        for one in pairs
        for at, partner in zip(one.a_index, one.b_index, strict=True)
    ]
    scores.sort(key=lambda two: -abs(two[0] - two[1]))
    first, second = zip(*scores[:_POINTS], strict=True)
    return first, second


def _show_images(
    report: VerifyReport, drawn: Sequence[ImagePairs], found: Found
) -> Iterator[Block]:
    if not drawn:
        yield Text("There is none: every box has a partner that lies and scores as it does.")
        return
    yield Legend(tuple((name, _to_rgb(color)) for name, color in _LEGEND))
    pictures, gone = [], []
    for one in drawn:
        try:
            jpeg = draw_pairs(found.pictures[one.name], one, found.names)
        except DataError as error:
            gone.append(f"{one.name}: {error.message}")
        else:
            alone = f"{len(one.alone_a)} of the first alone, {len(one.alone_b)} of the second"
            caption = f"{one.name}: {counted(len(one.iou), 'box', 'boxes')} of both, {alone}"
            pictures.append(Picture(jpeg, f"{one.name}, boxes of both models", caption))
    yield Text(
        "Thick boxes are shown by one model alone; where both show one, it is thin, and labelled "
        "if the scores differ by 0.1 or more."
    )
    yield Gallery(tuple(pictures), is_large=True)
    if gone:
        what = f"{counted(len(gone), 'image')} could not be drawn"
        yield Details(what, tuple(map(Text, gone)))
    rest = report.most_different[len(drawn) :]
    if rest:
        yield Details(f"{counted(len(rest), 'more image')}", (_tabulate_images(rest),))


_LEGEND = (("first (solid)", FIRST), ("second (dashed)", SECOND))


def _to_rgb(bgr: tuple[int, int, int]) -> tuple[int, int, int]:
    return bgr[2], bgr[1], bgr[0]


def _tabulate_images(images: Sequence[ImageDifference]) -> Table:
    return Table(
        ("Image", "Of both", "First alone", "Second alone", "Scores differ by", "Least overlap"),
        tuple(
            (
                one.image,
                str(one.pairs),
                str(one.only_first),
                str(one.only_second),
                show_decimal(one.max_score_diff),
                show_decimal(one.min_iou),
            )
            for one in images
        ),
    )


def _show_speed(report: VerifyReport) -> Iterator[Block]:
    speed = report.speed
    if speed is None:
        return
    sides = (speed.first, speed.second)
    peaks = [one.peak_rss_bytes for one in sides]
    yield Text(describe_speed(speed))
    yield Table(
        ("", "First", "Second"),
        (
            ("median, ms", *(f"{one.p50_ms:.2f}" for one in sides)),
            ("95 of 100 below, ms", *(f"{one.p95_ms:.2f}" for one in sides)),
            ("opening, s", *(f"{one.open_s:.2f}" for one in sides)),
            ("most memory", *("-" if peak is None else describe_size(peak) for peak in peaks)),
        ),
        f"One image, timed in turn in processes of their own, {len(speed.speedups)} rounds; "
        "reading and drawing are not in it",
    )


def _list_facts(report: VerifyReport) -> Iterator[tuple[str, str]]:
    for name, model in (("First", report.first), ("Second", report.second)):
        yield name, _describe_file(model)
    if report.why_not_timed is not None:
        yield "Not timed", report.why_not_timed


def _describe_file(model: ModelFacts) -> str:
    return f"{model.path}, sha256 {model.sha256}; {model.engine}"


def _begin(sentence: str) -> str:
    """Return a sentence with a capital, unless it begins with a name such as mAP50."""
    first = sentence.split(" ", 1)[0]
    return (
        sentence
        if any(letter.isupper() for letter in first)
        else sentence[:1].upper() + sentence[1:]
    )
