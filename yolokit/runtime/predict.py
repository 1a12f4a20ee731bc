"""The predict job: options, sources, outputs, and one run from the first frame to the last."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from yolokit.core.config import build_config
from yolokit.core.plural import counted
from yolokit.core.suggest import describe_unknown
from yolokit.errors import DataError
from yolokit.files.atomic import publish_folder, publish_fresh
from yolokit.files.outputs import Replacing, check_output
from yolokit.runtime.detector import Detector
from yolokit.runtime.earlier import PREDICTED
from yolokit.runtime.pipeline import RunSummary, predict_frames, write_predictions
from yolokit.runtime.session import check_options
from yolokit.runtime.sink import list_sinks, open_sinks, sink_takes
from yolokit.runtime.source import StillImages, open_source

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from yolokit.runtime.sink import Sink
    from yolokit.runtime.source import FrameSource

RUNS = Path("runs/predict")

Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[int, Meta(ge=1)]


class PredictConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What to find objects in, and where the results go.

    Attributes:
        model: ONNX file.
        sources: Images, folders, glob patterns, list files, videos.
        out: Folder for the results; None for one below ``runs/predict``.
        name: Name of that folder; None for a fresh one, called after the model.
        save: Names of sinks; None for what suits the sources.
        conf: Lowest score to report; None for the model's own, as with ``iou``, ``max_det``.
        iou: Overlap above which two boxes of a class become one.
        max_det: Most boxes in one image.
        provider: Execution provider, or ``auto``.
        threads: Threads for the model; None for all cores this process may use.
        records_only: Write no folder unless ``save``, ``out`` or ``name`` asks for one.
        overwrite: Replace earlier results.
    """

    model: str
    sources: tuple[str, ...]
    out: str | None = None
    name: str | None = None
    save: tuple[str, ...] | None = None
    conf: Share | None = None
    iou: Share | None = None
    max_det: Positive | None = None
    provider: str = "auto"
    threads: Positive | None = None
    records_only: bool = False
    overwrite: bool = False


def check_config(values: Mapping[str, Any]) -> PredictConfig:
    """Check the options of a prediction as a whole.

    Raises:
        ConfigError: Anything is wrong; all mistakes are listed.
    """
    return build_config(PredictConfig, values, what="predict", also=_check_values)


def _check_values(values: Mapping[str, Any]) -> list[str]:
    problems = [f"provider: {text}" for text in check_options(provider=values["provider"])]
    problems += [
        f"save: {describe_unknown('output', sink, list_sinks())}"
        for sink in values["save"] or ()
        if sink not in list_sinks()
    ]
    if values["save"] == ():
        problems.append(f"save: is empty; the known ones are {', '.join(list_sinks())}")
    if values["out"] is not None and values["name"] is not None:
        problems.append("out and name: give one of them")
    if "" in values["sources"]:
        problems.append("sources: one of them has an empty name")
    name = values["name"]
    if name is not None and (name in ("", ".", "..") or set(name) & set("/\\:")):
        problems.append(f"name: must be the name of a folder, not {name!r}")
    return problems


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
    if config.records_only and config.out is None and config.name is None:
        return ()
    is_video = [source.fps is not None for source in sources]
    pictures = [] if all(is_video) else ["images"]
    videos = ["video"] if any(is_video) else []
    return ("jsonl", *pictures, *videos)


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
    sources = open_sources(config.sources)
    names = choose_sinks(config, sources)
    out = _given_folder(config, sources) if names else None
    detector = Detector.load(config.model, provider=config.provider, threads=config.threads)
    return PredictJob(config=config, detector=detector, sources=sources, sink_names=names, out=out)


def _given_folder(config: PredictConfig, sources: Sequence[FrameSource]) -> Path | None:
    if config.out is None and config.name is None:
        return None
    out = Path(config.out) if config.out is not None else RUNS / str(config.name)
    check_output(out, _replacing(config, sources))
    return out


def _replacing(config: PredictConfig, sources: Sequence[FrameSource]) -> Replacing:
    """Return what may be replaced: earlier results, and nothing that is read."""
    named = (config.model, *config.sources, *(source.uri for source in sources))
    listed = [
        path for source in sources if isinstance(source, StillImages) for path in source.paths
    ]
    return Replacing(result=PREDICTED, wanted=config.overwrite, keep=(*map(Path, named), *listed))
