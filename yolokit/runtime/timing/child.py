"""One model in a process of its own: takes orders from stdin, and ends when that closes."""

from __future__ import annotations

import dataclasses
import gc
import os
import queue
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from yolokit.errors import InferenceError, YolokitError
from yolokit.runtime.timing.orders import (
    MARK,
    Answer,
    AnyOrder,
    Compute,
    Computed,
    Failed,
    Flow,
    Flowed,
    Measure,
    Measured,
    Open,
    Opened,
    Predict,
    Predicted,
)

if TYPE_CHECKING:
    from typing import IO

    from yolokit.runtime.timing.runner import Runner

_decoder = msgspec.json.Decoder(AnyOrder)


def main() -> None:
    """Answer orders until stdin closes."""
    answers = _take_stdout()
    orders: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()
    runner: Runner | None = None
    while True:
        order = _decoder.decode(orders.get())
        try:
            if isinstance(order, Open):
                runner, answer = _open(order)
            else:
                answer = _obey(order, runner)
        except YolokitError as error:
            answer = Failed(type(error).__name__, str(error), error.hint)
        answers.write(MARK + msgspec.json.encode(answer) + b"\n")
        answers.flush()


def _take_stdout() -> IO[bytes]:
    """Return stdout for answers alone; what libraries print goes to stderr from here on."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _listen(orders: queue.SimpleQueue[bytes]) -> None:
    """Pass orders on, and end the process with its parent, whatever it is doing."""
    for line in sys.stdin.buffer:
        orders.put(line)
    os._exit(0)


def _open(order: Open) -> tuple[Runner, Answer]:
    from yolokit.runtime.timing.runner import Runner

    start_s = time.perf_counter()
    runner = Runner(order.spec)
    open_s = time.perf_counter() - start_s
    runner.prepare_inputs()
    start_s = time.perf_counter()
    runner.run(0)
    first_ms = (time.perf_counter() - start_s) * 1000
    gc.collect()
    gc.disable()  # from here on only arrays come and go
    detector = runner.detector
    return runner, Opened(
        provider=detector.provider, threads=detector.threads, open_s=open_s, first_ms=first_ms
    )


def _obey(order: Measure | Flow | Compute | Predict, runner: Runner | None) -> Answer:
    if runner is None:
        raise InferenceError("no model is open")
    if isinstance(order, Compute):
        runner.write_outputs(Path(order.path))
        return Computed()
    if isinstance(order, Flow):
        return Flowed(*runner.flow(order.seconds))
    if isinstance(order, Predict):
        return _predict(order, runner)
    for number in range(order.warm_up):
        runner.run(number)
    samples_ms: list[float] = []
    until_s = time.perf_counter() + order.seconds
    while not samples_ms or (len(samples_ms) < order.runs and time.perf_counter() < until_s):
        start_s = time.perf_counter()
        runner.run(len(samples_ms))
        samples_ms.append((time.perf_counter() - start_s) * 1000)
    return Measured(tuple(samples_ms), read_peak_rss_bytes())


def _predict(order: Predict, runner: Runner) -> Predicted:
    from yolokit.runtime.config import PredictConfig
    from yolokit.runtime.predict import PredictJob, choose_sinks, open_sources
    from yolokit.runtime.predictor import Predictor, PredictorSpec

    values = {"model": runner.model, "sources": order.sources, "out": order.folder}
    config, sources = PredictConfig.build(values), open_sources(order.sources)
    job = PredictJob(
        config=config,
        predictor=Predictor(runner.detector, PredictorSpec(model=runner.model, streams=None)),
        sources=sources,
        sink_names=choose_sinks(config, sources),
        out=config.folder,
    )
    timer = threading.Timer(order.seconds, job.stop.request)
    timer.start()
    try:
        for _done in job.run():
            pass
    finally:
        timer.cancel()
    summary = job.summary
    return Predicted(
        summary.frames - summary.failed, summary.wall_s, dataclasses.asdict(summary.times)
    )


def read_peak_rss_bytes() -> int | None:
    """Return the most resident memory that this process has had; None if that is not known.

    Of Linux the kernel's own mark: ``getrusage`` gives at least what the parent had.
    """
    if sys.platform == "linux":
        text = Path("/proc/self/status").read_text("ascii", errors="replace")
        marks = (line.split()[1] for line in text.splitlines() if line.startswith("VmHWM:"))
        mark = next(marks, None)
        return None if mark is None else int(mark) * 1024
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None


if __name__ == "__main__":
    main()
