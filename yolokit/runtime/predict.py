"""The predict job: options, sources, outputs, and one run from the first frame to the last."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.core.events import Notice, OnEvent, Progress, ignore
from yolokit.core.plural import counted
from yolokit.errors import DataError
from yolokit.files.atomic import publish_folder, publish_fresh
from yolokit.files.outputs import Replacing, check_output
from yolokit.runtime.config import RUNS
from yolokit.runtime.detector import Detector
from yolokit.runtime.earlier import PREDICTED
from yolokit.runtime.pipeline import RunSummary, predict_frames, write_predictions
from yolokit.runtime.sink import open_sinks, sink_takes
from yolokit.runtime.source import StillImages, open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from yolokit.runtime.config import PredictConfig
    from yolokit.runtime.sink import Sink
    from yolokit.runtime.source import FrameSource


def open_sources(uris: Sequence[str]) -> list[FrameSource]:
    """Open all sources, and report all that cannot be opened at once.

    Raises:
        DataError: One or more of them hold nothing that can be read.
    """
    sources: list[FrameSource] = []
    errors = []
    for uri in uris:
        try:
            sources += open_source(uri)
        except DataError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        hints = [error.hint for error in errors if error.hint]
        what = counted(len(errors), "source")
        lines = [f"{what} cannot be used:", *(f"  - {error}" for error in errors)]
        raise DataError("\n".join(lines), hint="; ".join(hints) or None)
    return sources


def choose_sinks(config: PredictConfig, sources: Sequence[FrameSource]) -> tuple[str, ...]:
    """Return the names of the sinks to open.

    Without ``save`` these are records, annotated copies of still images, and annotated videos.

    Raises:
        DataError: A sink was asked for that none of the sources has anything for.
    """
    if config.save is not None:
        idle = [
            name for name in config.save if not any(sink_takes(name, source) for source in sources)
        ]
        if idle:
            raise DataError(f"none of the sources gives anything for --save {','.join(idle)}")
        return tuple(dict.fromkeys(config.save))
    if config.records_only and config.folder is None:
        return ()
    is_video = [source.fps is not None for source in sources]
    pictures = [] if all(is_video) else ["images"]
    videos = ["video"] if any(is_video) else []
    return ("jsonl", *pictures, *videos)


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictRun:
    """A finished prediction: what it came to, where the results are, and what ran the model."""

    summary: RunSummary
    out: Path | None
    provider: str
    threads: int


def predict_files(
    config: PredictConfig,
    on_event: OnEvent = ignore,
    *,
    open_more: Callable[[Detector], Sequence[Sink]] | None = None,
) -> PredictRun:
    """Find objects in images and videos, and write what the options ask for.

    Args:
        config: Made by :meth:`PredictConfig.build`.
        on_event: Told what is odd about model and sources, and the number of images done.
        open_more: Opens sinks that write elsewhere.

    Raises:
        YolokitError: As :func:`open_job` and :meth:`PredictJob.run`.
    """
    job = open_job(config)
    detector = job.detector
    limits = detector.explain_limits(conf=config.conf, iou=config.iou, max_det=config.max_det)
    remarks = (remark for source in job.sources for remark in source.remarks)
    for reason in (*detector.skipped, *limits, *remarks):
        on_event(Notice(f"note: {reason}"))
    total = job.frame_count
    with contextlib.closing(job.run(open_more(detector) if open_more else ())) as run:
        for done in run:
            on_event(Progress("predicting", done, total))
    return PredictRun(
        summary=job.summary, out=job.out, provider=detector.provider, threads=detector.threads
    )


@dataclass(slots=True, kw_only=True)
class PredictJob:
    """A prediction that is ready to run.

    Attributes:
        config: Its options.
        detector: The loaded model.
        sources: What is read, in order.
        sink_names: What is written.
        out: Folder that appears when all results are complete; None where nothing is written,
            and until the start where its name is to be a fresh one.
        summary: The result of the run so far.
    """

    config: PredictConfig
    detector: Detector
    sources: Sequence[FrameSource]
    sink_names: Sequence[str]
    out: Path | None
    summary: RunSummary = field(default_factory=RunSummary)

    @property
    def frame_count(self) -> int | None:
        """Images and frames of all sources; None where that is not known beforehand."""
        counts = [source.count for source in self.sources]
        return None if None in counts else sum(count or 0 for count in counts)

    def run(self, more_sinks: Sequence[Sink] = ()) -> Generator[int]:
        """Run it; the results appear under their name when all of them are complete.

        Args:
            more_sinks: Open sinks that write elsewhere.

        Yields:
            The number of images and frames done. Closing the generator discards the results.

        Raises:
            InferenceError: The model failed, or its output is not what it states.
        """
        predictions = predict_frames(
            self.detector,
            self.sources,
            conf=self.config.conf,
            iou=self.config.iou,
            max_det=self.config.max_det,
            times=self.summary.times,
        )
        with contextlib.closing(predictions), self._open_outputs() as sinks:

            def sinks_for(source: FrameSource) -> list[Sink]:
                # Records come last: they say whether the picture was written.
                names = sorted(sinks, key=lambda name: name == "jsonl")
                own = [sinks[name] for name in names if self._suits(name, source)]
                return [*own, *more_sinks]

            yield from write_predictions(predictions, sinks_for, self.summary)

    def _suits(self, sink_name: str, source: FrameSource) -> bool:
        """Tell whether a sink gets a source: single frames of a video only without the video."""
        is_second_best = sink_name == "images" and "video" in self.sink_names and source.fps
        return sink_takes(sink_name, source) and not is_second_best

    @contextlib.contextmanager
    def _open_outputs(self) -> Iterator[dict[str, Sink]]:
        if not self.sink_names:
            yield {}
            return
        with contextlib.ExitStack() as stack:
            if self.out is None:
                self.out, folder = stack.enter_context(
                    publish_fresh(RUNS, Path(self.config.model).stem)
                )
            else:
                replacing = _replacing(self.config, self.sources)
                folder = stack.enter_context(publish_folder(self.out, replacing))
            opened = open_sinks(self.sink_names, folder, self.detector.manifest.head)
            sinks = stack.enter_context(opened)
            yield dict(zip(self.sink_names, sinks, strict=True))


def open_job(config: PredictConfig) -> PredictJob:
    """Open the sources and load the model; nothing is written yet.

    Raises:
        DataError: A source holds nothing that can be read, or nothing for a sink.
        OutputExistsError: There is something that is not to be replaced.
        InferenceError: The model cannot be loaded.
    """
    sources = open_sources(config.uris)
    names = choose_sinks(config, sources)
    out = _given_folder(config, sources) if names else None
    detector = Detector.load(Path(config.model), provider=config.provider, threads=config.threads)
    return PredictJob(config=config, detector=detector, sources=sources, sink_names=names, out=out)


def _given_folder(config: PredictConfig, sources: Sequence[FrameSource]) -> Path | None:
    out = config.folder
    if out is not None:
        check_output(out, _replacing(config, sources))
    return out


def _replacing(config: PredictConfig, sources: Sequence[FrameSource]) -> Replacing:
    """Return what may be replaced: earlier results, and nothing that is read."""
    named = (config.model, *config.uris, *(source.uri for source in sources))
    listed = [
        path for source in sources if isinstance(source, StillImages) for path in source.paths
    ]
    return Replacing(result=PREDICTED, wanted=config.overwrite, keep=(*map(Path, named), *listed))
