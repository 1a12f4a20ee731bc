"""What each precision costs in mAP and brings in time, by engine: one table.

    python -m tests.bench.precisions MODEL.onnx DATA [--images 200] [--rounds 3] [--json]

The FP32 file is brought to FP16 and INT8 as ``yolokit export`` does, with all methods of
calibration for INT8 if ``--methods`` is given. All are timed in turn.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.errors import ProviderError
from yolokit.evaluate.accuracy import measure_accuracy
from yolokit.export.quantizers import fp16, int8
from yolokit.export.quantizers.toolkit import QuantSettings
from yolokit.export.samples import find_calibration_images, load_gate_images
from yolokit.runtime.detector import Detector
from yolokit.runtime.latency import TimingSpec, time_in_turn

if TYPE_CHECKING:
    from collections.abc import Iterator

ENGINES = (("cpu", "fp32"), ("openvino", "fp32"), ("openvino", "bf16"))


class Row(msgspec.Struct, frozen=True):
    model: str
    megabytes: float
    engine: str
    map50_95: float
    p50_ms: float
    rounds_ms: tuple[float, ...]


def write_models(src: Path, data: Path, folder: Path, *, all_methods: bool) -> Iterator[Path]:
    """Yield the FP32 file and those that are made of it."""
    gated = load_gate_images(data)
    io = Detector.load(src, provider="cpu").manifest.io
    images = find_calibration_images(data, gated, io, QuantSettings().calibration_images)
    yield src
    fp16.quantize(src, folder / "fp16.onnx", None, QuantSettings())
    yield folder / "fp16.onnx"
    default = QuantSettings().method
    for placement in ("operators", "inputs"):
        for method in ("minmax", "percentile", "entropy") if all_methods else (default,):
            dst = folder / f"int8-{placement}-{method}.onnx"
            settings = msgspec.convert({"placement": placement, "method": method}, QuantSettings)
            int8.quantize(src, dst, images, settings)
            yield dst


def measure(models: list[Path], data: Path, most: int, rounds: int) -> Iterator[Row]:
    specs, scores = [], []
    for provider, precision in ENGINES:
        for model in models:
            try:
                accuracy = measure_accuracy(
                    model, data, provider=provider, precision=precision, most=most
                )
            except ProviderError as error:
                print(f"{model.name} on {provider} in {precision}: {error.message}")
                continue
            specs.append(TimingSpec(model=str(model), provider=provider, precision=precision))
            scores.append(accuracy.map50_95)
    for spec, score, timing in zip(specs, scores, time_in_turn(specs, rounds=rounds), strict=True):
        path = Path(spec.model)
        yield Row(
            path.stem,
            path.stat().st_size / 1e6,
            f"{spec.provider} {spec.precision}",
            score,
            float(np.median(timing.samples_ms)),
            tuple(float(np.median(samples)) for samples in timing.rounds_ms),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--methods", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        models = list(write_models(args.model, args.data, Path(scratch), all_methods=args.methods))
        rows = list(measure(models, args.data, args.images, args.rounds))
    print("| file | MB | engine | mAP50-95 | ms (p50) | rounds |\n|---|---|---|---|---|---|")
    for row in rows:
        rounds = " ".join(f"{one:.1f}" for one in row.rounds_ms)
        print(
            f"| {row.model} | {row.megabytes:.1f} | {row.engine} | {row.map50_95:.4f} "
            f"| {row.p50_ms:.1f} | {rounds} |"
        )
    if args.json:
        print(msgspec.json.encode(rows).decode())


if __name__ == "__main__":
    main()
