"""Words of other trainers, and files in the wrong place: what is said leads on."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from yolokit.cli.hints.usage import explain_option
from yolokit.cli.main import app, main
from yolokit.core.options import Argument, list_settings
from yolokit.train.other_words import OTHER_WORDS


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
        (["detect"], "tasks are not named here"),
        (["checks"], "`yolokit doctor`"),
        (["settings"], "there are none"),
        (["track"], "this version does not track"),
        (["benchmark"], "`yolokit bench best.onnx` times a file on every engine"),
        (["cfg"], "`yolokit help train`"),
        (["train", "--half"], "half is called precision here"),
        (["train", "--mosaic", "0.1"], "`yolokit help train mosaic`"),
        (["train", "--imgsz=640,480"], "one number is the side of a square"),
        (["val", "m.onnx", "--data", "d", "--lr0", "1"], "of another command: `yolokit train`"),
        (["val", "m.onnx", "--data", "d", "--device", "0"], "device is called provider here"),
        (["predict", "m.onnx", "a", "--half"], "`precision: fp16` here"),
        (["predict", "m.onnx", "a", "--save-txt"], "predictions.jsonl has all boxes"),
        (["predict", "m.onnx", "a", "--save"], "--save names what is written"),
        (["predict", "m.onnx", "a", "--tracker", "x"], "this version does not track"),
        (["export", "best.pt", "--dynamic"], "`--dynamic batch`"),
        (["export", "best.pt", "--nms"], "nms is `embed: nms` here"),
        (["convert", "a"], "`yolokit data convert`"),
        (["check", "a"], "`yolokit data check`"),
        (["show", "a"], "`yolokit runs show`"),
        (["val", "--model", "m.onnx"], "`yolokit val MODEL ...`"),
        (["predict", "m.onnx", "--source", "a.jpg"], "`yolokit predict MODEL SOURCE...`"),
        (["predict", "m.onnx", "a.jpg", "--imgsz", "64"], "`yolokit export --imgsz PX`"),
        (["export", "best.pt", "--format", "onnx"], "always an ONNX file"),
        (["bench", "m.onnx", "--provider", "cpu"], "--providers cpu,openvino"),
        (["optimize", "b.pt", "--providers", "cpu"], "--provider cpu --provider openvino"),
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


JOBS = ("train", "export", "val", "predict")


def read_upstream_words() -> list[str]:
    """Return the options of ultralytics, as its own file lists them."""
    spec = importlib.util.find_spec("ultralytics")
    if spec is None or spec.origin is None:
        pytest.skip("ultralytics is not installed")
    words = yaml.safe_load((Path(spec.origin).parent / "cfg" / "default.yaml").read_text("utf-8"))
    return sorted(words)


@pytest.mark.parametrize("job", JOBS)
def test_every_option_of_ultralytics_leads_somewhere(job: str) -> None:
    """It is an option of the job, or a sentence says where it is, in whatever command it stands."""
    commands: Any = get_command(app)
    configs = {name: commands.commands[name].load_config() for name in JOBS}
    shown = {name for one in commands.commands[job].params for name in one.opts}
    lost = [
        word
        for word in read_upstream_words()
        if (flag := f"--{word.replace('_', '-')}") not in shown
        and explain_option(commands.commands[job], job, flag, configs) is None
    ]
    # Of no job here, and train says so; the others know only what runs a model.
    assert set(lost) <= set(OTHER_WORDS)
    assert job != "train" or not lost


@pytest.mark.parametrize("job", JOBS)
def test_no_word_of_another_tool_is_an_option_as_well(job: str) -> None:
    commands: Any = get_command(app)
    config = commands.commands[job].load_config()
    assert config.FOREIGN
    named = {one.name for one in list_settings(config) if not isinstance(one.option, Argument)}
    assert not set(config.FOREIGN) & named


@pytest.mark.parametrize(
    ("words", "said_is"),
    [(["doctor", "a"], "extra argument (a)"), (["doctor", "a", "b"], "extra arguments (a b)")],
)
def test_extra_words_are_counted(
    words: list[str], said_is: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said_is in said(capsys, *words)[1]
