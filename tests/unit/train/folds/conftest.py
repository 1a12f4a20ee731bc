"""A small data set, and a stand-in for the trainings of its folds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.conftest import shade_of, write_image, write_text
from tests.unit.train.folds.trainings import Trainings
from yolokit.train.folds import job


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for split, count in (("train", 7), ("val", 2)):
        for at in range(count):
            name = f"{split}/{at}"
            write_image(tmp_path / f"set/images/{name}.jpg", shade=shade_of(name))
            write_text(tmp_path / f"set/labels/{name}.txt", f"{at % 2} .5 .5 .2 .2\n")
    text = "train: images/train\nval: images/val\nnames: [cat, dog]\n"
    return write_text(tmp_path / "set/data.yaml", text)


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> Trainings:
    made = Trainings()
    monkeypatch.setattr(job, "train_model", made.train)
    monkeypatch.setattr(job, "resume_training", made.resume)
    return made
