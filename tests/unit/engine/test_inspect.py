"""Layers of a checkpoint, recorded while it runs; in a process of its own, since torch is large."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

import yolokit
from yolokit.engine_protocol.child import run_job
from yolokit.engine_protocol.inspection import Layer, Network
from yolokit.engine_protocol.requests import InspectRequest
from yolokit.errors import WeightsError
from yolokit.files.digest import digest_weights

SHIPPED = Path(yolokit.__file__).parent / "jobs" / "assets" / "parts-n.pt"


def look(
    folder: Path, *, image: bool = False, layers: tuple[str, ...] = (), weights: Path = SHIPPED
) -> Network:
    source = folder / "image.npy"
    np.save(source, np.full((50, 80, 3), 90, np.uint8))
    request = InspectRequest(
        weights=str(weights), digest=digest_weights(weights), imgsz=96,
        image=str(source) if image else None, layers=list(layers), folder=str(folder),
    )  # fmt: skip
    result = run_job("inspect", request, log_path=folder / "log", keeps_log=False)
    return msgspec.convert(result["network"], Network)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> tuple[Network, Path]:
    folder = tmp_path_factory.mktemp("look")
    return look(folder, image=True), folder


def named(network: Network, name: str) -> Layer:
    return next(layer for layer in network.layers if layer.name == name)


def test_a_layer_with_all_that_it_has(network: tuple[Network, Path]) -> None:
    assert named(network[0], "model.0.conv") == Layer(
        name="model.0.conv", type="Conv2d", kernel=(3, 3), stride=(2, 2), padding=(1, 1),
        shape=(1, 16, 48, 48), field_px=3, stride_px=2, parameters=432, flops=2 * 48 * 48 * 432,
    )  # fmt: skip
    assert named(network[0], "model.1.conv").field_px == 7


def test_all_parameters_are_counted_once(network: tuple[Network, Path]) -> None:
    assert network[0].parameters == 2_510_040  # the sum over the parameters of upstream's model


def test_the_maps_that_the_head_takes_are_written(network: tuple[Network, Path]) -> None:
    found, folder = network
    assert [layer.stride_px for layer in found.head_inputs] == [8, 16, 32]
    for index, layer in enumerate(found.head_inputs):
        assert np.load(folder / f"{index}.npy").shape == layer.shape[1:]


def test_attention_sees_all_of_the_image(network: tuple[Network, Path]) -> None:
    product = named(network[0], "model.10.m.0.attn.MatMul")
    assert product.field_px is None
    assert product.flops > 0
    assert named(network[0], "model.9.cv1.conv").field_px is not None


def test_an_unknown_layer_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"has no layer 'model\.99'"):
        look(tmp_path, image=True, layers=("model.99",))


def test_a_layer_that_makes_no_map_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"'model\.23' makes no map: its output is"):
        look(tmp_path, image=True, layers=("model.23",))


def test_a_checkpoint_of_something_else_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.pt"
    script = "import sys, torch; torch.save({'model': torch.nn.Conv2d(3, 3, 3)}, sys.argv[1])"
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)
    with pytest.raises(WeightsError, match=r"other\.pt holds no network of layers, but a Conv2d"):
        look(tmp_path, weights=path)
