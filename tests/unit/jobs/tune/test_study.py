"""Trials are claimed by one process at a time, and none is lost with its process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.samples.searches import SPACE, make_search
from yolokit.jobs.tune.study import JOURNAL, Outcome, Study, Trial, cut_torn_line

DONE = Outcome(state="complete", score=0.5, epochs=4, seconds=8.0)


def claim(study: Study, wanted: int | None = None) -> Trial:
    trial = study.claim(wanted)
    assert trial is not None
    return trial


def test_the_first_trial_has_the_users_own_values(tmp_path: Path) -> None:
    with Study(tmp_path, make_search(mosaic=0.25)) as study:
        first, second = claim(study), claim(study)
    assert (first.number, first.state) == (1, "running")
    assert first.values == {"mosaic": 0.25, "nbs": 64, "box_loss": "ciou"}, "lr is left to auto"
    assert (second.number, set(second.values)) == (2, set(SPACE))
    assert all(SPACE[name].contains(value) for name, value in second.values.items())


def test_a_search_that_is_gone_on_with_takes_the_values_it_would_have(tmp_path: Path) -> None:
    taken = []
    for folder, parts in ((tmp_path / "a", [12]), (tmp_path / "b", [3, 5, 4])):
        folder.mkdir()
        values = []
        for count in parts:
            with Study(folder, make_search()) as study:
                for _ in range(count):
                    trial = claim(study)
                    values.append(trial.values)
                    score = float(trial.values.get("lr", 0.001))
                    study.close(trial.number, Outcome(state="complete", score=score))
        taken.append(values)
    assert taken[0] == taken[1]


def test_two_processes_share_the_trials(tmp_path: Path) -> None:
    with Study(tmp_path, make_search()) as one, Study(tmp_path, make_search()) as other:
        numbers = [claim(one, 3).number, claim(other, 3).number, claim(one, 3).number]
        assert numbers == [1, 2, 3]
        assert other.claim(3) is None
        one.close(1, DONE)
        assert [each.state for each in other.list_trials()] == ["complete", "running", "running"]
        assert other.list_trials()[0].score == 0.5
        assert claim(other, 4).number == 4


def test_the_trial_of_a_process_that_ended_goes_to_the_next(tmp_path: Path) -> None:
    with Study(tmp_path, make_search()) as study:
        claim(study)
        left = claim(study)
    with Study(tmp_path, make_search()) as study:
        first, second = claim(study, 2), claim(study, 2)
        assert first.number == 1
        assert second == left
        assert study.claim(2) is None
        study.close(2, DONE)
        assert study.list_trials()[1].state == "complete"


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.samples.searches import make_search
from yolokit.jobs.tune.study import Study
with Study(Path({folder!r}), make_search()) as study:
    study.claim(9)
    study.claim(9)
    print("claimed", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_trial_of_a_process_that_was_killed_goes_to_the_next(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[4])
    code = KILLED.format(root=root, folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "claimed\n", done.stderr
    assert list(tmp_path.glob(".worker-*.lock")), "its lock stays, and nobody holds it"
    with Study(tmp_path, make_search()) as study:
        assert [claim(study).number for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize("torn", [b'{"op_code": 4, "worker', b'{"a": 1}'])
def test_a_line_that_a_kill_cut_short_spoils_nothing(tmp_path: Path, torn: bytes) -> None:
    with Study(tmp_path, make_search()) as study:
        study.close(claim(study).number, DONE)
    with (tmp_path / JOURNAL).open("ab") as stream:
        stream.write(torn)
    for number in (2, 3):
        with Study(tmp_path, make_search()) as study:
            assert claim(study).number == number
            study.close(number, DONE)
    assert torn not in (tmp_path / JOURNAL).read_bytes()


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"", b""), (b"a\n", b"a\n"), (b"a\nb", b"a\n"), (b"a", b"")],
)
def test_only_the_torn_line_is_cut(tmp_path: Path, before: bytes, after: bytes) -> None:
    path = tmp_path / "journal"
    path.write_bytes(before)
    cut_torn_line(path)
    assert path.read_bytes() == after


def fill(study: Study, scores: list[float]) -> None:
    for score in scores:
        trial = claim(study)
        for epoch in range(1, 5):
            study.report(trial.number, epoch, score * epoch)
        study.close(trial.number, Outcome(state="complete", score=score * 4))


def test_a_trial_below_the_median_is_to_be_ended_once_there_are_enough(tmp_path: Path) -> None:
    with Study(tmp_path, make_search()) as study:
        fill(study, [0.1, 0.2, 0.3])
        early = claim(study)
        assert not study.report(early.number, 2, 0.01), "three trials have no median yet"
        study.close(early.number, Outcome(state="complete", score=0.4))
        bad, good = claim(study), claim(study)
        assert not study.report(bad.number, 1, 0.01), "a quarter of the epochs says little"
        assert study.report(bad.number, 2, 0.02)
        assert not study.report(good.number, 2, 0.9)
        study.close(bad.number, Outcome(state="pruned", score=0.02, why="bad"))
        assert study.list_trials()[4].state == "pruned"
        assert study.list_trials()[4].why == "bad"


def test_nothing_is_ended_where_that_is_not_wanted(tmp_path: Path) -> None:
    with Study(tmp_path, make_search(), prunes=False) as study:
        fill(study, [0.1, 0.2, 0.3, 0.4])
        assert not study.report(claim(study).number, 2, 0.0)


def test_what_decided_weighs_most(tmp_path: Path) -> None:
    with Study(tmp_path, make_search()) as study:
        assert study.weigh() == {}
        for _ in range(40):
            trial = claim(study)
            score = float(trial.values["mosaic"])
            study.close(trial.number, Outcome(state="complete", score=score))
        weighed = study.weigh()
    assert set(weighed) == set(SPACE)
    assert max(weighed, key=lambda name: weighed[name]) == "mosaic"
    assert sum(weighed.values()) == pytest.approx(1)
