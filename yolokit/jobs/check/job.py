"""The job ``data check``: what is wrong or odd in a data set, whatever its format."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.convert.account_findings import group_account
from yolokit.convert.archive import is_archive
from yolokit.convert.config import ConvertConfig
from yolokit.convert.findings import CODES
from yolokit.convert.source_facts import read_source_facts
from yolokit.convert.sources import shown_places, unpack_source
from yolokit.core.config import AUTO
from yolokit.core.events import Notice, Phase, Progress, ignore
from yolokit.core.findings import find_unknown_codes
from yolokit.core.plural import counted
from yolokit.datasets.check import UNUSABLE
from yolokit.datasets.check_report import CheckReport, group_findings
from yolokit.datasets.checks import SEVERITIES, allowable_codes
from yolokit.datasets.checks.sets.leaking_images import CODE as LEAK
from yolokit.datasets.counts import SplitCounts
from yolokit.datasets.data_yaml import is_data_yaml, list_data_yamls, load_data_yaml
from yolokit.datasets.read_facts import TRAINED_ON, read_facts
from yolokit.formats.toolkit.plugin import load_format
from yolokit.jobs.check.page.write import check_page_output, write_page
from yolokit.labels.ledger import Ledger
from yolokit.labels.splits import order_splits
from yolokit.runtime.model_file import check_model_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yolokit.core.events import OnEvent
    from yolokit.core.findings import Finding
    from yolokit.datasets.check_report import FindingGroup
    from yolokit.datasets.facts import DatasetFacts
    from yolokit.jobs.check.config import CheckConfig

_YOLO = "yolo"


def check_data(config: CheckConfig, on_event: OnEvent = ignore) -> CheckReport:
    """Check a data set as training and conversion would, and tell all that is found.

    A YOLO set with a ``data.yaml`` is checked by the rules of training. Anything else that can
    be converted is read as it would be then; what its reader objects to is among the findings.

    Raises:
        ConfigError: An option does not fit the source.
        DataError: The source is not one that can be read at all.
        OutputExistsError: The page exists and is not to be replaced.
        InferenceError: The model cannot be run.
    """
    check_page_output(config)
    if config.model is not None:
        check_model_file(Path(config.model))  # before all images are read
    ledger = Ledger()
    source = Path(config.source)
    with shown_places(ledger), tempfile.TemporaryDirectory(prefix="yolokit-check-") as scratch:
        if is_archive(source):
            on_event(Phase(f"unpacking {source}"))
        found = unpack_source(source, Path(scratch) / "source", ledger)
        on_event(Phase("reading labels" if config.labels_only else "looking at images and labels"))
        if _is_yolo_set(config, found):
            facts, evidence = _read_yolo(config, found, on_event)
            name, groups = _YOLO, group_findings(facts, config.allow)
        else:
            facts, name, evidence = _read_source(config, found, ledger, on_event)
            groups = group_findings(facts, config.allow)
            groups += group_account(facts.account, config.allow)
        if config.model is not None:
            groups = (*groups, *_ask_model(Path(config.model), facts, config, on_event))
        report = _report(config, name, evidence, facts, _in_order(groups, ledger))
        write_page(config, report, facts, ledger.shown)
    _tell_unknown_codes(config, report.groups, on_event)
    return report


def _is_yolo_set(config: CheckConfig, found: Path) -> bool:
    """Tell whether a source is a YOLO set with a ``data.yaml``, as training takes it.

    Training knows no conventions, and no images elsewhere: with these only a conversion reads it.
    """
    if config.from_format not in (AUTO, _YOLO) or config.assume or config.images is not None:
        return False
    return bool(list_data_yamls(found)) if found.is_dir() else is_data_yaml(found)


def _read_yolo(
    config: CheckConfig, found: Path, on_event: OnEvent
) -> tuple[DatasetFacts, tuple[str, ...]]:
    data = load_data_yaml(found, need=TRAINED_ON)
    facts = read_facts(
        data,
        leaves_out=UNUSABLE in config.allow,
        imgsz=config.imgsz,
        labels_only=config.labels_only,
        on_progress=lambda done, total: on_event(Progress("decoding images", done, total)),
    )
    title = load_format(_YOLO).TITLE
    return facts, (f"{title}: {data.path.name} has `names` and splits", *data.notes)


def _read_source(
    config: CheckConfig, found: Path, ledger: Ledger, on_event: OnEvent
) -> tuple[DatasetFacts, str, tuple[str, ...]]:
    reading = ConvertConfig(
        config.source,
        config.source,
        images=config.images,
        from_format=config.from_format,
        assume=config.assume,
        labels_only=config.labels_only,
    )
    facts, opened = read_source_facts(
        reading,
        found,
        ledger,
        imgsz=config.imgsz,
        on_progress=lambda done, total: on_event(Progress("decoding images", done, total)),
    )
    return facts, opened.formats[0], (*opened.evidence, *opened.warnings)


def _ask_model(
    model: Path, facts: DatasetFacts, config: CheckConfig, on_event: OnEvent
) -> list[FindingGroup]:
    from yolokit.evaluate.label_errors import find_label_errors

    return find_label_errors(
        facts.table,
        model,
        allow=config.allow,
        on_progress=lambda done, total: on_event(Progress("comparing labels", done, total)),
    )


def _in_order(groups: Sequence[FindingGroup], ledger: Ledger) -> tuple[FindingGroup, ...]:
    """Sort findings by how serious they are, and say where they are in an archive."""
    placed = [
        msgspec.structs.replace(
            group, findings=tuple(_shown(finding, ledger) for finding in group.findings)
        )
        for group in groups
    ]
    return tuple(sorted(placed, key=lambda one: (SEVERITIES.index(one.severity), one.code)))


def _shown(finding: Finding, ledger: Ledger) -> Finding:
    return msgspec.structs.replace(
        finding,
        message=ledger.shown(finding.message),
        path=None if finding.path is None else Path(ledger.shown(os.fspath(finding.path))),
        image=None if finding.image is None else ledger.shown(finding.image),
    )


def _report(
    config: CheckConfig,
    name: str,
    evidence: tuple[str, ...],
    facts: DatasetFacts,
    groups: tuple[FindingGroup, ...],
) -> CheckReport:
    return CheckReport(
        path=Path(config.source),
        format=name,
        evidence=evidence,
        names=facts.names,
        splits=_count_splits(facts),
        groups=groups,
        verdict=_describe_verdict(facts, groups),
        table=facts.table,
        scans=facts.scans,
        imgsz=config.imgsz,
    )


def _count_splits(facts: DatasetFacts) -> Mapping[str, SplitCounts]:
    """Count what each split holds; of a source, all labels that were read."""
    if facts.splits or facts.unused:
        return {name: split.counts for name, split in facts.all_splits.items()}
    table, names = facts.table, len(facts.names)
    splits = np.array(table.images.splits, np.str_)
    counts: dict[str, SplitCounts] = {}
    for split in order_splits(dict.fromkeys(table.images.splits)):
        is_in = splits == split
        rows = is_in[table.image_of]
        with_labels = len(np.unique(table.image_of[rows]))
        images = int(is_in.sum())
        boxes = tuple(np.bincount(table.class_ids[rows], minlength=names).tolist())
        counts[split] = SplitCounts(images, images - with_labels, sum(boxes), boxes)
    return counts


def _describe_verdict(facts: DatasetFacts, groups: Sequence[FindingGroup]) -> str:
    """Say in a sentence what was found, and what follows for training or conversion."""
    told = [
        counted(found, severity)
        for severity in SEVERITIES[:-1]
        if (found := sum(len(one.findings) for one in groups if one.is_of(severity)))
    ]
    images = counted(len(facts.table.images), "image")
    consequence = _consequence(facts, groups)
    if not told:
        return f"nothing wrong in {images}" + (f", but {consequence}" if consequence else "")
    what = "a conversion" if facts.data is None else "training"
    return f"{', '.join(told)} in {images}: {consequence or f'nothing that stops {what}'}"


def _consequence(facts: DatasetFacts, groups: Sequence[FindingGroup]) -> str | None:
    """Say what is refused, or lost, and None where nothing is."""
    refused = [group for group in groups if group.is_refused]
    if facts.data is None:
        return _consequence_of_source(facts, {group.code for group in refused})
    refuses = "`yolokit train` refuses this set"
    if any(group.severity == "error" for group in refused):
        return refuses
    if refused:
        return f"{refuses}, unless each code is allowed with --allow"
    if facts.data.pose is not None:
        return f"{refuses}, since its labels are poses: this version trains detectors of boxes"
    lacking = [split for split in TRAINED_ON if split not in facts.splits]
    return f"{refuses} without the split {' and '.join(lacking)}" if lacking else None


def _consequence_of_source(facts: DatasetFacts, refused: set[str]) -> str | None:
    if not len(facts.table.images):
        return "there is no image that `yolokit data convert` could take"
    told = []
    if refused - {LEAK}:
        told.append(
            "`yolokit data convert` drops what cannot be used, and refuses where that is much"
        )
    if LEAK in refused:
        told.append("`yolokit train` refuses pictures that are in train and in another split")
    return "; ".join(told) or None


def _tell_unknown_codes(
    config: CheckConfig, groups: Sequence[FindingGroup], on_event: OnEvent
) -> None:
    """Say which codes that are allowed no check has, and nothing was found of."""
    known = [*allowable_codes(), *CODES, *(group.code for group in groups)]
    for sentence in find_unknown_codes(config.allow, known):
        on_event(Notice(f"warning: {sentence}"))
