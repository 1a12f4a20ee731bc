"""A search from its start to its end, on a machine that takes no time."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import pytest

from tests.samples.optimizing import FIGURES, TRAINED_MAP, FakeSearch, Figures
from yolokit.errors import (
    BudgetError,
    ConfigError,
    ExportError,
    JobCancelledError,
    OutputExistsError,
)
from yolokit.jobs.optimize.candidates import Outcome
from yolokit.jobs.optimize.job import OptimizeResult, require_winner
from yolokit.jobs.optimize.record import read_outcomes

FAST_INT8: Figures = FIGURES | {
    "int8.cpu-fp32": (2.2, 0.43),
    "int8-minmax.cpu-fp32": (2.2, 0.452),
    "int8-entropy.cpu-fp32": (2.2, 0.40),
}


def test_the_winner_is_published_and_everything_is_told(tmp_path: Path) -> None:
    search = FakeSearch(tmp_path)
    result = search.run(min_speedup=1.5)
    require_winner(result)
    assert result.model is not None
    assert result.model.read_text() == "fp32.openvino-bf16"
    assert search.told[:2] == [
        "trained model: mAP50-95 0.4600 on val",
        "11 candidates to try, up to 25 if 8-bit numbers pay",
    ]
    assert "fp32 on openvino bf16: 1.80x, 2.78 ms, mAP50-95 -0.0030" in search.told
    assert any("no suitable implementations" in one for one in search.told)
    names = {one.name for one in search.folder.iterdir()}
    assert names == {
        "search.json", "trained.json", "candidates", "models", "best.onnx", "report.html",
    }  # fmt: skip
    assert len(read_outcomes(search.folder)) == 11


def test_the_same_command_repeats_nothing(tmp_path: Path) -> None:
    FakeSearch(tmp_path).run()
    again = FakeSearch(tmp_path)
    result = again.run()
    assert [one for one in again.shop.asked if not one.startswith("p")] == []
    assert len(result.ranking.places) + len(result.ranking.others) == 11
    assert "11 are known from before" in again.told[1]


def test_other_limits_take_what_was_measured(tmp_path: Path) -> None:
    first = FakeSearch(tmp_path).run(max_map_drop=0.05)
    again = FakeSearch(tmp_path)
    second = again.run(max_map_drop=0.0005)
    assert not [one for one in again.shop.asked if one.startswith(("time", "score", "trained"))]
    assert first.published is not None
    assert second.ranking.winner is not None
    assert second.ranking.winner.candidate.key == "fp32.openvino-fp32"


def test_where_nothing_keeps_the_limits_it_says_how_near_they_came(tmp_path: Path) -> None:
    FakeSearch(tmp_path).run()
    search = FakeSearch(tmp_path)
    result = search.run(min_speedup=2.5)
    assert result.published is None
    assert search.shop.withdrawn == 1
    assert not (search.folder / "best.onnx").exists(), "it was published under other limits"
    with pytest.raises(BudgetError) as raised:
        require_winner(result)
    assert str(raised.value).splitlines() == [
        (
            "no candidate keeps the limits (at most 0.01 mAP50-95 lost, at least 2.5x as fast); "
            "nothing was published"
        ),
        (
            "  - the fastest that loses no more than 0.01 mAP50-95: fp32 on openvino bf16, 1.80x, "
            "2.78 ms, mAP50-95 -0.0030"
        ),
    ]
    assert raised.value.exit_code == 5
    assert result.report.is_file()


def test_a_candidate_with_wrong_outputs_never_wins(tmp_path: Path) -> None:
    result = FakeSearch(tmp_path, FIGURES | {"int8.cpu-fp32": (50.0, 0.01)}).run()
    assert result.ranking.winner is not None
    assert result.ranking.winner.candidate.key == "fp32.openvino-bf16"


def test_where_a_gate_refuses_the_winner_the_next_best_is_published(tmp_path: Path) -> None:
    search = FakeSearch(tmp_path)
    search.refused = ("fp32.openvino-bf16",)
    result = search.run()
    assert result.published is not None
    assert result.published.candidate.key == "fp32.openvino-fp32"
    place = result.ranking.places[0]
    assert place.misses == ("it was refused: the exported model does not equal the trained one",)
    search.refused = ("fp32.openvino-bf16",)
    failed = search.run(min_speedup=1.5)
    assert failed.published is None
    with pytest.raises(BudgetError, match="fp32 on openvino bf16 was refused: the exported"):
        require_winner(failed)


STEPS = range(0, 31, 4)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> OptimizeResult:
    search = FakeSearch(tmp_path_factory.mktemp("whole"), FAST_INT8)
    result = search.run()
    assert len(search.shop.asked) > max(STEPS)
    return result


@pytest.mark.parametrize("step", STEPS)
def test_a_search_that_was_killed_goes_on_and_comes_to_the_same_end(
    tmp_path: Path, step: int, whole: OptimizeResult
) -> None:
    cut = FakeSearch(tmp_path / "cut", FAST_INT8)
    left = iter(range(step))

    def kill(_what: str) -> None:
        if next(left, None) is None:
            raise SystemExit(9)  # as a kill: nothing of ours catches it

    cut.on_ask = kill
    with pytest.raises(SystemExit):
        cut.run()
    before = cut.shop.asked[:-1]
    assert not (cut.folder / "best.onnx").exists()
    done = {one.candidate.key for one in read_outcomes(cut.folder).values()}
    cut.on_ask = lambda _what: None
    result = cut.run()
    assert result.ranking.winner is not None
    assert whole.ranking.winner is not None
    assert result.ranking.winner.candidate == whole.ranking.winner.candidate
    assert [one.candidate for one in result.ranking.places] == [
        one.candidate for one in whole.ranking.places
    ]
    repeated = {one.removeprefix("time ") for one in cut.shop.asked if one.startswith("time ")}
    assert not repeated & done
    assert len(before) == step


def test_an_interrupt_says_that_the_same_command_goes_on(tmp_path: Path) -> None:
    search = FakeSearch(tmp_path)

    def interrupt(what: str) -> None:
        if what.startswith("score int8"):
            raise KeyboardInterrupt

    search.on_ask = interrupt
    with pytest.raises(JobCancelledError, match="interrupted") as raised:
        search.run()
    assert raised.value.hint == "the same command goes on, and repeats nothing"


def test_a_time_limit_ends_the_search_with_what_is_known(tmp_path: Path) -> None:
    search = FakeSearch(tmp_path)
    result = search.run(budget_minutes=1e-9)
    assert "the time is over: no further candidate is tried" in search.told
    assert [one.candidate.key for one in result.ranking.places] == ["fp32.cpu-fp32"]
    assert result.published is not None


def test_a_large_val_is_looked_at_in_part_first(tmp_path: Path) -> None:
    figures = FIGURES | {"int8.cpu-fp32": (1.2, 0.2)}
    search = FakeSearch(tmp_path, figures, has_part=True)
    search.run()
    asked = search.shop.asked
    assert "score int8.cpu-fp32 part" in asked
    assert "score int8.cpu-fp32" not in asked, "it is hopeless"
    assert "score fp32.openvino-bf16" in asked
    assert "score fp16.cpu-fp32 part" not in asked, "it is slower than its parent"
    assert "score fp16.cpu-fp32" not in asked


def test_what_was_hopeless_is_tried_again_where_more_may_be_lost(tmp_path: Path) -> None:
    figures = FIGURES | {"int8.cpu-fp32": (3, 0.2)}
    FakeSearch(tmp_path, figures, has_part=True).run()
    again = FakeSearch(tmp_path, figures, has_part=True)
    result = again.run(max_map_drop=0.3)
    assert "score int8.cpu-fp32" in again.shop.asked
    assert result.ranking.winner is not None
    assert result.ranking.winner.candidate.key == "int8.cpu-fp32"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"weights_sha256": "f" * 64}, "weights: are another file"),
        ({"data_sha256": "f" * 64}, "data: has other classes, images or labels"),
        ({"images_sha256": "f" * 64}, "data: has other images in val"),
        ({"machine": "another"}, "machine: another, where it began with a CPU, 2 cores"),
        ({"imgsz": 320}, "imgsz: 320, where it began with nothing"),
    ],
)
def test_another_search_in_the_folder_is_refused(
    tmp_path: Path, changes: dict[str, object], told: str
) -> None:
    FakeSearch(tmp_path).run()
    search = FakeSearch(tmp_path)
    search.changes = changes
    with pytest.raises(ConfigError) as raised:
        search.run()
    assert raised.value.problems == (told,)


def test_another_version_is_told_and_goes_on(tmp_path: Path) -> None:
    FakeSearch(tmp_path).run()
    search = FakeSearch(tmp_path)
    search.changes = {"versions": {"onnxruntime": "1.33"}}
    search.run()
    assert search.told[0].startswith("note: this search began with onnxruntime 1.32")


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "mine.txt").write_text("x")
    with pytest.raises(OutputExistsError, match="is not a search"):
        FakeSearch(tmp_path).run()


def test_two_at_once_would_spoil_each_others_timing(tmp_path: Path) -> None:
    first, second = FakeSearch(tmp_path), FakeSearch(tmp_path)
    errors: list[BaseException] = []

    def run_second(what: str) -> None:
        if what == "make fp32" and not errors:
            thread = threading.Thread(target=attempt)
            thread.start()
            thread.join()

    def attempt() -> None:
        try:
            second.run()
        except ConfigError as error:
            errors.append(error)

    first.on_ask = run_second
    first.run()
    assert "another process is searching in" in str(errors[0])


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    search = FakeSearch(tmp_path)
    search.run()
    path = search.folder / "candidates" / "fp32.cpu-fp32.json"
    path.write_text("{")
    with pytest.raises(ExportError, match="is not readable") as raised:
        search.run()
    assert raised.value.hint == "remove this file: it is measured again"
    path.unlink()
    search.run()
    assert "time fp32.cpu-fp32" in search.shop.asked


def test_a_record_says_what_was_measured(tmp_path: Path) -> None:
    search = FakeSearch(tmp_path)
    search.run()
    content = (search.folder / "candidates" / "fp32.openvino-bf16.json").read_bytes()
    found = msgspec.json.decode(content, type=Outcome)
    assert found.latency is not None
    assert found.score is not None
    assert found.latency.speedups == (1.8 * 0.98, 1.8, 1.8 * 1.02)
    assert found.score.map50_95 == 0.457
    assert found.size_bytes == 4000
    assert TRAINED_MAP - found.score.map50_95 < 0.01
