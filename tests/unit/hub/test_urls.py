"""File names from addresses never climb out; what is shown of an address holds no secret."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yolokit.errors import FetchError
from yolokit.hub.source import load_source
from yolokit.hub.urls import (
    file_name_of,
    is_complete,
    is_plain_name,
    is_public_url,
    is_url,
    public_url,
    take_hash,
    with_mark,
)

DIGITS = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://host/a/b/net.pt", "net.pt"),
        ("https://host/net.pt?token=x", "net.pt"),
        ("https://host/a%2fb/n%C3%A9t%20x.pt", "n_t_x.pt"),
        ("https://host/x/..%2f..%2fetc%2fpasswd", "passwd"),
        ("https://host/x/..%5c..%5cboot.ini", "boot.ini"),
        ("https://host/.bashrc", "bashrc"),
        ("https://host/CON.pt", "_CON.pt"),
        ("https://host/weights.lock", "_weights.lock"),
        ("https://host/README.md", "_README.md"),
        ("https://host/-rf", "-rf"),
        ("https://host/net.pt.", "net.pt"),
        ("hf://owner/repo/sub/net.pt@refs/pr/1", "net.pt"),
        ("hf://owner/repo/net.pt", "net.pt"),
        ("file:///mnt/share/net.pt", "net.pt"),
    ],
)
def test_file_names(url: str, name: str) -> None:
    assert file_name_of(url) == name
    assert is_plain_name(name)


@pytest.mark.parametrize("url", ["https://host", "https://host/", "https://host/a/..", "hf://a/b/"])
def test_an_address_without_a_file(url: str) -> None:
    with pytest.raises(FetchError, match="does not end in the name of a file"):
        file_name_of(url)


@given(st.text(max_size=300))
def test_no_address_climbs_out(text: str) -> None:
    for path in (text, quote(text, safe="")):
        try:
            name = file_name_of(f"https://host/{path}")
        except FetchError:
            continue
        assert is_plain_name(name)
        assert Path("/store", name).resolve().parent == Path("/store")
        marked = with_mark(name, f"https://host/{path}")
        assert is_plain_name(marked)
        assert Path(marked).suffix == Path(name).suffix or "." not in name


@given(st.text(max_size=40), st.text(max_size=40))
def test_marks_tell_addresses_apart(one: str, other: str) -> None:
    urls = [f"https://host/{quote(part, safe='')}/net.pt?q={quote(part)}" for part in (one, other)]
    assert (with_mark("net.pt", urls[0]) == with_mark("net.pt", urls[1])) == (one == other)


@given(st.text(max_size=60))
def test_only_plain_names_are_plain(name: str) -> None:
    if is_plain_name(name):
        assert Path("/store", name).name == name
        assert not name.startswith(".")
        assert len(name.encode()) <= 100


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "a/b", "a\\b", "C:x", "nul", "COM1.pt", "x\x00", "x\n",
             "weights.lock", "readme.md", "x ", "x.", "a" * 101, "\x1b[2J"]
)  # fmt: skip
def test_what_is_no_plain_name(name: str) -> None:
    assert not is_plain_name(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://host/x", True), ("hf://a/b/c", True), ("file:///x", True), ("FILE:/x", True),
        ("gopher://x", True), ("yolo26n", False), ("torchvision:resnet50", False),
        ("C:\\weights\\x.pt", False), ("C:/weights/x.pt", False), ("./x:y", False),
    ],
)  # fmt: skip
def test_what_is_an_address(text: str, expected: bool) -> None:
    assert is_url(text) is expected


def test_hashes_behind_addresses() -> None:
    assert take_hash("https://host/x") == ("https://host/x", None)
    assert take_hash(f"https://host/x#sha256={DIGITS.upper()}") == ("https://host/x", DIGITS)
    for wrong in ("", "sha256=", "sha256=12", f"sha256={DIGITS}0", f"md5={DIGITS}", "readme"):
        with pytest.raises(FetchError, match="which is not a hash"):
            take_hash(f"https://host/x#{wrong}")


def test_what_may_be_shown() -> None:
    shown = public_url("https://user:password@host:8443/a/x.pt?token=secret#part")
    assert shown.startswith("https://host:8443/a/x.pt?query-sha256=")
    assert not {"password", "secret", "user", "part"} & set(shown.replace("=", "/").split("/"))
    assert public_url(shown) == shown
    assert not is_complete(shown)
    assert is_complete(public_url("https://user:password@host/a/x.pt"))
    other = public_url("https://host:8443/a/x.pt?token=other")
    assert other != shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://host/x.pt", True), ("hf://a/b/c@main", True), ("x.pt", False), ("", False),
        ("https://user:password@host/x", False), ("https://host/x?token=1", False),
        ("https://host/\x1b[2J", False), ("https://[::1", False),
        ("https://h/" + "x" * 5000, False),
    ],
)  # fmt: skip
def test_addresses_from_elsewhere(text: str, expected: bool) -> None:
    assert is_public_url(text) is expected


@given(st.text(st.characters(), max_size=60), st.sampled_from(["https://h", "hf://o/r/", "file:/"]))
def test_whatever_is_recorded_can_be_read_again(text: str, scheme: str) -> None:
    try:
        load_source(scheme + text)
    except FetchError:
        return
    shown = public_url(scheme + text)
    assert is_public_url(shown)
    assert public_url(shown) == shown
    shown.encode()


@pytest.mark.parametrize(
    "url",
    ["https://[::1/x", "https://host:port/x", "https://host:99999/x", "https://host/\x1b[2J",
     "https://host/\udcff.pt", "https://host/\u200b.pt", "https://user:password@host:port/x",
     "https://user:password@[::1/x", "https://host/" + "x" * 5000],
)  # fmt: skip
def test_malformed_addresses_are_errors_of_ours(url: str) -> None:
    for function in (public_url, file_name_of):
        with pytest.raises(FetchError, match="not an address") as caught:
            function(url)
        assert "password" not in str(caught.value)
        assert "\x1b" not in str(caught.value)
