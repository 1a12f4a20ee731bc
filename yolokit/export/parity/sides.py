"""Both sides of a proof: the checkpoint in torch, and files made from it in the runtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.types import Frame
from yolokit.evaluate.checkpoint import Checkpoint
from yolokit.export.parity.report import Sample
from yolokit.runtime.model_input import plan_letterbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.core.types import U8
    from yolokit.engine_protocol.requests import InferFacts
    from yolokit.evaluate.checkpoint import RanImage
    from yolokit.export.gates.toolkit import Candidate
    from yolokit.runtime.predictor import Predictor


@dataclass(frozen=True, slots=True, eq=False)
class TrainedSide:
    """What torch gave, to which any number of files is compared.

    Attributes:
        facts: What the checkpoint is.
        images: Names and (H, W, 3) uint8 BGR arrays.
        ran: What came of each, with the input that its framework prepared.
    """

    facts: InferFacts
    images: Sequence[tuple[str, U8]]
    ran: Sequence[RanImage]

    def pair(self, predictor: Predictor) -> list[Sample]:
        """Run a file on the same images, and return each as both saw it."""
        samples = []
        for (name, bgr), one in zip(self.images, self.ran, strict=True):
            frame = Frame(bgr, 0, None, name)
            _, (tensor,) = predictor.prepare(frame)
            (outputs,) = predictor.infer([tensor])
            assert one.tensor is not None, "it was asked for"
            samples.append(
                Sample(
                    name=name,
                    letterbox=plan_letterbox(frame.image_wh, predictor.detector.manifest.io),
                    trained_input=one.tensor,
                    trained=one.outputs,
                    deployed_input=tensor,
                    deployed=outputs,
                )
            )
        return samples


def run_trained(candidate: Candidate) -> TrainedSide:
    """Run the checkpoint of a candidate on its images, in inputs of the candidate's geometry.

    Images of odd shapes join them where the file prepares images itself.
    """
    io = candidate.predictor.detector.manifest.io
    images = [*candidate.images, *(_make_odd(candidate.images) if io.kind == "image" else ())]
    checkpoint = Checkpoint(
        path=candidate.weights,
        digest=candidate.digest,
        trust=candidate.trust,
        head=candidate.head,
        log_path=candidate.log_path,
    )
    facts, ran = checkpoint.run([bgr for _, bgr in images], io, keeps_inputs=True)
    return TrainedSide(facts, images, ran)


def _make_odd(images: Sequence[tuple[str, U8]]) -> Iterator[tuple[str, U8]]:
    """Yield a single pixel, strips of three, and a large image, all cut or made of one image."""
    name, bgr = images[0]
    for what, odd in (
        ("1 pixel", bgr[:1, :1]),
        ("3 rows", bgr[:3]),
        ("3 columns", bgr[:, :3]),
        ("a long strip", np.tile(bgr[:7], (1, 9, 1))),
        ("3 x 3 times", np.tile(bgr, (3, 3, 1))),
    ):
        yield f"{name}: {what}", np.ascontiguousarray(odd)
