"""``yolokit data convert`` as it is called: options, output, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.conftest import coco, coco_image, write_coco, write_image, write_yolo
from yolokit.cli import main as cli
from yolokit.convert.findings import CODES

BOX = {"image_id": 1, "category_id": 1, "bbox": [16, 12, 32, 24]}


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        cli.main(["data", "convert", *map(str, arguments)])
    captured = capsys.readouterr()
    assert isinstance(caught.value.code, int)
    return caught.value.code, captured.out, captured.err


@pytest.fixture
def source(tmp_path: Path) -> Path:
    crowd = {**BOX, "iscrowd": 1}
    for split in ("train", "val"):
        content = coco([coco_image(1), coco_image(2)], [BOX, crowd])
        write_coco(tmp_path / f"src/{split}.json", content)
        for number in (1, 2):
            write_image(tmp_path / f"src/{split}/{number}.jpg")
    return tmp_path / "src"


def test_counts_go_to_stdout_and_words_to_stderr(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, source, "--out", tmp_path / "o")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split() == ["split", "images", "without", "boxes", "boxes"]
    assert lines[2].split() == ["train", "2", "1", "1"]
    assert lines[3].split() == ["val", "2", "1", "1"]
    assert ["cat", "1", "1"] in [line.split() for line in lines]
    assert "4 annotations in = 2 kept + 0 clipped + 0 reinterpreted + 0 dropped + 2 excluded" in out
    assert "2 excluded: iscrowd" in out
    assert lines[-1] == str(tmp_path / "o")
    assert "COCO JSON: train.json, val.json" in err
    assert "1 class has no box: dog" in err


def test_json_is_one_line_with_everything(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, source, "--out", tmp_path / "o", "--json", "--to", "voc")
    assert code == 0
    assert out.count("\n") == 1
    result = json.loads(out)
    assert result["out"] == str(tmp_path / "o")
    assert (result["from_formats"], result["to_format"]) == (["coco"], "voc")
    assert result["splits"]["val"] == {
        "images": 2, "background_images": 1, "boxes": 1, "boxes_by_class": [1, 0],
    }  # fmt: skip
    assert result["totals"]["excluded"] == 2
    assert result["codes"] == {"excluded: iscrowd": 2, "noted: renamed": 2}


def test_every_option_reaches_the_job(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_yolo(tmp_path / "y", {"a.jpg": "0 .5 .5 .2 .2 9\n", "b.jpg": "", "c.jpg": ""})
    code, out, _ = run(
        capsys, source, "--out", tmp_path / "o", "--from", "yolo", "--to", "coco",
        "--split", "0.4,0.3,0.3", "--seed", 3, "--link", "hardlink", "--max-drop", "0",
        "--assume", "sixth-column=ignore", "--images", tmp_path / "y/images", "--json",
    )  # fmt: skip
    assert code == 0
    result = json.loads(out)
    assert {split: found["images"] for split, found in result["splits"].items()} == {
        "train": 1, "val": 1, "test": 1,
    }  # fmt: skip
    assert result["codes"] == {"reinterpreted: sixth-column-left": 1}
    assert "hardlinks" in result["warnings"][0]


def test_mistakes_are_listed_at_once_and_nothing_is_written(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(
        capsys, source, "--out", tmp_path / "o", "--from", "coc", "--link", "sym", "--seed", -1
    )
    assert (code, out) == (2, "")
    assert "3 mistakes" in err
    assert "did you mean 'coco'" in err
    assert not (tmp_path / "o").exists()


def test_too_great_a_loss_is_exit_code_3_with_places(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_yolo(tmp_path / "y", {"a.jpg": "0 .5 .5 .2 .2 9\n"})
    code, out, err = run(capsys, source, "--out", tmp_path / "o")
    assert (code, out) == (3, "")
    assert f"{tmp_path / 'y/labels/train/a.txt'}:1: 6 columns" in err
    assert "hint: " in err
    assert "Traceback" not in err


def test_what_cannot_be_right_is_exit_code_3_with_its_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_yolo(tmp_path / "y", {"a.jpg": None, "b.jpg": None})
    code, _, err = run(capsys, source, "--out", tmp_path / "o")
    assert code == 3
    assert "no label file for the 2 images" in err
    assert "--allow no-labels" in err
    assert not (tmp_path / "o").exists()
    code, out, _ = run(capsys, source, "--out", tmp_path / "o", "--allow", "no-labels", "--json")
    assert code == 0
    assert any("(allowed: no-labels)" in one for one in json.loads(out)["warnings"])
    code, _, err = run(capsys, source, "--out", tmp_path / "p", "--allow", "no-label")
    assert code == 2
    assert "no-labels" in err


def test_the_codes_are_listed_with_the_formats(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["data", "formats"])
    out = capsys.readouterr().out
    assert all(f"{code} " in out for code in CODES)


def test_an_output_that_exists_is_exit_code_2(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, source, "--out", tmp_path / "o")[0] == 0
    code, _, err = run(capsys, source, "--out", tmp_path / "o")
    assert code == 2
    assert "--overwrite" in err
    assert run(capsys, source, "--out", tmp_path / "o", "--overwrite")[0] == 0


@pytest.mark.parametrize(
    "arguments", [["src"], ["--out", "x"], ["src", "--out", "x", "--form", "y"]]
)
def test_usage_mistakes_are_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err


def test_a_task_that_no_set_can_have_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["data", "list", "--task", "seg"])
    assert caught.value.code == 2
    assert "did you mean 'segment'?" in capsys.readouterr().err
