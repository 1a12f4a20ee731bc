"""What files of weights are, told from their bytes alone."""

from __future__ import annotations

import io
import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest

from tests.conftest import START
from yolokit.checkpoints.reading import explain_unreadable


def write_torch(path: Path, pickled: bytes, *also: str) -> Path:
    """Write a zip archive as ``torch.save`` does."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in also:
            archive.writestr(f"archive/{name}", b"")
        archive.writestr("archive/data.pkl", pickled)
    return path


def pickle_class(module: str, name: str, protocol: int = 2) -> bytes:
    """Return a pickle that asks for a class which exists nowhere."""
    parents = module.split(".")
    made = [".".join(parents[: index + 1]) for index in range(len(parents))]
    kind = type(name, (), {"__module__": module})
    for part in made:
        sys.modules[part] = types.ModuleType(part)
    setattr(sys.modules[module], name, kind)
    try:
        return pickle.dumps({"model": kind()}, protocol=protocol)
    finally:
        for part in made:
            del sys.modules[part]


def explain(path: Path) -> str:
    found = explain_unreadable(path)
    assert found is not None
    return " / ".join(found)


def test_a_real_checkpoint_and_a_state_dict_are_fine(tmp_path: Path) -> None:
    assert explain_unreadable(START) is None
    assert explain_unreadable(write_torch(tmp_path / "a.pth", pickle.dumps(OrderedDict()))) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git-LFS pointer"),
        (b"<!DOCTYPE html><html>404</html>", "a web page"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "a PNG image"),
        (b"\x89HDF\r\n\x1a\n" + bytes(40), "Keras"),
        (bytes(4) + b"TFL3" + bytes(20), "TensorFlow Lite"),
        (b"\x10\x00\x00\x00\x00\x00\x00\x00{}", "safetensors"),
        (pickle.dumps({"a": 1}), "a bare pickle"),
        (b"Not Found", "a text that begins with 'Not Found'"),
        (b"\x01\x02\x03 whatever", "of a kind that is not known"),
        (b"PK\x03\x04" + bytes(100), "cut short or damaged"),
    ],
)
def test_what_is_taken_for_a_checkpoint_by_mistake(
    tmp_path: Path, content: bytes, words: str
) -> None:
    (tmp_path / "x.pt").write_bytes(content)
    assert words in explain(tmp_path / "x.pt")


def test_a_checkpoint_cut_short(tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_bytes(START.read_bytes()[:100_000])
    assert "cut short or damaged" in explain(tmp_path / "x.pt")


def test_torchscript_and_a_plain_zip(tmp_path: Path) -> None:
    script = write_torch(tmp_path / "s.pt", pickle.dumps(1), "constants.pkl")
    assert "TorchScript" in explain(script)
    with zipfile.ZipFile(tmp_path / "z.pt", "w") as archive:
        archive.writestr("photo.jpg", b"")
    assert "without a checkpoint" in explain(tmp_path / "z.pt")


@pytest.mark.parametrize(
    ("file", "classes", "words"),
    [
        ("yolov5s.pt", "models.yolo.DetectionModel", ["YOLOv5", "yolov5su"]),
        ("yolov5x6.pt", "models.yolo.Model", ["YOLOv5", "yolov5x6u"]),
        ("mine.pt", "models.common.C3", ["YOLOv5", "yolov5nu"]),
        ("yolov7.pt", "models.common.SPPCSPC", ["YOLOv7", "yolo11m"]),
        ("gelan.pt", "models.common.RepNCSPELAN4", ["YOLOv9", "yolov9c"]),
        ("yolov6n.pt", "yolov6.models.yolo.Model", ["YOLOv6"]),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_checkpoints_of_other_repositories_are_named_with_the_file_that_works(
    tmp_path: Path, file: str, classes: str, words: list[str], protocol: int
) -> None:
    module, _, name = classes.rpartition(".")
    text = explain(write_torch(tmp_path / file, pickle_class(module, name, protocol)))
    for word in words:
        assert word in text


def test_the_format_before_torch_1_6(tmp_path: Path) -> None:
    head = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
    content = io.BytesIO()
    content.write(head)
    for value in (1001, {"little_endian": True}):
        content.write(pickle.dumps(value, protocol=2))
    content.write(pickle_class("models.yolo", "Model"))
    (tmp_path / "yolov5m.pt").write_bytes(content.getvalue())
    assert "yolov5mu" in explain(tmp_path / "yolov5m.pt")


def test_code_is_named_and_never_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return eval, ("__import__('pathlib').Path('pwned').touch()",)

    text = explain(write_torch(tmp_path / "e.pt", pickle.dumps(Evil())))
    assert "builtins.eval" in text
    assert "looks like an attack" in text
    assert "--trust" not in text
    assert not Path("pwned").exists()


def test_a_class_that_no_yolo_needs(tmp_path: Path) -> None:
    text = explain(write_torch(tmp_path / "f.pt", pickle_class("timm.models", "Net")))
    assert "timm.models.Net" in text
    assert f"--trust {tmp_path / 'f.pt'}" in text
