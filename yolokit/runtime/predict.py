"""The predict job: options, sources, outputs, and one run from the first frame to the last."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.core.config import AUTO
from yolokit.core.events import Notice, OnEvent, Progress, ignore
from yolokit.core.plural import counted
from yolokit.errors import DataError, JobCancelledError, ProviderError
from yolokit.files.atomic import publish_folder, publish_fresh
from yolokit.files.outputs import Replacing, check_output
from yolokit.runtime.config import RUNS
from yolokit.runtime.predictor import Predictor, PredictorSpec, Thresholds
from yolokit.runtime.profiles import choose_engine
from yolokit.runtime.run_ahead import Stop, closing_iterator
from yolokit.runtime.sink import open_sinks, sink_takes
from yolokit.runtime.source import StillImages, open_source
from yolokit.runtime.write import PREDICTED, RunSummary, mark_partial, write_predictions

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from yolokit.core.types import Frame, FrameError, ReadFrame
    from yolokit.runtime.config import PredictConfig
    from yolokit.runtime.detector import Detector
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
    """A finished prediction: what it came to, where the results are, and what ran the model.

    ``file_precision`` is what the file is in; ``precision`` what its FP32 parts were computed in.
    ``conf`` is the score from which objects count; ``class_conf`` has one for each class, by name,
    where the model's own are used and differ.
    """

    summary: RunSummary
    out: Path | None
    provider: str
    precision: str
    file_precision: str
    threads: int
    conf: float
    class_conf: dict[str, float] = field(default_factory=dict)


def predict_files(
    config: PredictConfig,
    on_event: OnEvent = ignore,
    *,
    open_more: Callable[[Detector], Sequence[Sink]] | None = None,
    listen: Callable[[Callable[[], None]], AbstractContextManager[object]] = nullcontext,
) -> PredictRun:
    """Find objects in images and videos, and write what the options ask for.

    Args:
        config: Made by :meth:`PredictConfig.build`.
        on_event: Told what is odd about model and sources, and the number of images done.
        open_more: Opens sinks that write elsewhere.
        listen: Gets a function that ends the run early, and returns a context in which it may
            be called, by a signal handler for example. The context lasts as long as the run.

    Raises:
        YolokitError: As :func:`open_job` and :meth:`PredictJob.run`.
    """
    job = open_job(config)
    detector = job.detector
    limits = detector.explain_limits(conf=config.conf, iou=config.iou, max_det=config.max_det)
    remarks = (remark for source in job.sources for remark in source.remarks)
    for reason in (*job.engine_notes, *detector.notes, *limits, *remarks):
        on_event(Notice(f"note: {reason}"))
    total = job.frame_count
    running = job.run(open_more(detector) if open_more else ())
    with listen(job.stop.request), contextlib.closing(running):
        for done in running:
            on_event(Progress("predicting", done, total))
    manifest = detector.manifest
    head = manifest.head
    own = head.class_conf if config.conf is None else ()
    class_conf = dict(zip(head.names, own, strict=False))
    return PredictRun(
        summary=job.summary,
        out=job.out,
        provider=detector.provider,
        precision=detector.precision,
        file_precision=manifest.provenance.precision,
        threads=detector.threads,
        conf=head.conf if config.conf is None else config.conf,
        class_conf=class_conf,
    )


@dataclass(slots=True, kw_only=True)
class PredictJob:
    """A prediction that is ready to run.

    Attributes:
        config: Its options.
        predictor: The loaded model.
        sources: What is read, in order.
        sink_names: What is written.
        out: Folder that appears when all results are complete; None where nothing is written,
            and until the start where its name is to be a fresh one.
        summary: The result of the run so far.
        stop: Once it is requested the run ends, and what is done is published as partial.
        engine_notes: What is to be told of how the model is run, in sentences.
    """

    config: PredictConfig
    predictor: Predictor
    sources: Sequence[FrameSource]
    sink_names: Sequence[str]
    out: Path | None
    summary: RunSummary = field(default_factory=RunSummary)
    stop: Stop = field(default_factory=Stop)
    engine_notes: Sequence[str] = ()

    @property
    def detector(self) -> Detector:
        """The loaded model."""
        return self.predictor.detector

    @property
    def frame_count(self) -> int | None:
        """Images and frames of all sources; None where that is not known beforehand."""
        counts = [source.count for source in self.sources]
        return None if None in counts else sum(count or 0 for count in counts)

    def run(self, more_sinks: Sequence[Sink] = ()) -> Generator[int]:
        """Run it, with more sinks, which are open and write elsewhere.

        The results appear under their name when all of them are complete.

        Those of a run that is stopped appear too, marked as partial.

        Yields:
            The number of images and frames done. Closing the generator discards the results.

        Raises:
            InferenceError: The model failed, or its output is not what it states.
            JobCancelledError: It was stopped before the first image was done.
        """
        self.summary.frames_expected = self.frame_count
        predictions = self.predictor.run(
            _iter_frames(self.sources), times=self.summary.times, stop=self.stop
        )
        with contextlib.closing(predictions), self._open_outputs() as sinks:

            def sinks_for(source: FrameSource) -> list[Sink]:
                # Records come last: they say whether the picture was written.
                names = sorted(sinks, key=lambda name: name == "jsonl")
                own = [sinks[name] for name in names if self._suits(name, source)]
                return [*own, *more_sinks]

            yield from write_predictions(predictions, sinks_for, self.summary)
            self.summary.is_partial = self.stop.cut_short
            if self.summary.is_partial and not self.summary.frames:
                raise JobCancelledError("stopped before the first image was done")

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
            if self.summary.is_partial:
                mark_partial(folder, self.summary)


def open_job(config: PredictConfig) -> PredictJob:
    """Open the sources and load the model; nothing is written yet.

    Raises:
        DataError: A source holds nothing that can be read, or nothing for a sink.
        OutputExistsError: There is something that is not to be replaced.
        InferenceError: The model cannot be loaded.
    """
    sources = open_sources(config.uris)
    names = choose_sinks(config, sources)
    out = config.folder if names else None
    if out is not None:
        check_output(out, _replacing(config, sources))
    predictor, notes = _load_predictor(config, sources)
    return PredictJob(
        config=config,
        predictor=predictor,
        sources=sources,
        sink_names=names,
        out=out,
        engine_notes=notes,
    )


def _load_predictor(
    config: PredictConfig, sources: Sequence[FrameSource]
) -> tuple[Predictor, tuple[str, ...]]:
    """Load the model as asked for, or as its profile says; return what is to be told of that."""
    engine = choose_engine(
        Path(config.model),
        provider=config.provider,
        precision=config.precision,
        threads=config.threads,
    )
    spec = PredictorSpec(
        model=str(config.model),
        provider=engine.provider,
        threads=engine.threads,
        precision=engine.precision,
        streams=1 if [source.count for source in sources] == [1] else None,
        thresholds=Thresholds(conf=config.conf, iou=config.iou, max_det=config.max_det),
        queue="newest" if all(source.is_live for source in sources) else "block",
    )
    try:
        return Predictor.load(spec), engine.notes
    except ProviderError as error:
        if engine.profile is None:
            raise
        note = f"what `yolokit bench` found best is not used: {error.message}"
    usual = replace(spec, provider=AUTO, threads=None, precision="fp32")
    return Predictor.load(usual), (note,)


def _iter_frames(
    sources: Sequence[FrameSource],
) -> Generator[tuple[FrameSource, Frame | FrameError | ReadFrame]]:
    for source in sources:
        frames_of: Iterable[Frame | FrameError | ReadFrame] = (
            source.readers() if isinstance(source, StillImages) else source
        )
        with closing_iterator(frames_of) as frames:
            for frame in frames:
                yield source, frame


def _replacing(config: PredictConfig, sources: Sequence[FrameSource]) -> Replacing:
    """Return what may be replaced: earlier results, and nothing that is read."""
    named = (config.model, *config.uris, *(source.uri for source in sources))
    listed = [
        path for source in sources if isinstance(source, StillImages) for path in source.paths
    ]
    return Replacing(result=PREDICTED, wanted=config.overwrite, keep=(*map(Path, named), *listed))
