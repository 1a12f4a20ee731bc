"""The lock file: any entries come back, the same ones are the same text, damage has a line."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yolokit.errors import FetchError
from yolokit.hub.lockfile import LOCK_NAME, LockEntry, add_to_lock, format_lock, read_lock
from yolokit.hub.urls import is_plain_name, is_public_url

ENTRY = LockEntry(sha256="a" * 64, size_bytes=5, hash_from="first use", url="https://host/x.pt")

ENTRIES = st.dictionaries(
    st.text(min_size=1, max_size=30).filter(is_plain_name),
    st.builds(
        LockEntry,
        sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
        size_bytes=st.integers(0, 1 << 50),
        hash_from=st.sampled_from(["catalog", "address", "name", "first use", "bundle"]),
        url=st.none() | st.text(max_size=30).map(lambda t: f"https://h/{t}").filter(is_public_url),
    ),
    max_size=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=ENTRIES)
def test_any_entries_come_back(entries: dict[str, LockEntry], tmp_path: Path) -> None:
    text = format_lock(entries)
    tmp_path.joinpath(LOCK_NAME).write_text(text, "utf-8")
    assert read_lock(tmp_path) == entries
    assert format_lock(dict(reversed(entries.items()))) == text
    assert text.isascii()
    assert tomllib.loads(text).keys() == entries.keys()


def test_it_reads_as_text(tmp_path: Path) -> None:
    add_to_lock(tmp_path, {"x.pt": ENTRY})
    add_to_lock(tmp_path, {"b.pt": ENTRY})
    text = (tmp_path / LOCK_NAME).read_text("utf-8")
    assert text.index('["b.pt"]') < text.index('["x.pt"]')
    assert text.endswith(
        '["x.pt"]\n'
        f'sha256 = "{"a" * 64}"\n'
        "size_bytes = 5\n"
        'hash_from = "first use"\n'
        'url = "https://host/x.pt"\n'
    )
    before = (tmp_path / LOCK_NAME).stat().st_mtime_ns
    add_to_lock(tmp_path, {"b.pt": ENTRY})
    assert (tmp_path / LOCK_NAME).stat().st_mtime_ns == before, "what is there is not written anew"
    (tmp_path / LOCK_NAME).write_bytes(text.replace("\n", "\r\n").encode())
    assert read_lock(tmp_path).keys() == {"b.pt", "x.pt"}, "also as git writes it on Windows"


def test_another_hash_is_refused(tmp_path: Path) -> None:
    add_to_lock(tmp_path, {"x.pt": ENTRY})
    other = LockEntry(sha256="b" * 64, size_bytes=5, hash_from="bundle")
    before = (tmp_path / LOCK_NAME).read_bytes()
    with pytest.raises(FetchError) as caught:
        add_to_lock(tmp_path, {"y.pt": ENTRY, "x.pt": other})
    assert "a" * 64 in str(caught.value)
    assert "b" * 64 in str(caught.value)
    assert (tmp_path / LOCK_NAME).read_bytes() == before


BLOCK = f'["x.pt"]\nsha256 = "{"a" * 64}"\nsize_bytes = 5\nhash_from = "first use"\n'


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("# fine\n\n{", 3, "Invalid"),
        ("<<<<<<< HEAD\n" + BLOCK, 1, "Invalid"),
        (BLOCK + "\n=======\n", 6, "Invalid"),
        (BLOCK + "\n" + BLOCK, 6, "twice"),
        ("\n" + BLOCK.replace("size_bytes = 5", 'size_bytes = "5"'), 2, "Expected `int`"),
        (BLOCK.replace("size_bytes = 5", "size_bytes = -5"), 1, ">= 0"),
        (BLOCK.replace("size_bytes = 5\n", ""), 1, "size_bytes"),
        (BLOCK.replace("first use", "hearsay"), 1, "hearsay"),
        (BLOCK.replace("a" * 64, "A" * 64), 1, "regex"),
        (BLOCK.replace("a" * 64, "a" * 63), 1, "regex"),
        (BLOCK + "trust = true\n", 1, "trust"),
        (BLOCK + 'url = "https://user:password@host/x"\n', 1, "is not an address"),
        (BLOCK + 'url = "https://host/\\u001b[2J"\n', 1, "is not an address"),
        ("\n\n" + BLOCK.replace("x.pt", "../x.pt"), 3, "not a name of a file"),
        (BLOCK.replace("x.pt", "/etc/passwd"), 1, "not a name of a file"),
        (BLOCK.replace("x.pt", ".hidden"), 1, "not a name of a file"),
        (BLOCK.replace("x.pt", "a\\\\b"), 1, "not a name of a file"),
        ('"x.pt" = 3\n', 1, "Expected `object`"),
        ("x = " + "[" * 3000, None, ""),
    ],
)  # fmt: skip
def test_damage_is_an_error_with_its_line(
    tmp_path: Path, text: str, line: int | None, words: str
) -> None:
    path = tmp_path / LOCK_NAME
    path.write_text(text, "utf-8")
    with pytest.raises(FetchError) as caught:
        read_lock(tmp_path)
    place = f"{path}:{line}: " if line else str(path)
    assert str(caught.value).startswith(place)
    assert words in str(caught.value)
    assert caught.value.exit_code == 4


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FetchError, match="utf-8"):
        read_lock(tmp_path)
    (tmp_path / LOCK_NAME).write_bytes(b"#" * (5 << 20))
    with pytest.raises(FetchError, match="not a lock file"):
        read_lock(tmp_path)


def test_no_lock_file_is_an_empty_one(tmp_path: Path) -> None:
    assert read_lock(tmp_path) == read_lock(tmp_path / "missing") == {}


def test_many_processes_add_and_none_is_lost(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from yolokit.hub.lockfile import LockEntry, add_to_lock
for n in range(10):
    entry = LockEntry(sha256="a" * 64, size_bytes=n, hash_from="first use")
    add_to_lock(Path({str(tmp_path)!r}), {{f"{{sys.argv[1]}}-{{n}}.pt": entry}})
"""
    running = [subprocess.Popen([sys.executable, "-c", code, str(n)]) for n in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert len(read_lock(tmp_path)) == 30
