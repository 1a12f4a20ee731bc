"""``report.html`` of folds: what to expect of a model, how sure that is, and where folds differ."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from yolokit.core.plural import counted
from yolokit.evaluate.analysis import analyse
from yolokit.evaluate.pages import analysis_sections
from yolokit.files.atomic import write_atomic
from yolokit.metrics.fitness import MAP50_95
from yolokit.report.charts import Series, line_chart
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
from yolokit.train.folds.figures import name_classes, read_runs, read_validations, sum_up
from yolokit.train.folds.record import FOLDS_NAME, fold_dir
from yolokit.train.folds.tables import (
    describe_result,
    list_classes,
    list_folds,
    show_score,
    show_spread,
)
from yolokit.train.report.advice import show_path
from yolokit.train.report.kept import iter_pairs
from yolokit.train.report.page import REPORT_NAME
from yolokit.train.report.sections import describe_files, tabulate_options

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolokit.report.page import Block, Chart
    from yolokit.train.folds.record import FoldsRecord, FoldsSummary, Spread
    from yolokit.train.record import RunRecord

FINAL_NAME = "final.yaml"
_FAR_APART = 0.05  # standard deviation of a class
_MOST_COLUMNS = 10  # of folds in the table of classes
_FILES = {
    REPORT_NAME: "this page",
    FOLDS_NAME: "the record: options, dealing, and the figures of all folds",
    "dealing.csv": "the fold of each image, and which images stay together",
    "config.yaml": "all options; `yolokit train --config` repeats the folds with it",
    FINAL_NAME: "the options of a training on all images",
}
_MEANINGS = Details(
    "What these figures mean",
    (
        Text(
            "Each fold is one part of the images. A model was trained on all other parts and "
            "measured on this one, so that in the end every image was measured once, by a model "
            "that had not seen it. The mean says what to expect of a model that is trained like "
            "this; the standard deviation (sd, ±) how much that depends on which images it "
            "learns from and is measured on."
        ),
        Text(
            "The folds share most of what they are trained on, so their standard deviation is "
            "not the error of the mean. A difference between two ways to train is better judged "
            "by `yolokit runs compare`, which looks at all images together."
        ),
        Text(
            "best.pt of a fold is its best epoch on the images of the fold, which flatters it a "
            "little. The last epoch was not chosen by them: its column is the careful estimate."
        ),
    ),
)
_SHARES = (0.0, 1.0)
_MORE = {
    "mAP50": "mAP50 on the images of the fold",
    "val_box_loss": "Box loss on the images of the fold",
    "val_cls_loss": "Class loss on the images of the fold",
    "train_box_loss": "Box loss on the images trained on",
}


def write_page(record: FoldsRecord, run_dir: Path) -> Path:
    """Write the report of folds into their folder, in one step."""
    page = build_page(record, run_dir)
    path = run_dir / REPORT_NAME
    write_atomic(path, render_page(page).encode("utf-8", "backslashreplace"))
    return path


def build_page(record: FoldsRecord, run_dir: Path) -> Page:
    """Return the report of folds as data."""
    summary = record.summary or sum_up(record, run_dir)
    runs = read_runs(record, run_dir)
    sections = [
        Section("What came of it", _answer(record, summary)),
        Section("Curves", _draw_curves(runs, record.fitness)),
        *_tabulate_classes(record, summary),
        _describe_dealing(record),
        *_analyse(record, runs, run_dir),
        Section("Options", tuple(tabulate_options(record.config, record.changes))),
        _describe_folder(record, run_dir),
    ]
    if record.state == "complete":
        sections.append(Section("Next", (Commands(_list_next(run_dir)),)))
    return Page(
        title=f"{record.count} folds: {run_dir.resolve().name}",
        lead=_lead(record, runs),
        sections=tuple(sections),
        facts=_list_facts(record, run_dir),
    )


def _lead(record: FoldsRecord, runs: Sequence[RunRecord | None]) -> str:
    done = sum(run is not None and run.state == "complete" for run in runs)
    images = counted(sum(record.data.images.values()), "image")
    boxes = counted(sum(record.data.boxes.values()), "box", "boxes")
    classes = counted(len(record.data.names), "class", "classes")
    each = counted(record.config.epochs, "epoch")
    state = "All" if done == record.count else f"{done} of"
    return (
        f"{state} {record.count} folds are complete: {images} with {boxes} of {classes}, up to "
        f"{each} each, at {record.config.imgsz} px."
    )


def _answer(record: FoldsRecord, summary: FoldsSummary) -> tuple[Block, ...]:
    blocks: list[Block] = [_judge(record, summary)]
    if record.state == "failed" and record.error:
        blocks.append(Text(f"It ended by an error: {record.error}"))
    if summary.metrics[record.fitness].mean is not None:
        blocks.append(Figures(tuple(_list_figures(summary, record.fitness))))
    columns, rows = list_folds(record, summary)
    rows = tuple((_head(row[0]), *row[1:]) for row in rows)
    caption = f"best.pt of each fold on its images; last epoch: the {record.fitness} of last.pt"
    return (*blocks, Table(tuple(map(_head, columns)), rows, caption), _MEANINGS)


def _head(name: str) -> str:
    """Return a name as a table of the page writes it."""
    if name in ("sd", MAP50_95, "mAP50"):
        return "SD" if name == "sd" else name
    return name.capitalize()


def _judge(record: FoldsRecord, summary: FoldsSummary) -> Verdict:
    fitness = summary.metrics[record.fitness]
    if fitness.mean is None:
        return Verdict("neutral", "Nothing is known yet", "No fold has been measured.")
    images = sum(dealt.images for dealt in record.dealing.folds)
    text = (
        f"The folds lie between {show_score(fitness.min)} and {show_score(fitness.max)}. "
        f"{counted(images, 'image')} in all, each measured by the model that was not trained on it."
    )
    if summary.before.mean is not None:
        text += f" Before training it was {show_score(summary.before.mean)}."
    mood: Literal["neutral", "warning", "bad"] = "warning" if record.notes else "neutral"
    if fitness.mean == 0:
        mood = "bad"
    advice = [*(f"{note[0].upper()}{note[1:]}." for note in record.notes)]
    advice += _name_uneven(summary)
    return Verdict(mood, describe_result(record, summary), text, tuple(advice))


def _name_uneven(summary: FoldsSummary) -> list[str]:
    """Name the class whose folds are furthest apart, if they are far."""
    known = {name: one for name, one in summary.classes.items() if one.sd is not None}
    name = max(known, key=lambda one: known[one].sd or 0, default="")
    if len(known) < 2 or (known[name].sd or 0) < _FAR_APART:
        return []
    sentence = (
        f"The folds are furthest apart in {name}, with {show_spread(known[name])}: more images "
        "of it would make both the model and its figures steadier."
    )
    return [sentence]


def _list_figures(summary: FoldsSummary, fitness: str) -> list[Figure]:
    named = {_head(name): one for name, one in summary.metrics.items()}
    figures = [
        Figure(label, show_score(one.mean), _note(one))
        for label, one in named.items()
        if one.mean is not None
    ]
    if summary.last.mean is not None:
        figures.append(
            Figure(
                f"{fitness} of the last epoch", show_score(summary.last.mean), _note(summary.last)
            )
        )
    return figures


def _note(spread: Spread) -> str:
    if spread.sd is None:
        return "one fold"
    return f"± {show_score(spread.sd)}, {show_score(spread.min)} to {show_score(spread.max)}"


def _draw_curves(
    runs: Sequence[RunRecord | None], fitness: str
) -> tuple[Chart | Details | Text, ...]:
    main = _draw(runs, fitness, f"{fitness} on the images of the fold")
    if main is None:
        return (Text("No epoch was measured, so there is nothing to draw."),)
    more = [chart for name, title in _MORE.items() if (chart := _draw(runs, name, title))]
    return (main, *([Details("More curves: mAP50 and losses", tuple(more))] if more else []))


def _draw(runs: Sequence[RunRecord | None], metric: str, title: str) -> Chart | None:
    """Return the curves of all folds over each other, from the start where it was measured."""
    lines = []
    for fold, run in enumerate(runs, 1):
        start = [run.start_epoch] if run and run.start_epoch else []
        epochs = [*start, *run.epochs] if run else []
        if any(metric in epoch.metrics for epoch in epochs):
            x = tuple(float(epoch.epoch) for epoch in epochs)
            y = tuple(epoch.metrics.get(metric, math.nan) for epoch in epochs)
            lines.append(Series(f"fold {fold}", x, y))
    label = "loss" if "loss" in metric else metric
    is_flat = not any(y > 0 for line in lines for y in line.y)
    y_range = _SHARES if is_flat else None
    return (
        line_chart(title, lines, x_label="epoch", y_label=label, y_range=y_range) if lines else None
    )


def _tabulate_classes(record: FoldsRecord, summary: FoldsSummary) -> list[Section]:
    if not summary.classes:
        return []
    columns, rows = list_classes(record, summary, each=record.count <= _MOST_COLUMNS)
    heads = tuple(map(_head, columns))
    caption = "mAP50-95, as COCO measures; a fold without a class says nothing of it"
    return [Section("Each class in the folds", (Table(heads, rows, caption),))]


def _describe_dealing(record: FoldsRecord) -> Section:
    dealing = record.dealing
    together = "Equal and nearly equal pictures"
    if dealing.group_by is not None:
        together += f", and those that `fold_group: {dealing.group_by}` joins,"
    grouped = counted(dealing.grouped_images, "image") if dealing.grouped_images else "none"
    blocks: list[Block] = [
        Text(
            "Train and val were dealt as one, so that each class is shared out alike; test was "
            f"left alone. {together} are in one fold ({grouped} here). "
            f"Seed {dealing.seed}; `dealing.csv` has the fold of each image."
        ),
        *(Text(f"{note[0].upper()}{note[1:]}.") for note in dealing.notes),
    ]
    heads = ("Fold", "Images", "Groups", *(f"{name}: boxes" for name in record.data.names))
    rows = tuple(
        (str(one.fold), str(one.images), str(one.groups), *map(str, one.boxes))
        for one in dealing.folds
    )
    blocks.append(Table(heads, rows, "What each fold is measured on"))
    return Section("How the images were dealt", tuple(blocks))


def _analyse(record: FoldsRecord, runs: Sequence[RunRecord | None], run_dir: Path) -> list[Section]:
    """Return what all folds found and where they were wrong, over all images."""
    known = [one for one in read_validations(runs, run_dir) if one is not None]
    if not known:
        return []
    pairs = (pair for one in known for pair in iter_pairs(one))
    sections = analysis_sections(analyse(pairs, name_classes(record, runs)))
    if not sections:
        return []
    which = "all folds" if len(known) == record.count else f"{len(known)} folds"
    note = Text(
        f"This section and those up to the worst images are of {which} together: each image as "
        "best.pt of its fold sees it."
    )
    return [Section(sections[0].title, (note, *sections[0].blocks)), *sections[1:]]


def _describe_folder(record: FoldsRecord, run_dir: Path) -> Section:
    files = describe_files(run_dir, _FILES)
    folders = Text(
        f"`fold-1` to `fold-{record.count}` are ordinary runs, each with a report of its own; "
        "`splits` has a `data.yaml` for each, with lists of its images."
    )
    return Section(files.title, (*files.blocks, folders))


def _list_next(run_dir: Path) -> tuple[tuple[str, str], ...]:
    return (
        (
            f"yolokit train --config {show_path(run_dir / FINAL_NAME)}",
            "trains the model to use, on all images: these figures say what to expect of it",
        ),
        (
            f"yolokit runs show {show_path(fold_dir(run_dir, 1))} --report",
            "says what came of one fold",
        ),
    )


def _list_facts(record: FoldsRecord, run_dir: Path) -> tuple[tuple[str, str], ...]:
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    return (
        ("Folder", str(run_dir.resolve())),
        ("Data", record.data.path),
        ("Data, sha256", record.data.sha256),
        ("Dealing, sha256", record.dealing.sha256),
        ("Weights", record.config.weights),
        ("Started", record.started),
        ("Ended", record.ended or "-"),
        *(("Resumed", when) for when in record.resumed),
        ("Folds", record.id),
        ("Versions", versions),
    )
