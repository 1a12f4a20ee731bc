"""Publishing is atomic, leftovers go, and no name climbs out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yolokit.errors import ConfigError, OutputExistsError
from yolokit.files.atomic import (
    claim_folder,
    fresh_path,
    inside,
    publish_file,
    publish_folder,
    publish_fresh,
    publish_together,
    write_atomic,
)
from yolokit.files.digest import sha256_file
from yolokit.files.outputs import Held, Replacing, Result

ANYTHING = Replacing(
    result=Result(command="test", recognise=lambda _folder: [Held(("*",))]), wanted=True
)


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


ANY_FILE = Replacing(
    result=Result(command="test", recognise=lambda _path: (), is_folder=False), wanted=True
)


class TestTogether:
    """Several files get their names together, or what was there before is there again."""

    @pytest.fixture
    def paths(self, tmp_path: Path) -> list[Path]:
        return [tmp_path / name for name in ("a.json", "b.json", "model.onnx")]

    def publish(self, paths: list[Path], content: bytes) -> None:
        publish_together(dict.fromkeys(paths, content), dict.fromkeys(paths, ANY_FILE))

    def fail_at_the_last(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rename = Path.replace

        def fail(part: Path, path: Path) -> Path:
            if path.suffix == ".onnx" and "part" in part.name and part.read_bytes() == b"new":
                raise OSError("the disk is full")
            return rename(part, path)

        monkeypatch.setattr(Path, "replace", fail)

    def test_all_appear(self, paths: list[Path]) -> None:
        for content in (b"old", b"new"):
            self.publish(paths, content)
            assert [path.read_bytes() for path in paths] == [content] * 3
            assert sorted(paths[0].parent.iterdir()) == paths

    def test_none_stays_where_one_fails(
        self, paths: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.fail_at_the_last(monkeypatch)
        with pytest.raises(OSError, match="full"):
            self.publish(paths, b"new")
        assert list(paths[0].parent.iterdir()) == []

    def test_what_was_there_comes_back(
        self, paths: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.publish(paths[:1] + paths[2:], b"old")
        self.fail_at_the_last(monkeypatch)
        with pytest.raises(OSError, match="full"):
            self.publish(paths, b"new")
        assert {path.name: path.read_bytes() for path in paths[0].parent.iterdir()} == {
            "a.json": b"old",
            "model.onnx": b"old",
        }

    def test_one_that_is_in_the_way_stops_all(self, paths: list[Path]) -> None:
        paths[1].write_text("mine")
        with pytest.raises(OutputExistsError):
            publish_together(
                dict.fromkeys(paths, b"new"),
                dict.fromkeys(paths, Replacing(result=ANY_FILE.result, wanted=False)),
            )
        assert [path.name for path in paths[0].parent.iterdir()] == ["b.json"]


def test_an_existing_output_is_kept_until_the_new_one_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").touch()
    with pytest.raises(OutputExistsError), publish_folder(out):
        pass
    with pytest.raises(ZeroDivisionError), publish_folder(out, ANYTHING):
        raise ZeroDivisionError
    assert (out / "old").exists()
    with publish_folder(out, ANYTHING) as part:
        (part / "new").touch()
    assert os.listdir(out) == ["new"]
    assert os.listdir(tmp_path) == ["out"]


def test_a_dangling_link_counts_as_an_output(tmp_path: Path) -> None:
    if os.name == "nt":
        pytest.skip("links need rights on Windows")
    (tmp_path / "out").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OutputExistsError), publish_file(tmp_path / "out"):
        pass


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
    assert claim_folder(tmp_path / "run", parent=tmp_path, stem="x").name == "run", "it is empty"
    (tmp_path / "run" / "mine").touch()
    with pytest.raises(OutputExistsError):
        claim_folder(tmp_path / "run", parent=tmp_path, stem="run")


def test_fresh_names_are_taken_from_the_moment_that_they_are_chosen(tmp_path: Path) -> None:
    with (
        publish_fresh(tmp_path, "run") as (first, _),
        publish_fresh(tmp_path, "run") as (second, _),
    ):
        assert (first.name, second.name) == ("run", "run-2")
    assert sorted(os.listdir(tmp_path)) == ["run", "run-2"]


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


def test_an_output_that_appeared_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    for publish in (publish_folder, publish_file):
        out = tmp_path / publish.__name__
        with pytest.raises(OutputExistsError), publish(out) as part:
            part.touch()
            out.mkdir()
            (out / "mine").touch()
        assert (out / "mine").exists()
