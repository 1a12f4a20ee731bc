"""``yolokit runs`` over folders of every kind: whole, running, killed, damaged and foreign."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import msgspec
import pytest

from tests.unit.train.report.runs import make_folder
from yolokit.cli.main import main
from yolokit.engine_protocol.training import UsedSettings
from yolokit.errors import TrainError
from yolokit.jobs.runs.compare import compare_runs
from yolokit.jobs.runs.listing import describe_run, find_run, list_runs
from yolokit.train.launch import Launch
from yolokit.train.record import read_record, write_record
from yolokit.train.run_folder import hold_run


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs of every kind below runs/train of the working folder."""
    monkeypatch.chdir(tmp_path)
    parent = tmp_path / "runs" / "train"
    make_folder(parent / "good")
    make_folder(parent / "fresh", start_jitter_px=None, jitter_px=9, seed=5)
    make_folder(parent / "stopped", state="interrupted")
    make_folder(parent / "killed", state="running")
    failed = make_folder(parent / "failed", state="failed")
    failed.error = "the device ran out of memory"
    write_record(failed, parent / "failed")
    (parent / "foreign").mkdir()
    (parent / "damaged").mkdir()
    (parent / "damaged" / "run.json").write_text("{")
    (parent / "list").mkdir()
    (parent / "list" / "run.json").write_text("[1, 2]")
    (parent / "odd").mkdir()
    (parent / "odd" / "run.json").mkdir()
    (parent / "loop").mkdir()
    (parent / "loop" / "run.json").symlink_to("run.json")
    (parent / "file.txt").write_text("not a folder")
    return parent


def call(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> tuple[str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(map(str, arguments)))
    captured = capsys.readouterr()
    assert ended.value.code == code, captured.err
    return captured.out, captured.err


def test_every_folder_is_listed_as_what_it_is(runs: Path) -> None:
    states = {entry.name: entry.state for entry in list_runs(runs)}
    assert states == {
        "good": "complete", "fresh": "complete", "stopped": "interrupted", "killed": "killed",
        "failed": "failed", "foreign": "not a run", "damaged": "unreadable",
        "list": "unreadable", "odd": "unreadable", "loop": "unreadable",
    }  # fmt: skip
    problems = {entry.name: entry.problem for entry in list_runs(runs)}
    assert problems["failed"] == "the device ran out of memory"
    assert problems["good"] is None
    assert "is not readable" in (problems["damaged"] or "")


def test_a_run_that_is_held_is_running(runs: Path) -> None:
    with hold_run(runs / "killed"):
        assert describe_run(runs / "killed").state == "running"
    assert describe_run(runs / "killed").state == "killed"


def test_the_list_in_words_and_as_json(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, error = call(capsys, "runs", "list")
    assert "failed: the device ran out of memory\n" in error
    assert "run.json is not readable" in error
    lines = {line.split()[0]: line for line in out.splitlines()[2:]}
    assert set(lines) == {path.name for path in runs.iterdir() if path.is_dir()}
    assert lines["good"].split()[2:9] == ["start.pt", "8", "of", "8", "0.598", "0.020", "complete"]
    assert lines["fresh"].split()[7] == "-", "the start had fresh class rows: not measured"
    out, _ = call(capsys, "runs", "list", "--json")
    entries = [json.loads(line) for line in out.splitlines()]
    assert {entry["name"] for entry in entries} == set(lines)


def test_an_empty_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, error = call(capsys, "runs", "list", "--out", tmp_path / "none")
    assert out == ""
    assert "there are no runs in" in error


def test_a_run_is_shown_and_its_report_drawn_anew(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluation = Path("runs") / "val" / "best-test"
    evaluation.mkdir(parents=True)
    metrics = {"model": "runs/train/good/best.onnx", "overall": {"map50_95": 0.51}}
    (evaluation / "metrics.json").write_text(json.dumps(metrics))
    (evaluation.parent / "odd").mkdir()
    odd = json.dumps({**metrics, "model": "no\0file"})
    (evaluation.parent / "odd" / "metrics.json").write_text(odd)
    out, _ = call(capsys, "runs", "show", "good")
    assert "verdict: Converged" in out
    assert "next: yolokit export runs/train/good/best.pt" in out
    assert "runs/val/best-test  mAP50-95 0.510" in out
    assert not (runs / "good" / "report.html").exists()
    out, _ = call(capsys, "runs", "show", runs / "good", "--report")
    assert "open: runs/train/good/report.html" in out
    assert (runs / "good" / "report.html").read_text("utf-8").startswith("<!doctype html>")
    out, _ = call(capsys, "runs", "show", "good", "--json")
    shown = json.loads(out)
    assert shown["summary"]["curves"]["kind"] == "converged"
    assert shown["record"]["epochs"][0]["wait_s"] == 4


def test_what_a_run_was_computed_with_is_shown(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = read_record(runs / "good")
    record.used = UsedSettings(
        images=40, batch=16, batches=3, accumulate=4, steps_per_epoch=1, steps=9, warmup_batches=5,
        warmup_bias_lr=0, optimizer="AdamW", lr0=1e-4, lr0_reason="few steps", momentum=0.9,
        weight_decay=0, workers=0, threads=2, device_name="H200",
    )  # fmt: skip
    record.launches = [
        Launch(
            at="now", command=("yolokit", "train", "--data", "a b"), folder="/w",
            system="Linux-6", cpu="Xeon", cores=2, variables={"OMP_NUM_THREADS": "2"},
        )
    ]  # fmt: skip
    record.data = msgspec.structs.replace(record.data, listed={"train": 400, "val": 16})
    record.epochs = [
        msgspec.structs.replace(one, images=38, threads=1 + one.epoch % 2) for one in record.epochs
    ]
    record.stopped = record.stop("epochs")
    write_record(record, runs / "good")
    out, _ = call(capsys, "runs", "show", "good")
    for line in (
        "ended      after epoch 8 of 8: all epochs are done; best.pt has epoch 8, mAP50-95 ",
        "of train   40 of 400 images are used",
        "rate       AdamW at 0.0001, momentum 0.9: few steps",
        "computed   9 steps, 1 an epoch, in batches of 16; 1 to 2 threads",
        "machine    Linux-6; Xeon, 2 cores; H200",
        "command    yolokit train --data 'a b'",
        "variables  OMP_NUM_THREADS=2",
        "4.8 images/s in training",
    ):
        assert line in out
    out, _ = call(capsys, "runs", "show", "good", "--json")
    assert json.loads(out)["record"]["launches"][0]["cpu"] == "Xeon"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("goood", "there is a run 'good'"),
        ("nothing-like-it", "yolokit runs list"),
        ("damaged", "is not readable"),
        ("runs/train/foreign", "is not a run"),
    ],
)
def test_what_cannot_be_shown_is_named(
    runs: Path, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    assert runs.is_dir()
    _, error = call(capsys, "runs", "show", name, code=1)
    assert said in error


def test_two_runs_are_compared(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    moved = make_same_images(runs)
    found = compare_runs(find_run("good"), find_run(moved))
    assert found.better == "good", found.reason
    assert found.difference is not None
    assert found.difference.images == 16
    assert {pair.name for pair in found.classes} == {"cat", "dog"}
    assert [pair.name for pair in found.options] == ["epochs"]
    assert "content of the data set (sha256)" in {pair.name for pair in found.data}
    out, error = call(capsys, "runs", "compare", "good", moved, "--report", "c.html")
    assert "good is better: The mAP50-95 is" in out
    assert "open: c.html" in error
    assert Path("c.html").read_text("utf-8").count("<svg") >= 2
    out, _ = call(capsys, "runs", "compare", moved, "good", "--json")
    assert json.loads(out)["better"] == "good", "the order does not matter"


def make_same_images(runs: Path) -> str:
    """Write a run that was validated on the images of ``good`` and finds them worse."""
    record = make_folder(runs / "rough", jitter_px=9, seed=3, epochs=6)
    kept = runs / "good" / "best.detections.npz"
    assert kept.is_file()
    from yolokit.engine_protocol.validations import read_validation, write_validation

    there = read_validation(runs / "rough" / "best.detections.npz")
    images = [
        type(image)(
            image.path.replace("rough", "good"), image.image_wh, image.true_xyxy,
            image.true_class_ids, image.found,
        )
        for image in there.images
    ]  # fmt: skip
    write_validation(runs / "rough" / "best.detections.npz", 6, images)
    record.data.images["train"] = 99
    record.data = type(record.data)(
        path=record.data.path, sha256="cd" * 32, names=record.data.names,
        images=record.data.images, boxes=record.data.boxes,
    )  # fmt: skip
    write_record(record, runs / "rough")
    return "rough"


def test_runs_on_other_images_are_not_judged(runs: Path) -> None:
    found = compare_runs(find_run("good"), find_run("fresh"))
    assert (found.better, found.difference) == (None, None)
    assert "they were not validated on the same 16 images" in found.reason
    assert found.headline == "Neither is shown to be better"


def test_runs_judged_alike_are_compared_by_that(runs: Path) -> None:
    for name, seed in (("one", 0), ("two", 3)):
        make_folder(runs / name, fitness="recall@0.9", seed=seed, jitter_px=1 + 2 * seed)
    shutil.copy(runs / "one" / "best.detections.npz", runs / "two" / "best.detections.npz")
    found = compare_runs(find_run("one"), find_run("two"))
    assert found.metric == "recall@0.9"
    assert [pair.name for pair in found.metrics][:3] == ["recall@0.9", "mAP50-95", "mAP50"]
    assert "recall@0.9 before" in {pair.name for pair in found.metrics}
    assert "chosen by" not in {pair.name for pair in found.metrics}
    assert found.difference is not None
    assert found.difference.metric == "recall@0.9"
    assert "The recall@0.9 is" in found.reason
    assert "chosen" not in found.reason


def test_runs_judged_differently_are_compared_by_what_both_have(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_folder(runs / "careful", fitness="recall@0.9")
    lacking = read_record(runs / "good")
    for epoch in lacking.epochs:
        del epoch.metrics["recall@0.9"]
    write_record(lacking, runs / "good")
    found = compare_runs(find_run("careful"), find_run("good"))
    assert found.metric == "mAP50-95"
    assert found.reason.startswith("The mAP50-95 is")
    assert found.reason.endswith("But the best epochs were chosen by recall@0.9 and by mAP50-95.")
    pairs = {pair.name: (pair.a, pair.b) for pair in found.metrics}
    assert pairs["chosen by"] == ("recall@0.9", "mAP50-95")
    assert pairs["best epoch"] == (3, 8)
    assert pairs["recall@0.9"][0] == 0.5
    assert pairs["recall@0.9"][1] == 1.0, "counted from the boxes that it kept"
    out, _ = call(capsys, "runs", "list")
    head, *rows = out.splitlines()
    assert "chosen by" in head
    assert "recall@0.9 0.500" in next(row for row in rows if row.startswith("careful"))
    assert "mAP50-95 0.598" in next(row for row in rows if row.startswith("good"))
    out, _ = call(capsys, "runs", "show", "careful")
    assert "epoch 3    recall@0.9 0.500, mAP50-95 0.525" in out
    assert "recall@0.9: the highest recall at a precision of at least 0.9" in out
    page = Path("both.html")
    call(capsys, "runs", "compare", "careful", "good", "--report", page)
    assert "chosen by" in page.read_text("utf-8")


def test_a_list_of_runs_that_are_all_judged_as_usual_does_not_say_so(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runs.is_dir()
    out, _ = call(capsys, "runs", "list")
    assert "chosen by" not in out


def test_a_run_is_not_better_than_itself(runs: Path) -> None:
    shutil.copytree(runs / "good", runs / "copy")
    found = compare_runs(find_run("good"), find_run("copy"))
    assert found.better is None
    assert "so chance may explain it" in found.reason


def test_a_page_is_replaced_only_if_that_is_asked_for(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runs.is_dir()
    page = Path("c.html")
    compare = ("runs", "compare", "good", "fresh", "--report", page)
    call(capsys, *compare)
    _, error = call(capsys, *compare, code=2)
    assert "--overwrite" in error
    call(capsys, *compare, "--overwrite")
    mine = "<!doctype html>\n<title>my own page</title>"
    page.write_text(mine)
    call(capsys, *compare, "--overwrite", code=2)
    assert page.read_text() == mine


def test_hostile_names_do_not_reach_the_terminal(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if os.name == "nt":
        pytest.skip("no such names there")
    folder = runs / "a\x1b]0;x\x07b"
    record = read_record(runs / "good")
    folder.mkdir()
    write_record(record, folder)
    out, _ = call(capsys, "runs", "list")
    assert "\x1b" not in out
    assert r"a\x1b]0;x\x07b" in out


@pytest.mark.parametrize("name", ["x" * 300, "foreign", "loop"])
def test_what_is_no_run_is_said_of_any_name(runs: Path, name: str) -> None:
    assert runs.is_dir()
    with pytest.raises(TrainError, match=r"there is no run x|foreign is not a run|cannot be read"):
        find_run(name)
