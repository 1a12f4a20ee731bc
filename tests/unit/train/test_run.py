"""What a run that ends badly leaves behind."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import yaml

from tests.samples.runs import make_epoch
from tests.unit.conftest import shade_of, write_image, write_text
from yolokit.datasets.check import DatasetReport
from yolokit.engine_protocol.requests import TrainRequest
from yolokit.engine_protocol.training import TransferReport
from yolokit.errors import ConfigError, DataError, TrainError
from yolokit.train import engine_end, resume
from yolokit.train import run as runs
from yolokit.train.config import TrainConfig
from yolokit.train.data import check_data
from yolokit.train.record import DataRecord, RunRecord, Stop, read_record, write_record


def make_record(*resumed: str) -> RunRecord:
    data = DataRecord(path="d.yaml", sha256="", names=["a"], images={}, boxes={})
    return RunRecord(
        config=TrainConfig(data="d.yaml"), data=data, weights=None, arch=None, versions={},
        started="", resumed=list(resumed),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("resumed", "last", "kept"),
    [((), False, False), ((), True, True), (("now",), False, True), (("now",), True, True)],
)
def test_only_a_run_that_never_began_is_removed(
    tmp_path: Path, resumed: tuple[str, ...], last: bool, kept: bool
) -> None:
    """A resumed run whose device is gone must not lose its checkpoint."""
    folder = tmp_path / "run"
    folder.mkdir()
    if last:
        (folder / "last.pt").write_bytes(b"weights")
    error = ConfigError("device 0 was asked for")
    engine_end.close_failed(make_record(*resumed), folder, error)
    assert folder.exists() == kept
    assert (folder / "last.pt").exists() == last
    if kept:
        assert read_record(folder).state == "failed"


def test_after_a_lack_of_memory_the_hint_is_how_to_go_on_with_less(tmp_path: Path) -> None:
    (tmp_path / "last.pt").write_bytes(b"weights")
    error = TrainError("the device ran out of memory", hint="use a smaller --batch or --imgsz")
    engine_end.close_failed(make_record(), tmp_path, error)
    assert error.hint == (
        f"use a smaller --batch or --imgsz; go on with: yolokit train --resume --out {tmp_path}"
    )
    assert read_record(tmp_path).stopped == Stop(reason="error", epoch=0, best=None)


@pytest.mark.parametrize(("frozen", "asked"), [([0, 1, 4], [0, 1, 4]), (None, 5)])
def test_a_resumed_run_freezes_the_layers_that_it_began_to_freeze(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frozen: list[int] | None, asked: object
) -> None:
    record = make_record()
    record.config = TrainConfig(data="d.yaml", weights="w.pt", freeze=5)
    record.start = TransferReport(kind="network", groups=[], frozen=frozen, unfrozen=[2, 3])
    record.state = "interrupted"
    write_record(record, tmp_path)
    (tmp_path / "last.pt").write_bytes(b"weights")
    requests: list[TrainRequest] = []
    (tmp_path / "d.yaml").touch()
    record.data = msgspec.structs.replace(record.data, path=str(tmp_path / "d.yaml"))
    write_record(record, tmp_path)
    found = SimpleNamespace(sha256="", path="d.yaml", hashes=())
    monkeypatch.setattr(resume, "check_data", lambda *_given: found)
    monkeypatch.setattr(runs, "write_data_yaml", lambda _data, run_dir: run_dir / "data.yaml")
    monkeypatch.setattr(runs, "_run_engine", lambda request, *_others: requests.append(request))
    runs.resume_training(tmp_path)
    assert requests[0].freeze == asked


def test_a_set_of_poses_is_refused_before_a_run_is_made(tmp_path: Path) -> None:
    """Upstream's detector would read a pose's row as an outline, without a word."""
    for split in ("train", "val"):
        write_image(tmp_path / f"images/{split}/a.jpg", shade=shade_of(split))
        row = "0 .5 .5 .2 .2 .1 .1 2 .3 .3 2\n"
        write_text(tmp_path / f"labels/{split}/a.txt", row)
    yaml = "train: images/train\nval: images/val\nnames: [cat]\nkpt_shape: [2, 3]\n"
    data = write_text(tmp_path / "data.yaml", yaml)
    config = TrainConfig.build({"data": str(data), "weights": "none"})
    with pytest.raises(DataError, match="poses") as error:
        runs.train_model(config, folder=tmp_path / "run")
    assert "--task detect" in (error.value.hint or "")
    assert not (tmp_path / "run").exists()


def test_what_changes_after_the_check_plays_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine gets the list of images that were checked: nothing reads YAML or folder again."""
    for split in ("train", "val"):
        for name in ("a", "b"):
            write_image(tmp_path / f"images/{split}/{name}.jpg", shade=shade_of(split + name))
            write_text(tmp_path / f"labels/{split}/{name}.txt", "0 .5 .5 .2 .2\n")
    data = write_text(
        tmp_path / "data.yaml", "train: images/train\nval: images/val\nnames: [cat]\n"
    )
    checks: list[str] = []

    def check_and_change(*given: Any) -> DatasetReport:
        found = check_data(*given)
        checks.append(found.sha256)
        write_image(tmp_path / "images/train/c.jpg")
        data.unlink()
        return found

    seen: dict[str, list[str]] = {}

    def start(_job: str, request: TrainRequest, **_options: Any) -> dict[str, Any]:
        given = yaml.safe_load(Path(request.data_yaml).read_text("utf-8"))
        assert given["names"] == {0: "cat"}
        for split in ("train", "val"):
            seen[split] = Path(given[split]).read_text("utf-8").splitlines()
        raise TrainError("seen enough")

    monkeypatch.setattr(runs, "check_data", check_and_change)
    monkeypatch.setattr(engine_end, "run_job", start)
    config = TrainConfig.build({"data": data})
    with pytest.raises(TrainError, match="seen enough"):
        runs.train_model(config, folder=tmp_path / "run")
    assert len(checks) == 1
    images = tmp_path / "images"
    assert seen == {
        split: [str(images / split / f"{name}.jpg") for name in ("a", "b")]
        for split in ("train", "val")
    }
    assert read_record(tmp_path / "run").data.images == {"train": 2, "val": 2}


@pytest.mark.parametrize(("epochs", "dies_untold"), [(0, False), (1, False), (0, True)])
def test_a_complete_run_stays_complete_if_its_resumption_trained_nothing(
    tmp_path: Path, epochs: int, dies_untold: bool
) -> None:
    for name in ("last.pt", "state.pt"):
        (tmp_path / name).write_bytes(b"weights")
    complete = make_record()
    complete.state, complete.outputs = "complete", {"best.pt": "00"}
    write_record(complete, tmp_path)
    before = engine_end.remember_complete(tmp_path)
    if dies_untold:  # the engine was killed between its state.pt and the event of that epoch
        os.utime(tmp_path / "state.pt", (1, 1))
    record = make_record("now")
    record.config = TrainConfig(data="d.yaml", epochs=150)
    record.epochs = [make_epoch(one) for one in range(1, epochs + 1)]
    error = TrainError("state.pt is damaged", hint="move it away")
    engine_end.close_failed(record, tmp_path, error, complete=before)
    written = read_record(tmp_path)
    assert written.resumed == ["now"]
    if epochs or dies_untold:
        assert (written.state, written.config.epochs) == ("failed", 150)
        return
    assert (written.state, written.config, written.error) == ("complete", complete.config, None)
    assert written.outputs == complete.outputs
    assert error.hint == "move it away; the run is complete, as it was before"
