"""``yolokit val`` as a user runs it, and its figures beside those of ``yolo val``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.chromium import NO_CHROMIUM, NO_CHROMIUM_REASON, open_chromium
from tests.conftest import run_yolokit

if TYPE_CHECKING:
    from pathlib import Path

UPSTREAM = """
import json, sys
from ultralytics import YOLO
model, data, split, project = sys.argv[1:]
box = YOLO(model, task="detect").val(
    data=data, split=split, imgsz=320, batch=1, rect=False, device="cpu", workers=0,
    plots=False, project=project, name="val",
).box
print("\\n" + json.dumps({"map50_95": box.map, "map50": box.map50, "classes": list(box.maps)}))
"""


def run_val(model: Path, data: Path, *options: object) -> subprocess.CompletedProcess[str]:
    program = "from yolokit.cli.main import main; main()"
    words = ["val", model, "--data", data, "--provider", "cpu", *options]
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, words)],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def upstream_val(model: Path, data: Path, split: str, scratch: Path) -> Any:
    """Figures of ultralytics' own validation, in a process of its own, without network."""
    environment = {"YOLO_AUTOINSTALL": "False", "YOLO_OFFLINE": "1", "YOLO_CONFIG_DIR": scratch}
    done = subprocess.run(
        [sys.executable, "-c", UPSTREAM, *map(str, (model, data, split, scratch))],
        env=os.environ | {key: str(value) for key, value in environment.items()},
        capture_output=True, text=True, check=False, timeout=600, cwd=scratch,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_figures_are_those_of_ultralytics_on_the_same_file(
    bccd_model: Path, bccd_test_yaml: Path, tmp_path: Path
) -> None:
    done = run_val(bccd_model, bccd_test_yaml, "--split", "test", "--json")
    assert done.returncode == 0, done.stderr
    ours = json.loads(done.stdout)
    theirs = upstream_val(bccd_model, bccd_test_yaml, "test", tmp_path)

    assert theirs["map50"] > 0.2, "a model that finds nothing proves nothing"
    assert ours["overall"]["map50_95"] == pytest.approx(theirs["map50_95"], abs=0.005)
    assert ours["overall"]["map50"] == pytest.approx(theirs["map50"], abs=0.005)
    for row, ap in zip(ours["classes"], theirs["classes"], strict=True):
        assert row["map50_95"] == pytest.approx(ap, abs=0.01), row["name"]


@pytest.fixture
def few_images(bccd_test_yaml: Path, tmp_path: Path) -> Path:
    """A data.yaml with eight images in its only split, ``test``."""
    source, root = bccd_test_yaml.parent, tmp_path / "few"
    for kind in ("images", "labels"):
        (root / kind / "test").mkdir(parents=True)
        for path in sorted((source / kind / "test").iterdir())[:8]:
            shutil.copy(path, root / kind / "test")
    (root / "data.yaml").write_text("test: images/test\nnames: [RBC, WBC, Platelets]\n")
    return root / "data.yaml"


def test_results_on_stdout_words_on_stderr_all_figures_in_a_file(
    bccd_model: Path, few_images: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = run_val(bccd_model, few_images, "--split", "test", "--out", out)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["class", "images", "boxes", "P", "R", "mAP50", "mAP50-95"]
    assert [line.split()[0] for line in lines[2:]] == ["all", "RBC", "WBC", "Platelets"]
    assert "8 images of test" in done.stderr
    assert "confidence" in done.stderr
    report = json.loads((out / "metrics.json").read_text())
    assert f"{report['overall']['map50_95']:.3f}" == lines[2].split()[-1]

    again = run_val(bccd_model, few_images, "--split", "test", "--out", out)
    assert (again.returncode, again.stdout) == (2, "")
    assert "--overwrite" in again.stderr


def test_json_is_one_object_and_leaves_no_file(
    bccd_model: Path, few_images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    done = run_val(bccd_model, few_images, "--split", "test", "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["classes"]) == 3
    assert not list((tmp_path / "here").iterdir())


def test_a_missing_split_names_those_that_there_are(bccd_model: Path, few_images: Path) -> None:
    done = run_val(bccd_model, few_images)
    assert (done.returncode, done.stdout) == (2, "")
    assert "'val'" in done.stderr
    assert "the known ones are test" in done.stderr


def test_an_unreadable_image_is_named_and_nothing_is_written(
    bccd_model: Path, few_images: Path, tmp_path: Path
) -> None:
    broken = sorted((few_images.parent / "images" / "test").iterdir())[5]
    broken.write_bytes(broken.read_bytes()[:2000])
    done = run_val(bccd_model, few_images, "--split", "test", "--out", tmp_path / "out")
    assert (done.returncode, done.stdout) == (3, "")
    assert broken.name in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_classes_that_do_not_fit_are_named(bccd_model: Path, few_images: Path) -> None:
    few_images.write_text("test: images/test\nnames: [rbc, WBC, Platelets]\n")
    done = run_val(bccd_model, few_images, "--split", "test")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'rbc' of the data set: it has 'RBC'" in done.stderr


@pytest.mark.skipif(NO_CHROMIUM, reason=NO_CHROMIUM_REASON)
def test_the_report_opens_in_a_browser_and_loads_nothing(
    bccd_model: Path, few_images: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = run_val(bccd_model, few_images, "--split", "test", "--out", out, "--report")
    assert done.returncode == 0, done.stderr
    assert f"report: {out / 'report.html'}" in done.stderr
    assert "at that confidence the model finds " in done.stderr
    with open_chromium() as tab:
        for width_px, dark in ((1100, False), (360, True)):
            tab.open(out / "report.html", width_px, dark=dark)
            assert tab.console == []
            assert tab.evaluate("document.documentElement.scrollWidth") <= width_px
        assert [url for url in tab.requested_urls() if not url.startswith(("file:", "data:"))] == []
        headings = tab.evaluate("[...document.querySelectorAll('h2')].map(e => e.textContent)")
        shown = tab.evaluate("[...document.images].map(e => e.naturalWidth)")
    assert headings[:2] == ["In short", "What goes wrong"]
    assert headings[-1] == "What to do next"
    assert shown
    assert all(width > 100 for width in shown), "each of the worst images is drawn, twice"
    report = json.loads((out / "metrics.json").read_text())
    assert len(shown) == 2 * len(report["analysis"]["worst"])
    assert len(report["analysis"]["confusion"]) == 4


def test_a_model_doubts_labels_in_any_format(
    bccd_model: Path, few_images: Path, tmp_path: Path
) -> None:
    """The same doubts about the set as YOLO and as COCO, each with its place in its file."""
    root = few_images.parent
    for kind in ("images", "labels"):
        (root / kind / "train").mkdir()
        for path in sorted((root / kind / "test").iterdir())[:4]:
            path.rename(root / kind / "train" / path.name)
    few_images.write_text("train: images/train\nval: images/test\nnames: [RBC, WBC, Platelets]\n")
    label, line = next(
        (path, at)
        for path in sorted((root / "labels" / "test").iterdir())
        for at, row in enumerate(path.read_text().splitlines(), 1)
        if row.startswith("1 ")
    )
    rows = label.read_text().splitlines()
    rows[line - 1] = f"0{rows[line - 1][1:]}"
    label.write_text("\n".join(rows))
    run_yolokit("data", "convert", root, "--to", "coco", "--out", "coco", cwd=tmp_path)
    found = []
    for source in (root, "coco"):
        done = run_yolokit("data", "check", source, "--model", bccd_model, "--json", cwd=tmp_path)
        listed = json.loads(done.stdout)["findings"]
        found.append(next(one for one in listed if one["code"] == "likely-wrong-class"))
    as_yolo, as_coco = found
    assert (as_yolo["path"], as_yolo["line"]) == (str(label), line)
    assert as_yolo["message"].startswith("labelled RBC, but the model sees a WBC")
    assert as_yolo["score"] > 0.3
    assert (as_coco["message"], as_coco["line"]) == (as_yolo["message"], None)
    assert as_coco["index"] is not None
