"""What a training asks of a data set and its options together, and that it reads the set once."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from tests.unit.conftest import shade_of, write_image, write_text
from yolokit.engine_protocol.requests import TrainRequest
from yolokit.errors import ConfigError
from yolokit.train import engine_end
from yolokit.train import run as runs
from yolokit.train.config import TrainConfig
from yolokit.train.data import check_data


@pytest.fixture
def five(tmp_path: Path) -> Path:
    for number in range(5):
        for split in ("train", "val"):
            write_image(
                tmp_path / f"images/{split}/{number}.jpg", shade=shade_of(f"{split}{number}")
            )
            write_text(tmp_path / f"labels/{split}/{number}.txt", "0 0.5 0.5 0.2 0.2\n")
    text = "train: images/train\nval: images/val\nnames: [cat]\n"
    return write_text(tmp_path / "data.yaml", text)


def check(data: Path, **options: Any) -> None:
    check_data(data, TrainConfig(data=str(data), **options), lambda _event: None)


@pytest.mark.parametrize(
    "options",
    [{"batch": 2}, {"batch": 4}, {"batch": 1}, {"batch": 8, "fraction": 0.2}, {"fraction": 0.1}],
)
def test_a_batch_of_one_image_is_refused_where_it_cannot_be_normalised(
    five: Path, options: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match="at imgsz 32 no batch can be a single image") as caught:
        check(five, imgsz=32, **options)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("take --imgsz 64 or more")
    check(five, imgsz=64, **options)


@pytest.mark.parametrize("options", [{"batch": 3}, {"batch": 5}, {"batch": 64}, {}])
def test_other_batches_are_right(five: Path, options: dict[str, Any]) -> None:
    check(five, imgsz=32, **options)


@contextlib.contextmanager
def listening(root: Path) -> Iterator[Counter[tuple[str, str]]]:
    """Count what is opened and listed below a folder."""
    seen: Counter[tuple[str, str]] = Counter()
    listener = (str(root), seen)
    LISTENERS.append(listener)
    try:
        yield seen
    finally:
        LISTENERS.remove(listener)


def note(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("open", "os.listdir", "os.scandir"):
        for root, seen in LISTENERS:
            if isinstance(arguments[0], str) and arguments[0].startswith(root):
                seen[event, arguments[0].removeprefix(root).strip("/")] += 1


LISTENERS: list[tuple[str, Counter[tuple[str, str]]]] = []
sys.addaudithook(note)


@pytest.mark.parametrize("resumed", [False, True])
def test_a_run_parses_the_data_yaml_and_lists_the_images_once(
    five: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, resumed: bool
) -> None:
    """What is trained on is what was checked: nothing is read a second time."""
    requests: list[TrainRequest] = []

    def stop(_job: str, request: TrainRequest, **_options: object) -> None:
        requests.append(request)
        (Path(request.run_dir) / "last.pt").write_bytes(b"weights")
        raise KeyboardInterrupt

    monkeypatch.setattr(engine_end, "run_job", stop)
    folder = tmp_path / "run"
    config = TrainConfig.build({"data": str(five), "weights": "none"})
    with listening(tmp_path) as seen, pytest.raises(KeyboardInterrupt):
        runs.train_model(config, folder=folder)
    if resumed:
        with listening(tmp_path) as seen, pytest.raises(KeyboardInterrupt):
            runs.resume_training(folder)
    assert seen["open", "data.yaml"] == 1
    assert {seen["os.scandir", f"images/{split}"] for split in ("train", "val")} == {1}
    assert not [path for event, path in seen if event == "os.listdir" and "images" in path]
    listed = Path(requests[-1].data_yaml).with_name("train.txt").read_text().splitlines()
    assert listed == [str(tmp_path / f"images/train/{number}.jpg") for number in range(5)]


def test_a_set_that_is_given_by_its_folder_is_searched_once(
    five: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_end, "run_job", Mock(side_effect=KeyboardInterrupt))
    config = TrainConfig.build({"data": str(five.parent), "weights": "none"})
    with listening(tmp_path) as seen, pytest.raises(KeyboardInterrupt):
        runs.train_model(config, folder=tmp_path / "run")
    assert seen["os.listdir", ""] == 1
