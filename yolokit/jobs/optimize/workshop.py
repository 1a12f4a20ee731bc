"""Makes the files of candidates and measures them, in the folder of a search."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.core.events import Notice, Phase, Progress
from yolokit.core.machine import usable_cores
from yolokit.core.plural import counted
from yolokit.datasets.check import hash_labels
from yolokit.engine_protocol.shared import share_process
from yolokit.errors import ConfigError, NoLabelsError, ProviderError
from yolokit.evaluate.accuracy import LabelledSet, load_labelled, measure, open_finder
from yolokit.evaluate.checkpoint import Checkpoint, TrainedModel, engine_log
from yolokit.evaluate.run import THRESHOLDS
from yolokit.export.config import ExportConfig
from yolokit.export.gates.accuracy import AccuracyRecord
from yolokit.export.publish import proof_path
from yolokit.export.run import export_model, find_checkpoint
from yolokit.jobs.optimize.candidates import PARENT, Engine, Latency, Recipe, Score
from yolokit.jobs.optimize.plan import Setup
from yolokit.jobs.optimize.publish import publish_winner, withdraw
from yolokit.jobs.optimize.quantized import make_quantized
from yolokit.jobs.optimize.record import MODELS_DIR, Search, hash_files, read_record
from yolokit.runtime.latency import TimingSpec, list_speedups, time_in_turn
from yolokit.runtime.metadata import read_manifest
from yolokit.runtime.probe import probe_provider
from yolokit.runtime.profiles import describe_machine
from yolokit.runtime.providers.toolkit import load_provider
from yolokit.runtime.session import list_installed, open_session
from yolokit.train.record import now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.core.events import Event, OnEvent
    from yolokit.evaluate.accuracy import Accuracy
    from yolokit.jobs.optimize.config import OptimizeConfig
    from yolokit.jobs.optimize.ranking import Place, Ranking
    from yolokit.jobs.optimize.record import Published
    from yolokit.runtime.manifest import ModelManifest

_PART, _PART_FROM = 300, 1000  # images of val
_TIMED_IMAGES = 4
# Many short turns: what else the machine does meets both sides alike.
_ROUNDS, _RUNS, _TURN_S = 7, 30, 1.0


@contextlib.contextmanager
def open_workshop(config: OptimizeConfig, folder: Path, on_event: OnEvent) -> Iterator[Workshop]:
    """Look at the checkpoint, the data set and the machine; nothing is made yet.

    Raises:
        WeightsError: The checkpoint is missing or cannot be loaded.
        DataError: The data set cannot be read, val has no labels, or those of test are wrong.
    """
    weights, digest = find_checkpoint(Path(config.weights), trusted=config.trust is not None)
    on_event(Phase("reading the labels"))
    labelled = load_labelled(Path(config.data), "val")
    with engine_log() as log_path:
        checkpoint = Checkpoint(
            path=weights,
            digest=digest,
            trust=config.trust is not None,
            log_path=log_path,
            threads=config.threads,
        )
        yield Workshop(config, folder, checkpoint, labelled, on_event)


class Workshop:
    """Measures on this machine; see :class:`yolokit.jobs.optimize.trial.Measurer`.

    Attributes:
        has_test: Whether there is a split with labels that nothing was chosen by.
    """

    def __init__(
        self,
        config: OptimizeConfig,
        folder: Path,
        checkpoint: Checkpoint,
        labelled: LabelledSet,
        on_event: OnEvent,
    ) -> None:
        self.config, self.folder, self.on_event = config, folder, _tell_once(on_event)
        self.checkpoint, self.data = checkpoint, Path(config.data)
        self.threads = config.threads or usable_cores()
        self.setup = Setup(
            engines=tuple(_list_engines(config, on_event)),
            threads=self.threads,
            precisions=("fp16", "int8"),
            may_halve=config.threads is None,
        )
        self.search = _describe_search(config, checkpoint, labelled, self.threads)
        self.has_part = len(labelled.images) > _PART_FROM
        self._labelled: dict[tuple[str, bool], LabelledSet] = {("val", False): labelled}
        self.has_test = "test" in labelled.data.splits and self._can_measure_on("test")

    def _can_measure_on(self, split: str) -> bool:
        try:
            return bool(self.load(split).images)
        except NoLabelsError:
            return False

    def prepare(self) -> None:
        """Export the FP32 file that all others are made of, unless it is there."""
        path = self.find_model(PARENT.recipe)
        if path.exists():
            return
        config = self.config
        export_model(
            ExportConfig.build(
                {
                    "weights": self.checkpoint.path,
                    "data": self.data,
                    "out": path,
                    "imgsz": config.imgsz,
                    "gate_images": len(self.load("val").images),
                    "trust": self.checkpoint.path if self.checkpoint.trust else None,
                    "overwrite": True,
                }
            ),
            self.on_event,
        )

    def find_model(self, recipe: Recipe) -> Path:
        """Return where the file of a recipe lies."""
        return self.folder / MODELS_DIR / f"{recipe.key}.onnx"

    def make(self, recipe: Recipe) -> Path:
        """Return the file of a recipe, which is made unless it is there already."""
        path = self.find_model(recipe)
        if not path.exists():
            make_quantized(self, recipe, path)
        return path

    def time(self, model: Path, engine: Engine) -> Latency:
        """Time a file on an engine, in turn with the parent; the parent alone is its own."""
        parent = self.describe_timing(self.find_model(PARENT.recipe), PARENT.engine)
        spec = self.describe_timing(model, engine)
        specs = [parent] if spec == parent else [parent, spec]
        timings = time_in_turn(
            specs,
            rounds=_ROUNDS,
            runs=_RUNS,
            turn_s=_TURN_S,
            on_turn=lambda done, total: self.on_event(Progress("timing", done, total, "turns")),
        )
        first, last = timings[0], timings[-1]
        return Latency(
            p50_ms=last.p50_ms,
            p95_ms=last.p95_ms,
            parent_ms=first.p50_ms,
            speedups=tuple(list_speedups(last, first)),
        )

    def describe_timing(self, model: Path, engine: Engine) -> TimingSpec:
        """Return how a file is timed on an engine: on some images of val."""
        images = self.load("val").images[:_TIMED_IMAGES]
        return TimingSpec(
            model=str(model),
            provider=engine.provider,
            precision=engine.precision,
            threads=engine.threads or self.threads,
            images=tuple(one.image.path for one in images if one.image.path is not None),
        )

    def score(self, model: Path, engine: Engine, split: str, *, part: bool = False) -> Score:
        """Measure a file on an engine: on a split, or on a part of it."""
        with open_finder(
            model,
            provider=engine.provider,
            precision=engine.precision,
            threads=engine.threads or self.threads,
        ) as finder:
            return _score(measure(finder, self.load(split, part=part), self.on_event), split)

    def score_trained(self, split: str, *, part: bool = False) -> Score:
        """Measure the trained model in torch, on inputs of the exported file's geometry.

        On val the export of the FP32 file has done so already.
        """
        if split == "val" and not part:
            record = read_record(
                proof_path(self.find_model(PARENT.recipe), "accuracy"), AccuracyRecord
            )
            if record.trained is not None and record.trained_map50 is not None:
                return Score(
                    map50_95=record.trained, map50=record.trained_map50, images=record.images
                )
        with share_process():
            trained = TrainedModel(self.checkpoint, THRESHOLDS, io=self.read_manifest().io)
            return _score(measure(trained, self.load(split, part=part), self.on_event), split)

    def read_manifest(self) -> ModelManifest:
        """Return what the FP32 file says of itself."""
        return read_manifest(open_session(self.find_model(PARENT.recipe), provider="cpu"))

    def load(self, split: str, *, part: bool = False) -> LabelledSet:
        """Return the labels of a split, read once."""
        key = (split, part)
        if key not in self._labelled:
            most = _PART if part else None
            self._labelled[key] = load_labelled(self.data, split, most=most)
        return self._labelled[key]

    def publish(self, winner: Place, ranking: Ranking) -> Published:
        """Prove the winner once more by the gates of an export, and publish it."""
        return publish_winner(self, winner, ranking)

    def withdraw(self) -> None:
        """Remove what was published under other limits."""
        withdraw(self.folder)


def _tell_once(on_event: OnEvent) -> OnEvent:
    """Return who is told the same, but no notice again: each 8-bit file has the same to say."""
    told: set[str] = set()

    def tell(event: Event) -> None:
        if not isinstance(event, Notice):
            on_event(event)
        elif event.message not in told:
            told.add(event.message)
            on_event(event)

    return tell


def _list_engines(config: OptimizeConfig, on_event: OnEvent) -> Iterator[Engine]:
    """Yield the engines of this machine, the parent's first, then the best provider's.

    Raises:
        ConfigError: A provider that was asked for is not installed.
        ProviderError: One that was asked for, or the parent's, does not load.
    """
    installed = list_installed()
    missing = [name for name in config.provider if name not in installed]
    if missing:
        raise ConfigError(
            f"the provider {missing[0]} is not installed here; there are {', '.join(installed)}",
            hint=load_provider(missing[0]).how_to_install(),
        )
    wanted = [name for name in installed if not config.provider or name in config.provider]
    for name in dict.fromkeys((PARENT.engine.provider, *wanted)):
        probe = probe_provider(name)
        if probe.failure is not None:
            what = f"the provider {name} does not load: {probe.failure}"
            if name in (PARENT.engine.provider, *config.provider):
                raise ProviderError(what, hint=probe.hint or "`yolokit doctor` tells more")
            on_event(Notice(f"{what}; it is left out"))
        for precision in probe.precisions:
            yield Engine(provider=name, precision=precision)


def _describe_search(
    config: OptimizeConfig, checkpoint: Checkpoint, labelled: LabelledSet, threads: int
) -> Search:
    machine = describe_machine()
    paths = [Path(one.image.path) for one in labelled.images if one.image.path is not None]
    return Search(
        weights=str(checkpoint.path),
        weights_sha256=checkpoint.digest.sha256,
        data=str(labelled.data.path),
        data_sha256=hash_labels(labelled.data),
        images_sha256=hash_files(paths),
        imgsz=config.imgsz,
        threads=threads,
        machine=f"{machine.cpu}, {counted(machine.cores, 'core')}, {machine.system}",
        versions=machine.versions,
        started=now(),
    )


def _score(found: Accuracy, split: str) -> Score:
    return Score(map50_95=found.map50_95, map50=found.map50, images=len(found.images), split=split)
