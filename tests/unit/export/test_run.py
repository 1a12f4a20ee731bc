"""Where an export lands; a model and its proof, or neither."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import START
from tests.unit.export.test_verify import FakeDetector
from yolokit.errors import ConfigError, OutputExistsError, WeightsError
from yolokit.export import run
from yolokit.export.config import ExportConfig
from yolokit.export.earlier import MODEL
from yolokit.export.verify import ParityReport
from yolokit.files.outputs import Replacing


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def place(out: str | None, **options: Any) -> Path:
    config = ExportConfig.build({"weights": str(START), "out": out, **options})
    return run._place(config, Path("runs/best.pt"))[0]


@pytest.mark.parametrize(
    ("out", "path"),
    [
        (None, "runs/best.onnx"),
        ("mine.onnx", "mine.onnx"),
        ("new/mine.onnx", "new/mine.onnx"),
        ("there", "there/best.onnx"),
        ("there.onnx", "there.onnx/best.onnx"),
        ("v1.2", "v1.2/best.onnx"),
    ],
)
def test_out_is_a_file_or_a_folder_for_it(here: Path, out: str | None, path: str) -> None:
    for folder in ("there", "there.onnx", "v1.2"):
        (here / folder).mkdir()
    found = place(out)
    assert found == Path(path)
    assert found.parent.is_dir()


@pytest.mark.parametrize("out", ["best.engine", "best.onxx", "new/best.pt", "new"])
def test_anything_else_is_a_mistake(out: str) -> None:
    with pytest.raises(ConfigError, match="1 mistake") as caught:
        place(out)
    assert "must end with .onnx, or be a folder" in str(caught.value)


@pytest.mark.parametrize("name", ["best.onnx", "best.parity.json"])
def test_what_stands_in_the_way_is_told_before_any_work(here: Path, name: str) -> None:
    (here / "out" / name).mkdir(parents=True)
    with pytest.raises(ConfigError, match="cannot be replaced: it is not a file"):
        place("out", overwrite=True)
    (here / "out" / name).rmdir()
    (here / "out" / name).touch()
    for overwrite in (False, True):  # nor is a file of somebody else's replaced
        with pytest.raises(OutputExistsError):
            place("out", overwrite=overwrite)
    with pytest.raises(ConfigError, match="cannot make the folder"):
        place(f"out/{name}/model.onnx")


@pytest.mark.parametrize(
    ("name", "words"),
    [("folder", "folder is a folder, not a checkpoint"), ("none", "there is no check")],
)
def test_weights_that_are_no_file(here: Path, name: str, words: str) -> None:
    (here / "folder").mkdir()
    with pytest.raises(WeightsError, match=words):
        run.export_model(ExportConfig.build({"weights": name}))


def test_no_proof_stays_without_its_model(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.replace

    def fail(part: Path, path: Path) -> Path:
        if path.suffix == ".onnx":
            raise OSError("the disk is full")
        return rename(part, path)

    (here / "made.onnx").write_bytes(b"model")
    report = ParityReport(verdict="equal")
    out = here / "best.onnx"
    manifest = FakeDetector.manifest
    replacing = Replacing(result=MODEL, wanted=False)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="full"):
        patch.setattr(Path, "replace", fail)
        run._publish(here / "made.onnx", out, manifest, report, replacing)
    assert not list(here.glob("*.parity.json"))
    artifact = run._publish(here / "made.onnx", out, manifest, report, replacing)
    assert artifact.path.read_bytes() == b"model"
    assert artifact.parity_path.is_file()
