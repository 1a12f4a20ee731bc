"""The chain of a file, whole and broken at each of its links."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.unit.train.report.runs import make_folder
from yolokit.checkpoints.lineage import WeightsRecord
from yolokit.cli.main import main
from yolokit.errors import ConfigError, TrainError
from yolokit.files.digest import sha256_file
from yolokit.jobs.runs.lineage import trace_lineage
from yolokit.train.record import write_record

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """Two runs: ``second`` started from ``first/best.pt``, which started from ``start.pt``."""
    start = tmp_path / "start.pt"
    start.write_bytes(b"start")
    for name in ("first", "second"):
        folder = tmp_path / name
        record = make_folder(folder)
        (folder / "best.pt").write_bytes(name.encode())
        digest = sha256_file(start)
        record.weights = WeightsRecord(path=str(start), sha256=digest, chain=[digest])
        record.outputs = {"best.pt": sha256_file(folder / "best.pt")}
        write_record(record, folder)
        start = folder / "best.pt"
    return tmp_path


def test_a_whole_chain(chain: Path) -> None:
    links = trace_lineage(chain / "second" / "best.pt")
    assert [(link.kind, link.path) for link in links] == [
        ("checkpoint", str(chain / "second" / "best.pt")),
        ("run", str(chain / "second")),
        ("checkpoint", str(chain / "first" / "best.pt")),
        ("run", str(chain / "first")),
        ("weights", str(chain / "start.pt")),
    ]
    assert [link.problems for link in links[:4]] == [[]] * 4
    assert links[1].facts["data sha256"] == "ab" * 32
    assert links[1].facts["seed"] == "0"
    assert links[4].problems == ["no run is known to have made it"]
    assert trace_lineage(chain / "second") == links[1:]


def test_a_parent_that_was_changed(chain: Path) -> None:
    (chain / "first" / "best.pt").write_bytes(b"other")
    last = trace_lineage(chain / "second")[-1]
    assert last.path == str(chain / "first" / "best.pt")
    assert last.problems[0].startswith("the file was changed since: it has the hash ")


def test_a_parent_that_is_gone(chain: Path) -> None:
    (chain / "first" / "best.pt").unlink()
    last = trace_lineage(chain / "second")[-1]
    assert last.problems == ["the file is not there any more; the run's record has its hash"]


def test_a_checkpoint_that_is_not_that_of_the_record(chain: Path) -> None:
    stated = sha256_file(chain / "second" / "best.pt")
    (chain / "second" / "best.pt").write_bytes(b"other")
    (link,) = trace_lineage(chain / "second" / "best.pt")
    assert link.problems == [f"run.json beside it states another hash of best.pt: {stated}"]


def test_what_is_not_there_and_what_is_not_a_run(chain: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        trace_lineage(chain / "third.pt")
    with pytest.raises(TrainError, match="is not a run"):
        trace_lineage(chain)


def test_in_words_and_as_json(chain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (chain / "first" / "best.pt").unlink()
    for options in ([], ["--json"]):
        with pytest.raises(SystemExit) as ended:
            main(["runs", "lineage", str(chain / "second"), *options])
        assert ended.value.code == 0
    words, _, rest = capsys.readouterr().out.partition('{"kind"')
    assert "problem" in words
    assert "is not there any more" in words
    links = [json.loads(line) for line in ('{"kind"' + rest).splitlines()]
    assert [link["kind"] for link in links] == ["run", "weights"]
