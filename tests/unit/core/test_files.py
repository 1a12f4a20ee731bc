"""Publishing is atomic, leftovers go, and no name climbs out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yolokit.core.files import (
    claim_folder,
    fresh_path,
    inside,
    publish_file,
    publish_folder,
    sha256_file,
    write_atomic,
)
from yolokit.errors import ConfigError, OutputExistsError


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    out = tmp_path / "a" / "out"
    with publish_folder(out) as part:
        (part / "x").write_text("1")
        assert not out.exists()
    assert (out / "x").read_text() == "1"
    assert os.listdir(out.parent) == ["out"]


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    for publish in (publish_folder, publish_file):
        with pytest.raises(ZeroDivisionError), publish(tmp_path / "out"):
            raise ZeroDivisionError
    assert os.listdir(tmp_path) == []


def test_an_existing_output_is_kept_until_the_new_one_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").touch()
    with pytest.raises(OutputExistsError), publish_folder(out):
        pass
    with pytest.raises(ZeroDivisionError), publish_folder(out, overwrite=True):
        raise ZeroDivisionError
    assert (out / "old").exists()
    with publish_folder(out, overwrite=True) as part:
        (part / "new").touch()
    assert os.listdir(out) == ["new"]
    assert os.listdir(tmp_path) == ["out"]


def test_a_dangling_link_counts_as_an_output(tmp_path: Path) -> None:
    if os.name == "nt":
        pytest.skip("links need rights on Windows")
    (tmp_path / "out").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OutputExistsError), publish_file(tmp_path / "out"):
        pass


def test_a_killed_process_leaves_nothing_under_the_name_and_the_next_run_cleans_up(
    tmp_path: Path,
) -> None:
    code = f"""
import os, pathlib
from yolokit.core.files import publish_folder
with publish_folder(pathlib.Path({str(tmp_path / "out")!r})) as part:
    (part / "half").touch()
    os._exit(9)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    assert not (tmp_path / "out").exists()
    assert len(os.listdir(tmp_path)) == 1
    with publish_folder(tmp_path / "out") as part:
        (part / "whole").touch()
    assert os.listdir(tmp_path) == ["out"]


def test_a_living_process_keeps_its_part(tmp_path: Path) -> None:
    with publish_file(tmp_path / "out.txt") as first:
        first.write_text("1")
        with publish_file(tmp_path / "out.txt") as second:
            second.write_text("2")
        assert first.exists()
        (tmp_path / "out.txt").unlink()
    assert (tmp_path / "out.txt").read_text() == "1"


def test_the_suffix_stays_on_the_temporary_name(tmp_path: Path) -> None:
    with publish_file(tmp_path / "picture.png") as part:
        assert part.suffix == ".png"
        part.write_bytes(b"x")


def test_a_parent_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="file"), publish_file(tmp_path / "file" / "out"):
        pass


def test_write_atomic_replaces(tmp_path: Path) -> None:
    write_atomic(tmp_path / "x", b"1")
    write_atomic(tmp_path / "x", b"2")
    assert (tmp_path / "x").read_bytes() == b"2"


def test_fresh_names_count_up(tmp_path: Path) -> None:
    assert claim_folder(None, parent=tmp_path, stem="run").name == "run"
    assert claim_folder(None, parent=tmp_path, stem="run").name == "run-2"
    assert fresh_path(tmp_path, "run").name == "run-3"
    with pytest.raises(OutputExistsError):
        claim_folder(tmp_path / "run", parent=tmp_path, stem="run")


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256_file(tmp_path / "x").startswith("ba7816bf8f01cfea")


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../x", "a/../../x", "..\\x", "C:\\x", "c:/x", "\\\\host\\x", "a\x00b", "a/.."],
)
def test_names_that_climb_out_are_refused(tmp_path: Path, name: str) -> None:
    found = inside(tmp_path, name)
    if name == "a/..":
        assert found is not None
    else:
        assert found is None


@given(st.text(alphabet="a./\\:", max_size=12))
def test_whatever_is_allowed_stays_inside(name: str) -> None:
    folder = Path("/base/folder")
    found = inside(folder, name)
    if found is not None:
        assert os.path.normpath(found).startswith(str(folder))


def test_what_was_there_comes_back_after_a_kill_between_the_two_renames(tmp_path: Path) -> None:
    code = f"""
import os, pathlib
from yolokit.core import files
out = pathlib.Path({str(tmp_path / "out")!r})
out.mkdir()
(out / "precious").touch()
rename = pathlib.Path.rename
def rename_and_die(self, target):
    rename(self, target)
    os._exit(9)
pathlib.Path.rename = rename_and_die
with files.publish_folder(out, overwrite=True) as part:
    (part / "new").touch()
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    assert not (tmp_path / "out").exists()
    with pytest.raises(OutputExistsError), publish_folder(tmp_path / "out"):
        pass
    assert os.listdir(tmp_path / "out") == ["precious"]


def test_an_output_that_appeared_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    for publish in (publish_folder, publish_file):
        out = tmp_path / publish.__name__
        with pytest.raises(OutputExistsError), publish(out) as part:
            part.touch()
            out.mkdir()
        assert out.is_dir()
