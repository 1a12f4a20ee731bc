"""Every provider: what its module defines, the order of ``auto``, and that it computes right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import yolokit.runtime.providers
from tests.contract.test_tasks import plugged_in
from tests.unit.runtime.conftest import TWO_BOXES, save_model
from yolokit.core.extras import install_command
from yolokit.errors import ConfigError, ProviderError
from yolokit.runtime.probe import probe_provider
from yolokit.runtime.providers.toolkit import (
    PRECISIONS,
    Provider,
    list_auto,
    list_providers,
    load_provider,
)
from yolokit.runtime.session import list_installed, open_session

TOLERANCES = {"fp32": 1e-5, "bf16": 2e-2, "fp16": 2e-3}  # of the value: half a unit of the mantissa


@pytest.mark.parametrize("name", list_providers())
def test_it_defines_what_a_provider_defines(name: str) -> None:
    provider = load_provider(name)
    assert isinstance(provider, Provider)
    assert set(provider.precisions) <= set(PRECISIONS)
    assert provider.explain("no reason") == "no reason"
    if provider.extra is not None:
        assert provider.how_to_install() == install_command(provider.extra)
    else:
        assert provider.install, "says where it comes from"


@pytest.mark.parametrize("name", list_providers())
def test_what_is_not_installed_says_how_to_install_it(name: str, tmp_path: Path) -> None:
    if name in list_installed():
        assert load_provider(name).version()
        return
    assert load_provider(name).version() is None
    with pytest.raises(ProviderError, match=f"{name!r} is not installed") as caught:
        open_session(save_model(tmp_path / "tiny.onnx"), provider=name)
    assert load_provider(name).how_to_install() in str(caught.value.hint)


@pytest.mark.parametrize("name", list_installed())
def test_what_is_installed_computes_what_the_model_says(name: str, tmp_path: Path) -> None:
    found = probe_provider(name)
    assert found.version == load_provider(name).version()
    assert found.failure is None
    assert found.precisions
    model = save_model(tmp_path / "tiny.onnx")
    for precision in found.precisions:
        session = open_session(model, provider=name, threads=1, precision=precision)
        assert (session.provider, session.precision) == (name, precision)
        image = np.ones((1, 3, 64, 64), np.float32)
        got = session.run({"images": image}, ["output0"])["output0"]
        np.testing.assert_allclose(got, TWO_BOXES, rtol=TOLERANCES[precision], atol=1e-6)


@pytest.mark.parametrize("name", list_installed())
def test_what_it_lacks_here_is_refused(name: str, tmp_path: Path) -> None:
    model = save_model(tmp_path / "tiny.onnx")
    for precision in set(PRECISIONS) - set(load_provider(name).list_precisions()):
        with pytest.raises(ProviderError, match=f"comput.* in {precision}"):
            open_session(model, provider=name, precision=precision)


def test_every_test_environment_has_two() -> None:
    assert list_installed() == ["openvino", "cpu"]


def test_no_two_have_the_same_rank() -> None:
    ranks = [load_provider(name).rank for name in list_auto()]
    assert len(set(ranks)) == len(ranks) > 5


def test_auto_tries_the_cpu_last_and_what_compiles_for_minutes_never() -> None:
    order = list_auto()
    assert order[0] == "cuda"
    assert order[-1] == "cpu"
    assert "tensorrt" not in order


def test_a_name_that_is_none_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match="cuda"):
        load_provider("cudda")


def test_a_new_one_is_one_new_file(tmp_path: Path) -> None:
    source = (
        "from yolokit.runtime.providers.toolkit.built_in import built_in\n"
        'PROVIDER = built_in("CPUExecutionProvider", rank=0)\n'
    )
    model = save_model(tmp_path / "tiny.onnx")
    with plugged_in(yolokit.runtime.providers, tmp_path / "mine", "mine", source):
        assert "mine" in list_providers()
        assert open_session(model, provider="mine").provider == "mine"
        assert open_session(model).provider == "mine"
    assert open_session(model).provider == "openvino"
