"""Only an earlier result of the same command is replaced, and only where nothing is read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from yolokit.errors import OutputExistsError
from yolokit.files import outputs
from yolokit.files.outputs import Held, Replacing, Result, check_output, contains, read_object
from yolokit.files.regular_file import identity_of

RESULT = Result(
    command="test",
    recognise=lambda folder: (
        [Held(("mark",), 1), Held(("images/*.jpg",), 2)] if (folder / "mark").exists() else None
    ),
)
FILE = Result(
    command="test",
    recognise=lambda path: () if path.read_bytes() == b"ours" else None,
    is_folder=False,
)


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("work", "home"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    return tmp_path / "work"


def make(path: str, *names: str) -> Path:
    for name in ("mark", "images/a.jpg", *names):
        (Path(path) / name).parent.mkdir(parents=True, exist_ok=True)
        (Path(path) / name).touch()
    return Path(path)


def refusal(path: Path | str, *keep: Path | str, result: Result = RESULT) -> str:
    """Return why a place is refused with --overwrite; without it that is not recommended."""
    places = tuple(map(Path, keep))
    with pytest.raises(OutputExistsError) as caught:
        check_output(Path(path), Replacing(result=result, wanted=False, keep=places))
    assert "--overwrite" not in (caught.value.hint or "")
    with pytest.raises(OutputExistsError) as caught:
        check_output(Path(path), Replacing(result=result, wanted=True, keep=places))
    assert caught.value.exit_code == 2
    return str(caught.value)


def accept(path: Path | str, *keep: Path | str, result: Result = RESULT) -> None:
    """See that a place is replaced with --overwrite, and that this is recommended without it."""
    places = tuple(map(Path, keep))
    check_output(Path(path), Replacing(result=result, wanted=True, keep=places))
    with pytest.raises(OutputExistsError, match="already exists") as caught:
        check_output(Path(path), Replacing(result=result, wanted=False, keep=places))
    assert "replace it with --overwrite" in (caught.value.hint or "")


def test_an_earlier_result_is_replaced() -> None:
    accept(make("out"))
    accept(make("out", "images/deep/b.jpg", ".DS_Store", "images/Thumbs.db"), "none", "out/../x")


@pytest.mark.parametrize("name", ["mine.txt", ".git/HEAD", "images/notes.txt", "other/a.jpg"])
def test_anything_beside_it_is_named(name: str) -> None:
    named = name if name.startswith("images") else name.partition("/")[0]
    assert named in refusal(make("out", name))


def test_folders_and_links_beside_it_count_too() -> None:
    make("out")
    Path("out/empty").mkdir()
    assert "empty" in refusal("out")
    Path("out/empty").rmdir()
    if os.name != "nt":
        make("elsewhere")
        Path("out/images/link").symlink_to(Path("elsewhere").resolve())
        assert "images/link" in refusal("out")


def test_more_files_than_were_written_are_seen() -> None:
    make("out", "images/b.jpg", "images/c.jpg")
    for name, time_s in (("a", 1), ("b", 3), ("c", 2)):
        os.utime(f"out/images/{name}.jpg", (time_s, time_s))
    assert "it holds 3 files where `test` wrote 2; images/b.jpg is the latest" in refusal("out")


def test_what_is_no_result_is_kept() -> None:
    Path("photos").mkdir()
    Path("photos/a.jpg").touch()
    assert "not an earlier result of `test`" in refusal("photos")
    Path("file").touch()
    assert "not a folder" in refusal("file")


def test_an_empty_folder_is_as_good_as_none() -> None:
    Path("out").mkdir()
    Path("out/.DS_Store").touch()
    for replacing in (None, Replacing(result=RESULT, wanted=False, keep=(Path(),))):
        check_output(Path("out"), replacing)


def test_what_the_run_reads_is_kept() -> None:
    out = make("set/out")
    assert "the command reads it" in refusal(out, out)
    assert "the command reads set/out/images/a.jpg" in refusal(out, "x", out / "images/a.jpg")
    assert "reads set/out/images/*.jpg" in refusal(out, out / "images/*.jpg"), "a pattern"
    assert "lies in set, which" in refusal(out, "set")
    accept(out, "set/one.jpg", "other", "set/mark")


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_hide_nothing() -> None:
    make("out")
    Path("to-out").symlink_to("out")
    Path("to-image.jpg").symlink_to("out/images/a.jpg")
    assert "the command reads it" in refusal("out", "to-out")
    for kept in ("to-out/images", "to-image.jpg"):
        assert f"the command reads {kept}" in refusal("out", kept)
    assert "it is a link" in refusal("to-out")
    Path("dangling").symlink_to("nowhere")
    assert "it is a link" in refusal("dangling")
    Path("above").symlink_to(Path.cwd())
    accept("above/out", "above/one.jpg")


def test_names_in_other_letters_hide_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file system tells no ``OUT`` from ``out``; here, two names of one place."""
    make("out")
    monkeypatch.setattr(
        outputs, "identity_of", lambda path: identity_of(str(path).replace("OUT", "out"))
    )
    assert contains(Path("out"), Path("OUT/images"))
    assert not contains(Path("out/images"), Path("OUT"))


def test_where_one_works_and_lives_is_kept(tmp_path: Path) -> None:
    make(".")
    for place in (".", "..", str(tmp_path), "images/.."):
        assert "it is the working folder, or contains it" in refusal(place)
    make("../home")
    assert "it is the home folder, or contains it" in refusal("../home")
    assert "it is a mount point" in refusal("/")


def test_a_mount_point_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A renamed folder cannot take its place: better said before hours of work."""
    Path("out").mkdir()
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path).name == "out")
    assert "it is a mount point; a folder in it can be made" in refusal("out")


def test_files_are_told_apart_by_their_content() -> None:
    Path("a").write_bytes(b"ours")
    accept("a", "b", result=FILE)
    assert "the command reads it" in refusal("a", "a", result=FILE)
    Path("a").write_bytes(b"mine")
    assert "not an earlier result" in refusal("a", result=FILE)
    Path("dir").mkdir()
    assert "it is not a file" in refusal("dir", result=FILE)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are POSIX")
def test_a_pipe_is_not_read() -> None:
    os.mkfifo("pipe")
    assert "it is not a file" in refusal("pipe", result=FILE)
    assert read_object(Path("pipe")) == {}


def test_objects_of_json_files() -> None:
    Path("a").write_text('{"a": 1}\n{"b": 2}\n')
    assert read_object(Path("a"), is_jsonl=True) == {"a": 1}
    for text in ('{"a": 1}\n{"b": 2}\n', "[1]", "x", ""):
        Path("a").write_text(text)
        assert read_object(Path("a")) == {}
    assert read_object(Path("none")) == {}
