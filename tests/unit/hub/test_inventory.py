"""What is listed, described and verified is what the catalog, the lock and the disk say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.hub.conftest import CONTENT, SHA256, Catalog, obtain_weights
from yolokit.errors import ConfigError, FetchError
from yolokit.hub.inventory import describe_weights, list_weights, verify_weights
from yolokit.hub.lockfile import LOCK_NAME

PREFIX = SHA256[:8]


@pytest.fixture
def filled(own_store: Path, catalog: Catalog) -> Path:
    """A store with a file of every kind."""
    catalog.add("full", sha256=SHA256, size_bytes=48_000, urls=["https://h/full.pt"])
    catalog.add("prefixed", sha256_prefix=PREFIX, task="classify", family="other")
    catalog.add("open", task="segment")
    catalog.add("absent")
    for name in ("full.pt", "prefixed.pt", "open.pt"):
        (own_store / name).write_bytes(CONTENT)
    (own_store / "mine.pt").write_bytes(b"mine")
    for name in ("README.md", ".hidden", ".open.pt.part"):
        (own_store / name).write_bytes(b"not weights")
    (own_store / "folder.pt").mkdir()
    return own_store


def test_the_list(filled: Path) -> None:
    rows = {row.name: row for row in list_weights()}
    assert list(rows) == ["absent", "full", "open", "prefixed", "mine.pt"]
    assert {name: row.hash for name, row in rows.items()} == {
        "absent": "none", "full": "full", "open": "none", "prefixed": "prefix", "mine.pt": "none",
    }  # fmt: skip
    assert {name: row.size_bytes for name, row in rows.items()} == {
        "absent": None, "full": 48_000, "open": 48_000, "prefixed": 48_000, "mine.pt": 4,
    }  # fmt: skip
    assert [name for name, row in rows.items() if not row.installed] == ["absent"]
    assert rows["mine.pt"].task is None
    obtain_weights("open")
    (filled / "open.pt").unlink()
    row = next(row for row in list_weights() if row.name == "open")
    assert (row.hash, row.installed, row.size_bytes) == ("locked", False, 48_000)


def test_filters(filled: Path) -> None:
    assert [row.name for row in list_weights(task="segment")] == ["open"]
    assert [row.name for row in list_weights(family="other")] == ["prefixed"]
    assert [row.name for row in list_weights(installed=True, family="test")] == ["full", "open"]
    with pytest.raises(ConfigError, match="did you mean 'segment'"):
        list_weights(task="segmnt")
    with pytest.raises(ConfigError, match="did you mean 'other'"):
        list_weights(family="othr")


def test_verification(filled: Path) -> None:
    def states() -> dict[str, str]:
        return {check.file: check.state for check in verify_weights()}

    before = {path.name for path in filled.iterdir()}
    assert states() == {
        "full.pt": "ok", "mine.pt": "not in catalog", "open.pt": "unverified",
        "prefixed.pt": "unverified",
    }  # fmt: skip
    assert {path.name for path in filled.iterdir()} == before, "verifying changes nothing"
    for name in ("open", "prefixed"):
        obtain_weights(name)
    assert states() == {
        "full.pt": "ok", "mine.pt": "not in catalog", "open.pt": "ok", "prefixed.pt": "ok",
    }  # fmt: skip
    for name in ("full.pt", "open.pt", "prefixed.pt"):
        (filled / name).write_bytes(CONTENT[:-1] + b"x")
    assert states() == {
        "full.pt": "differs", "mine.pt": "not in catalog", "open.pt": "differs",
        "prefixed.pt": "differs",
    }  # fmt: skip
    (check,) = verify_weights("full")
    assert (check.file, check.state) == ("full.pt", "differs")
    assert SHA256 in check.detail


def test_a_prefix_that_does_not_fit_differs(own_store: Path, catalog: Catalog) -> None:
    catalog.add(sha256_prefix="00000000")
    (own_store / "net.pt").write_bytes(CONTENT)
    assert [check.state for check in verify_weights()] == ["differs"]


def test_what_is_not_here_cannot_be_verified(filled: Path) -> None:
    for name in ("absent", "unheard-of"):
        with pytest.raises(FetchError, match="looked for"):
            verify_weights(name)
    assert verify_weights("mine.pt")[0].state == "not in catalog"


def test_an_empty_store(catalog: Catalog, own_store: Path) -> None:
    own_store.rmdir()
    assert verify_weights() == []
    assert list_weights() == []


def test_a_damaged_lock_is_told_by_all(filled: Path) -> None:
    (filled / LOCK_NAME).write_text("{")
    for call in (list_weights, verify_weights, lambda: describe_weights("full")):
        with pytest.raises(FetchError, match=f"{LOCK_NAME}:1: "):
            call()


def test_descriptions(filled: Path) -> None:
    target, check = describe_weights("full")
    assert target.entry is not None
    assert check is not None
    assert (check.state, check.detail) == ("ok", "as the catalog says")
    target, check = describe_weights("absent")
    assert check is None
    target, check = describe_weights(str(filled / "mine.pt"))
    assert check is not None
    assert (target.entry, check.size_bytes) == (None, 4)
    with pytest.raises(FetchError, match="looked for"):
        describe_weights("unheard-of")
