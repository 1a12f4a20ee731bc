"""Finding sources: natural order, what is left out, and what is said where there is nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yolokit.core.types import Frame, FrameError
from yolokit.errors import DataError
from yolokit.runtime.source import natural_order, open_source

if TYPE_CHECKING:
    from collections.abc import Callable

    SaveImage = Callable[..., Path]


def names(uri: Path | str) -> list[str]:
    return [Path(frame.source).name for source in open_source(str(uri)) for frame in source]


class TestOrder:
    def test_numbers_count_as_numbers(self) -> None:
        given_names = ["b2", "a10", "a9", "a010", "a1", "b10", "a9b3", "A1"]
        ordered = sorted(map(Path, given_names), key=natural_order)
        assert [str(p) for p in ordered] == ["A1", "a1", "a9", "a9b3", "a010", "a10", "b2", "b10"]

    @given(st.lists(st.text("ab019/_²٣", min_size=1), max_size=8))
    def test_any_names_have_one_order(self, texts: list[str]) -> None:
        paths = [Path(text) for text in texts]
        backwards = paths[::-1]
        assert sorted(paths, key=natural_order) == sorted(backwards, key=natural_order)


class TestFolder:
    def test_images_of_all_folders_in_natural_order(
        self, tmp_path: Path, save_image: SaveImage
    ) -> None:
        for name in ("x10.png", "x9.png", "sub2/a.png", "sub10/a.png", "x1.JPG"):
            save_image(name)
        found = [f.source for s in open_source(str(tmp_path)) for f in s]
        relative = [Path(path).relative_to(tmp_path).as_posix() for path in found]
        assert relative == ["sub2/a.png", "sub10/a.png", "x1.JPG", "x9.png", "x10.png"]

    def test_hidden_files_and_other_files_are_left_out(
        self, tmp_path: Path, save_image: SaveImage
    ) -> None:
        for name in ("a.png", ".b.png", ".thumbs/c.png", "._a.png"):
            save_image(name)
        (tmp_path / "notes.txt").write_text("x")
        assert names(tmp_path) == ["a.png"]

    def test_nothing_to_read(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("x")
        with pytest.raises(DataError, match="no image or video among the folder's 1 file"):
            open_source(str(tmp_path))

    @pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
    def test_a_link_in_a_circle_ends(self, tmp_path: Path, save_image: SaveImage) -> None:
        save_image("a.png")
        (tmp_path / "again").symlink_to(tmp_path)
        assert names(tmp_path) == ["a.png"]

    def test_a_file_that_is_no_video_keeps_its_place(
        self, tmp_path: Path, save_image: SaveImage
    ) -> None:
        save_image("a.png")
        (tmp_path / "b.mp4").write_bytes(b"not a video")
        still, broken = open_source(str(tmp_path))
        assert [type(frame) for frame in still] == [Frame]
        [failure] = list(broken)
        assert isinstance(failure, FrameError)
        assert "cannot be opened as a video" in failure.message


class TestPattern:
    def test_two_stars_cross_folders(self, tmp_path: Path, save_image: SaveImage) -> None:
        for name in ("a/1.png", "b/2.png", "3.png", "b/4.jpg"):
            save_image(name)
        assert names(tmp_path / "**" / "*.png") == ["3.png", "1.png", "2.png"]

    def test_outputs_are_named_from_the_first_wildcard(
        self, tmp_path: Path, save_image: SaveImage
    ) -> None:
        save_image("a/1.png")
        [source] = open_source(str(tmp_path / "*" / "*.png"))
        assert source.root == tmp_path

    def test_a_real_name_with_brackets_is_no_pattern(self, save_image: SaveImage) -> None:
        assert names(save_image("shot[1].png")) == ["shot[1].png"]

    def test_it_names_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="among the pattern's 0 files"):
            open_source(str(tmp_path / "*.png"))


class TestListFile:
    def write(self, folder: Path, content: bytes) -> str:
        path = folder / "list.txt"
        path.write_bytes(content)
        return str(path)

    def test_paths_start_at_the_file_and_keep_its_order(
        self, tmp_path: Path, save_image: SaveImage
    ) -> None:
        absolute = save_image("c/1.png")
        save_image("b.png")
        uri = self.write(tmp_path, f"\ufeff{absolute}\r\n\r\n  b.png \r\n".encode())
        assert names(uri) == ["1.png", "b.png"]

    def test_a_missing_image_keeps_its_place(self, tmp_path: Path, save_image: SaveImage) -> None:
        save_image("b.png")
        [source] = open_source(self.write(tmp_path, b"gone.png\nb.png\n"))
        first, second = list(source)
        assert isinstance(first, FrameError)
        assert first.index == 0
        assert "No such file" in first.message
        assert isinstance(second, Frame)

    @pytest.mark.parametrize(
        ("content", "reason"), [(b"\n \n", "lists no image"), (b"\xff\xfe\x00", "UTF-8")]
    )
    def test_no_list(self, tmp_path: Path, content: bytes, reason: str) -> None:
        with pytest.raises(DataError, match=reason):
            open_source(self.write(tmp_path, content))


class TestNothingFound:
    def test_a_near_name_is_suggested(self, tmp_path: Path, save_image: SaveImage) -> None:
        save_image("image.png")
        with pytest.raises(DataError, match="no such file or folder") as caught:
            open_source(str(tmp_path / "imgae.png"))
        assert caught.value.hint == f"did you mean {tmp_path / 'image.png'}?"

    def test_an_unknown_kind(self, tmp_path: Path) -> None:
        (tmp_path / "a.docx").touch()
        with pytest.raises(DataError, match="not a known kind"):
            open_source(str(tmp_path / "a.docx"))

    def test_a_stream(self) -> None:
        with pytest.raises(DataError, match="no cameras and no streams"):
            open_source("rtsp://camera/1")
