"""Every provider: what its module defines, and the order in which ``auto`` tries them."""

from __future__ import annotations

from pathlib import Path

import pytest

import yolokit.runtime.providers
from tests.contract.test_tasks import plugged_in
from tests.unit.runtime.conftest import save_model
from yolokit.errors import ConfigError
from yolokit.runtime.providers.toolkit import Provider, list_auto, list_providers, load_provider
from yolokit.runtime.session import open_session


@pytest.mark.parametrize("name", list_providers())
def test_it_defines_what_a_provider_defines(name: str) -> None:
    provider = load_provider(name)
    assert isinstance(provider, Provider)
    assert provider.ort_name.endswith("ExecutionProvider")
    assert provider.extra in (None, "cpu", "gpu", "openvino")
    assert all(isinstance(value, str) for value in provider.options(3).values())
    provider.prepare(object())  # a build without what it prepares


def test_no_two_are_the_same() -> None:
    loaded = [load_provider(name) for name in list_providers()]
    assert len({one.ort_name for one in loaded}) == len(loaded) > 5
    ranks = [one.rank for one in loaded if one.rank is not None]
    assert len(set(ranks)) == len(ranks)


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
        "from yolokit.runtime.providers.toolkit import Provider\n"
        'PROVIDER = Provider(ort_name="CPUExecutionProvider", rank=0)\n'
    )
    model = save_model(tmp_path / "tiny.onnx")
    with plugged_in(yolokit.runtime.providers, tmp_path / "mine", "mine", source):
        assert "mine" in list_providers()
        assert open_session(model, provider="mine").provider == "mine"
        assert open_session(model).provider == "mine"
    assert open_session(model).provider == "cpu"
