"""A detector: one ONNX file, from an image to its boxes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from yolokit.core.plural import counted
from yolokit.core.types import Letterbox
from yolokit.errors import ConfigError, ModelOutputError
from yolokit.runtime.box_ports import join_rows, make_feeds
from yolokit.runtime.heads.toolkit import load_head
from yolokit.runtime.metadata import read_manifest
from yolokit.runtime.model_input import lay_out_image, make_input, plan_letterbox
from yolokit.runtime.session import Session, open_session
from yolokit.runtime.tasks.toolkit import Limits, load_task

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolokit.core.types import U8, Detections
    from yolokit.runtime.manifest import ModelManifest
    from yolokit.runtime.tasks.toolkit import Outputs


class Detector:
    """Finds objects in images with one ONNX model; safe to call from several threads.

    Attributes:
        manifest: What the model says of itself.
        provider: Short name of the execution provider that runs it, e.g. ``cpu``.
        precision: What a model of FP32 is computed in: ``fp32``, ``bf16`` or ``fp16``.
        notes: What users should know of how it runs, in sentences: why ``auto`` took no better
            provider, for example.
        threads: Threads that run the model.
        streams: How many callers of ``infer`` at once are fastest; they share the threads.
    """

    def __init__(self, session: Session) -> None:
        self.manifest: ModelManifest = read_manifest(session)
        self.provider = session.provider
        self.precision = session.precision
        self.notes = session.notes
        self.threads = session.threads
        self.streams = session.streams
        self._session = session
        self._task = load_task(self.manifest.head.task)
        self._output_names = self._task.list_outputs(self.manifest.head)
        self._takes_images = self.manifest.io.kind == "image"
        self._reports_boxes = self.manifest.head.ports is not None
        if self._takes_images and session.precision != "fp32":
            raise ConfigError(
                f"{session.path.name} prepares the image itself, and computes pixels and their "
                f"places: in {session.precision} its boxes would be wrong",
                hint="use --precision fp32, or export the network alone: `yolokit export BEST.pt`",
            )

    @classmethod
    def load(
        cls,
        path: Path | str,
        *,
        provider: str = "auto",
        threads: int | None = None,
        precision: str = "fp32",
        streams: int | None = 1,
    ) -> Detector:
        """Load an ONNX file, exported by yolokit or by ultralytics.

        Args:
            path: The model file; all that the runtime must know is in it.
            provider: ``auto`` for the best one that really loads and has the precision, or a
                module of ``yolokit.runtime.providers``.
            threads: Threads that run the model; None for the cores this process may use.
            precision: What a model of FP32 is computed in: ``fp32``, ``bf16`` or ``fp16``.
            streams: Most runs of the model at once, which share the threads: with 1 the answer
                to a single image comes soonest; None for as many as are fastest over many images.

        Raises:
            ConfigError: There is no such provider or precision, ``threads`` is below 1, or the
                file prepares the image itself and is to be computed in less than fp32.
            MissingDependencyError: Neither onnxruntime nor OpenVINO is installed.
            ProviderError: The provider that was asked for does not load or take the model, or has
                not that precision here; the message says why.
            InferenceError: The file is missing, broken, or not a detector.
        """
        return cls(
            open_session(
                Path(path),
                provider=provider,
                threads=threads,
                precision=precision,
                streams=streams,
            )
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Class names by index."""
        return self.manifest.head.names

    def explain_limits(
        self, *, conf: float | None, iou: float | None, max_det: int | None
    ) -> list[str]:
        """Return one sentence for each option without effect, since the model's own graph decides.

        The options are those of a call; None is for one that nobody asked for.
        """
        head = self.manifest.head
        found: list[str] = []
        is_told = head.ports is not None and bool(head.ports.iou)
        if is_told or not load_head(head.layout).SUPPRESSES_OVERLAPS:
            return found
        if conf is not None and conf < head.least_score:
            found.append(
                f"conf {conf:g} has no effect below {head.least_score:g}: the model was exported "
                "with nms=True and leaves lower scores out by itself (0.25 is the default of such "
                "an export, where its file does not say)"
            )
        if iou is not None:
            found.append(f"iou {iou:g} has no effect: the model merges boxes by itself")
        if max_det is not None and max_det > head.max_det:
            found.append(
                f"the model gives at most {counted(head.max_det, 'box', 'boxes')} in an image"
            )
        return found

    def __call__(
        self,
        bgr: U8,
        *,
        conf: float | None = None,
        iou: float | None = None,
        max_det: int | None = None,
    ) -> Detections:
        """Find objects in one image.

        Args:
            bgr: (H, W, 3) uint8, blue-green-red.
            conf: Discard scores below this, in [0, 1]; None for the model's own threshold, which
                may be another for each class.
            iou: Overlap up to which two boxes of a class both stay; None for the model's own.
            max_det: Most detections to return; None for the model's own limit.

        Returns:
            Detections in pixels of the image, score-descending.

        Raises:
            InferenceError: The model failed, or its output is not what it states.
        """
        tensor, letterbox = self.preprocess(bgr)
        limits = self.plan_limits(conf=conf, iou=iou, max_det=max_det)
        (outputs,) = self.infer(tensor, limits=limits)
        return self._decode(outputs, letterbox, limits)

    def preprocess(self, bgr: U8) -> tuple[npt.NDArray[Any], Letterbox]:
        """Turn one image into the model's input.

        Args:
            bgr: (H, W, 3) uint8, blue-green-red.

        Returns:
            The input (1, 3, H, W) float32, or (1, H, W, 3) uint8 where the graph prepares the
            image itself; and the transform that leads back to the image.

        Raises:
            ValueError: The array is not such an image.
        """
        if bgr.ndim != 3 or bgr.shape[2] != 3 or bgr.dtype != np.uint8 or 0 in bgr.shape:
            raise ValueError(f"an image is (H, W, 3) uint8 BGR, not {bgr.shape} {bgr.dtype}")
        io, image_wh = self.manifest.io, (bgr.shape[1], bgr.shape[0])
        letterbox = plan_letterbox(image_wh, io)
        if not self._takes_images:
            return make_input(bgr, letterbox, io), letterbox
        if self._reports_boxes:  # in px of the image already
            letterbox = Letterbox(1.0, (0, 0), image_wh, image_wh)
        return lay_out_image(bgr, io)[None], letterbox

    def plan_limits(
        self,
        *,
        conf: float | None = None,
        iou: float | None = None,
        max_det: int | None = None,
        multi_label: bool = False,
        clip: bool = True,
    ) -> Limits:
        """Return what is to be reported: what was asked for, else what the model states.

        The options are those of :meth:`decode`.
        """
        head = self.manifest.head
        class_conf = head.class_conf if conf is None else ()
        return Limits(
            min_score=min(class_conf, default=head.conf if conf is None else conf),
            class_min_scores=class_conf,
            max_iou=head.iou if iou is None else iou,
            max_det=head.max_det if max_det is None else max_det,
            multi_label=multi_label,
            clip=clip,
        )

    def infer(self, tensor: npt.NDArray[Any], *, limits: Limits | None = None) -> list[Outputs]:
        """Run the model.

        Args:
            tensor: (B, 3, H, W) float32, as ``preprocess`` makes it. A model with a fixed batch
                that is larger than B gets zeros for the rest. Or (1, H, W, 3) uint8.
            limits: What is to be reported, for a graph that chooses its boxes by that; None for
                what the model states.

        Returns:
            For each of the B images its outputs by name, float32, as the manifest states them.

        Raises:
            InferenceError: The provider failed.
            ModelOutputError: An output has another batch size than the input.
        """
        head, io = self.manifest.head, self.manifest.io
        count, fixed = len(tensor), io.shape[0]
        if fixed is not None and count < fixed:
            tensor = np.concatenate(
                [tensor, np.zeros_like(tensor, shape=(fixed - count, *tensor.shape[1:]))]
            )
        feeds: dict[str, Any] = {io.input_name: tensor[0] if self._takes_images else tensor}
        if self._reports_boxes:
            feeds |= make_feeds(head, limits or self.plan_limits())
        outputs = self._session.run(feeds, self._output_names)
        if self._reports_boxes:
            outputs = {head.output_name: join_rows(outputs, head)}
        for output in outputs.values():
            if output.ndim < 2 or len(output) != len(tensor):
                raise ModelOutputError(
                    f"an input of {counted(len(tensor), 'image')} gave an output of shape "
                    f"{output.shape}"
                )
        return [{name: output[at] for name, output in outputs.items()} for at in range(count)]

    def decode(
        self,
        outputs: Outputs,
        letterbox: Letterbox,
        *,
        conf: float | None = None,
        iou: float | None = None,
        max_det: int | None = None,
        multi_label: bool = False,
        clip: bool = True,
    ) -> Detections:
        """Turn the outputs of one image into detections.

        A graph that chooses its boxes gives those that ``infer`` was told to report; here they
        can only become fewer.

        Args:
            outputs: By name: one element of what ``infer`` returns.
            letterbox: The transform that ``preprocess`` returned with the input.
            conf: Discard scores below this, in [0, 1]; None for the model's own threshold, which
                may be another for each class.
            iou: Overlap up to which two boxes of a class both stay; None for the model's own.
            max_det: Most detections to return; None for the model's own limit.
            multi_label: Report every class of a box that reaches ``conf``, for evaluation; an
                end-to-end head has chosen already.
            clip: Whether to clip boxes to the image; evaluation does not, so that its figures
                are those of ``yolo val``.

        Returns:
            Detections in pixels of the image, score-descending.

        Raises:
            ModelOutputError: The outputs are not what the manifest states.
        """
        limits = self.plan_limits(
            conf=conf, iou=iou, max_det=max_det, multi_label=multi_label, clip=clip
        )
        return self._decode(outputs, letterbox, limits)

    def _decode(self, outputs: Outputs, letterbox: Letterbox, limits: Limits) -> Detections:
        try:
            return self._task.decode(outputs, letterbox, self.manifest.head, limits)
        except ModelOutputError as error:
            raise ModelOutputError(f"{self._session.path}: {error.message}") from error


def load(
    path: Path | str,
    *,
    provider: str = "auto",
    threads: int | None = None,
    precision: str = "fp32",
) -> Detector:
    """Load a detector from an ONNX file; see :meth:`Detector.load`."""
    return Detector.load(path, provider=provider, threads=threads, precision=precision)
