"""Weights by path, name and address: found or fetched, verified, locked, or refused."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from pathlib import Path

import pytest

from tests.loopback import faults
from tests.unit.hub.conftest import (
    CONTENT,
    FAST,
    SHA256,
    Catalog,
    Loop,
    obtain_weights,
    split_events,
)
from yolokit.core.plural import describe_size
from yolokit.errors import WeightsError
from yolokit.hub.ensure import Obtained
from yolokit.hub.lockfile import LOCK_NAME, LockEntry, add_to_lock, read_lock

OTHER = CONTENT[::-1]
OTHER_SHA256 = hashlib.sha256(OTHER).hexdigest()


class Obtain:
    """Calls obtain_weights and keeps what it said."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    def __call__(
        self, name: str, *, offline: bool | None = None, require_hash: bool = False
    ) -> Obtained:
        self.notices.clear()
        return obtain_weights(
            name,
            offline=offline,
            require_hash=require_hash,
            on_event=split_events(self.notices),
            limits=FAST,
        )


@pytest.fixture
def obtain(own_store: Path) -> Obtain:
    return Obtain()


def visible(store: Path) -> set[str]:
    return {path.name for path in store.iterdir() if not path.name.startswith(".")}


# --- names of the catalog --------------------------------------------------------------------


def test_a_known_hash_is_verified(
    obtain: Obtain, catalog: Catalog, loop: Loop, own_store: Path
) -> None:
    entry = catalog.add(urls=[loop.url], sha256=SHA256, size_bytes=len(CONTENT))
    found = obtain("net")
    assert found.path == own_store / "net.pt"
    assert found.path.read_bytes() == CONTENT
    assert (found.sha256, found.size_bytes) == (SHA256, len(CONTENT))
    assert (found.name, found.url, found.entry) == ("net", loop.url, entry)
    assert (found.status, found.fetched) == ("verified", True)
    assert obtain.notices == ["fetching net from 127.0.0.1 (48.0 kB, CC0-1.0)", "net: verified"]
    assert read_lock(own_store)["net.pt"].hash_from == "catalog"
    assert visible(own_store) == {"net.pt", LOCK_NAME}
    again = obtain("net.pt", require_hash=True)
    assert (again.status, again.fetched, again.url) == ("verified", False, loop.url)
    assert obtain.notices == []
    assert len(loop.site.requests) == 1


def test_no_hash_is_locked_at_first_use(
    obtain: Obtain, catalog: Catalog, loop: Loop, own_store: Path
) -> None:
    catalog.add(urls=[loop.url])
    assert obtain("net").status == "unverified, locked now"
    assert obtain.notices[-1] == "net: unverified, locked now"
    assert "size not stated" in obtain.notices[0]
    assert read_lock(own_store)["net.pt"] == LockEntry(
        sha256=SHA256, size_bytes=len(CONTENT), hash_from="first use", url=loop.url
    )
    assert obtain("net", require_hash=True).status == "verified"


def test_digits_in_a_name_are_checked(
    obtain: Obtain, catalog: Catalog, loop: Loop, own_store: Path
) -> None:
    file = f"net-{SHA256[:8]}.pth"
    catalog.add("torchvision-net", file=file, urls=[loop.url], sha256_prefix=SHA256[:8])
    found = obtain("torchvision:net")
    assert found.path.name == file
    assert found.status == "checked against the 8 digits in its name; locked now"
    assert read_lock(own_store)[file].hash_from == "name"
    catalog.add("torchvision-bad", file="bad-00000000.pth", urls=[loop.url],
                sha256_prefix="00000000")  # fmt: skip
    with pytest.raises(WeightsError, match="in place of 00000000"):
        obtain("torchvision:bad")
    assert visible(own_store) == {file, LOCK_NAME}


@pytest.mark.parametrize("known", ["catalog", "lock"])
def test_another_file_at_the_origin_is_refused(
    obtain: Obtain, catalog: Catalog, loop: Loop, own_store: Path, known: str
) -> None:
    catalog.add(urls=[loop.url], sha256=OTHER_SHA256 if known == "catalog" else None)
    if known == "lock":
        add_to_lock(
            own_store,
            {"net.pt": LockEntry(sha256=OTHER_SHA256, size_bytes=48_000, hash_from="first use")},
        )
    with pytest.raises(WeightsError) as caught:
        obtain("net")
    assert caught.value.exit_code == 4
    assert OTHER_SHA256 in str(caught.value)
    assert "net.pt" not in visible(own_store)


def test_what_is_installed_and_differs_is_an_error_and_stays(
    obtain: Obtain, catalog: Catalog, loop: Loop, own_store: Path
) -> None:
    catalog.add(urls=[loop.url])
    obtain("net")
    (own_store / "net.pt").write_bytes(OTHER)
    with pytest.raises(WeightsError, match=f"in place of {SHA256}") as caught:
        obtain("net")
    assert "remove it and run the same command again" in str(caught.value.hint)
    assert (own_store / "net.pt").read_bytes() == OTHER
    (own_store / "net.pt").write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsError, match="47999 bytes in place of 48000"):
        obtain("net")
    (own_store / "net.pt").unlink()
    assert obtain("net").status == "verified"


def test_catalog_and_lock_that_disagree_are_an_error_before_any_connection(
    obtain: Obtain, catalog: Catalog, loop: Loop, own_store: Path
) -> None:
    catalog.add(urls=[loop.url], sha256=SHA256)
    add_to_lock(
        own_store, {"net.pt": LockEntry(sha256=OTHER_SHA256, size_bytes=5, hash_from="bundle")}
    )
    for present in (False, True):
        if present:
            (own_store / "net.pt").write_bytes(CONTENT)
        with pytest.raises(WeightsError) as caught:
            obtain("net")
        assert f"the catalog says sha256 {SHA256}" in str(caught.value)
        assert f"{LOCK_NAME} says {OTHER_SHA256}" in str(caught.value)
    assert loop.site.requests == []


def test_require_hash_refuses_before_any_connection(
    obtain: Obtain, catalog: Catalog, loop: Loop, own_store: Path
) -> None:
    catalog.add(urls=[loop.url])
    catalog.add("prefixed", urls=[loop.url], sha256_prefix=SHA256[:8])
    (own_store / "mine.pt").write_bytes(b"mine")
    for name in ("net", "prefixed", loop.url, "mine"):
        with pytest.raises(WeightsError, match="--require-hash asks for it"):
            obtain(name, require_hash=True)
    assert loop.site.requests == []
    assert obtain(f"{loop.url}#sha256={SHA256}", require_hash=True).status == "verified"


def test_a_file_put_there_by_hand_is_locked_at_first_use(
    obtain: Obtain, catalog: Catalog, own_store: Path
) -> None:
    catalog.add(urls=["https://example.com/net.pt"])
    (own_store / "net.pt").write_bytes(CONTENT)
    found = obtain("net")
    assert (found.status, found.fetched, found.url) == ("unverified, locked now", False, None)
    assert read_lock(own_store)["net.pt"].url is None
    (own_store / "net.pt").write_bytes(OTHER)
    with pytest.raises(WeightsError):
        obtain("net")


def test_an_unknown_name_suggests_the_nearest(obtain: Obtain, catalog: Catalog) -> None:
    catalog.add("yolo26n")
    with pytest.raises(WeightsError, match="looked for") as caught:
        obtain("yolo62n")
    assert "'yolo26n'" in str(caught.value.hint)
    for name in ("missing/yolo26n.pt", "~nobody-here/x.pt", "", "\x00"):
        with pytest.raises(WeightsError):
            obtain(name)


def test_an_empty_file_is_no_weights(
    obtain: Obtain, catalog: Catalog, loop: Loop, own_store: Path
) -> None:
    loop.site.files["/empty.pt"] = b""
    with pytest.raises(WeightsError, match="is empty"):
        obtain(f"{loop.base}/empty.pt")
    catalog.add()
    (own_store / "net.pt").touch()
    with pytest.raises(WeightsError, match="is empty"):
        obtain("net")


# --- paths -----------------------------------------------------------------------------------


def test_paths_are_taken_as_they_are(obtain: Obtain, catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "mine.pt"
    path.write_bytes(CONTENT)
    for name in ("mine.pt", str(path), "./mine.pt"):
        found = obtain(name, offline=True)
        assert (found.path, found.sha256, found.entry) == (path, SHA256, None)
        assert found.status.startswith("a file of yours")
    assert not (tmp_path / "weights" / LOCK_NAME).exists()


def test_a_file_that_stands_in_the_way_of_the_catalog_is_told(
    obtain: Obtain, catalog: Catalog, tmp_path: Path
) -> None:
    catalog.add(sha256=SHA256)
    (tmp_path / "net.pt").write_bytes(OTHER)
    assert obtain("net.pt").path == tmp_path / "net.pt"
    assert obtain.notices == [f"{tmp_path / 'net.pt'} is taken, not the published net"]


def test_a_path_into_the_store_is_checked_like_a_name(
    obtain: Obtain, catalog: Catalog, own_store: Path
) -> None:
    catalog.add(sha256=SHA256, urls=["https://example.com/net.pt"])
    (own_store / "net.pt").write_bytes(OTHER)
    for name in ("weights/net.pt", str(own_store / "net.pt"), "net", "weights/../weights/net.pt"):
        with pytest.raises(WeightsError, match="wrong content"):
            obtain(name)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_in_the_store_is_checked_under_its_own_name(
    obtain: Obtain, catalog: Catalog, own_store: Path, tmp_path: Path
) -> None:
    catalog.add(sha256=SHA256)
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "blob").write_bytes(CONTENT)
    (own_store / "net.pt").symlink_to(tmp_path / "far" / "blob")
    assert obtain("net").status == "verified"
    (tmp_path / "far" / "blob").write_bytes(OTHER)
    with pytest.raises(WeightsError):
        obtain("net")


# --- addresses -------------------------------------------------------------------------------


def test_an_address_is_fetched_and_found_again(
    obtain: Obtain, catalog: Catalog, loop: Loop, own_store: Path
) -> None:
    first = obtain(loop.url)
    assert first.path == own_store / "net.pt"
    assert (first.status, first.entry) == ("unverified, locked now", None)
    assert obtain(loop.url).fetched is False
    assert obtain("net").status == "verified"
    assert len(loop.site.requests) == 1


def test_two_addresses_with_one_file_name_are_two_files(
    obtain: Obtain, catalog: Catalog, loop: Loop, second: Loop, own_store: Path
) -> None:
    second.site.files["/models/net.pt"] = OTHER
    first, other = obtain(loop.url), obtain(second.url)
    assert first.path != other.path
    assert other.path.read_bytes() == OTHER
    assert other.path.name.startswith("net-")
    assert obtain(second.url).path == other.path
    assert obtain(f"{loop.url}?v=2").path not in (first.path, other.path)
    same = obtain(f"{second.url}2#sha256={SHA256}".replace("net.pt2", "net.pt"), offline=True)
    assert same.path == first.path, "the same content needs no second copy"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "a git-LFS pointer"),
        (b"<!doctype html><title>Sign in</title>", "a web page"),
    ],
)
def test_what_comes_in_place_of_a_file_is_not_kept(
    obtain: Obtain, loop: Loop, own_store: Path, content: bytes, what: str
) -> None:
    loop.site.files["/models/mine.pt"] = content
    with pytest.raises(WeightsError, match=f"sends {what}"):
        obtain(f"{loop.base}/models/mine.pt")
    assert visible(own_store) == set()


@pytest.mark.parametrize("taken_by", ["own file", "catalog"])
def test_an_address_takes_no_name_that_something_else_has(
    obtain: Obtain, catalog: Catalog, loop: Loop, own_store: Path, taken_by: str
) -> None:
    if taken_by == "catalog":
        catalog.add(urls=["https://example.com/net.pt"])
    else:
        (own_store / "net.pt").write_bytes(b"mine")
    found = obtain(loop.url)
    assert found.path.name.startswith("net-")
    assert obtain(loop.url).path == found.path
    assert taken_by == "catalog" or (own_store / "net.pt").read_bytes() == b"mine"


def test_an_address_of_the_catalog_is_its_entry(
    obtain: Obtain, catalog: Catalog, loop: Loop
) -> None:
    catalog.add(urls=[loop.url], sha256=SHA256)
    found = obtain(loop.url, require_hash=True)
    assert (found.name, found.path.name, found.status) == ("net", "net.pt", "verified")
    with pytest.raises(WeightsError, match="the address given says"):
        obtain(f"{loop.url}#sha256={OTHER_SHA256}")


def test_a_stated_hash_decides(obtain: Obtain, catalog: Catalog, loop: Loop) -> None:
    with pytest.raises(WeightsError, match=f"in place of {OTHER_SHA256}"):
        obtain(f"{loop.url}#sha256={OTHER_SHA256}")
    found = obtain(f"{loop.url}#sha256={SHA256}")
    assert found.status == "verified"
    assert read_lock(found.path.parent)["net.pt"].hash_from == "address"
    with pytest.raises(WeightsError, match="says sha256"):
        obtain(f"{found.url}#sha256={OTHER_SHA256}")


@pytest.mark.parametrize(
    "name", ["http://example.com/net.pt", "ftp://host/net.pt", "file:net.pt", "file://host/net.pt",
             "hf://net.pt", "https://host/", "https://[::1/net.pt", "https:///net.pt",
             "https://host/net.pt#sha256=12", "http://localhost.example.com/net.pt"]
)  # fmt: skip
def test_addresses_that_are_refused_at_once(obtain: Obtain, catalog: Catalog, name: str) -> None:
    with pytest.raises(WeightsError) as caught:
        obtain(name)
    assert caught.value.exit_code == 4
    assert re.search(r"net\.pt|://host", str(caught.value)), "it says which address is meant"
    assert obtain.notices == []


def test_a_file_address_is_copied(
    obtain: Obtain, catalog: Catalog, tmp_path: Path, own_store: Path
) -> None:
    far = tmp_path / "größe 1" / "net.pt"
    far.parent.mkdir()
    far.write_bytes(CONTENT)
    found = obtain(far.as_uri(), offline=True)
    assert found.path == own_store / "net.pt"
    assert found.path.read_bytes() == CONTENT
    with pytest.raises(WeightsError, match="cannot be read: No such file"):
        obtain((tmp_path / "missing.pt").as_uri())
    with pytest.raises(WeightsError):
        obtain(tmp_path.as_uri())


@pytest.mark.skipif(os.name == "nt", reason="there are no pipes with names")
def test_what_is_no_regular_file_is_no_source(
    obtain: Obtain, catalog: Catalog, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe.pt")
    for path in (tmp_path / "pipe.pt", Path("/dev/zero")):
        with pytest.raises(WeightsError, match="is not a regular file"):
            obtain(path.as_uri())


def test_the_lock_file_of_others_says_where_a_file_comes_from(
    obtain: Obtain, catalog: Catalog, loop: Loop, own_store: Path
) -> None:
    obtain(loop.url)
    (own_store / "net.pt").unlink()
    assert obtain("net", require_hash=True).path.read_bytes() == CONTENT
    obtain(f"{loop.url}?token=secret")
    (marked,) = visible(own_store) - {"net.pt", LOCK_NAME}
    assert "secret" not in (own_store / LOCK_NAME).read_text()
    (own_store / marked).unlink()
    with pytest.raises(WeightsError, match="no address for it is known"):
        obtain(marked)


# --- mirrors ---------------------------------------------------------------------------------


def test_mirrors_come_first_and_the_origin_last(
    obtain: Obtain, catalog: Catalog, loop: Loop, second: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.add(urls=[loop.url], sha256=SHA256)
    second.site.files["/mirror/net.pt"] = CONTENT
    monkeypatch.setenv(
        "YOLOKIT_WEIGHTS_MIRROR",
        f"{second.base}/empty/, {second.base}/t/{{host}}/{{path}}\n{second.base}/mirror",
    )
    found = obtain("net")
    assert [request.path for request in second.site.requests] == [
        "/empty/net.pt",
        f"/t/{loop.base.removeprefix('http://')}/models/net.pt",
        "/mirror/net.pt",
    ]
    assert found.url == f"{second.base}/mirror/net.pt"
    assert loop.site.requests == []
    found.path.unlink()
    second.site.files.clear()
    assert obtain("net").status == "verified"
    assert len(loop.site.requests) == 1


def test_only_a_template_mirrors_an_address_of_the_users(
    obtain: Obtain, catalog: Catalog, loop: Loop, second: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    second.site.files["/net.pt"] = OTHER
    monkeypatch.setenv("YOLOKIT_WEIGHTS_MIRROR", second.base)
    assert obtain(loop.url).sha256 == SHA256
    assert second.site.requests == []
    second.site.files["/o/r/resolve/main/hub.pt"] = CONTENT
    monkeypatch.setenv("YOLOKIT_WEIGHTS_MIRROR", f"{second.base}/{{path}}?from={{host}}")
    found = obtain("hf://o/r/hub.pt")
    assert found.url == "hf://o/r/hub.pt"
    assert second.site.requests[-1].path == "/o/r/resolve/main/hub.pt?from=huggingface.co"


def test_a_proxy_is_never_asked_for_this_machine(
    obtain: Obtain, catalog: Catalog, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert obtain(loop.url).fetched


def test_a_share_is_a_mirror_also_offline(
    obtain: Obtain, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.add(urls=["https://example.com/net.pt"], sha256=SHA256)
    (tmp_path / "share").mkdir()
    (tmp_path / "share" / "net.pt").write_bytes(CONTENT)
    monkeypatch.setenv("YOLOKIT_WEIGHTS_MIRROR", (tmp_path / "share").as_uri())
    assert obtain("net", offline=True).status == "verified"


@pytest.mark.parametrize("mirror", ["/mnt/share", "mirror.example.com", "https://host/{flie}"])
def test_a_mirror_that_is_no_address_is_an_error(
    obtain: Obtain, catalog: Catalog, monkeypatch: pytest.MonkeyPatch, mirror: str
) -> None:
    catalog.add(urls=["https://example.com/net.pt"])
    monkeypatch.setenv("YOLOKIT_WEIGHTS_MIRROR", mirror)
    with pytest.raises(WeightsError, match="YOLOKIT_WEIGHTS_MIRROR"):
        obtain("net")


def test_a_mirror_over_plain_http_is_passed_over(
    obtain: Obtain, catalog: Catalog, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.add(urls=[loop.url], sha256=SHA256)
    monkeypatch.setenv("YOLOKIT_WEIGHTS_MIRROR", "http://mirror.example.com")
    assert obtain("net").url == loop.url
    assert any("plain http to mirror.example.com" in notice for notice in obtain.notices)


# --- the hub ---------------------------------------------------------------------------------


def test_the_hub_and_its_variables(
    obtain: Obtain,
    catalog: Catalog,
    loop: Loop,
    second: Loop,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop.site.publish_hub("Owner/repo", "net.pt", CONTENT, cdn=second.base)
    real = loop.site.real_path("/Owner/repo/resolve/main/net.pt")
    second.site.files[real] = CONTENT
    loop.site.redirects["/Owner/repo/resolve/refs%2Fpr%2F1/sub/net.pt"] = f"{second.base}{real}"
    monkeypatch.setenv("HF_ENDPOINT", f"{loop.base}/")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    found = obtain("hf://Owner/repo/net.pt")
    assert found.path.read_bytes() == CONTENT
    assert found.url == "hf://Owner/repo/net.pt"
    assert loop.site.requests[0].headers["authorization"] == "Bearer hf_secret"
    assert "authorization" not in second.site.requests[0].headers, "a token stays with its host"
    other = obtain("hf://Owner/repo/sub/net.pt@refs/pr/1")
    assert other.path.name.startswith("net-")


def test_a_spoiled_token_or_endpoint_is_told_but_not_shown(
    obtain: Obtain, catalog: Catalog, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.add(urls=["https://huggingface.co/Owner/repo/resolve/main/net.pt"])
    monkeypatch.setenv("HF_ENDPOINT", "hub.example.com")
    for name in ("hf://Owner/repo/net.pt", "net"):
        with pytest.raises(WeightsError, match=r"HF_ENDPOINT: .* is not an address"):
            obtain(name)
    monkeypatch.setenv("HF_ENDPOINT", loop.base)
    for token in ("hf_sec\nret", "hf_sec ret", "hf_s\u00e9cret"):
        monkeypatch.setenv("HF_TOKEN", token)
        with pytest.raises(WeightsError, match="HF_TOKEN has characters") as caught:
            obtain("hf://Owner/repo/net.pt")
        assert "ret" not in str(caught.value).replace("characters that no", "")
    assert loop.site.requests == []


def test_the_hubs_addresses_in_the_catalog_follow_its_endpoint(
    obtain: Obtain, catalog: Catalog, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.add(urls=["https://huggingface.co/Owner/repo/resolve/main/net.pt"])
    loop.site.publish_hub("Owner/repo", "net.pt", CONTENT)
    monkeypatch.setenv("HF_ENDPOINT", loop.base)
    assert obtain("net").sha256 == SHA256


# --- offline ---------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["option", "1", "true", "YES"])
def test_offline_fetches_nothing(
    obtain: Obtain, catalog: Catalog, loop: Loop, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    catalog.add(urls=[loop.url])
    if how != "option":
        monkeypatch.setenv("YOLOKIT_OFFLINE", how)
    for name in ("net", loop.url):
        with pytest.raises(WeightsError, match="connections are forbidden") as caught:
            obtain(name, offline=True if how == "option" else None)
        assert f"yolokit weights bundle {name}" in str(caught.value.hint)
    assert loop.site.requests == []
    monkeypatch.setenv("YOLOKIT_OFFLINE", "0")
    assert obtain("net").fetched


# --- several at once, and what else comes in between -----------------------------------------


def test_several_at_once_fetch_once(catalog: Catalog, loop: Loop, own_store: Path) -> None:
    catalog.add(urls=[loop.url])
    loop.site.pause_s = 0.02
    loop.site.files["/models/net.pt"] = CONTENT
    said: list[str] = []
    results: list[Obtained] = []

    def work() -> None:
        results.append(obtain_weights("net", split_events(said)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found.sha256 for found in results] == [SHA256] * 4
    assert sorted(found.fetched for found in results) == [False, False, False, True]
    assert said.count("another process is fetching net: waiting for it") == 3
    assert loop.site.sent_bytes() == len(CONTENT)


def test_two_addresses_of_one_name_at_once_are_two_files(
    catalog: Catalog, loop: Loop, second: Loop
) -> None:
    urls = [loop.url, second.url]
    second.site.files["/models/net.pt"] = OTHER
    for one in (loop, second):
        one.site.pause_s = 0.01
    results: dict[str, Obtained] = {}
    threads = [
        threading.Thread(target=lambda url=url: results.update({url: obtain_weights(url)}))
        for url in urls
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [results[url].path.read_bytes() for url in urls] == [CONTENT, OTHER]
    assert len({found.path for found in results.values()}) == 2
    assert [obtain_weights(url).sha256 for url in urls] == [SHA256, OTHER_SHA256]


def test_something_in_the_way_is_an_error(
    obtain: Obtain, catalog: Catalog, loop: Loop, own_store: Path
) -> None:
    catalog.add(urls=[loop.url])
    (own_store / "net.pt").mkdir()
    with pytest.raises(WeightsError, match="is in the way"):
        obtain("net")


def test_a_lock_that_another_process_wrote_meanwhile_wins(
    obtain: Obtain, catalog: Catalog, loop: Loop, own_store: Path
) -> None:
    catalog.add(urls=[loop.url])
    entry = LockEntry(sha256=OTHER_SHA256, size_bytes=48_000, hash_from="bundle")

    def lock_meanwhile(done: int, _total: int | None) -> None:
        if done == 0:
            add_to_lock(own_store, {"net.pt": entry})

    with pytest.raises(WeightsError, match="is not what it was"):
        obtain_weights("net", split_events([], lock_meanwhile), limits=FAST)
    assert visible(own_store) == {LOCK_NAME}
    assert read_lock(own_store) == {"net.pt": entry}


def test_an_interrupt_says_that_it_goes_on(catalog: Catalog, loop: Loop, own_store: Path) -> None:
    catalog.add(urls=[loop.url])
    said: list[str] = []

    def interrupt(done: int, _total: int | None) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        obtain_weights("net", split_events(said, interrupt))
    assert said[-1] == "what has arrived is kept; the same command goes on from there"
    assert visible(own_store) == set()


def test_a_store_that_cannot_be_made_is_an_error(
    obtain: Obtain, catalog: Catalog, loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.add(urls=[loop.url])
    (tmp_path / "home").write_text("a file")
    monkeypatch.setenv("YOLOKIT_HOME", str(tmp_path / "home"))
    with pytest.raises(WeightsError, match="cannot write to the store"):
        obtain("net")


def test_a_disaster_after_the_last_byte_is_an_error_of_ours(
    obtain: Obtain, catalog: Catalog, loop: Loop, monkeypatch: pytest.MonkeyPatch, own_store: Path
) -> None:
    catalog.add(urls=[loop.url])

    def fail(_path: Path, _target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(WeightsError, match="Permission denied"):
        obtain("net")
    monkeypatch.undo()
    monkeypatch.chdir(own_store.parent)


def test_faults_end_in_one_error(obtain: Obtain, catalog: Catalog, loop: Loop) -> None:
    catalog.add(urls=[loop.url, f"{loop.base}/b"])
    loop.site.fail("/models/net.pt", always=faults.wrong_bytes)
    catalog.add(urls=[loop.url, f"{loop.base}/b"], sha256=SHA256)
    with pytest.raises(WeightsError) as caught:
        obtain("net")
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (999_949, "999.9 kB"),
     (999_951, "1.0 MB"), (5_544_453, "5.5 MB"), (3 << 30, "3.2 GB"), (5 << 40, "5497.6 GB")],
)  # fmt: skip
def test_sizes_in_words(size: int, text: str) -> None:
    assert describe_size(size) == text
