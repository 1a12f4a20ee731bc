"""Which engines a search tries: those that load here, each tried in a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from yolokit.core.events import Event, Notice
from yolokit.errors import ProviderError
from yolokit.jobs.optimize import workshop
from yolokit.jobs.optimize.config import OptimizeConfig
from yolokit.jobs.optimize.workshop import _list_engines
from yolokit.runtime.probe import Probe

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def crashing(monkeypatch: pytest.MonkeyPatch) -> None:
    def probe(name: str) -> Probe:
        if name == "openvino":
            return Probe(name=name, failure="its library ends the process with SIGSEGV")
        return Probe(name=name, precisions=("fp32",))

    monkeypatch.setattr(workshop, "list_installed", lambda: ["openvino", "cpu"])
    monkeypatch.setattr(workshop, "probe_provider", probe)


def configure(tmp_path: Path, **options: Any) -> OptimizeConfig:
    data = tmp_path / "data.yaml"
    data.touch()
    return OptimizeConfig.build({"weights": "best.pt", "data": data, **options})


@pytest.mark.usefixtures("crashing")
def test_a_provider_whose_library_crashes_is_left_out_and_told(tmp_path: Path) -> None:
    told: list[Event] = []
    engines = list(_list_engines(configure(tmp_path), told.append))
    assert [engine.provider for engine in engines] == ["cpu"]
    (notice,) = told
    assert isinstance(notice, Notice)
    assert "openvino does not load: its library ends the process with SIGSEGV" in notice.message


@pytest.mark.usefixtures("crashing")
def test_one_that_was_asked_for_ends_the_search(tmp_path: Path) -> None:
    config = configure(tmp_path, provider=["openvino"])
    with pytest.raises(ProviderError, match="openvino does not load") as caught:
        list(_list_engines(config, lambda _event: None))
    assert caught.value.hint
