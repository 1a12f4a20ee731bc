from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from tests.conftest import ROOT
from tests.unit.runtime.conftest import ULTRALYTICS, save_model
from yolokit.errors import ConfigError, DataError, OutputExistsError
from yolokit.evaluate.config import ValConfig
from yolokit.evaluate.job import ValReport, open_job, validate_model, write_report
from yolokit.files.digest import sha256_file

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Path]

BOX = (16, 16, 48, 48)
ROW = "0 0.5 0.5 0.5 0.5\n"


@pytest.fixture
def config(make_model: Make, make_data: Make, tmp_path: Path) -> ValConfig:
    model = make_model([BOX], [[0.9, 0, 0]], "nut", "bolt", "cat")
    data = make_data({"a": ROW, "b": ROW, "c": ""}, "nut", "bolt")
    return ValConfig(
        model=str(model), data=str(data), provider="cpu", threads=1, out=str(tmp_path / "out")
    )


def change(config: ValConfig, **values: object) -> ValConfig:
    return msgspec.structs.replace(config, **values)


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        ValConfig.build(
            {"model": "m", "data": "d", "conf": 2.0, "iou": -0.1, "max_det": 0, "threads": 0}
            | {"provider": "cdua", "out": "x", "name": "a/b"}
        )
    fields = [problem.split(":")[0] for problem in caught.value.problems]
    assert sorted(fields) == [
        "conf", "iou", "max_det", "name", "out and name", "provider", "threads",
    ]  # fmt: skip


def test_the_report_says_what_was_measured_with_what(config: ValConfig) -> None:
    job = open_job(config)
    report = job.run()
    assert report.images == 3
    path = write_report(report, config)
    assert path == Path(str(config.out)) / "metrics.json"
    written = json.loads(path.read_text())
    assert written["model_sha256"] == sha256_file(Path(config.model))
    assert (written["images"], written["split"], written["provider"]) == (3, "val", "cpu")
    assert (written["conf"], written["iou"], written["max_count"]) == (0.001, 0.7, 300)
    assert written["extra_classes"] == ["cat"]
    assert written["overall"]["map50"] == pytest.approx(1)
    assert written["overall"]["precision"] == pytest.approx(2 / 3)
    assert written["classes"][1] == dict.fromkeys(written["classes"][1]) | {
        "name": "bolt", "images": 0, "boxes": 0,
    }  # fmt: skip


def test_confusion_curves_and_errors_are_in_the_report(config: ValConfig) -> None:
    path = write_report(open_job(config).run(), config)
    assert path is not None
    text = path.read_text()
    analysis = json.loads(text)["analysis"]
    assert analysis["confusion"] == [[2, 0, 0], [0, 0, 0], [1, 0, 0]]
    assert (analysis["overall"]["right"], analysis["overall"]["boxes"]) == (2, 2)
    assert len(analysis["curves"][0]["f1_by_conf"]) == 101
    assert {one["kind"]: one["count"] for one in analysis["errors"]} == {
        "missed": 0, "false": 1, "wrong_class": 0, "loose": 0, "duplicate": 0,
    }  # fmt: skip
    (worst,) = analysis["worst"]
    assert worst["image"].endswith("c.png")
    assert worst["found"] == [
        {"xyxy": [16, 16, 48, 48], "class_id": 0, "score": 0.9, "kind": "false"}
    ]
    assert "[2, 0, 0]" in text, "a list of numbers is one line"


def test_a_report_is_read_back_and_so_is_one_of_an_earlier_version(config: ValConfig) -> None:
    report = open_job(config).run()
    path = write_report(report, config)
    assert path is not None
    assert msgspec.json.decode(path.read_bytes(), type=ValReport).analysis == report.analysis
    earlier = ROOT / "tests/written_by_0_1_0/runs/val/v/metrics.json"
    old = msgspec.json.decode(earlier.read_bytes(), type=ValReport)
    assert (old.analysis, old.trained, old.overall.boxes) == (None, None, 3)


def test_a_page_lies_beside_the_figures_and_only_an_earlier_one_is_replaced(
    config: ValConfig,
) -> None:
    asked = change(config, report=True, report_only=True)
    run = validate_model(asked)
    assert run.page == Path(str(config.out)) / "report.html"
    assert run.page is not None
    text = run.page.read_text("utf-8")
    assert "It works" in text
    assert text.count("data:image/jpeg") == 2, "the worst image, twice"
    validate_model(change(asked, overwrite=True))
    (run.page.with_name("metrics.json")).unlink()
    run.page.write_text("<!doctype html>mine")
    with pytest.raises(OutputExistsError, match=r"report\.html cannot be replaced"):
        open_job(change(asked, overwrite=True, model="nowhere.onnx"))
    assert run.page.read_text() == "<!doctype html>mine"


def test_conf_iou_and_count_reach_the_decoder(make_model: Make, make_data: Make) -> None:
    boxes = [BOX, (16, 16, 48, 44), (0, 0, 8, 8), (50, 50, 60, 60)]
    model = make_model(boxes, [[0.9], [0.8], [0.5], [0.1]], "nut")
    data = make_data({"a": ROW + "0 0.0625 0.0625 0.125 0.125\n"}, "nut")
    base = ValConfig(model=str(model), data=str(data), provider="cpu", threads=1)

    def recall(**options: object) -> float | None:
        return open_job(change(base, **options)).run().overall.ar

    assert recall() == 1
    assert recall(conf=0.6) == 0.5
    assert recall(max_det=2) == 1
    assert recall(iou=1.0, max_det=2) == 0.5  # the near-duplicate takes the second place


def test_what_the_model_itself_leaves_out_is_in_the_report(
    config: ValConfig, tmp_path: Path
) -> None:
    rows = np.array([[[16, 16, 48, 48, 0.9, 0], [0] * 6]], np.float32)
    inside = ULTRALYTICS | {"args": "{'nms': True}"}
    model = save_model(tmp_path / "nms.onnx", rows, metadata=inside, score_axis=2)
    report = open_job(change(config, model=str(model))).run()
    assert [limit.split(":")[0] for limit in report.limits] == [
        "conf 0.001 has no effect below 0.25",
        "the model gives at most 2 boxes in an image",
    ]
    assert open_job(config).run().limits == ()


def test_images_that_cannot_be_read_are_all_named_and_left_out_only_if_allowed(
    config: ValConfig,
) -> None:
    folder = next(Path(config.data).parent.rglob("a.*")).parent
    (folder / "zero.png").touch()
    whole = next(folder.glob("c.*"))
    whole.write_bytes(whole.read_bytes()[:-20])  # its head is whole
    with pytest.raises(DataError, match="2 images of the split cannot be read: ") as caught:
        open_job(config).run()
    assert "zero.png: the file is empty" in str(caught.value)
    assert whole.name in str(caught.value)
    assert caught.value.hint is not None
    assert "--allow unusable-images" in caught.value.hint
    report = open_job(change(config, allow=("unusable-images",))).run()
    assert (report.images, report.unreadable) == (2, 2)
    assert report.overall.map50 == pytest.approx(1)


@pytest.mark.skipif(sys.platform != "linux", reason="names are text there")
def test_a_data_set_in_a_folder_that_is_not_utf8(config: ValConfig, tmp_path: Path) -> None:
    folder = Path(config.data).parent.rename(tmp_path / "caf\udce9")
    moved = change(config, data=str(folder / "data.yaml"))
    path = write_report(open_job(moved).run(), moved)
    assert path is not None
    assert json.loads(path.read_text())["data"] == str(tmp_path / r"caf\xe9" / "data.yaml")


def test_a_code_that_does_not_exist() -> None:
    with pytest.raises(ConfigError, match="did you mean 'unusable-images'"):
        ValConfig.build({"model": "m", "data": "d", "allow": ("unusable-image",)})


def test_a_missing_split_is_named_before_the_model_is_loaded(config: ValConfig) -> None:
    with pytest.raises(ConfigError, match=r"'test'.*the known ones are val"):
        open_job(change(config, split="test", model="nowhere.onnx"))


def test_a_report_that_exists_stays_unless_it_may_be_replaced(config: ValConfig) -> None:
    report = open_job(config).run()
    path = write_report(report, config)
    assert path is not None
    with pytest.raises(OutputExistsError) as caught:
        open_job(change(config, model="nowhere.onnx"))
    assert "replace it with --overwrite" in (caught.value.hint or "")
    path.write_text('{"images": 3}')
    for overwrite in (False, True):
        with pytest.raises(OutputExistsError) as caught:
            write_report(report, change(config, overwrite=overwrite))
        assert caught.value.hint == "choose another --name or --out"
    assert path.read_text() == '{"images": 3}'
    path.unlink()
    write_report(report, config)
    other = path.with_name("other.txt")
    other.write_text("also mine")
    write_report(report, change(config, overwrite=True))
    assert json.loads(path.read_text())["images"] == 3
    assert other.read_text() == "also mine"


def test_without_a_name_every_report_has_a_folder_of_its_own(
    config: ValConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    unnamed = change(config, out=None)
    report = open_job(unnamed).run()
    assert write_report(report, unnamed) == Path("runs/val/constant-val/metrics.json")
    assert write_report(report, unnamed) == Path("runs/val/constant-val-2/metrics.json")
    assert write_report(report, change(unnamed, name="x")) == Path("runs/val/x/metrics.json")
    assert write_report(report, change(unnamed, report_only=True)) is None
    assert write_report(report, change(unnamed, report_only=True, name="y")) is not None


NOTE = (
    "1 row of val holds the corners of a rotated box; a detector of boxes knows only the upright "
    "box around it"
)


def test_what_is_odd_about_the_labels_is_noted_and_written_down(config: ValConfig) -> None:
    labels = Path(config.data).parent / "labels/val"
    (labels / "a.txt").write_text(ROW + ROW)
    (labels / "b.txt").write_text("0 .5 .2 .8 .5 .5 .8 .2 .5\n")
    report = open_job(config).run()
    assert report.notes == (
        NOTE,
        f"{labels / 'a.txt'}:2: this nut repeats line 1, and counts once",
    )
    assert report.overall.boxes == 2


def test_labels_are_checked_before_the_model_is_loaded(config: ValConfig) -> None:
    broken = change(config, model="missing.onnx")
    labels = Path(config.data).parent / "labels/val"
    (labels / "a.txt").write_text("9 .5 .5 .2 .2\n")
    (labels / "b.txt").write_text("x .5 .5 .2 .2\n")
    with pytest.raises(DataError, match="2 problems in the labels of val"):
        open_job(broken)
    labels.rename(labels.with_name("elsewhere"))
    with pytest.raises(DataError, match="not one label file was found for the 3 images"):
        open_job(broken)


def test_a_folder_stands_for_its_data_yaml_and_other_splits_may_be_missing(
    config: ValConfig,
) -> None:
    path = Path(config.data)
    path.write_text(path.read_text() + "train: gone\ntest: gone\n")
    job = open_job(change(config, data=str(path.parent)))
    assert (job.data.path, job.run().images) == (path, 3)
    with pytest.raises(DataError, match="`test: gone` does not exist"):
        open_job(change(config, split="test"))
