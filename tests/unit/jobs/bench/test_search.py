"""What is tried and compared, with engines whose speed and results are made up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

import pytest

from tests.unit.runtime.conftest import save_model
from yolokit.core.events import Progress
from yolokit.errors import InferenceError, ProviderError
from yolokit.jobs.bench import search as module
from yolokit.jobs.bench.config import BenchConfig
from yolokit.jobs.bench.proof import Reference, choose_pictures
from yolokit.jobs.bench.search import Search
from yolokit.runtime.probe import Probe
from yolokit.runtime.providers.toolkit import list_providers
from yolokit.runtime.run_ahead import Stop
from yolokit.runtime.timing.orders import Flowed, Measured, Opened

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from yolokit.core.events import Event
    from yolokit.runtime.timing.orders import TimingSpec

    MakeSearch = Callable[..., tuple[Search, list[Event]]]

# ms a run with one thread
SPEED = {"cpu fp32": 20.0, "openvino fp32": 10.0, "openvino bf16": 5.0, "coreml fp32": 1.0}


class FakeModel:
    """A model in no process; ``coreml`` computes wrong."""

    reference: Reference
    pictures: tuple[str, ...]
    broken: str = ""
    opened_specs: list[TimingSpec] = []  # noqa: RUF012 - of all of them together

    def __init__(self, spec: TimingSpec, *, open_limit_s: float, variables: dict[str, str]) -> None:
        assert open_limit_s >= 5
        assert "YOLOKIT_HOME" in variables
        if spec.provider == self.broken:
            raise ProviderError(f"{spec.provider} has no luck")
        self.spec = spec
        self.start_s = 0.5
        self.opened = Opened(
            provider=spec.provider, threads=spec.threads or 1, open_s=0.1, first_ms=100.0
        )
        self.opened_specs.append(spec)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def compute(self) -> list[Any]:
        spoil = 1.1 if self.spec.provider == "coreml" else 1.0
        return [
            (at, {name: array * spoil for name, array in sample.trained.items()})
            for at, sample in enumerate(self.reference._samples)
        ]

    def flow(self, seconds: float) -> Flowed:
        assert seconds > 0
        return Flowed(round(1000 / self._ms() * self.spec.batch), 1.0)

    def _ms(self) -> float:
        return SPEED[f"{self.spec.provider} {self.spec.precision}"] / (self.spec.threads or 1)

    def measure(self, **_limits: Any) -> Measured:
        return Measured((self._ms() * self.spec.batch,) * 2, 100)


@pytest.fixture
def make_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeSearch:
    has = {"cpu": ("fp32",), "openvino": ("fp32", "bf16")}

    def load(name: str) -> Any:
        return SimpleNamespace(how_to_install=lambda: f"get {name}")

    def probe(name: str) -> Probe:
        failure = None if has[name] else "its library ends the process with SIGSEGV"
        return Probe(name=name, precisions=has[name], failure=failure)

    monkeypatch.setattr(module, "TimedModel", FakeModel)
    monkeypatch.setattr(module, "list_installed", lambda: list(has))
    monkeypatch.setattr(module, "list_auto", lambda: ["cuda", "cpu", "openvino"])
    monkeypatch.setattr(module, "load_provider", load)
    monkeypatch.setattr(module, "probe_provider", probe)
    monkeypatch.setattr(module, "usable_cores", lambda: 4)
    monkeypatch.setattr(FakeModel, "opened_specs", [])

    def make(
        stop: Stop | None = None,
        batch: Any = 1,
        more: Any = (),
        budget_s: float = 60,
        **options: Any,
    ) -> tuple[Search, list[Event]]:
        has.update(more)
        path = save_model(tmp_path / "m.onnx", input_shape=(batch, 3, 64, 64))
        reference = Reference(path, choose_pictures([]))
        monkeypatch.setattr(FakeModel, "reference", reference, raising=False)
        events: list[Event] = []
        search = Search(
            BenchConfig.build({"model": str(path), **options}),
            reference, choose_pictures([]), tmp_path, budget_s, events.append, stop or Stop(),
        )  # fmt: skip
        search.run()
        return search, events

    return make


def names(search: Search, *, compared: bool) -> list[str]:
    return [
        f"{one.combination.engine} {one.combination.threads}x{one.combination.batch}"
        for one in search.rows
        if bool(one.rounds) == compared
    ]


def test_the_best_of_each_engine_are_compared_with_the_default(make_search: MakeSearch) -> None:
    search, events = make_search(rounds=2)
    assert search.is_complete
    assert names(search, compared=True) == [
        "openvino bf16 4x1", "openvino fp32 4x1", "cpu fp32 4x1"
    ]  # fmt: skip
    assert len(names(search, compared=False)) == 6, "1 and 2 threads of each"
    default = search.find_default()
    assert default is not None
    assert (default.combination.engine, default.speedup) == ("cpu fp32", 1.0)
    fastest = search.rows[0]
    assert (fastest.speedup, fastest.rounds, fastest.runs) == (4.0, 2, 4)
    assert (fastest.first_start_s, fastest.start_s) == (0.6, 0.6)
    turns = [one for one in events if isinstance(one, Progress) and one.what == "comparing"]
    assert [(one.done, one.total) for one in turns] == [(0, 2), (1, 2)]


def test_what_computes_wrong_is_marked_and_not_tried_further(make_search: MakeSearch) -> None:
    search, _ = make_search(more={"coreml": ("fp32",)})
    wrong = [one for one in search.rows if one.check.verdict == "wrong"]
    assert [one.combination.engine for one in wrong] == ["coreml fp32"]
    assert not wrong[0].is_proved
    assert "apart" in wrong[0].check.problem or "differ" in wrong[0].check.problem


def test_batches_are_tried_where_the_file_leaves_them_open(make_search: MakeSearch) -> None:
    search, _ = make_search(batch="batch")
    assert names(search, compared=True)[-2:] == ["openvino bf16 4x4", "openvino bf16 4x8"]
    search, _ = make_search(batch=2)
    assert {one.combination.batch for one in search.rows} == {2}


def test_what_is_asked_for_is_tried_and_nothing_else(make_search: MakeSearch) -> None:
    search, _ = make_search(
        providers=["openvino", "cuda"], precisions=["bf16", "fp16"], threads=[1, 3]
    )
    assert {one.combination.engine for one in search.rows} == {"openvino bf16"}
    assert sorted(one.combination.threads for one in search.rows) == [1, 3]
    assert [(one.what, one.why) for one in search.left_out] == [
        ("openvino fp16", "it does not compute in that here"),
        ("cuda", "is not installed: get cuda"),
    ]
    assert search.find_default() is None


def test_the_default_is_what_predict_takes_or_unknown(make_search: MakeSearch) -> None:
    assert make_search(providers=["cpu"])[0].find_default() is not None
    assert make_search(providers=["openvino"])[0].find_default() is None
    assert make_search(threads=[1])[0].find_default() is None
    assert make_search(precisions=["bf16"])[0].find_default() is None


def test_nothing_stands_in_for_a_default_that_there_was_no_time_for(
    make_search: MakeSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``predict`` takes OpenVINO here by itself: the CPU is no default, and not its best."""
    monkeypatch.setattr(module, "list_auto", lambda: ["openvino", "cpu"])
    search, _ = make_search(budget_s=0.6)  # opening what was tried once more takes all of it
    assert {one.combination.engine for one in search.rows} == {"cpu fp32"}
    assert search.find_default() is None
    assert search.default_is_untried
    search, _ = make_search()
    assert not search.default_is_untried
    monkeypatch.setattr(FakeModel, "broken", "openvino")
    search, _ = make_search()
    assert not search.default_is_untried, "predict too goes on to the CPU"


def test_a_quick_one_leaves_threads_and_batches(make_search: MakeSearch) -> None:
    search, _ = make_search(batch="batch", quick=True)
    assert {(one.combination.threads, one.combination.batch) for one in search.rows} == {(4, 1)}


def test_what_does_not_open_is_left_out_with_the_reason(
    make_search: MakeSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeModel, "broken", "openvino")
    search, _ = make_search()
    assert {one.combination.engine for one in search.rows} == {"cpu fp32"}
    told = {one.what: one.why for one in search.left_out}
    assert told["openvino bf16 with 4 threads"] == "openvino has no luck"
    [absent] = [what for what, why in told.items() if why.startswith("not installed")]
    assert set(absent.split(", ")) == {*list_providers()} - {"cpu", "openvino"}


def test_a_stop_keeps_what_is_done(
    make_search: MakeSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = Stop()
    original = FakeModel.measure

    def measure(self: FakeModel, **limits: Any) -> Measured:
        stop.request()
        return original(self, **limits)

    monkeypatch.setattr(FakeModel, "measure", measure)
    search, _ = make_search(stop)
    assert len(search.rows) == 1
    assert not search.is_complete
    assert ("openvino fp32 with 4 threads", "not tried: stopped") in [
        (one.what, one.why) for one in search.left_out
    ]


def test_no_time_left_is_told(make_search: MakeSearch) -> None:
    search, _ = make_search(budget_s=0)
    assert not search.rows
    assert {one.why for one in search.left_out if "thread" in one.what} == {
        "not tried: no time was left"
    }


def test_an_engine_that_fails_in_the_comparison_ends_it(
    make_search: MakeSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any, **_options: Any) -> Any:
        raise InferenceError("gone")

    monkeypatch.setattr(module, "take_turns", fail)
    search, events = make_search()
    assert not search.is_complete
    assert search.rows
    assert "the comparison ended early: gone" in [getattr(one, "message", "") for one in events]


def test_a_provider_whose_library_crashes_is_left_out(make_search: MakeSearch) -> None:
    search, _ = make_search(more={"openvino": ()})
    assert {row.combination.provider for row in search.rows} == {"cpu"}
    why = {one.what: one.why for one in search.left_out}
    assert why["openvino"] == "does not load: its library ends the process with SIGSEGV"
