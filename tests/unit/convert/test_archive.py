"""Archives are unpacked below one folder, or refused with a reason."""

from __future__ import annotations

import io
import os
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from yolokit.convert import archive as archives
from yolokit.convert.archive import is_archive, unpack
from yolokit.errors import DataError


def write_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return path


def write_tar(path: Path, *members: tarfile.TarInfo, content: bytes = b"x") -> Path:
    with tarfile.open(path, "w") as tar:
        for info in members:
            info.size = len(content) if info.isreg() else 0
            tar.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return path


class Unstated(zipfile.ZipInfo):
    """A file whose name states no encoding, as old programs write it."""

    def __init__(self, name: str, encoding: str) -> None:
        super().__init__("x")
        self.filename = name
        self._name_encoding = encoding

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802
        return self.filename.encode(self._name_encoding), self.flag_bits & ~0x800


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "scratch" / "in"
    made.mkdir(parents=True)
    return made


def everything(tmp_path: Path) -> set[str]:
    return {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}


def test_a_zip_is_unpacked_with_its_folders(tmp_path: Path, folder: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"x/": b"", "x/a b.txt": b"1", "ü.json": b"{}"})
    assert is_archive(path)
    assert unpack(path, folder) == 2
    assert (folder / "x/a b.txt").read_bytes() == b"1"
    assert (folder / "ü.json").read_bytes() == b"{}"


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_is_unpacked_whatever_its_compression(
    mode: str, tmp_path: Path, folder: Path
) -> None:
    path = tmp_path / f"a.tar{mode[1:].replace(':', '.')}"
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        info = tarfile.TarInfo("d/e.txt")
        info.size = 2
        tar.addfile(info, io.BytesIO(b"ab"))
    assert is_archive(path)
    unpack(path, folder)
    assert (folder / "d/e.txt").read_bytes() == b"ab"


@pytest.mark.parametrize(
    "name", ["../out.txt", "a/../../out.txt", "/tmp/out.txt", "..\\out.txt", "c:/out.txt", ".."]
)
def test_a_name_that_climbs_out_is_refused(name: str, tmp_path: Path, folder: Path) -> None:
    for path in (
        write_zip(tmp_path / "a.zip", {name: b"x"}),
        write_tar(tmp_path / "a.tar", tarfile.TarInfo(name)),
    ):
        before = everything(tmp_path)
        with pytest.raises(DataError, match="climb out"):
            unpack(path, folder)
        assert everything(tmp_path) <= before | {"a.tar"}


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_are_refused(kind: bytes, tmp_path: Path, folder: Path) -> None:
    info = tarfile.TarInfo("link")
    info.type = kind
    info.linkname = "/etc/passwd"
    with pytest.raises(DataError, match="link or a device"):
        unpack(write_tar(tmp_path / "a.tar", info), folder)
    assert os.listdir(folder) == []


def test_a_link_in_a_zip_is_refused(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "a.zip"
    info = zipfile.ZipInfo("link")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(info, "/etc/passwd")
    with pytest.raises(DataError, match="link or a device"):
        unpack(path, folder)


def test_an_encrypted_zip_is_called_that(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("a.txt", "x")
    data = bytearray(path.read_bytes())
    data[6] |= 1  # the flag, before the file and in the directory
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match="unpacked: it is encrypted") as caught:
        unpack(path, folder)
    assert caught.value.hint == "unpack it yourself and give the folder"


def test_a_bomb_stops_at_the_limit(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "_RATIO_FREE_BYTES", 1 << 20)
    path = write_zip(tmp_path / "a.zip", {"zeros": bytes(20 << 20)})
    assert path.stat().st_size < 100_000
    with pytest.raises(DataError, match="unpacks into more than"):
        unpack(path, folder)
    assert (folder / "zeros").stat().st_size < 10 << 20


def test_a_member_twice_is_refused(tmp_path: Path, folder: Path) -> None:
    path = write_tar(tmp_path / "a.tar", tarfile.TarInfo("a"), tarfile.TarInfo("a"))
    with pytest.raises(DataError, match="twice"):
        unpack(path, folder)


def test_damage_is_an_error_of_ours(tmp_path: Path, folder: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a.txt": b"hello world" * 1000})
    content = bytearray(path.read_bytes())
    content[40:60] = b"?" * 20
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"damaged|cannot be unpacked"):
        unpack(path, folder)
    cut = tmp_path / "b.tar.gz"
    cut.write_bytes(b"\x1f\x8b\x08\x00nonsense")
    with pytest.raises(DataError, match=r"damaged|cannot be unpacked"):
        unpack(cut, folder)


def test_a_zip_that_is_cut_short_is_called_damaged(tmp_path: Path, folder: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a.txt": b"hello world" * 1000})
    path.write_bytes(path.read_bytes()[:60])
    assert is_archive(path)
    with pytest.raises(DataError, match="the archive is damaged"):
        unpack(path, folder)


def test_other_files_are_no_archives(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    assert not is_archive(tmp_path / "a.json")
    assert not is_archive(tmp_path)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("\u5199\u771f1.jpg", "utf-8"), ("\u5199\u771f1.jpg", "cp932"), ("\u00fc\u00e9.jpg", "cp437")],
)
def test_names_of_a_zip_that_state_no_encoding(
    name: str, encoding: str, tmp_path: Path, folder: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(Unstated(name, encoding), b"x")
        packed.writestr("\u00e5.txt", b"x")
    told: list[str] = []
    assert unpack(tmp_path / "a.zip", folder, told.append) == 2
    assert everything(folder) == {name, "\u00e5.txt"}
    assert told == [f"1 name in it in no stated encoding, read as {encoding}"]


def test_a_name_of_a_zip_that_stands_in_utf8_beside(tmp_path: Path, folder: Path) -> None:
    info = Unstated("\u5199.jpg", "gbk")
    name = "\u5199.jpg".encode()
    info.extra = struct.pack("<HHBI", 0x7075, 5 + len(name), 1, 0) + name
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(info, b"x")
    assert unpack(tmp_path / "a.zip", folder) == 1
    assert everything(folder) == {"\u5199.jpg"}


def test_a_decoded_name_does_not_climb_out_either(tmp_path: Path, folder: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(Unstated("../\u5199.jpg", "utf-8"), b"x")
    with pytest.raises(DataError, match="climb out"):
        unpack(tmp_path / "a.zip", folder)
