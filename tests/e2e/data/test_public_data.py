"""The commands for public data sets, with their true addresses led to this machine."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import run_yolokit
from tests.loopback import public_sets
from tests.loopback.proxy import Web, serve_web
from tests.unit.hub.conftest import make_store
from yolokit.hub.catalog import load_card
from yolokit.hub.lockfile import read_lock

LOCK = "datasets.lock"
BCCD_URL = load_card("bccd").archives[0].urls[0]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_store(tmp_path, monkeypatch)
    store = tmp_path / "datasets"
    store.mkdir()
    return store


@pytest.fixture
def web(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    with serve_web(tmp_path) as web:
        for name, value in web.environment.items():
            monkeypatch.setenv(name, value)
        yield web


def names(folder: Path) -> set[str]:
    """Return what a folder holds beside locks of processes."""
    return {one.name for one in folder.iterdir() if not one.name.endswith(".lock.lock")}


def left_in_archives(store: Path) -> set[str]:
    folder = store / ".archives"
    if not folder.is_dir():
        return set()
    return {one.name for one in folder.iterdir() if not one.name.endswith(".lock")}


def test_every_command_with_the_cards_own_addresses(web: Web, store: Path, tmp_path: Path) -> None:
    (content,) = public_sets.coco128_seg().values()
    assert (
        web.publish_github("v0.0.0", "coco128-seg.zip", content)
        == (load_card("coco128-seg").archives[0].urls[0])
    )
    web.publish(BCCD_URL, public_sets.bccd()["bccd.zip"])

    def run(*words: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        return run_yolokit("data", *words, cwd=tmp_path, code=code)

    assert "coco128-seg" in run("list", "--task", "segment").stdout
    assert BCCD_URL in run("info", "bccd").stdout
    done = run("get", "coco128-seg")
    assert "coco128-seg: the first 128 images" in done.stderr
    assert "1 archive, about 7.0 MB; terms: images: various Creative Commons" in done.stderr
    assert "coco128-seg.zip: unverified, locked now" in done.stderr
    assert done.stdout.splitlines()[-1] == str(store / "coco128-seg")
    assert "10 annotations in = 10 kept" in done.stdout
    again = run("get", "coco128-seg")
    assert again.stdout == f"{store / 'coco128-seg'}\n"
    assert "is there already" in again.stderr
    assert json.loads(run("get", "bccd", "--task", "detect", "--json").stdout)["out"] == str(
        store / "bccd"
    )
    assert names(store) == {".archives", LOCK, "coco128-seg", "bccd"}
    assert left_in_archives(store) == set()
    assert read_lock(store, LOCK).keys() == {"bccd.zip", "coco128-seg.zip"}
    run("get", "bccd", "--require-hash", "--overwrite")
    facts = json.loads(run("info", "bccd", "--json").stdout)
    assert facts["here"] is True
    assert facts["archives"][0]["hash_source"] == f"{LOCK} (first use)"
    listed = run("list", "--installed", "--json").stdout.splitlines()
    assert [json.loads(line)["name"] for line in listed] == ["bccd", "coco128-seg"]


def test_a_wrong_hash_is_refused(web: Web, store: Path, tmp_path: Path) -> None:
    size = load_card("coco8").archives[0].size_bytes
    assert size is not None
    web.publish_github("v0.0.0", "coco8.zip", b"x" * size)
    done = run_yolokit("data", "get", "coco8", cwd=tmp_path, code=3)
    assert "coco8.zip could not be fetched" in done.stderr
    assert "has the wrong content: sha256" in done.stderr
    assert "YOLOKIT_DATA_MIRROR" in done.stderr
    assert names(store) <= {".archives"}
    assert left_in_archives(store) == set()


def test_no_hash_is_refused_before_a_connection(web: Web, store: Path, tmp_path: Path) -> None:
    done = run_yolokit("data", "get", "bccd", "--require-hash", cwd=tmp_path, code=3)
    assert f"neither the catalog nor {LOCK} has its sha256" in done.stderr
    assert web.visited == []


def test_a_mirror_of_data_comes_first(
    web: Web, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "bccd.zip").write_bytes(public_sets.bccd()["bccd.zip"])
    monkeypatch.setenv("YOLOKIT_WEIGHTS_MIRROR", "file:///nowhere")
    monkeypatch.setenv("YOLOKIT_DATA_MIRROR", mirror.as_uri())
    run_yolokit("data", "get", "bccd", "--offline", cwd=tmp_path)
    assert web.visited == []


def hostile_zip(member: str) -> bytes:
    link = zipfile.ZipInfo("BCCD/Annotations/link.xml")
    link.external_attr = 0o120777 << 16
    files = {"BCCD/Annotations/000001.xml": b"-"}
    if member:
        return public_sets.pack_zip(files | {member: b"x"})
    sink = io.BytesIO(public_sets.pack_zip(files))
    with zipfile.ZipFile(sink, "a") as packed:
        packed.writestr(link, "/etc/passwd")
    return sink.getvalue()


@pytest.mark.parametrize("member", ["../../climbed.txt", "/climbed.txt", ""])
def test_a_hostile_zip_leaves_nothing(web: Web, store: Path, tmp_path: Path, member: str) -> None:
    web.publish(BCCD_URL, hostile_zip(member))
    before = {one for one in tmp_path.rglob("*") if store not in (one, *one.parents)}
    done = run_yolokit("data", "get", "bccd", cwd=tmp_path, code=3)
    assert "would climb out" in done.stderr or "is a link" in done.stderr
    assert names(store) == {".archives", LOCK}
    assert left_in_archives(store) == set()
    assert {one for one in tmp_path.rglob("*") if store not in (one, *one.parents)} == before


def test_a_killed_download_goes_on_where_it_stopped(web: Web, store: Path, tmp_path: Path) -> None:
    content = public_sets.bccd()["bccd.zip"]
    web.publish(BCCD_URL, content)
    web.site.pause_s = 0.05
    part = store / ".archives" / ".bccd.zip.part"
    process = subprocess.Popen(
        [sys.executable, "-m", "yolokit", "data", "get", "bccd"],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while not (part.is_file() and part.stat().st_size >= 4096):
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    arrived = part.stat().st_size
    assert arrived < len(content)
    assert names(store) == {".archives"}
    web.site.pause_s = 0
    run_yolokit("data", "get", "bccd", cwd=tmp_path)
    assert web.site.requests[-1].range == f"bytes={arrived}-"
    assert (store / "bccd" / "data.yaml").is_file()
    assert left_in_archives(store) == set()


OFFLINE = """
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(event) if event.startswith("socket.") else None)
from yolokit.cli import main as cli
for line in sys.argv[1].splitlines():
    try:
        cli.main(["data", *line.split()])
    except SystemExit as end:
        print("ended", line.split()[0], end.code, *opened)
print("httpx" in sys.modules)
"""


def test_offline_opens_no_socket(store: Path, tmp_path: Path) -> None:
    kept = store / ".archives"
    kept.mkdir()
    (kept / "bccd.zip").write_bytes(public_sets.bccd()["bccd.zip"])
    lines = [
        ("list", 0), ("info coco", 0), ("get coco8 --offline", 3),
        ("get voc2007 --offline", 3), ("get bccd --offline", 0), ("get bccd --offline", 0),
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, "\n".join(line for line, _ in lines)],
        cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    said = [line for line in done.stdout.splitlines() if line.startswith(("ended", "True", "Fal"))]
    assert said == [*(f"ended {line.split()[0]} {code}" for line, code in lines), "False"]
    assert "yolokit data get coco8 --keep-archive" in done.stderr
    assert (kept / "bccd.zip").is_file(), "what was there before is kept"
