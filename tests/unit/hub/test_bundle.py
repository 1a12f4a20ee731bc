"""Bundles carry weights whole; a bad one changes nothing, whatever it tries."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.hub.conftest import CONTENT, SHA256, Catalog, obtain_weights
from yolokit.errors import ConfigError, FetchError, OutputExistsError, YolokitError
from yolokit.hub.bundle import write_bundle
from yolokit.hub.ensure import Obtained
from yolokit.hub.lockfile import LOCK_NAME, LockEntry, add_to_lock, read_lock
from yolokit.hub.unbundle import import_bundle

SMALL = b"small weights"


@pytest.fixture
def two(own_store: Path, catalog: Catalog) -> list[Obtained]:
    """Two files of the store, one of them in the catalog."""
    catalog.add(urls=["https://example.com/net.pt"])
    (own_store / "net.pt").write_bytes(CONTENT)
    (own_store / "mine.pt").write_bytes(SMALL)
    return [obtain_weights(name) for name in ("net", "mine")]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another machine's store; the name of its folder, which does not exist yet."""
    monkeypatch.setenv("YOLOKIT_HOME", str(tmp_path / "elsewhere"))
    return tmp_path / "elsewhere" / "weights"


def names_in(store: Path) -> set[str]:
    """Return all that is in a store; locks are gone with their holders."""
    return {path.name for path in store.iterdir()} if store.is_dir() else set()


def test_there_and_back(two: list[Obtained], tmp_path: Path, elsewhere: Path) -> None:
    out = tmp_path / "w.tar"
    write_bundle(two, out, overwrite=False)
    imported = import_bundle(out)
    assert [(one.path, one.was_there) for one in imported] == [
        (elsewhere / "mine.pt", False),
        (elsewhere / "net.pt", False),
    ]
    assert (elsewhere / "net.pt").read_bytes() == CONTENT
    assert (elsewhere / "mine.pt").read_bytes() == SMALL
    lock = read_lock(elsewhere)
    assert lock["net.pt"] == LockEntry(sha256=SHA256, size_bytes=48_000, hash_from="bundle")
    assert names_in(elsewhere) == {"net.pt", "mine.pt", LOCK_NAME}
    assert [one.status for one in imported] == ["unverified, locked now"] * 2
    again = import_bundle(out, require_hash=True)
    assert [(one.was_there, one.status) for one in again] == [(True, "verified")] * 2
    assert obtain_weights("net", offline=True, require_hash=True).status == "verified"


def test_a_bundle_is_a_plain_tar_and_always_the_same(two: list[Obtained], tmp_path: Path) -> None:
    write_bundle(two, tmp_path / "a.tar", overwrite=False)
    os.utime(two[0].path, (1, 1))
    write_bundle([*reversed(two), two[0]], tmp_path / "b.tar", overwrite=False)
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    with tarfile.open(tmp_path / "a.tar") as tar:
        members = tar.getmembers()
        manifest = json.load(tar.extractfile("manifest.json"))  # type: ignore[arg-type]
    assert [member.name for member in members] == ["manifest.json", "mine.pt", "net.pt"]
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {
        (0, 0, 0, "", "", 0o644)
    }
    assert manifest["schema_version"] == 1
    assert manifest["files"][1] == {
        "file": "net.pt", "sha256": SHA256, "size_bytes": 48_000, "name": "net",
        "license": "CC0-1.0", "url": None,
    }  # fmt: skip
    with pytest.raises(OutputExistsError):
        write_bundle(two, tmp_path / "a.tar", overwrite=False)
    write_bundle(two[:1], tmp_path / "a.tar", overwrite=True)


def test_only_a_bundle_is_replaced(two: list[Obtained], tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "photos.tar", "w") as tar:
        tar.add(two[0].path, "manifest.json")
    (tmp_path / "empty.tar").touch()
    for path in (two[0].path, tmp_path / "photos.tar", tmp_path / "empty.tar"):
        before = path.read_bytes()
        for overwrite in (False, True):
            with pytest.raises(OutputExistsError) as caught:
                write_bundle(two, path, overwrite=overwrite)
            assert caught.value.hint == "choose another --out"
        assert path.read_bytes() == before


def test_what_changes_meanwhile_is_not_bundled(two: list[Obtained], tmp_path: Path) -> None:
    two[0].path.write_bytes(CONTENT[::-1])
    with pytest.raises(FetchError, match="has changed while"):
        write_bundle(two, tmp_path / "w.tar", overwrite=False)
    two[0].path.write_bytes(CONTENT[:-1])
    with pytest.raises(FetchError):
        write_bundle(two, tmp_path / "w.tar", overwrite=False)
    two[0].path.unlink()
    with pytest.raises(FetchError):
        write_bundle(two, tmp_path / "w.tar", overwrite=False)
    assert not (tmp_path / "w.tar").exists()


def test_two_files_of_one_name_do_not_fit(two: list[Obtained], tmp_path: Path) -> None:
    (tmp_path / "NET.pt").write_bytes(b"another")
    (tmp_path / ".hidden").write_bytes(b"hidden")
    more = [obtain_weights(str(tmp_path / name)) for name in ("NET.pt", ".hidden")]
    with pytest.raises(ConfigError) as caught:
        write_bundle([*two, *more], tmp_path / "w.tar", overwrite=False)
    assert len(caught.value.problems) == 2


# --- what an importer must withstand ---------------------------------------------------------


def describe(name: str, content: bytes, **changes: object) -> dict[str, object]:
    digits = hashlib.sha256(content).hexdigest()
    return {"file": name, "sha256": digits, "size_bytes": len(content), **changes}


def pack(
    path: Path,
    manifest: object,
    members: list[tuple[tarfile.TarInfo | str, bytes]],
    *,
    tar_format: int = tarfile.USTAR_FORMAT,
    tail: bytes = b"",
) -> Path:
    """Write any tar at all; a name stands for a plain file."""
    text = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    with tarfile.open(path, "w", format=tar_format) as tar:
        for head, content in [("manifest.json", text), *members]:
            info = tarfile.TarInfo(head) if isinstance(head, str) else head
            if info.type in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE):
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    with path.open("ab") as stream:
        stream.write(tail)
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def plain_tar(path: Path) -> Path:
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo("mine.pt")
        info.size = len(SMALL)
        tar.addfile(info, io.BytesIO(SMALL))
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def claiming(path: Path, size: bytes) -> Path:
    """Write a good bundle whose second head states another size, with a checksum that holds."""
    pack(path, files(GOOD), [("mine.pt", SMALL)])
    content = bytearray(path.read_bytes())
    start = 1024
    content[start + 124 : start + 136] = size
    content[start + 148 : start + 156] = b" " * 8
    content[start + 148 : start + 156] = b"%06o\0 " % sum(content[start : start + 512])
    return written(path, bytes(content))


GOOD = describe("mine.pt", SMALL)


def files(*described: dict[str, object], version: object = 1) -> dict[str, object]:
    return {"schema_version": version, "files": list(described)}


Maker = Callable[[Path], Path]

ATTACKS: dict[str, tuple[str, Maker]] = {
    "climbs": (
        "not a name of a file",
        lambda p: pack(p, files(describe("../evil.pt", SMALL)), [("../evil.pt", SMALL)]),
    ),
    "climbs past the manifest": (
        "where manifest.json has 'mine.pt'",
        lambda p: pack(p, files(GOOD), [("../mine.pt", SMALL)]),
    ),
    "is absolute": (
        "not a name of a file",
        lambda p: pack(p, files(describe("/tmp/evil.pt", SMALL)), [("/tmp/evil.pt", SMALL)]),
    ),
    "climbs as on Windows": (
        "not a name of a file",
        lambda p: pack(p, files(describe("..\\evil.pt", SMALL)), [("..\\evil.pt", SMALL)]),
    ),
    "has a folder": (
        "not a name of a file",
        lambda p: pack(p, files(describe("a/b.pt", SMALL)), [("a/b.pt", SMALL)]),
    ),
    "is hidden": (
        "not a name of a file",
        lambda p: pack(p, files(describe(".bashrc", SMALL)), [(".bashrc", SMALL)]),
    ),
    "replaces the lock": (
        "not a name of a file",
        lambda p: pack(p, files(describe("weights.lock", SMALL)), [("weights.lock", SMALL)]),
    ),
    "has a symbolic link": (
        "is not a plain file",
        lambda p: pack(p, files(GOOD), [(special("mine.pt", tarfile.SYMTYPE, "/etc/passwd"), b"")]),
    ),
    "has a hard link": (
        "is not a plain file",
        lambda p: pack(p, files(GOOD), [(special("mine.pt", tarfile.LNKTYPE, "/etc/passwd"), b"")]),
    ),
    "has a device": (
        "is not a plain file",
        lambda p: pack(p, files(GOOD), [(special("mine.pt", tarfile.CHRTYPE), b"")]),
    ),
    "has a pipe": (
        "is not a plain file",
        lambda p: pack(p, files(GOOD), [(special("mine.pt", tarfile.FIFOTYPE), b"")]),
    ),
    "has a folder as a member": (
        "is not a plain file",
        lambda p: pack(p, files(GOOD), [(special("mine.pt", tarfile.DIRTYPE), b"")]),
    ),
    "has a folder of the oldest kind": (
        "is not a plain file",
        lambda p: pack(p, files(GOOD), [(special("mine.pt/", tarfile.AREGTYPE), SMALL)]),
    ),
    "has a sparse file": (
        "is not a plain file",
        lambda p: pack(p, files(GOOD), [(special("mine.pt", tarfile.GNUTYPE_SPARSE), b"")]),
    ),
    "hides a name in an extension": (
        "is not a plain file",
        lambda p: pack(
            p, files(GOOD), [("x" * 120 + "/mine.pt", SMALL)], tar_format=tarfile.PAX_FORMAT
        ),
    ),
    "hides a long name": (
        "is not a plain file",
        lambda p: pack(
            p, files(GOOD), [("x" * 120 + "/mine.pt", SMALL)], tar_format=tarfile.GNU_FORMAT
        ),
    ),
    "hides a folder in the prefix": (
        "is not a plain file",
        lambda p: pack(p, files(GOOD), [("x" * 90 + "/" + "y" * 60, SMALL)]),
    ),
    "has other bytes": (
        "is damaged",
        lambda p: pack(p, files(GOOD), [("mine.pt", SMALL[::-1])]),
    ),
    "has too much": (
        "where manifest.json has 'mine.pt' with 13",
        lambda p: pack(p, files(GOOD), [("mine.pt", SMALL + b"more")]),
    ),
    "has too little": (
        "where manifest.json has 'mine.pt' with 13",
        lambda p: pack(p, files(GOOD), [("mine.pt", SMALL[:-1])]),
    ),
    "lacks a file": ("ends before its last file", lambda p: pack(p, files(GOOD), [])),
    "has a file more": (
        "something after its last file",
        lambda p: pack(p, files(GOOD), [("mine.pt", SMALL), ("more.pt", SMALL)]),
    ),
    "has a file twice": (
        "something after its last file",
        lambda p: pack(p, files(GOOD), [("mine.pt", SMALL), ("mine.pt", SMALL)]),
    ),
    "names a file twice": (
        "more than once",
        lambda p: pack(p, files(GOOD, GOOD), [("mine.pt", SMALL)] * 2),
    ),
    "names a file twice in other letters": (
        "more than once",
        lambda p: pack(
            p, files(GOOD, describe("MINE.pt", SMALL)), [("mine.pt", SMALL), ("MINE.pt", SMALL)]
        ),
    ),
    "has rubbish behind it": (
        "something after its last file",
        lambda p: pack(p, files(GOOD), [("mine.pt", SMALL)], tail=b"rubbish"),
    ),
    "is of a later version": (
        "is of version 2",
        lambda p: pack(p, files(GOOD, version=2), [("mine.pt", SMALL)]),
    ),
    "has no manifest": ("does not begin with manifest.json", plain_tar),
    "has a manifest that is not JSON": ("manifest.json: ", lambda p: pack(p, b"{", [])),
    "has a manifest of numbers": ("manifest.json: ", lambda p: pack(p, b"[1]", [])),
    "has a deep manifest": ("manifest.json: ", lambda p: pack(p, b"[" * 100_000, [])),
    "has a manifest that is not text": ("manifest.json: ", lambda p: pack(p, b'{"x":"\xff"}', [])),
    "has a huge manifest": ("does not begin", lambda p: pack(p, b" " * (2 << 20), [])),
    "has no files": ("holds no weights", lambda p: pack(p, files(), [])),
    "has a hash of other digits": (
        "manifest.json: ",
        lambda p: pack(p, files({**GOOD, "sha256": "00"}), [("mine.pt", SMALL)]),
    ),
    "has a negative size": (
        "manifest.json: ",
        lambda p: pack(p, files({**GOOD, "size_bytes": -1}), [("mine.pt", SMALL)]),
    ),
    "has an address that is none": (
        "is not an address",
        lambda p: pack(p, files({**GOOD, "url": "https://h/\x1b[2J"}), [("mine.pt", SMALL)]),
    ),
    "is empty": ("is cut short", lambda p: written(p, b"")),
    "is all zeros": ("ends before", lambda p: written(p, bytes(10_240))),
    "is not a tar": ("is not a tar archive", lambda p: written(p, b"no tar at all" * 100)),
    "is compressed": (
        "is compressed",
        lambda p: written(p, gzip.compress(os.urandom(2000))),
    ),
    "claims more than it has": ("is cut short", lambda p: claiming(p, b"77777777777\0")),
    "has a size that is not a number": ("damaged head", lambda p: claiming(p, b"-0000000001\0")),
    "has a size in base 256": ("damaged head", lambda p: claiming(p, b"\x80" + b"\xff" * 11)),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_bad_bundle_changes_nothing(
    attack: str, tmp_path: Path, own_store: Path, catalog: Catalog
) -> None:
    words, make = ATTACKS[attack]
    archive = make(tmp_path / "bad.tar")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(FetchError) as caught:
        import_bundle(archive)
    assert words in str(caught.value)
    assert caught.value.exit_code == 4
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    new = {path.name for path in after.keys() - before.keys()}
    assert new <= {".mine.pt.lock", ".weights.lock.lock"}
    assert {path: after[path] for path in before} == before


def test_one_bad_file_keeps_out_the_good_ones(
    tmp_path: Path, own_store: Path, catalog: Catalog
) -> None:
    described = [describe(f"{n}.pt", b"%d" % n) for n in range(4)]
    members: list[tuple[tarfile.TarInfo | str, bytes]] = [
        (f"{n}.pt", b"%d" % (n if n < 3 else 7)) for n in range(4)
    ]
    with pytest.raises(FetchError, match=r"3\.pt is damaged"):
        import_bundle(pack(tmp_path / "bad.tar", files(*described), members))
    assert [path for path in own_store.iterdir() if not path.name.endswith(".lock")] == []


@pytest.mark.parametrize("where", ["catalog", "prefix", "size", "lock", "store"])
def test_what_contradicts_is_refused(
    tmp_path: Path, own_store: Path, catalog: Catalog, where: str
) -> None:
    archive = pack(tmp_path / "w.tar", files(GOOD), [("mine.pt", SMALL)])
    if where == "store":
        (own_store / "mine.pt").write_bytes(b"other")
    elif where == "lock":
        entry = LockEntry(sha256=SHA256, size_bytes=13, hash_from="first use")
        add_to_lock(own_store, {"mine.pt": entry})
    else:
        facts = {"catalog": {"sha256": SHA256}, "prefix": {"sha256_prefix": SHA256[:8]}}
        catalog.add("mine", **facts.get(where, {"size_bytes": 7}))
    before = {path.name: path.read_bytes() for path in own_store.iterdir()}
    with pytest.raises(FetchError) as caught:
        import_bundle(archive)
    assert "mine.pt" in str(caught.value)
    after = {path.name: path.read_bytes() for path in own_store.iterdir()}
    assert after == before


def test_require_hash_refuses_what_is_known_from_the_bundle_alone(
    tmp_path: Path, own_store: Path, catalog: Catalog
) -> None:
    archive = pack(tmp_path / "w.tar", files(GOOD), [("mine.pt", SMALL)])
    with pytest.raises(FetchError, match="--require-hash"):
        import_bundle(archive, require_hash=True)
    catalog.add("mine", sha256=GOOD["sha256"])
    assert import_bundle(archive, require_hash=True)[0].status == "verified"


def test_gnu_tar_may_have_packed_it_again(
    tmp_path: Path, own_store: Path, catalog: Catalog
) -> None:
    archive = pack(
        tmp_path / "w.tar", files(GOOD), [("mine.pt", SMALL)], tar_format=tarfile.GNU_FORMAT
    )
    assert [one.path.read_bytes() for one in import_bundle(archive)] == [SMALL]


@pytest.mark.parametrize("cut", [1, 511, 512, 600, 1024, 1536, 2040])
def test_a_bundle_that_is_cut_short(
    two: list[Obtained], tmp_path: Path, elsewhere: Path, cut: int
) -> None:
    out = tmp_path / "w.tar"
    write_bundle(two, out, overwrite=False)
    out.write_bytes(out.read_bytes()[:cut])
    with pytest.raises(FetchError, match="cut short"):
        import_bundle(out)
    assert names_in(elsewhere) == set()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 2559), value=st.integers(0, 255))
def test_any_changed_byte_is_refused_or_harmless(
    tmp_path: Path, own_store: Path, catalog: Catalog, place: int, value: int
) -> None:
    archive = pack(tmp_path / "w.tar", files(GOOD), [("mine.pt", SMALL)])
    content = bytearray(archive.read_bytes())
    content[place] = value
    archive.write_bytes(content)
    try:
        (imported,) = import_bundle(archive)
    except YolokitError:
        pass
    else:
        assert imported.path.read_bytes() == SMALL
        imported.path.unlink()
    assert {path.name for path in own_store.iterdir() if not path.name.startswith(".")} <= {
        LOCK_NAME
    }


def test_a_missing_bundle_is_an_error(tmp_path: Path, own_store: Path) -> None:
    for path in (tmp_path / "missing.tar", tmp_path):
        with pytest.raises(FetchError, match="cannot import") as caught:
            import_bundle(path)
        assert str(caught.value).count(str(path)) == 1


def test_an_import_that_is_killed_leaves_nothing_that_stays(
    tmp_path: Path, own_store: Path, catalog: Catalog
) -> None:
    archive = pack(tmp_path / "w.tar", files(GOOD), [("mine.pt", SMALL)])
    code = f"""
import os, signal
from pathlib import Path
from yolokit.hub.unbundle import import_bundle
import_bundle(Path({str(archive)!r}), on_event=lambda _: os.kill(os.getpid(), signal.SIGKILL))
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60, cwd=tmp_path)
    assert done.returncode != 0
    assert not (own_store / "mine.pt").exists()
    import_bundle(archive)
    left = {path.name for path in own_store.iterdir()}
    assert left == {"mine.pt", LOCK_NAME}
