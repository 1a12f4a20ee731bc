"""The jobs as functions: what the command line does, for Python.

Options have the names of the command line's, with ``_`` for ``-``, and are stated by each job's
config. Mistakes are ``yolokit.errors``; nothing is printed. ``on_event`` is called with what
happens meanwhile: ``yolokit.core.events``.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, cast, overload

from yolokit.convert.config import ConvertConfig
from yolokit.core.events import OnEvent, ignore
from yolokit.core.job import Values, function_of
from yolokit.core.options import AnyPath
from yolokit.evaluate.config import ReportOnly, ValConfig
from yolokit.export.config import ExportConfig
from yolokit.hub.config import PullConfig
from yolokit.jobs.bench.config import BenchConfig
from yolokit.jobs.check.config import CheckConfig
from yolokit.jobs.config import GetConfig
from yolokit.jobs.fix.config import FixConfig
from yolokit.jobs.inspect.config import InspectConfig
from yolokit.jobs.optimize.config import OptimizeConfig
from yolokit.jobs.show.config import ShowConfig
from yolokit.jobs.tune.config import TuneConfig
from yolokit.runtime.config import PredictConfig
from yolokit.train.config import TrainConfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from yolokit.convert.job import ConvertResult
    from yolokit.datasets.check_report import CheckReport
    from yolokit.evaluate.job import ValReport
    from yolokit.export.publish import ExportArtifact
    from yolokit.hub.ensure import Obtained
    from yolokit.jobs.bench.record import BenchReport
    from yolokit.jobs.get_dataset import GetResult
    from yolokit.jobs.inspect.job import Inspection
    from yolokit.jobs.optimize.job import OptimizeResult
    from yolokit.jobs.show.job import ShowResult
    from yolokit.jobs.tune.job import TuneResult
    from yolokit.runtime.write import RunSummary
    from yolokit.train.config.layers import Resolved
    from yolokit.train.folds.job import FoldsRun
    from yolokit.train.run import TrainRun

P = ParamSpec("P")


class _Convert(ConvertConfig, frozen=True, kw_only=True):
    on_event: OnEvent = ignore


@function_of(_Convert)
def convert_dataset(values: Values, on_event: OnEvent) -> ConvertResult:
    """Convert a data set, or several into one."""
    from yolokit.convert.job import convert

    return convert(ConvertConfig.build(values), on_event)


class _Fix(FixConfig, frozen=True, kw_only=True):
    on_event: OnEvent = ignore


@function_of(_Fix)
def fix_dataset(values: Values, on_event: OnEvent) -> ConvertResult:
    """Mend what needs no eye of a data set, into a new folder."""
    from yolokit.jobs.fix.job import fix_data

    return fix_data(FixConfig.build(values), on_event)


class _Check(CheckConfig, frozen=True, kw_only=True):
    on_event: OnEvent = ignore


@function_of(_Check)
def check_dataset(values: Values, on_event: OnEvent) -> CheckReport:
    """Check a data set of any format; nothing that is found raises an error."""
    from yolokit.jobs.check.job import check_data

    return check_data(CheckConfig.build(values), on_event)


class _Get(GetConfig, frozen=True, kw_only=True):
    on_event: OnEvent = ignore


@function_of(_Get)
def get_dataset(values: Values, on_event: OnEvent) -> GetResult:
    """Fetch a public data set by name and convert it; one that is there is left as it is."""
    from yolokit.jobs.get_dataset import get_dataset as run

    return run(GetConfig.build(values), on_event)


class _Show(ShowConfig, frozen=True, kw_only=True):
    on_event: OnEvent = ignore


@function_of(_Show)
def show_data(values: Values, on_event: OnEvent) -> ShowResult:
    """Draw labels on their images, or what a training feeds the network: a page or a picture."""
    from yolokit.jobs.show.job import show_data as run

    return run(ShowConfig.build(values), on_event)


class _Pull(PullConfig, frozen=True, kw_only=True):
    on_event: OnEvent = ignore


@function_of(_Pull)
def pull_weights(values: Values, on_event: OnEvent) -> Obtained:
    """Return weights by name, path or address, fetched and verified if they are not here."""
    from yolokit.hub.ensure import pull_weights as run

    return run(PullConfig.build(values), on_event)


class _Train(TrainConfig, frozen=True, kw_only=True):
    out: AnyPath | None = None
    on_event: OnEvent = ignore


@function_of(_Train)
def train_model(values: Values, on_event: OnEvent) -> TrainRun:
    """Fine-tune a detector, in the folder ``out``; None for a fresh one below ``runs/train``."""
    from yolokit.train.run import train_model as run

    resolved, folder = _resolve_training(values)
    return run(resolved.config, on_event, folder=folder, origins=resolved.origins)


@function_of(_Train)
def train_folds(values: Values, on_event: OnEvent) -> FoldsRun:
    """Fine-tune once for each of ``folds`` parts of the images, 5 unless stated otherwise."""
    from yolokit.train.folds.job import train_folds as run

    resolved, folder = _resolve_training({"folds": 5} | values)
    return run(resolved.config, on_event, folder=folder, origins=resolved.origins)


def _resolve_training(values: Values) -> tuple[Resolved, Path | None]:
    from pathlib import Path

    from yolokit.train.config.layers import resolve_layers

    given = dict(values)
    out = given.pop("out", None)
    return resolve_layers({"Python": given}), None if out is None else Path(out)


class _Tune(TuneConfig, frozen=True, kw_only=True):
    out: AnyPath | None = None
    on_event: OnEvent = ignore


@function_of(_Tune)
def tune_model(values: Values, on_event: OnEvent) -> TuneResult:
    """Search for better options of a training, in ``out``; None for a folder below ``runs/tune``.

    A search that is there already is gone on with.
    """
    from pathlib import Path

    from yolokit.jobs.tune.job import tune_model as run
    from yolokit.train.config.layers import resolve_layers

    out = values.pop("out", None)
    resolved = resolve_layers({"Python": values}, TuneConfig)
    config = cast("TuneConfig", resolved.config)
    folder = None if out is None else Path(out)
    return run(config, on_event, folder=folder, origins=resolved.origins)


class _Export(ExportConfig, frozen=True, kw_only=True):
    on_event: OnEvent = ignore


@function_of(_Export)
def export_model(values: Values, on_event: OnEvent) -> ExportArtifact:
    """Export a checkpoint through the parity gate."""
    from yolokit.export.run import export_model as run

    return run(ExportConfig.build(values), on_event)


class _Optimize(OptimizeConfig, frozen=True, kw_only=True):
    on_event: OnEvent = ignore


@function_of(_Optimize)
def optimize_model(values: Values, on_event: OnEvent) -> OptimizeResult:
    """Find the fastest file and engine that are as good as a checkpoint, on this machine."""
    from yolokit.jobs.optimize.job import optimize_model as run

    return run(OptimizeConfig.build(values), on_event)


class _Val(ValConfig, frozen=True, kw_only=True):
    report_only: ReportOnly = True
    on_event: OnEvent = ignore


@function_of(_Val)
def validate_model(values: Values, on_event: OnEvent) -> ValReport:
    """Evaluate an ONNX file; no report is written unless ``out`` or ``name`` asks for one."""
    from yolokit.evaluate.job import validate_model as run

    return run(ValConfig.build({"report_only": True} | values), on_event).report


class _Bench(BenchConfig, frozen=True, kw_only=True):
    on_event: OnEvent = ignore


@function_of(_Bench)
def bench_model(values: Values, on_event: OnEvent) -> BenchReport:
    """Find what runs a model best on this machine, and keep it as the machine's profile."""
    from yolokit.jobs.bench.job import bench_model as run

    return run(BenchConfig.build(values), on_event)


class _Inspect(InspectConfig, frozen=True, kw_only=True):
    on_event: OnEvent = ignore


@function_of(_Inspect)
def inspect_model(values: Values, on_event: OnEvent) -> Inspection:
    """Say what the layers of a model are, and draw feature maps if an image is given."""
    from yolokit.jobs.inspect.job import inspect_model as run

    return run(InspectConfig.build(values), on_event)


class _Predict(PredictConfig, frozen=True, kw_only=True):
    on_event: OnEvent = ignore


class _PredictFiles(Protocol[P]):
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> RunSummary: ...
    @overload
    def __call__(self, model: AnyPath, *sources: AnyPath) -> RunSummary: ...


def _take_many(function: Callable[P, RunSummary]) -> _PredictFiles[P]:
    """Let sources follow each other, as they do on the command line, or be one list."""

    @wraps(function)
    def take(model: AnyPath, *sources: Any, **options: Any) -> RunSummary:
        given = {"sources": sources[0] if len(sources) == 1 else sources} if sources else {}
        return function(model, **given, **options)  # type: ignore[arg-type]

    return take  # type: ignore[return-value]


@_take_many
@function_of(_Predict)
def predict_files(values: Values, on_event: OnEvent) -> RunSummary:
    """Write boxes, pictures and videos."""
    from yolokit.runtime.predict import predict_files as run

    return run(PredictConfig.build(values), on_event).summary
