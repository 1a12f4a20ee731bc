"""A model with its inputs ready: what is between two readings of the clock."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.errors import ConfigError, InferenceError
from yolokit.runtime.detector import Detector

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from yolokit.core.types import U8
    from yolokit.runtime.timing.orders import TimingSpec

_MOST_INPUTS = 32  # each waits in memory: 5 MB at 640 px


class Runner:
    """One model, opened as ``predict`` opens it."""

    def __init__(self, spec: TimingSpec) -> None:
        self._spec = spec
        self.model = spec.model
        self.detector = self._load(spec.streams)
        if spec.input_wh is not None:  # where the model leaves it open
            manifest = self.detector.manifest
            io = msgspec.structs.replace(manifest.io, input_wh=spec.input_wh)
            self.detector.manifest = msgspec.structs.replace(manifest, io=io)
        self._flowing: Detector | None = None
        fixed = self.detector.manifest.io.shape[0]
        if fixed is not None and spec.batch != fixed:
            raise InferenceError(f"{spec.model} takes {fixed} at a time, not {spec.batch}")
        self._batches: list[list[int]] = []  # the pictures in each
        self._inputs: list[Any] = []

    def prepare_inputs(self) -> None:
        """Put all pictures through the letterbox.

        Raises:
            DataError: One cannot be read.
            ConfigError: The model has another size.
        """
        inputs = list(enumerate(self._make_input(bgr) for bgr in self._read_pictures()))
        batch, shape = self._spec.batch, inputs[0][1].shape
        if batch > 1:
            inputs = [(picture, one) for picture, one in inputs if one.shape == shape]
        for first in range(min(len(inputs), max(1, _MOST_INPUTS // batch))):
            chosen = [inputs[(first + place) % len(inputs)] for place in range(batch)]
            self._batches.append([picture for picture, _ in chosen])
            # A single input is not joined: that would copy it.
            tensors = [one for _, one in chosen]
            self._inputs.append(tensors[0] if batch == 1 else np.concatenate(tensors))

    def run(self, number: int) -> None:
        """Run the model on one batch, in turn."""
        self.detector.infer(self._inputs[number % len(self._inputs)])

    def flow(self, seconds: float) -> tuple[int, float]:
        """Run the model on many images, as many at once as are fastest.

        Returns:
            How many images, and in how many seconds.
        """
        if self._flowing is None:
            self._flowing = self._load(None)
            self._flow_alone(self._flowing, 0)
        streams = self._flowing.streams
        with ThreadPoolExecutor(streams) as pool:
            turns = [pool.submit(self._flow_alone, self._flowing, seconds) for _ in range(streams)]
            done = [turn.result() for turn in turns]
        batches = sum(count for count, _, _ in done)
        spent_s = max(end_s for _, _, end_s in done) - min(start_s for _, start_s, _ in done)
        return batches * self._spec.batch, spent_s

    def _flow_alone(self, detector: Detector, seconds: float) -> tuple[int, float, float]:
        """Run the model for some seconds, once at least; return how often, and start and end."""
        count, start_s = 0, time.perf_counter()
        while not count or time.perf_counter() < start_s + seconds:
            detector.infer(self._inputs[count % len(self._inputs)])
            count += 1
        return count, start_s, time.perf_counter()

    def write_outputs(self, path: Path) -> None:
        """Write what each batch gives, as arrays called ``<picture>/<place in batch>/<output>``."""
        arrays = {}
        for pictures, inputs in zip(self._batches, self._inputs, strict=True):
            for place, outputs in enumerate(self.detector.infer(inputs)):
                for name, array in outputs.items():
                    arrays[f"{pictures[place]}/{place}/{name}"] = array
        with path.open("wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]

    def _load(self, streams: int | None) -> Detector:
        return Detector.load(
            self._spec.model,
            provider=self._spec.provider,
            threads=self._spec.threads,
            precision=self._spec.precision,
            streams=streams,
        )

    def _read_pictures(self) -> Iterator[U8]:
        if not self._spec.images:
            width, height = self._spec.input_wh or self.detector.manifest.io.input_wh
            yield np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
            return
        from yolokit.images.files import read_image

        for image in self._spec.images[:_MOST_INPUTS]:
            yield read_image(Path(image))

    def _make_input(self, bgr: U8) -> Any:
        tensor, letterbox = self.detector.preprocess(bgr)
        wanted = self._spec.input_wh
        if wanted is not None and not self._spec.images and letterbox.input_wh != wanted:
            width, height = letterbox.input_wh
            raise ConfigError(f"{self._spec.model} takes inputs of {width}x{height} px alone")
        return tensor
