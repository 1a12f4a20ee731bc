"""A model with its inputs ready: what is between two readings of the clock."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.errors import ConfigError, InferenceError
from yolokit.runtime.detector import Detector, make_input, plan_letterbox

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
        self.detector = Detector.load(
            spec.model, provider=spec.provider, threads=spec.threads, precision=spec.precision
        )
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

    def write_outputs(self, path: Path) -> None:
        """Write what each batch gives, as arrays called ``<picture>/<place in batch>/<output>``."""
        arrays = {}
        for pictures, inputs in zip(self._batches, self._inputs, strict=True):
            for place, outputs in enumerate(self.detector.infer(inputs)):
                for name, array in outputs.items():
                    arrays[f"{pictures[place]}/{place}/{name}"] = array
        with path.open("wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]

    def _read_pictures(self) -> Iterator[U8]:
        if not self._spec.images:
            width, height = self._spec.input_wh or self.detector.manifest.io.input_wh
            yield np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
            return
        from yolokit.images.files import read_image

        for image in self._spec.images[:_MOST_INPUTS]:
            yield read_image(Path(image))

    def _make_input(self, bgr: U8) -> Any:
        if self._spec.input_wh is None:
            return self.detector.preprocess(bgr)[0]
        io = msgspec.structs.replace(self.detector.manifest.io, input_wh=self._spec.input_wh)
        letterbox = plan_letterbox((bgr.shape[1], bgr.shape[0]), io)
        tensor = make_input(bgr, letterbox, io)
        if not self._spec.images and letterbox.input_wh != self._spec.input_wh:
            width, height = letterbox.input_wh
            raise ConfigError(f"{self._spec.model} takes inputs of {width}x{height} px alone")
        return tensor
