"""A machine on which candidates take no time, for tests of the search for the fastest one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from yolokit.core.events import Event, Notice, OnEvent
from yolokit.errors import ExportError, InferenceError, ParityError
from yolokit.jobs.optimize.candidates import PARENT, Candidate, Engine, Latency, Recipe, Score
from yolokit.jobs.optimize.config import OptimizeConfig
from yolokit.jobs.optimize.job import OptimizeResult, run_search
from yolokit.jobs.optimize.plan import Setup
from yolokit.jobs.optimize.ranking import Place, Ranking
from yolokit.jobs.optimize.record import MODEL_NAME, Published, Search

TRAINED_MAP = 0.46
PARENT_MS = 5.0
ENGINES = (
    Engine(provider="cpu"),
    Engine(provider="openvino"),
    Engine(provider="openvino", precision="bf16"),
)
# What each candidate does: its speed against the parent, and its mAP; None where it fails.
Figures = Mapping[str, tuple[float, float] | None]
FIGURES: Figures = {
    "fp32.cpu-fp32": (1.0, 0.46),
    "fp32.openvino-fp32": (1.1, 0.46),
    "fp32.openvino-bf16": (1.8, 0.457),
    "fp16.cpu-fp32": (0.5, 0.46),
    "fp16.openvino-fp32": (1.1, 0.4601),
    "int8.cpu-fp32": (1.2, 0.43),
    "int8.openvino-fp32": (0.9, 0.43),
    "int8.openvino-bf16": None,
}


def make_search(**changes: Any) -> Search:
    given: dict[str, Any] = {
        "weights": "best.pt", "weights_sha256": "a" * 64, "data": "/d/data.yaml",
        "data_sha256": "b" * 64, "images_sha256": "c" * 64, "imgsz": None, "threads": 2,
        "machine": "a CPU, 2 cores", "versions": {"onnxruntime": "1.32"},
        "started": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
    return Search(**(given | changes))


class FakeShop:
    """Measures what a table says, and notes what it was asked for."""

    def __init__(self, folder: Path, figures: Figures, *, has_part: bool = False) -> None:
        self.setup = Setup(engines=ENGINES, threads=2)
        self.search = make_search()
        self.has_part, self.has_test = has_part, False
        self.folder, self.figures = folder, figures
        self.asked: list[str] = []
        self.on_ask: Callable[[str], None] = lambda _what: None
        self.withdrawn = 0
        self.refused: tuple[str, ...] = ()

    def make(self, recipe: Recipe) -> Path:
        self._note(f"make {recipe.key}")
        if not any(key.startswith(f"{recipe.key}.") for key in self.figures):
            raise ExportError("there are no more layers")
        path = self.folder / "models" / f"{recipe.key}.onnx"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(recipe.key.encode() * 1000)
        return path

    def time(self, model: Path, engine: Engine) -> Latency:
        self._note(f"time {model.stem}.{engine.key}")
        speedup, _ = self._find(model, engine)
        return Latency(
            p50_ms=PARENT_MS / speedup, p95_ms=6 / speedup, parent_ms=PARENT_MS,
            speedups=(speedup * 0.98, speedup, speedup * 1.02),
        )  # fmt: skip

    def score(self, model: Path, engine: Engine, split: str, *, part: bool = False) -> Score:
        self._note(f"score {model.stem}.{engine.key}{' part' * part}")
        _, found = self._find(model, engine)
        return Score(map50_95=found, map50=0.9, images=30 if part else 87, split=split)

    def score_trained(self, split: str, *, part: bool = False) -> Score:
        self._note(f"trained{' part' * part}")
        return Score(map50_95=TRAINED_MAP, map50=0.9, images=30 if part else 87, split=split)

    def publish(self, winner: Place, ranking: Ranking) -> Published:
        self._note(f"publish {winner.candidate.key}")
        if winner.candidate.key in self.refused:
            raise ParityError(
                "the exported model does not equal the trained one; nothing was published"
            )
        (self.folder / MODEL_NAME).write_text(winner.candidate.key)
        return Published(
            candidate=winner.candidate, limits=ranking.limits, model_sha256="", profile="p.json"
        )

    def prepare(self) -> None:
        self._note("prepare")

    def withdraw(self) -> None:
        self.withdrawn += 1
        (self.folder / MODEL_NAME).unlink(missing_ok=True)

    def _find(self, model: Path, engine: Engine) -> tuple[float, float]:
        found = self.figures.get(f"{model.stem}.{engine.key}")
        if found is None:
            raise InferenceError("no suitable implementations")
        return found

    def _note(self, what: str) -> None:
        self.asked.append(what)
        self.on_ask(what)


class FakeSearch:
    """Runs searches in one folder; ``shop`` is that of the last."""

    def __init__(self, folder: Path, figures: Figures = FIGURES, *, has_part: bool = False) -> None:
        self.folder, self.figures, self.has_part = folder / "search", figures, has_part
        self.told: list[str] = []
        self.shop = FakeShop(self.folder, figures)
        self.on_ask: Callable[[str], None] = lambda _what: None
        self.changes: dict[str, Any] = {}
        self.refused: tuple[str, ...] = ()

    def run(self, **options: Any) -> OptimizeResult:
        given = {"weights": "best.pt", "data": "d.yaml", "out": self.folder}
        return run_search(OptimizeConfig.build(given | options), self._open, self._listen)

    @contextlib.contextmanager
    def _open(self, config: OptimizeConfig, folder: Path, on_event: OnEvent) -> Iterator[FakeShop]:
        del config, on_event
        self.shop = FakeShop(folder, self.figures, has_part=self.has_part)
        self.shop.on_ask, self.shop.refused = self.on_ask, self.refused
        self.shop.search = make_search(**self.changes)
        yield self.shop

    def _listen(self, event: Event) -> None:
        if isinstance(event, Notice):
            self.told.append(event.message)


def candidate_of(key: str) -> Candidate:
    """Return the candidate of a key of ``FIGURES``."""
    assert key in FIGURES
    precision, _, engine = key.partition(".")
    provider, _, computed = engine.partition("-")
    return Candidate(
        recipe=Recipe(precision=precision),  # type: ignore[arg-type]
        engine=Engine(provider=provider, precision=computed),
    )


assert candidate_of("fp32.cpu-fp32") == PARENT
