"""Files made to harm whoever opens them: each ends in one sentence, and nothing of it runs."""

from __future__ import annotations

import io
import os
import pickle
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from yolokit.checkpoints.reading import explain_unreadable

MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
SYSTEM = b"cos\nsystem\n"
TOUCH = b"X\x0b\x00\x00\x00touch pwned"
PICKLES = {
    "reduce": SYSTEM + TOUCH + b"\x85R.",
    "reduce, protocol 4": b"\x80\x04\x8c\x02os\x8c\x06system\x93" + TOUCH + b"\x85R.",
    "inst": b"(" + TOUCH + b"ios\nsystem\n.",
    "obj": b"(" + SYSTEM + TOUCH + b"o.",
    "newobj": b"\x80\x02" + SYSTEM + TOUCH + b"\x85\x81.",
    "newobj_ex": b"\x80\x04" + SYSTEM + TOUCH + b"\x85}\x92.",
    "build": b"\x80\x02ctorch.nn.modules.linear\nLinear\n)\x81}X\x01\x00\x00\x00a" + SYSTEM
    + b"sb.",
    "extension": b"\x80\x02\x82\x07" + TOUCH + b"\x85R.",
    "memo": b"\x80\x04\x8c\x06system\x94\x8c\x02os\x94h\x01h\x00\x93" + TOUCH + b"\x85R.",
    "a popped disguise": b"\x80\x04\x8c\x02os\x8c\x06system\x8c\x05torch\x8c\x04Size00\x93" + TOUCH
    + b"\x85R.",
    "through a class": b"\x80\x04\x8c\x05torch\x8c\x09os.system\x93" + TOUCH + b"\x85R.",
    "a nested pickle": b"ctorch.storage\n_load_from_bytes\nB\x03\x00\x00\x00abc\x85R.",
    "pty": b"cpty\nspawn\n" + TOUCH + b"\x85R.",
    "pip": b"cpip\nmain\n" + TOUCH + b"\x85R.",
    "runpy": b"crunpy\nrun_path\n" + TOUCH + b"\x85R.",
    "webbrowser": b"cwebbrowser\nopen\n" + TOUCH + b"\x85R.",
    "shutil": b"cshutil\nrmtree\n" + TOUCH + b"\x85R.",
    "getattr beside a class": b"c__builtin__\ngetattr\nctimm.models\nNet\n.",
    "among classes of YOLOv5": b"cmodels.yolo\nModel\n" + SYSTEM + TOUCH + b"\x85R.",
    "among classes of YOLOX": b"cyolox.models\nYOLOX\n" + SYSTEM + TOUCH + b"\x85R.",
}  # fmt: skip


def write_zip(path: Path, *members: tuple[str, bytes], how: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def explain(path: Path) -> str:
    found = explain_unreadable(path)
    assert found is not None
    text = " / ".join(found)
    assert "--trust" not in text
    return text


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("kind", PICKLES)
def test_a_pickle_that_would_run_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, legacy: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil.pt"
    if legacy:  # in the place of the model, behind the protocol and the system
        path.write_bytes(MAGIC + pickle.dumps(1001, 2) + pickle.dumps({}, 2) + PICKLES[kind])
    else:
        write_zip(path, ("archive/data.pkl", PICKLES[kind]), ("archive/version", b"3\n"))
    text = explain(path)
    assert "is refused" in text
    assert "looks like an attack" in text
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("place", range(4))
def test_every_pickle_of_the_format_before_torch_1_6_is_read(tmp_path: Path, place: int) -> None:
    pickles = [pickle.dumps(1001, 2), *[pickle.dumps(None, 2)] * 3]
    pickles[place] = PICKLES["reduce"]
    (tmp_path / "old.pt").write_bytes(MAGIC + b"".join(pickles))
    assert "os.system" in explain(tmp_path / "old.pt")


def test_a_file_that_is_both_an_old_checkpoint_and_a_zip_archive(tmp_path: Path) -> None:
    """torch looks at the first bytes, so the archive behind them counts for nothing."""
    path = write_zip(tmp_path / "both.pt", ("archive/data.pkl", pickle.dumps({}, 2)))
    head = MAGIC + pickle.dumps(1001, 2) + pickle.dumps({}, 2) + PICKLES["reduce"]
    path.write_bytes(head + path.read_bytes())
    assert zipfile.is_zipfile(path)
    assert "os.system" in explain(path)


INNOCENT = pickle.dumps({"model": 1}, 2)
EVIL = PICKLES["reduce"]
ARCHIVES = {
    "holds 2 pickles": [("a/data.pkl", INNOCENT), ("b/data.pkl", EVIL)],
    "../../x lies outside": [("a/data.pkl", INNOCENT), ("../../x", b"")],
    "/etc/x lies outside": [("a/data.pkl", INNOCENT), ("/etc/x", b"")],
    "a/../../x lies outside": [("a/data.pkl", INNOCENT), ("a/../../x", b"")],
    "without a checkpoint": [("data.pkl", EVIL)],
}


@pytest.mark.parametrize("words", ARCHIVES)
def test_archives_that_can_be_understood_in_two_ways(tmp_path: Path, words: str) -> None:
    assert words in explain(write_zip(tmp_path / "x.pt", *ARCHIVES[words]))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.pt", ("a/data.pkl", INNOCENT), ("a/data.pkl", EVIL))
    assert "holds 2 pickles" in explain(path)


def test_a_deflated_pickle_larger_than_any_checkpoints_is_not_read(tmp_path: Path) -> None:
    path = write_zip(
        tmp_path / "bomb.pt", ("archive/data.pkl", bytes(17 << 20)), how=zipfile.ZIP_DEFLATED
    )
    assert "larger than 16 MiB" in explain(path)


def test_a_size_that_is_a_lie(tmp_path: Path) -> None:
    """The archive says that the pickle is small, and 17 MiB come out of it."""
    path = write_zip(
        tmp_path / "lie.pt", ("archive/data.pkl", bytes(17 << 20)), how=zipfile.ZIP_DEFLATED
    )
    true, said = ((17 << 20).to_bytes(4, "little"), (90).to_bytes(4, "little"))
    path.write_bytes(path.read_bytes().replace(true, said))
    assert "cut short or damaged" in explain(path)


def test_a_size_of_zip64_that_is_a_lie(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w") as archive,
        archive.open("archive/data.pkl", "w", force_zip64=True) as member,
    ):
        member.write(INNOCENT)
    content = bytearray(buffer.getvalue())
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 20 : directory + 28] = b"\xff" * 8
    (tmp_path / "z.pt").write_bytes(content)
    assert "larger than 16 MiB" in explain(tmp_path / "z.pt")


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compression_that_torch_does_not_know(tmp_path: Path, how: int) -> None:
    path = write_zip(tmp_path / "x.pt", ("archive/data.pkl", INNOCENT), how=how)
    assert "compressed in a way" in explain(path)


def test_the_tar_format_of_the_first_torch(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "old.pt", "w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            member = tarfile.TarInfo(name)
            member.size = len(EVIL)
            archive.addfile(member, io.BytesIO(EVIL))
    assert "a tar archive" in explain(tmp_path / "old.pt")


def test_an_onnx_model_and_a_web_page_called_a_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(b"\x08\x08\x12\x07pytorch\x1a\x062.15.0:")
    assert "an ONNX model" in explain(tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(b"<html>")
    assert "a web page" in explain(tmp_path / "b.pt")


def make_folder(path: Path) -> None:
    path.mkdir()


def make_loop(path: Path) -> None:
    path.symlink_to(path.name)


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX files")
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (make_folder, "is a folder, not a file"),
        (make_pipe, "is a pipe, not a file"),
        (make_endless, "is a device, not a file"),
        (make_loop, "symbolic links"),
    ],
)
def test_what_is_no_plain_file(tmp_path: Path, make: Callable[[Path], None], words: str) -> None:
    make(tmp_path / "x.pt")
    assert words in explain(tmp_path / "x.pt")


def test_names_are_short_whatever_the_pickle_says(tmp_path: Path) -> None:
    content = b"c" + b"m" * 50_000 + b"\n" + b"n" * 50_000 + b"\n."
    assert len(explain(write_zip(tmp_path / "x.pt", ("a/data.pkl", content)))) < 600


def test_a_pickle_that_ends_before_its_end(tmp_path: Path) -> None:
    for content in (INNOCENT[:-1], "cnaïve\nname\n.".encode(), b"\xff."):
        path = write_zip(tmp_path / "x.pt", ("a/data.pkl", content))
        assert "cut short or damaged" in explain(path)
