"""The report of a run that was really trained: in a browser, and drawn again from records."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chromium import NO_CHROMIUM, open_chromium
from tests.conftest import START, run_yolokit
from yolokit.engine_protocol.validations import BEST_VALIDATION, START_VALIDATION
from yolokit.metrics.coco import compute_coco_metrics
from yolokit.metrics.store import BoxStore
from yolokit.train.record import read_record
from yolokit.train.report.kept import iter_pairs, read_best, read_start

pytestmark = pytest.mark.slow
SHORT = ("--data", "set", "--imgsz", 160, "--batch", 8, "--device", "cpu")


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn parts, a run on them, and a run that began with what the first one learnt."""
    folder = tmp_path_factory.mktemp("report")
    run_yolokit("data", "demo", "--images", 60, "--video-seconds", 0, "--out", "demo", cwd=folder)
    run_yolokit("data", "convert", "demo", "--out", "set", cwd=folder)
    run_yolokit("train", *SHORT, "--weights", START, "--epochs", 3, "--name", "a", cwd=folder)
    begun = folder / "runs" / "train" / "a" / "best.pt"
    run_yolokit("train", *SHORT, "--weights", begun, "--epochs", 2, "--name", "b", cwd=folder)
    return folder


def measure(images: object, names: list[str]) -> float:
    store = BoxStore()
    for _path, truth, found in iter_pairs(images):  # type: ignore[arg-type]
        store.add(truth.xyxy, truth.category_indices, found)
    value = compute_coco_metrics(store, names).overall.map50_95
    assert value is not None
    return value


def test_what_is_kept_is_what_was_measured(workdir: Path) -> None:
    """COCO's figure of the stored boxes is torch's, but for how each interpolates."""
    run = workdir / "runs" / "train" / "b"
    record = read_record(run)
    assert record.best is not None
    assert record.start_epoch is not None
    found = read_best(run, record)
    assert len(found.images) == record.data.images["val"]
    assert sum(len(image.true_class_ids) for image in found.images) == record.data.boxes["val"]
    assert found.epoch == record.best.epoch
    for images, epoch in ((found, record.best), (read_start(run, record), record.start_epoch)):
        measured = measure(images, record.data.names)
        assert measured == pytest.approx(epoch.metrics["mAP50-95"], abs=0.02)


def test_the_record_tells_waiting_from_computing(workdir: Path) -> None:
    record = read_record(workdir / "runs" / "train" / "a")
    for epoch in record.epochs:
        assert epoch.wait_s is not None
        assert epoch.val_s is not None
        assert 0 < epoch.wait_s < epoch.seconds
        assert 0 < epoch.val_s < epoch.seconds
        assert epoch.wait_s + epoch.val_s < epoch.seconds


@pytest.mark.skipif(NO_CHROMIUM, reason="there is no Chromium")
@pytest.mark.parametrize(("width_px", "dark"), [(1100, False), (360, True)])
def test_the_page_opens_without_an_error(workdir: Path, width_px: int, dark: bool) -> None:
    with open_chromium() as tab:
        for name in ("a", "b"):
            page = workdir / "runs" / "train" / name / "report.html"
            tab.open(page, width_px, dark=dark)
            assert tab.console == []
            asked = [url for url in tab.requested_urls() if not url.startswith("data:")]
            assert asked == [page.resolve().as_uri()]
            text = tab.evaluate("document.body.textContent")
            for wanted in (
                "Too little to tell", "mAP50-95 before", "Time and steps", "In the folder",
                "Confusion matrix", "The worst images", "yolokit export runs/train/",
            ):  # fmt: skip
                assert wanted in text, wanted
            assert tab.evaluate("document.querySelectorAll('svg').length") >= 5
            is_wide = "document.documentElement.scrollWidth > window.innerWidth"
            assert not tab.evaluate(is_wide), "nothing is wider than the window"


def test_the_start_is_the_baseline_where_it_knows_the_classes(workdir: Path) -> None:
    runs = workdir / "runs" / "train"
    first, second = ((runs / name / "report.html").read_text("utf-8") for name in ("a", "b"))
    assert "did not know all of these classes" in first
    assert not (runs / "a" / START_VALIDATION).exists()
    record = read_record(runs / "b")
    assert record.start_epoch is not None
    assert f"before {record.start_epoch.metrics['mAP50-95']:.3f}, after" in second
    assert (runs / "b" / START_VALIDATION).is_file()
    assert (runs / "b" / BEST_VALIDATION).is_file()


def test_it_is_drawn_again_from_records_alone(workdir: Path) -> None:
    page = workdir / "runs" / "train" / "b" / "report.html"
    drawn = page.read_bytes()
    page.unlink()
    shown = run_yolokit("runs", "show", "b", "--report", cwd=workdir)
    assert "open: runs/train/b/report.html" in shown.stdout
    assert page.read_bytes() == drawn


def test_both_runs_are_listed_and_compared(workdir: Path) -> None:
    listed = run_yolokit("runs", "list", "--json", cwd=workdir).stdout
    assert [json.loads(line)["name"] for line in listed.splitlines()] == ["a", "b"]
    compared = run_yolokit("runs", "compare", "a", "b", "--report", "c.html", "--json", cwd=workdir)
    difference = json.loads(compared.stdout)["difference"]
    assert difference["images"] == read_record(workdir / "runs" / "train" / "a").data.images["val"]
    assert (workdir / "c.html").read_text("utf-8").count("<svg") >= 2


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_an_interrupted_run_has_a_report_and_a_resumed_one_a_new_one(workdir: Path) -> None:
    rest = stop_after(workdir, 1, *SHORT, "--weights", START, "--epochs", 40, "--name", "stopped")
    assert "verdict: Too little to tell" in rest
    run = workdir / "runs" / "train" / "stopped"
    done = len(read_record(run).epochs)
    page = (run / "report.html").read_text("utf-8")
    assert f"Interrupted: {done} of 40 epochs" in page
    stop_after(workdir, done + 1, "--resume", "--name", "stopped")
    page = (run / "report.html").read_text("utf-8")
    assert f"Interrupted: {len(read_record(run).epochs)} of 40 epochs" in page
    assert "Resumed" in page


def stop_after(workdir: Path, epoch: int, *options: object) -> str:
    """Interrupt a training when an epoch is done, and return what it says then."""
    with subprocess.Popen(
        [sys.executable, "-m", "yolokit", "train", *map(str, options)],
        cwd=workdir, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith(f"epoch {epoch}/"):
                break
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130, rest
    return rest
