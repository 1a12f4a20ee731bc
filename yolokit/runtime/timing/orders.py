"""What a process that times a model is asked for, and what it answers: one line of JSON each."""

from __future__ import annotations

import msgspec

MARK = b"\x1eyolokit "  # begins the line of an answer


class TimingSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What is timed: a model, and how it is run.

    Attributes:
        model: The ONNX file.
        provider: Execution provider, or ``auto``.
        precision: What the provider computes in.
        threads: Threads inside one operator; None for the cores this process may use.
        batch: Images in one run.
        input_wh: Size of the input in px where the model leaves it open; None for the model's own.
        images: Pictures to run it on, through the deployed letterbox; without any, one of noise.
    """

    model: str
    provider: str = "cpu"
    precision: str = "fp32"
    threads: int | None = None
    batch: int = 1
    input_wh: tuple[int, int] | None = None
    images: tuple[str, ...] = ()


class Order(msgspec.Struct, frozen=True, tag=True):
    """Base of the orders."""


class Open(Order, frozen=True):
    """Load the model and run it once; the first order."""

    spec: TimingSpec


class Measure(Order, frozen=True):
    """Time ``runs`` runs, or as many as fit into ``seconds``, after some that are not timed."""

    runs: int
    seconds: float
    warm_up: int


class Compute(Order, frozen=True):
    """Run every picture once and write the outputs to a file; see ``TimedModel.compute``."""

    path: str


class Predict(Order, frozen=True):
    """Do what ``yolokit predict`` does with sources, for some seconds; results go to ``folder``."""

    sources: tuple[str, ...]
    folder: str
    seconds: float


AnyOrder = Open | Measure | Compute | Predict


class Answer(msgspec.Struct, frozen=True, tag=True):
    """Base of the answers; each order gets one."""


class Opened(Answer, frozen=True, kw_only=True):
    """The model is open.

    Attributes:
        provider: What really runs it; likewise ``threads``.
        open_s: Loading it took so long, and compiling where its provider does; with the import of
            the library that does it.
        first_ms: The first run, in which some providers prepare more.
    """

    provider: str
    threads: int
    open_s: float
    first_ms: float


class Measured(Answer, frozen=True):
    """The time of each run, and the most memory so far; None where the system does not tell."""

    samples_ms: tuple[float, ...]
    peak_rss_bytes: int | None


class Computed(Answer, frozen=True):
    """The outputs are written."""


class Predicted(Answer, frozen=True):
    """How many images were read in how long, and the busy time of each stage."""

    images: int
    wall_s: float
    stages_s: dict[str, float]


class Failed(Answer, frozen=True):
    """It failed, and the process goes on; ``kind`` names a class of ``yolokit.errors``."""

    kind: str
    message: str
    hint: str | None = None


AnyAnswer = Opened | Measured | Computed | Predicted | Failed
