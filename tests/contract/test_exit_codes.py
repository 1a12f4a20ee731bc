"""Every mistake of a user ends in a message and its exit code, never in a traceback."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from yolokit import errors
from yolokit.cli import main as cli


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "yolokit", *arguments],
        capture_output=True, text=True, check=False, cwd=cwd, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["predcit"], 2, "Did you mean 'predict'"),
        (["predict", "m.onnx", "x.jpg", "--cnof", "1"], 2, "--conf"),
        (["predict", "m.onnx", "x.jpg", "--save", "imges"], 2, "did you mean 'images'"),
        (["predict", "m.onnx", "x.jpg", "--conf", "7", "--iou", "-1"], 2, "2 mistakes"),
        (["predict", "missing.onnx", "."], 3, "no image or video"),
        (["train", "--data", "missing.yaml"], 3, "missing.yaml"),
        (["train"], 2, "data: is missing"),
        (["train", "--data", "d.yaml", "--epochs", "0", "--imgsz", "33"], 2, "2 mistakes"),
        (["train", "--data", "d.yaml", "--weights", "yolo26n", "--arch", "x"], 2, "weights none"),
        (["train", "--data", "d.yaml", "--arch", "yolo62n"], 2, "2 mistakes"),
        (["train", "--resume", "--seed", "3"], 2, "--resume cannot be combined with"),
        (["train", "--resume", "--name", "none"], 1, "is not a run"),
        (["export", "missing.pt"], 4, "missing.pt"),
        (["export", "missing.pt", "--dynamic", "batsh", "--out", "x"], 2, "2 mistakes"),
        (["val", "missing.onnx", "--data", "missing.yaml"], 3, "missing.yaml"),
        (["data", "convert", "missing", "--out", "out"], 3, "missing"),
        (["data", "convert", ".", "--out", "out", "--from", "coc"], 2, "did you mean 'coco'"),
        (["data", "convert", "."], 2, "--out or --name"),
        (["data", "demo", "--out", "o", "--classes", "bel"], 2, "did you mean 'belt'"),
    ],
)
def test_mistakes(arguments: list[str], code: int, words: str, tmp_path: Path) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert "Traceback" not in done.stderr
    assert words in done.stderr
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == [], "a refused command leaves nothing behind"


def test_missing_weights_alone_have_their_own_code(tmp_path: Path) -> None:
    (tmp_path / "d.yaml").write_text("names: [a]\ntrain: .\n")
    done = run("train", "--data", "d.yaml", "--weights", "mine", cwd=tmp_path)
    assert done.returncode == 4
    assert "looked for" in done.stderr


def test_debug_shows_the_traceback_wherever_it_stands(tmp_path: Path) -> None:
    done = run("export", "missing.pt", "--debug", cwd=tmp_path)
    assert "Traceback" in done.stderr
    assert done.returncode == 4


def test_version(tmp_path: Path) -> None:
    import yolokit

    assert run("--version", cwd=tmp_path).stdout.strip() == yolokit.__version__


def test_each_family_of_errors_has_its_code() -> None:
    codes = {
        name: kind.exit_code
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.YolokitError)
    }
    assert codes["ConfigError"] == codes["OutputExistsError"] == 2
    assert codes["DataError"] == 3
    assert codes["WeightsError"] == 4
    assert codes["ExportError"] == codes["ParityError"] == 5
    assert codes["InferenceError"] == codes["ProviderError"] == codes["ModelOutputError"] == 6
    assert codes["MissingDependencyError"] == 7
    assert codes["JobCancelledError"] == 130


def test_a_mistake_of_ours_is_no_traceback_either(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as caught:
        cli.main(["predict"])
    assert caught.value.code == 70
    error = capsys.readouterr().err
    assert "internal error: ZeroDivisionError: oops" in error
    assert "Traceback" not in error


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "app", interrupt)
    with pytest.raises(SystemExit) as caught:
        cli.main(["predict"])
    assert caught.value.code == 130
