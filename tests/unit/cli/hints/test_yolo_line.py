"""A line of ``yolo`` is answered with the line that it is here, and nothing is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from yolokit.cli.hints.yolo_line import translate
from yolokit.cli.main import app, main


def answer(line: str) -> str:
    """Return what is said about a line."""
    commands: Any = get_command(app)
    meant = translate(line.split(), commands.commands)
    assert meant is not None
    return meant[1].removeprefix("here that is: ")


@pytest.mark.parametrize(
    ("line", "ours"),
    [
        ("detect train data=c.yaml model=yolo26n.pt epochs=3 imgsz=320",
         "yolokit train --weights yolo26n --data c.yaml --epochs 3 --imgsz 320"),
        ("train data=x.yaml", "yolokit train --data x.yaml"),
        ("detect train", "yolokit train"),
        ("task=detect mode=train data=x.yaml device=0,1 name=a",
         "yolokit train --data x.yaml --device 0,1 --name a"),
        ("train data=x.yaml model=yolo26n.yaml",
         "yolokit train --weights none --arch yolo26n --data x.yaml"),
        ("train model=yolo26n-p2.yaml pretrained=yolo26n.pt data=x.yaml",
         "yolokit train --weights yolo26n --init backbone --arch yolo26n-p2 --data x.yaml"),
        ("train resume=True model=runs/a/last.pt name=a", "yolokit train --resume --name a"),
        ("train model=runs/a/best.pt data=d", "yolokit train --weights runs/a/best.pt --data d"),
        ("val model=best.onnx data=d.yaml split=test",
         "yolokit val best.onnx --data d.yaml --split test"),
        ("predict model=best.onnx source=images conf=0.4 save=True",
         "yolokit predict best.onnx images --conf 0.4"),
        ("export model=best.pt format=onnx dynamic=True", "yolokit export best.pt --dynamic all"),
        ("export model=best.pt half=True nms=True",
         "yolokit export best.pt --precision fp16 --embed nms"),
        ("export model=best.pt int8=True data=d.yaml half=False",
         "yolokit export best.pt --precision int8 --data d.yaml"),
        ("export model=best.pt dynamic=False opset=17", "yolokit export best.pt --opset 17"),
    ],
)  # fmt: skip
def test_a_line_is_translated(line: str, ours: str) -> None:
    assert answer(line) == ours


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("train data=x lr0=0.02", "yolokit train --data x --lr 0.02"),
        ("train data=x mosaic=0.5", "yolokit train --data x --set mosaic=0.5"),
        ("train data=x cos_lr=True", "cos_lr is `schedule: cosine` here"),
        ("train data=x half=True", "half is called precision here"),
        ("train data=x mosiac=0", "did you mean 'mosaic'?"),
        ("segment train data=x", "segment: this version trains detectors of boxes"),
        ("predict model=best.pt source=a", "best.pt is exported first: yolokit export best.pt"),
        ("export model=a.pt format=engine", "format is not offered"),
        ("track model=a.pt source=a.mp4", "this version does not track"),
        ("detect tune data=x iterations=9", "yolokit tune --data x --trials 9"),
        ("tune data=x resume=True", "the same command goes on with a search"),
    ],
)
def test_what_is_left_out_is_told(line: str, note: str) -> None:
    assert note in answer(line)


@pytest.mark.parametrize(
    "line",
    [
        "train --data a=b.yaml",
        "data convert a --map cat=dog --out b",
        "predict m.onnx here=1.jpg",
        "weights pull yolo26n",
        "train",
        "detect",
    ],
)
def test_other_lines_are_left_alone(line: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    Path("here=1.jpg").touch()
    commands: Any = get_command(app)
    assert translate(line.split(), commands.commands) is None


def test_it_is_said_and_not_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(["detect", "train", "data=coco8.yaml", "model=yolo26n.pt"])
    said = capsys.readouterr()
    assert caught.value.code == 2
    assert said.out == ""
    assert "hint: here that is: yolokit train --weights yolo26n --data coco8.yaml" in said.err
    assert list(tmp_path.iterdir()) == []
