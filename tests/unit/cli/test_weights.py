"""``yolokit weights ...`` as it is called: options, output, exit codes."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loopback.server import Site, serve
from tests.unit.checkpoints.test_reading import write_torch
from tests.unit.hub.conftest import CONTENT, SHA256, Catalog, make_catalog, make_store
from yolokit.checkpoints.lineage import LINEAGE_KEY, encode_lineage
from yolokit.cli import main as cli


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return make_store(tmp_path, monkeypatch)


@pytest.fixture
def catalog(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    catalog = make_catalog(tmp_path, monkeypatch)
    catalog.add("full", urls=["https://h/full.pt"], sha256=SHA256, size_bytes=48_000)
    catalog.add("open", task="segment", family="other", urls=["https://h/open.pt"])
    return catalog


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A mirror that has both files of the catalog."""
    site = Site(files={"/full.pt": CONTENT, "/open.pt": CONTENT})
    with serve(site) as base:
        monkeypatch.setenv("YOLOKIT_WEIGHTS_MIRROR", base)
        yield site


class Run:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: object, code: int = 0) -> list[str]:
        with pytest.raises(SystemExit) as caught:
            cli.main(["weights", *map(str, arguments)])
        self.out, self.err = self._capsys.readouterr()
        assert caught.value.code == code, self.err
        assert "Traceback" not in self.err
        return self.out.splitlines()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], catalog: Catalog) -> Run:
    return Run(capsys)


def test_pull_prints_paths_and_says_the_rest(run: Run, mirror: Site, store: Path) -> None:
    assert run("pull", "full", "open") == [str(store / "full.pt"), str(store / "open.pt")]
    assert run.err.splitlines() == [
        "fetching full from 127.0.0.1 (48.0 kB, CC0-1.0)",
        "full: verified",
        "fetching open from 127.0.0.1 (size not stated, CC0-1.0)",
        "open: unverified, locked now",
    ]
    (line,) = run("pull", "full", "--json", "--offline")
    found = json.loads(line)
    assert found["path"] == str(store / "full.pt")
    assert (found["sha256"], found["status"], found["fetched"]) == (SHA256, "verified", False)


def test_pull_goes_on_after_a_failure(run: Run, mirror: Site, store: Path) -> None:
    assert run("pull", "fulll", "open", "hf://x", code=4) == [str(store / "open.pt")]
    assert "failed: no weights 'fulll'" in run.err
    assert "did you mean 'full'" in run.err
    assert "error: 2 of 3 could not be obtained" in run.err
    assert run("pull", "fulll", code=4) == []
    assert run.err.startswith("error: no weights 'fulll'")


def test_pull_refuses_what_has_no_hash(run: Run, mirror: Site) -> None:
    run("pull", "open", "--require-hash", code=4)
    assert "--require-hash asks for it" in run.err
    assert mirror.requests == []
    run("pull", "full", "--require-hash")


def test_offline(run: Run, mirror: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    run("pull", "full", "--offline", code=4)
    assert "yolokit weights bundle full" in run.err
    monkeypatch.setenv("YOLOKIT_OFFLINE", "1")
    run("bundle", "full", "--out", "w.tar", code=4)
    assert mirror.requests == []


def test_list(run: Run, mirror: Site, store: Path) -> None:
    lines = run("list")
    assert lines[0].split() == ["name", "task", "family", "trained", "on", "size", "hash",
                                "installed"]  # fmt: skip
    assert lines[2].split() == ["full", "detect", "test", "coco", "48.0", "kB", "full", "-"]
    assert lines[3].split() == ["open", "segment", "other", "coco", "-", "none", "-"]
    run("pull", "open")
    (line,) = run("list", "--installed", "--task", "segment", "--family", "other", "--json")
    assert json.loads(line) == {
        "name": "open", "file": "open.pt", "task": "segment", "family": "other",
        "trained_on": "coco", "license": "CC0-1.0", "size_bytes": 48_000, "hash": "locked",
        "installed": True,
    }  # fmt: skip
    run("list", "--task", "segmnt", code=2)
    assert "did you mean 'segment'" in run.err


def test_info(run: Run, mirror: Site, store: Path) -> None:
    facts = dict(line.split("  ", 1) for line in run("info", "full"))
    assert {key: value.strip() for key, value in facts.items()} == {
        "name": "full", "file": "full.pt", "task": "detect", "family": "test", "scale": "-",
        "saved by": "-", "descends from": "-", "trained on": "coco", "license": "CC0-1.0",
        "published at": "https://h/full.pt",
        "size bytes": "48000", "sha256 known": SHA256, "hash source": "-",
        "installed": "-", "sha256 here": "-", "state": "not here",
    }  # fmt: skip
    run("pull", "full")
    (line,) = run("info", store / "full.pt", "--json")
    assert json.loads(line)["installed"] == str(store / "full.pt")
    assert json.loads(line)["published_at"] == ["https://h/full.pt"]
    assert json.loads(line)["state"] == "ok: as the catalog says"
    assert json.loads(line)["descends_from"] is None
    assert json.loads(line)["saved_by"].startswith("no run that is known")
    run("info", "ful", code=4)


@pytest.mark.parametrize(("ancestors", "shown"), [([SHA256], SHA256), ([], "nothing: its run")])
def test_info_says_where_a_checkpoint_comes_from_and_who_says_so(
    run: Run, tmp_path: Path, ancestors: list[str], shown: str
) -> None:
    stated = encode_lineage("a" * 32, ancestors)
    path = write_torch(tmp_path / "best.pt", pickle.dumps({LINEAGE_KEY: stated}))
    facts = dict(line.split("  ", 1) for line in run("info", path))
    assert facts["saved by"].strip() == (
        f"run {'a' * 32}: the file itself says so, and no run.json beside it states its hash"
    )
    assert facts["descends from"].strip().startswith(shown)
    (line,) = run("info", path, "--json")
    assert json.loads(line)["descends_from"] == ancestors


def test_verify_says_what_is_missing(run: Run, mirror: Site, store: Path) -> None:
    assert run("verify") == []
    assert run.err == f"there are no weights in {store}\n"
    run("pull", "full", "open")
    (store / "open.pt").unlink()
    run("verify")
    assert run.err == "not here, but in weights.lock: open.pt (`yolokit weights pull NAME`)\n"
    run("verify", "full")
    assert run.err == ""


def test_info_says_who_states_the_hash(run: Run, mirror: Site) -> None:
    run("pull", "open")
    (line,) = run("info", "open", "--json")
    assert json.loads(line)["hash_source"] == "weights.lock (first use)"


def test_a_name_that_is_a_family(run: Run) -> None:
    run("pull", "other", code=4)
    assert "other is a family: `yolokit weights list --family other` shows its names" in run.err


def test_the_list_of_commands_has_no_cut_sentences(run: Run) -> None:
    lines = run("--help")
    commands = lines[lines.index("Commands:") + 1 :]
    assert commands
    assert not [line for line in commands if line.endswith("...")]


def test_a_published_file_that_is_not_here_is_pulled_not_guessed(
    run: Run, mirror: Site, store: Path
) -> None:
    run("pull", "full")
    run("verify", "open", code=4)
    assert "hint: `yolokit weights pull open` fetches it" in run.err


def test_verify(run: Run, mirror: Site, store: Path) -> None:
    assert run("verify") == []
    run("pull", "full", "open")
    (store / "mine.pt").write_bytes(b"mine")
    rows = run("verify")[2:]
    assert [row.split()[:2] for row in rows] == [
        ["full.pt", "ok"], ["mine.pt", "not"], ["open.pt", "ok"],
    ]  # fmt: skip
    (store / "open.pt").write_bytes(b"spoiled")
    rows = run("verify", code=4)
    assert len(rows) == 5, "all are listed, also where one differs"
    assert "error: not what they must be: open.pt" in run.err
    (line,) = run("verify", "open", "--json", code=4)
    assert json.loads(line)["state"] == "differs"
    run("verify", "full")


def test_where(run: Run, store: Path) -> None:
    assert run("where") == [str(store)]


def test_bundle_and_import(
    run: Run, mirror: Site, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "w.tar"
    assert run("bundle", "full", "open", "--out", out) == [str(out)]
    run("bundle", "full", "--out", out, code=2)
    assert "already exists" in run.err
    run("bundle", "full", "open", "--out", out, "--overwrite", "--offline")
    monkeypatch.setenv("YOLOKIT_HOME", str(tmp_path / "home"))
    paths = [tmp_path / "home" / "weights" / name for name in ("full.pt", "open.pt")]
    assert run("import", out) == [str(path) for path in paths]
    assert "open.pt: unverified, locked now" in run.err
    lines = run("import", out, "--json")
    assert [json.loads(line)["was_there"] for line in lines] == [True, True]
    run("pull", "open", "--offline", "--require-hash")
    out.write_bytes(b"rubbish")
    run("import", out, code=4)


def test_a_bar_for_bytes(
    run: Run, mirror: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    run("pull", "full")
    assert "/48.0 kB" in run.err, run.err


def test_weights_that_nobody_publishes(run: Run) -> None:
    run("pull", "yolov6n", code=4)
    assert "ultralytics publishes no weights of YOLOv6" in run.err
