"""The jobs as functions: what the command line does, for Python.

Options have the names of the command line's, with ``_`` for ``-``; what they mean is stated by
each job's config. Mistakes are ``yolokit.errors``; nothing is printed.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.convert.job import ConvertResult
    from yolokit.evaluate.job import ValReport
    from yolokit.export.run import ExportArtifact
    from yolokit.hub.ensure import ObtainedWeights
    from yolokit.jobs.get_dataset import GetResult
    from yolokit.runtime.write import RunSummary
    from yolokit.train.run import TrainRun


def convert_dataset(
    source: str | PathLike[str] | Sequence[str | PathLike[str]],
    out: str | PathLike[str],
    **options: Any,
) -> ConvertResult:
    """Convert a data set, or several into one.

    Args:
        source: An annotation file, a folder or an archive; or several of these.
        out: The folder to make.
        options: Fields of ``yolokit.convert.config.ConvertConfig``.
    """
    from yolokit.convert.config import ConvertConfig
    from yolokit.convert.job import convert as run

    given = [source] if isinstance(source, (str, PathLike)) else source
    sources = tuple(Path(one) for one in given)
    return run(ConvertConfig.build({"sources": sources, "out": Path(out), **options}))


def get_dataset(
    name: str,
    out: str | PathLike[str] | None = None,
    *,
    overwrite: bool = False,
    keep_archive: bool = False,
    offline: bool | None = None,
    require_hash: bool = False,
    **options: Any,
) -> GetResult:
    """Fetch a public data set by name and convert it; one that is there is left as it is.

    Args:
        name: A name of ``yolokit data list``.
        out: The folder to make; None for one of that name in the store.
        overwrite: Replace ``out`` if it is an earlier conversion.
        keep_archive: Leave the archives in the store.
        offline: Open no connection; None asks the environment (``YOLOKIT_OFFLINE``).
        require_hash: Refuse an archive that has no sha256 known beforehand.
        options: ``task``, ``to_format``, ``split``, ``sample``, ``max_drop``, ``allow`` of
            ``ConvertConfig``.
    """
    from yolokit.jobs.get_dataset import get_dataset as run

    return run(
        name,
        None if out is None else Path(out),
        options=options,
        overwrite=overwrite,
        keep_archive=keep_archive,
        offline=offline,
        require_hash=require_hash,
    )


def pull_weights(
    name: str, *, offline: bool | None = None, require_hash: bool = False
) -> ObtainedWeights:
    """Return weights by name, path or address, fetched and verified if they are not here.

    Args:
        name: What ``--weights`` takes.
        offline: Open no connection; None asks the environment (``YOLOKIT_OFFLINE``).
        require_hash: Refuse what has no sha256 known beforehand.
    """
    from yolokit.hub.ensure import obtain_weights

    return obtain_weights(name, offline=offline, require_hash=require_hash)


def train_model(
    data: str | PathLike[str], *, out: str | PathLike[str] | None = None, **options: Any
) -> TrainRun:
    """Fine-tune a detector; see ``yolokit.train.config.TrainConfig``.

    Args:
        data: ``data.yaml`` of the data set, or its folder.
        out: Folder of the run; None for a fresh one below ``runs/train``.
        options: Fields of ``TrainConfig``.
    """
    from yolokit.train.run import check_config
    from yolokit.train.run import train_model as run

    config = check_config({"data": str(data), **options})
    return run(config, None if out is None else Path(out))


def export_model(weights: str | PathLike[str], **options: Any) -> ExportArtifact:
    """Export a checkpoint through the parity gate; see ``yolokit.export.run.ExportConfig``."""
    from yolokit.export.run import check_config
    from yolokit.export.run import export_model as run

    return run(check_config({"weights": str(weights), **options}))


def validate_model(
    model: str | PathLike[str], data: str | PathLike[str], **options: Any
) -> ValReport:
    """Evaluate an ONNX file, writing nothing; see ``yolokit.evaluate.job.ValConfig``."""
    from yolokit.evaluate.job import check_config, open_job

    return open_job(check_config({"model": str(model), "data": str(data), **options})).run()


def predict_files(
    model: str | PathLike[str], *sources: str | PathLike[str], **options: Any
) -> RunSummary:
    """Write boxes, pictures and videos; see ``yolokit.runtime.predict.PredictConfig``."""
    from yolokit.runtime.predict import check_config, open_job

    values = {"model": str(model), "sources": tuple(map(str, sources)), **options}
    job = open_job(check_config(values))
    for _ in job.run():
        pass
    return job.summary
