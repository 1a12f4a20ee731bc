"""A store of its own for each test, a server, and limits that suit a machine's own loop."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from tests.loopback.server import Site, serve
from yolokit.core.events import Event, Notice, OnEvent, Progress, ignore
from yolokit.hub import catalog as entries
from yolokit.hub.catalog import WeightsEntry
from yolokit.hub.config import PullConfig
from yolokit.hub.ensure import Obtained, pull_weights
from yolokit.hub.source import Limits

FAST = Limits(
    connect_s=2,
    read_s=0.4,
    headers_s=0.8,
    attempts=3,
    backoff_s=0.01,
    longest_wait_s=0.5,
    window_s=0.3,
    slowest_bytes_per_s=3000,
    progress_bytes=2000,
    most_bytes=1 << 20,
)
VARIABLES = (
    "YOLOKIT_HOME", "YOLOKIT_OFFLINE", "YOLOKIT_WEIGHTS_MIRROR", "YOLOKIT_DATA_MIRROR",
    "HF_ENDPOINT", "HF_TOKEN", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY",
    "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR",
)  # fmt: skip
CONTENT = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(1500))  # 48,000 bytes
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own that has a store, with nothing from the environment."""
    return make_store(tmp_path, monkeypatch)


def make_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a store in a folder, work there, and take nothing from the environment."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.chdir(tmp_path)
    store = tmp_path / "weights"
    store.mkdir()
    return store


@dataclass
class Loop:
    """A running server: its site, its address, and a path that has CONTENT."""

    site: Site
    base: str

    @property
    def url(self) -> str:
        self.site.files.setdefault("/models/net.pt", CONTENT)
        return f"{self.base}/models/net.pt"


@pytest.fixture
def loop(own_store: Path) -> Iterator[Loop]:
    site = Site()
    with serve(site) as base:
        yield Loop(site, base)


@pytest.fixture
def second() -> Iterator[Loop]:
    site = Site()
    with serve(site) as base:
        yield Loop(site, base)


def obtain_weights(
    name: str,
    on_event: OnEvent = ignore,
    *,
    limits: Limits | None = None,
    offline: bool | None = None,
    require_hash: bool = False,
) -> Obtained:
    config = PullConfig(name, offline=offline, require_hash=require_hash)
    return pull_weights(config, on_event, limits=limits)


def split_events(
    notices: list[str], on_progress: Callable[[int, int | None], None] = lambda *_: None
) -> OnEvent:
    """Return what keeps the notices among events and hands on how many bytes are here."""

    def take(event: Event) -> None:
        if isinstance(event, Notice):
            notices.append(event.message)
        elif isinstance(event, Progress):
            on_progress(event.done, event.total)

    return take


class Catalog:
    """A catalog of the test's own, in the place of the published one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, name: str = "net", **fields: object) -> WeightsEntry:
        plain: dict[str, object] = {
            "name": name,
            "file": f"{name}.pt",
            "task": "detect",
            "family": "test",
            "kind": "coco",
            "license": "CC0-1.0",
            "urls": [],
        }
        entry = msgspec.convert(plain | fields, WeightsEntry)
        lines = [
            f"{key} = {msgspec.json.encode(value).decode()}"
            for key, value in msgspec.to_builtins(entry).items()
            if value is not None
        ]
        (self.folder / f"{name}.toml").write_text("\n".join(lines), "utf-8")
        return entry


@pytest.fixture
def catalog(own_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    return make_catalog(tmp_path, monkeypatch)


def make_catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """Put an empty catalog in the place of the published one."""
    folder = tmp_path / "catalog"
    folder.mkdir()
    real = entries._folder
    monkeypatch.setattr(entries, "_folder", lambda of: folder if of == "weights" else real(of))
    return Catalog(folder)
