"""What ``yolokit runs show`` prints of a run."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.core.plural import counted, share
from yolokit.metrics.fitness import describe_fitness, describe_scores, parse_fitness

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.jobs.runs.job import ShownRun
    from yolokit.train.launch import Launch
    from yolokit.train.record import RunRecord


def describe_run(shown: ShownRun) -> str:
    """Return a run in lines: what it was, how it was computed, where, and what came of it."""
    from yolokit.train.report.end import describe_summary

    facts = [*_describe_task(shown), *describe_conditions(shown.record), *_describe_figures(shown)]
    facts = [(name, value) for name, value in facts if value]
    width = max(len(name) for name, _ in facts)
    lines = [f"{name:<{width}}  {value}" for name, value in facts]
    report = shown.report
    if report is None and (path := Path(shown.entry.folder) / "report.html").is_file():
        report = path
    return "\n".join([*lines, "", *describe_summary(shown.summary, report)])


def describe_conditions(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Yield how a run ended, and how and where it was computed, as far as its record tells."""
    yield "ended", _describe_stop(record)
    used, seed = record.used, f"seed {record.config.seed}"
    if used is None:
        yield "computed", seed
    else:
        reason = f": {used.lr0_reason}" if used.lr0_reason else ""
        yield "rate", f"{used.optimizer} at {used.lr0:g}, momentum {used.momentum:g}{reason}"
        steps = f"{counted(used.steps, 'step')}, {used.steps_per_epoch} an epoch"
        steps += f", in batches of {used.batch}"
        yield "computed", "; ".join((steps, _describe_threads(record), seed))
    versions = record.versions
    if record.launches:
        last = record.launches[-1]
        yield from _describe_launch(last, used.device_name if used else None)
        versions = last.versions or versions
    yield "versions", ", ".join(f"{name} {version}" for name, version in versions.items())


def _describe_stop(record: RunRecord) -> str:
    """Return why a run ended and which epoch ``best.pt`` has; nothing while it goes on."""
    stopped, best = record.stopped, record.best
    if stopped is None:
        return ""
    why = {
        "epochs": "all epochs are done",
        "patience": f"none was better in {counted(record.config.patience, 'epoch')} (patience)",
        "asked": "on_event asked for it" + (f": {stopped.why}" if stopped.why else ""),
        "interrupted": "it was interrupted",
        "error": "an error",
    }[stopped.reason]
    kept = ""
    if best is not None:
        which = f"epoch {best.epoch}" if best.epoch else "the start"
        scores = describe_scores(best.metrics, record.fitness, digits=3)
        kept = f"; best.pt has {which}, {scores} on val"
    return f"after epoch {stopped.epoch} of {record.config.epochs}: {why}{kept}"


def _describe_threads(record: RunRecord) -> str:
    """Return the threads of the epochs: others that compute at the same time change them."""
    threads = sorted({epoch.threads for epoch in record.epochs if epoch.threads is not None})
    if not threads:
        return f"on {record.device or 'a device that is not recorded'}"
    fewest = f"{threads[0]} to " if threads[1:] else ""
    shown = f"{fewest}{counted(threads[-1], 'thread')}"
    return f"{shown}, {record.precision or 'precision unknown'}"


def _describe_launch(launch: Launch, gpu: str | None) -> Iterator[tuple[str, str]]:
    processor = f"{launch.cpu or 'processor unknown'}, {counted(launch.cores, 'core')}"
    yield "machine", "; ".join(filter(None, (launch.system, processor, gpu)))
    yield "command", shlex.join(launch.command)
    yield "variables", " ".join(f"{name}={value}" for name, value in launch.variables.items())
    if launch.git is not None:
        branch = f" on {launch.git.branch}" if launch.git.branch else ""
        yield "git", f"commit {launch.git.commit}{branch} of {launch.git.folder}"
    if launch.yolokit_git is not None:
        yield "yolokit", f"commit {launch.yolokit_git.commit} of {launch.yolokit_git.folder}"


def _describe_task(shown: ShownRun) -> Iterator[tuple[str, str]]:
    from yolokit.core.units import describe_rate, describe_seconds

    entry, record = shown.entry, shown.record
    yield "run", f"{entry.folder}: {entry.state}"
    yield "problem", entry.problem or ""
    yield "data", entry.data or ""
    for split, listed in record.data.listed.items():
        count = record.data.images.get(split, listed)
        if count != listed:
            yield f"of {split}", share(count, counted(listed, "image"), "is used", "are used")
    yield "start", entry.start or ""
    if record.weights is not None and record.weights.license:
        yield "licence", f"{record.weights.license} (of the start)"
    epochs = f"{entry.epochs} of {entry.planned} in {describe_seconds(entry.seconds or 0)}"
    images = sum(epoch.images or 0 for epoch in record.epochs)
    busy_s = sum(epoch.seconds - (epoch.val_s or 0) for epoch in record.epochs if epoch.images)
    rate = f", {describe_rate(images / busy_s, 'images')} in training" if images and busy_s else ""
    yield "epochs", epochs + rate


def _describe_figures(shown: ShownRun) -> Iterator[tuple[str, str]]:
    trained = shown.record.best_trained
    if trained is not None:
        shown_names = ("mAP50", "precision", "recall")
        figures = describe_scores(trained.metrics, shown.record.fitness, *shown_names, digits=3)
        yield f"epoch {trained.epoch}", f"{figures} (on val)"
        yield "chosen by", describe_fitness(parse_fitness(shown.record.config.fitness))
    for folder, score in shown.evaluations.items():
        yield f"val {folder}", f"mAP50-95 {score:.3f}"
