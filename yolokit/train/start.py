"""What a training starts from: options become one plan, and weights are obtained and verified."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from os.path import realpath
from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.checkpoints.lineage import WeightsRecord, read_license, read_lineage
from yolokit.checkpoints.reading import explain_unreadable
from yolokit.engine_protocol.added import AddingSettings
from yolokit.engine_protocol.requests import StartRequest
from yolokit.errors import ConfigError, WeightsError
from yolokit.files.digest import FileDigest, sha256_file
from yolokit.files.file_kind import read_kind
from yolokit.hub.catalog import find_entry
from yolokit.hub.config import PullConfig
from yolokit.hub.ensure import Obtained, pull_weights
from yolokit.train.arch import (
    Arch,
    find_arch,
    find_classifier_arch,
    find_darknet_arch,
    require_same_backbone,
)
from yolokit.train.config.checks import TORCHVISION, is_darknet

if TYPE_CHECKING:
    from yolokit.core.events import OnEvent
    from yolokit.engine_protocol.requests import StartKind
    from yolokit.train.config import TrainConfig
    from yolokit.train.record import RunRecord

DEFAULT_ARCH = "yolo26n"
_FAMILY = re.compile(r"^yolov?\d+[nslmx](?=-|$)")


@dataclass(frozen=True, slots=True)
class StartPlan:
    """A start that can be made: its kind, and files that exist.

    ``source_arch`` is the architecture that the weights must have, where it is known.
    """

    kind: StartKind
    arch: Arch | None = None
    source_arch: Arch | None = None
    weights: Obtained | None = None

    def request(self, config: TrainConfig, names: list[str], run_dir: Path) -> StartRequest:
        """Return what the engine needs; architectures are copied into the run's folder."""
        return StartRequest(
            kind=self.kind,
            weights=str(self.weights.path) if self.weights else None,
            digest=self._digest(),
            arch=str(self.arch.write_to(run_dir)) if self.arch else None,
            names=names,
            source_arch=str(self.source_arch.write_to(run_dir)) if self.source_arch else None,
            part="backbone" if config.init == "backbone" else "all",
            backbone=(config.backbone or "").removeprefix(TORCHVISION) or None,
            seed=config.seed,
            trust=config.trust is not None,
        )

    def _digest(self) -> FileDigest | None:
        if self.weights is None:
            return None
        return FileDigest(sha256=self.weights.sha256, size_bytes=self.weights.size_bytes)

    def record(self) -> WeightsRecord | None:
        """Return the entry for ``run.json``."""
        if self.weights is None:
            return None
        path, own = self.weights.path, self.weights.sha256
        lineage = read_lineage(path, own)
        entry = find_entry(self.weights.name) if self.weights.name else None
        return WeightsRecord(
            path=str(path),
            sha256=own,
            name=self.weights.name,
            url=self.weights.url,
            chain=[*(lineage.ancestors if lineage else []), own],
            chain_from=lineage.stated_by if lineage else None,
            license=entry.license if entry else read_license(path),
        )


def plan_start(config: TrainConfig, on_event: OnEvent, *, fetch: bool = True) -> StartPlan:
    """Turn the options of a start into a plan; weights that are not here are fetched.

    Args:
        config: The options of the run.
        on_event: Called with notices and progress of a download.
        fetch: False to stop short of weights, where the plan will not be used.

    Raises:
        ConfigError: The architecture is unknown, or no ImageNet weights fit it.
        WeightsError: The weights are nowhere, fail their check, or are not a checkpoint.
    """
    plan, name = _choose(config)
    if name is None or not fetch:
        return plan
    wanted = PullConfig(name, offline=config.offline or None, require_hash=config.require_hash)
    weights = pull_weights(wanted, on_event)
    if config.trust is not None and realpath(config.trust) != realpath(weights.path):
        raise ConfigError(f"--trust {config.trust} is not the file that is loaded, {weights.path}")
    if plan.kind == "darknet":
        _refuse_stray(weights.path)
        arch = plan.arch or find_darknet_arch(weights.path)
        return replace(plan, arch=arch, weights=weights)
    if config.trust is None:
        _refuse_unreadable(weights.path)
    return replace(plan, weights=weights)


def _choose(config: TrainConfig) -> tuple[StartPlan, str | None]:
    """Return the kind of start with its architecture, and the name of the weights it needs."""
    given = None if config.weights == "none" else config.weights
    if config.backbone is not None:
        arch = find_arch(config.arch or DEFAULT_ARCH)
        if config.init == "imagenet":
            given = _require_entry("torchvision-" + config.backbone.removeprefix(TORCHVISION))
        return StartPlan("torchvision", arch), given
    if config.init == "imagenet":
        arch = find_arch(config.arch or DEFAULT_ARCH)
        name = _find_classifier(arch)
        classifier = find_classifier_arch(name)
        if arch.stem == (config.arch or DEFAULT_ARCH):  # not a file of the user's own
            require_same_backbone(arch, classifier)
        return StartPlan("backbone", arch, classifier), name
    if given is None:
        return StartPlan("scratch", find_arch(config.arch or DEFAULT_ARCH)), None
    if config.add_classes:
        return StartPlan("added"), given
    chosen = find_arch(config.arch) if config.arch else None
    if is_darknet(given):
        return StartPlan("darknet", chosen), given
    return StartPlan("backbone" if config.init == "backbone" else "network", chosen), given


def _find_classifier(arch: Arch) -> str:
    """Return the catalog's name of the classifier that has the backbone of a detector."""
    family = _FAMILY.match(arch.stem)
    name = f"{family[0]}-cls" if family else None
    if name is None or find_entry(name) is None:
        raise ConfigError(
            f"no ImageNet weights are published for {arch.stem}",
            hint="YOLOv8, YOLO11 and YOLO26 have them; --backbone torchvision:resnet50 as well",
        )
    return name


def _require_entry(name: str) -> str:
    if find_entry(name) is None:
        raise ConfigError(
            f"the catalog has no ImageNet weights for {name.replace('-', ':', 1)}",
            hint="`yolokit weights list --family torchvision` shows those it has; "
            "--weights PATH takes a file of your own",
        )
    return name


def _refuse_stray(path: Path) -> None:
    """Say what a file is that is not Darknet's, whose own begin with numbers alone."""
    kind = read_kind(path)
    if kind is not None:
        raise WeightsError(f"{path} is not a Darknet file: it is {kind.name}", hint=kind.hint)


def _refuse_unreadable(path: Path) -> None:
    """Say what a file is that cannot be loaded, before seconds are spent on starting torch."""
    problem = explain_unreadable(path)
    if problem is not None:
        raise WeightsError(problem[0], hint=problem[1])


def hash_outputs(run_dir: Path) -> dict[str, str]:
    """Return the hashes of the checkpoints of a run."""
    names = ("best.pt", "last.pt")
    return {name: sha256_file(run_dir / name) for name in names if (run_dir / name).is_file()}


def ask_adding(record: RunRecord) -> AddingSettings | None:
    """Return what the engine needs to know of the detector that classes are added to."""
    if not record.config.add_classes or record.weights is None:
        return None
    path = Path(record.weights.path)
    size_bytes = path.stat().st_size if path.is_file() else 0
    return AddingSettings(
        weights=str(path),
        digest=FileDigest(sha256=record.weights.sha256, size_bytes=size_bytes),
        trust=record.config.trust is not None,
        classes=record.start.added if record.start else None,
    )
