"""Words of other trainers, and files in the wrong place: what is said leads on."""

from __future__ import annotations

from pathlib import Path

import pytest

from yolokit.cli.main import main


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str]:
    """Run a command that fails with an empty stdout; return its exit code and words."""
    with pytest.raises(SystemExit) as caught:
        main([*arguments])
    out, err = capsys.readouterr()
    assert out == ""
    return caught.value.code, err


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["help"], "`yolokit -h` shows the commands"),
        (["detect", "train"], "tasks are not named here"),
        (["checks"], "`yolokit doctor`"),
        (["convert", "a"], "`yolokit data convert`"),
        (["val", "--model", "m.onnx"], "`yolokit val MODEL ...`"),
        (["predict", "m.onnx", "--source", "a.jpg"], "`yolokit predict MODEL SOURCE...`"),
        (["predict", "m.onnx", "a.jpg", "--imgsz", "64"], "`yolokit export --imgsz PX`"),
        (["export", "best.pt", "--format", "onnx"], "always an ONNX file"),
        (["data", "convert", "a", "--format", "voc"], "--from names the format"),
        (["train", "resume"], "--name NAME for the run to resume"),
        (["train", "--overwrite"], "a run is never written over"),
        (["train", "--resume"], "add --name NAME"),
        (["weights", "list", "--offline"], "never opens a connection"),
        (["data", "info", "coco8", "--offline"], "never opens a connection"),
    ],
)
def test_what_is_meant_is_said(
    arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, words = said(capsys, *arguments)
    assert code == 2
    assert hint in words.split("hint: ")[1]


@pytest.mark.parametrize("arguments", [["xyzzy"], ["val", "m.onnx", "--xyzzy"], ["data", "help"]])
def test_nothing_is_guessed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert "hint" not in said(capsys, *arguments)[1]


@pytest.mark.parametrize(
    ("arguments", "code", "hint"),
    [
        (["export", "run"], 4, f"did you mean {Path('run/best.pt')}?"),
        (["export", "yolo26n"], 4, "`yolokit weights pull` printed"),
        (["export", "run/best.onnx"], 4, "the checkpoint that it was exported from"),
        (["predict", "run", "a.jpg"], 6, f"did you mean {Path('run/best.onnx')}?"),
        (["predict", "yolo26n", "a.jpg"], 6, "`yolokit export BEST.pt`"),
        (["predict", "none.pt", "a.jpg"], 6, "`yolokit export BEST.pt`"),
        (["predict", "a.jpg", "run/best.onnx"], 3, "the model comes first"),
        (["train", "--data", "none", "--name", "x"], 3, "`yolokit data convert` makes one"),
    ],
)
def test_what_stands_in_the_wrong_place_leads_to_the_right_one(
    arguments: list[str],
    code: int,
    hint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import cv2
    import numpy as np

    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    for name in ("best.pt", "best.onnx"):
        Path("run", name).write_bytes(b"\x08\x0a\x12\x07pytorch")
    cv2.imwrite("a.jpg", np.zeros((8, 8, 3), np.uint8))
    found, words = said(capsys, *arguments)
    assert found == code
    assert hint in words
