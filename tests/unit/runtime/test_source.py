"""Finding sources: natural order, what is left out, and what is said where there is nothing."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
        [source] = open_source(str(tmp_path))
        assert source.remarks == ("linked folders are not followed: again",)

    @pytest.mark.skipif(sys.platform == "win32", reason="no pipes in folders there")
    @pytest.mark.parametrize("name", ["b.jpg", "b.mp4"])
    def test_what_is_no_file_keeps_its_place(
        self, tmp_path: Path, save_image: SaveImage, name: str
    ) -> None:
        save_image("a.png")
        save_image("c.png")
        os.mkfifo(tmp_path / name)
        (tmp_path / "broken.jpg").symlink_to("nowhere")
        found = {
            Path(frame.source).name: frame.message
            for source in open_source(str(tmp_path))
            for frame in source
            if isinstance(frame, FrameError)
        }
        assert found == {
            name: "is a pipe, not a file",
            "broken.jpg": "is a broken link",
        }
        assert names(tmp_path / "[bc]*") == names(tmp_path)[1:]

    def test_a_folder_named_as_an_image_is_looked_into(
        self, tmp_path: Path, save_image: SaveImage
    ) -> None:
        save_image("a.jpg/inner.png")
        assert names(tmp_path) == ["inner.png"]

    def test_a_closed_folder_keeps_its_place(
        self, tmp_path: Path, save_image: SaveImage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        save_image("a.png")
        save_image("closed/b.png")
        scan = os.scandir

        def refuse(path: str) -> Any:
            if str(path) == str(tmp_path / "closed"):
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return scan(path)

        monkeypatch.setattr(os, "scandir", refuse)
        found = [frame for source in open_source(str(tmp_path)) for frame in source]
        assert [Path(frame.source).name for frame in found] == ["a.png", "closed"]
        assert isinstance(found[1], FrameError)
        assert found[1].message == "cannot be read: Permission denied"

    def test_pictures_without_a_decoder_are_told(
        self, tmp_path: Path, save_image: SaveImage
    ) -> None:
        save_image("a.png")
        for name in ("1.HEIC", "2.HEIC", "b.jxl", "c.DNG", "notes.md", "a.json", "x.unknown"):
            (tmp_path / name).touch()
        [source] = open_source(str(tmp_path))
        assert source.count == 1
        assert [remark.split(" (")[0] for remark in source.remarks] == [
            "1 file left out: .DNG",
            "2 files left out: .HEIC",
            "1 file left out: .jxl",
        ]
        assert all("no decoder for it; convert with " in remark for remark in source.remarks)

    def test_they_are_told_where_there_is_nothing_else_too(self, tmp_path: Path) -> None:
        (tmp_path / "1.heic").touch()
        with pytest.raises(DataError, match=r"folder's 1 file; 1 file left out: \.heic"):
            open_source(str(tmp_path))

    def test_and_where_there_are_videos_alone(self, tmp_path: Path) -> None:
        (tmp_path / "a.mp4").touch()
        (tmp_path / "1.heic").touch()
        [source] = open_source(str(tmp_path))
        assert source.remarks[0].startswith("1 file left out: .heic")

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

    def test_comments_addresses_and_videos(self, tmp_path: Path, save_image: SaveImage) -> None:
        for name in ("#1.png", "b.png", "c.png"):
            save_image(name)
        lines = "# my images\n#1.png\nhttp://host/a.png\nb.png\nclip.mp4\nc.png\nc.png\n"
        frames = [f for source in open_source(self.write(tmp_path, lines.encode())) for f in source]
        assert [Path(frame.source).name for frame in frames] == [
            *["#1.png", "a.png", "b.png", "clip.mp4", "c.png", "c.png"]
        ]
        failed = [frame.message for frame in frames if isinstance(frame, FrameError)]
        assert failed == [
            "only files are read, no addresses",
            "cannot be read: No such file or directory",
        ]

    def test_lists_of_other_programs(self, tmp_path: Path, save_image: SaveImage) -> None:
        save_image("größe.png")
        for content in ("größe.png\r\n".encode("utf-16"), "\ufeffgröße.png\r".encode()):
            assert names(self.write(tmp_path, content)) == ["größe.png"]

    @pytest.mark.skipif(sys.platform != "linux", reason="names are text there")
    def test_a_list_of_names_that_are_not_utf8(self, tmp_path: Path, save_image: SaveImage) -> None:
        save_image("a.png").rename(tmp_path / "caf\udce9.png")
        [source] = open_source(self.write(tmp_path, b"caf\xe9.png\n"))
        assert [type(frame) for frame in source] == [Frame]

    @pytest.mark.skipif(sys.platform == "win32", reason="no pipes in folders there")
    def test_a_pipe_is_no_list(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "list.txt")
        with pytest.raises(DataError, match="is a pipe, not a file"):
            open_source(str(tmp_path / "list.txt"))

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

    @pytest.mark.skipif(sys.platform == "win32", reason="no pipes in folders there")
    @pytest.mark.parametrize("name", ["b.jpg", "b.mp4", "b.docx"])
    def test_what_is_no_file_is_never_suggested(self, tmp_path: Path, name: str) -> None:
        os.mkfifo(tmp_path / name)
        [frame] = [frame for source in open_source(str(tmp_path / name)) for frame in source]
        assert isinstance(frame, FrameError)
        assert frame.message == "is a pipe, not a file"

    @pytest.mark.parametrize("name", ["a.HEIC", "a.jxl", "a.cr2", "a.psd", "a.svg"])
    def test_a_picture_without_a_decoder_has_a_way_round(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).touch()
        [frame] = [frame for source in open_source(str(tmp_path / name)) for frame in source]
        assert isinstance(frame, FrameError)
        assert f"there is no decoder for {name[1:]}: convert it to JPEG or PNG" in frame.message

    def test_the_content_tells_it_too(self, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").write_bytes(b"\x00\x00\x00\x18ftypheic" + bytes(99))
        [frame] = next(iter(open_source(str(tmp_path / "a.jpg"))))
        assert isinstance(frame, FrameError)
        assert frame.message.startswith("this is HEIC, and there is no decoder for it: convert")

    def test_names_that_no_file_can_have(self, tmp_path: Path) -> None:
        for name in ("x" * 300 + ".jpg", "x" * 300, "x" * 300 + ".mp4", "x" * 300 + "*.jpg"):
            with pytest.raises(DataError):
                open_source(str(tmp_path / name))

    def test_an_unknown_kind(self, tmp_path: Path) -> None:
        (tmp_path / "a.docx").touch()
        with pytest.raises(DataError, match="not a known kind"):
            open_source(str(tmp_path / "a.docx"))

    @pytest.mark.parametrize("uri", ["rtsp://camera/1", "0"])
    def test_a_stream_or_a_camera(self, uri: str) -> None:
        with pytest.raises(DataError, match="no cameras and no streams"):
            open_source(uri)
