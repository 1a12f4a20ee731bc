"""The verify job: run both models, compare, judge, and publish the record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from yolokit.core.events import Notice, OnEvent, Phase, Progress, ignore
from yolokit.errors import ConfigError, YolokitError
from yolokit.evaluate.finders import TORCH
from yolokit.evaluate.measures.differences import choose_most_different, describe_image, sum_up
from yolokit.evaluate.speeds import SpeedComparison, compare_speed
from yolokit.export.samples import load_gate_images
from yolokit.export.tolerances import find_max_map_drop
from yolokit.files.atomic import claim_folder, publish_file
from yolokit.files.outputs import Replacing, Result, check_output, read_object
from yolokit.files.spell import encode_json
from yolokit.jobs.verify.classes import compare_names
from yolokit.jobs.verify.config import RUNS
from yolokit.jobs.verify.findings import choose_sides, find_both
from yolokit.jobs.verify.judge import (
    check_accuracy,
    check_boxes,
    check_outputs,
    check_scores,
    choose_precision,
    compare_maps,
)
from yolokit.jobs.verify.outputs import compare_engines
from yolokit.jobs.verify.page import COMMAND, make_page
from yolokit.jobs.verify.record import VerifyReport
from yolokit.report.render import is_made_by, render_page
from yolokit.runtime.latency import TimingSpec

if TYPE_CHECKING:
    from yolokit.export.parity.report import ParityReport
    from yolokit.jobs.verify.config import VerifyConfig
    from yolokit.jobs.verify.findings import Found, Side

REPORT_NAME, PAGE_NAME = "verify.json", "report.html"
_DRAWN = 8
_KEPT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRun:
    """A finished verification.

    Attributes:
        report: What was found.
        path: The ``verify.json`` that it was written to, if any.
        page: The ``report.html``, if one was asked for.
    """

    report: VerifyReport
    path: Path | None
    page: Path | None = None


def verify_models(config: VerifyConfig, on_event: OnEvent = ignore) -> VerifyRun:
    """Tell whether a model is as good as another, or one engine as right as another.

    Args:
        config: Made by :meth:`VerifyConfig.build`.
        on_event: Told what is being done, and how far it has come.

    Raises:
        ConfigError: There is nothing to compare, or the classes do not fit the data set.
        DataError: The data set or an image is wrong.
        InferenceError: An ONNX file cannot be loaded, or fails.
        WeightsError: A checkpoint cannot be loaded.
        OutputExistsError: There is something that is not to be replaced.
    """
    if config.folder is not None:
        check_output(config.folder / REPORT_NAME, _replacing(config, _RESULT))
        if config.report:
            check_output(config.folder / PAGE_NAME, _replacing(config, _PAGE))
    sides = choose_sides(config)
    found = find_both(config, sides, on_event)
    _require_two(found)
    outputs = _compare_outputs(config, sides, on_event)
    speed, why_not_timed = _time(config, sides, found, on_event)
    report = _judge(config, found, outputs)
    report = msgspec.structs.replace(report, speed=speed, why_not_timed=why_not_timed)
    return _write(config, report, found)


def _require_two(found: Found) -> None:
    """Refuse to compare a model with itself on the same engine, which proves nothing."""
    first, second = found.models
    if (first.sha256, first.provider, first.precision) == (
        second.sha256,
        second.provider,
        second.precision,
    ):
        raise ConfigError(
            f"both are the same file on {second.provider} in {second.precision}: there is nothing "
            "to compare",
            hint="name another file, or another engine with --provider and --precision; "
            "`yolokit doctor` lists those that are here",
        )


def _compare_outputs(
    config: VerifyConfig, sides: tuple[Side, Side], on_event: OnEvent
) -> ParityReport | None:
    """Compare the raw outputs where one file runs on two engines."""
    if config.other is not None:
        return None
    on_event(Phase("comparing the outputs of both engines"))
    images = load_gate_images(Path(config.data) if config.data else None)
    return compare_engines(sides, images, threads=config.threads)


def _time(
    config: VerifyConfig, sides: tuple[Side, Side], found: Found, on_event: OnEvent
) -> tuple[SpeedComparison | None, str | None]:
    """Time both in turn, or say why that is not done; it does not decide."""
    if config.no_timing:
        return None, "it was not asked for"
    if any(one.provider == TORCH for one in found.models):
        return None, "a checkpoint runs in torch, which no deployment does"
    on_event(Phase("timing both in turn"))
    first, second = (
        TimingSpec(
            model=str(side.path),
            provider=side.provider,
            precision=side.precision,
            threads=config.threads,
        )
        for side in sides
    )
    try:
        return compare_speed(
            first, second, on_turn=lambda done, total: on_event(Progress("timing", done, total))
        ), None
    except YolokitError as error:
        on_event(Notice(f"note: the two could not be timed: {error}"))
        return None, str(error)


def _judge(config: VerifyConfig, found: Found, outputs: ParityReport | None) -> VerifyReport:
    first, second = found.models
    precision = choose_precision(first, second)
    checks = compare_names(first.names, second.names, has_data=found.accuracy is not None)
    maps = None
    if found.accuracy is not None:
        allowed = config.max_map_drop
        if allowed is None:
            allowed = find_max_map_drop(precision)
        maps = compare_maps(*found.accuracy, allowed)
        checks += [check_accuracy(maps, len(found.pairs), config.split), check_scores(maps)]
    if outputs is not None:
        checks.append(check_outputs(outputs))
    boxes = sum_up(found.pairs)
    decides = maps is None and outputs is None
    checks.append(check_boxes(boxes, found.pairs, precision, decides=decides))
    labelled = found.labelled
    different = choose_most_different(found.pairs, _KEPT)
    return VerifyReport(
        is_good=all(check.holds is not False for check in checks),
        checks=tuple(checks),
        first=first,
        second=second,
        data=None if labelled is None else str(labelled.data.path),
        split=None if labelled is None else labelled.split,
        images=len(found.pairs),
        available=len(found.pairs) if labelled is None else labelled.available,
        unreadable=0 if found.accuracy is None else found.accuracy[1].unreadable,
        accuracy=maps,
        boxes=boxes,
        outputs=outputs,
        most_different=tuple(map(describe_image, different)),
        notes=() if labelled is None else labelled.notes,
    )


def _write(config: VerifyConfig, report: VerifyReport, found: Found) -> VerifyRun:
    """Write record and page, each whole or not at all."""
    folder = config.folder
    if folder is None:
        if config.report_only and not config.report:
            return VerifyRun(report=report, path=None)
        folder = claim_folder(None, parent=RUNS, stem=Path(config.other or config.model).stem)
    page = None
    if config.report:
        drawn = choose_most_different(found.pairs, _DRAWN)
        page = render_page(make_page(report, drawn, found)).encode("utf-8", "backslashreplace")
    path = folder / REPORT_NAME
    with publish_file(path, _replacing(config, _RESULT)) as part:
        part.write_bytes(msgspec.json.format(encode_json(report), indent=2) + b"\n")
    if page is None:
        return VerifyRun(report=report, path=path)
    with publish_file(folder / PAGE_NAME, _replacing(config, _PAGE)) as part:
        part.write_bytes(page)
    return VerifyRun(report=report, path=path, page=folder / PAGE_NAME)


def _replacing(config: VerifyConfig, result: Result) -> Replacing:
    read = (config.model, config.other, config.data)
    keep = tuple(Path(one) for one in read if one is not None)
    return Replacing(result=result, wanted=config.overwrite, keep=keep)


def _recognise(path: Path) -> tuple[()] | None:
    keys = {"is_good", "checks", "first", "second", "boxes"}
    return () if keys <= read_object(path).keys() else None


def _recognise_page(path: Path) -> tuple[()] | None:
    return () if is_made_by(path, COMMAND) else None


_RESULT, _PAGE = (
    Result(command=COMMAND, recognise=how, is_folder=False, options="--name or --out")
    for how in (_recognise, _recognise_page)
)
