"""What a training really uses is told.

Any difference between its images and those that it was given is, with upstream's reason; and so is
any setting that has no effect, or less than one might think.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from tests.unit.conftest import write_image, write_text
from yolokit.engine import used
from yolokit.engine.cadence import Cadence
from yolokit.engine.used import describe_settings, list_notes
from yolokit.engine_protocol.child import DataRead
from yolokit.engine_protocol.own_settings import OwnSettings
from yolokit.engine_protocol.training import UsedSettings
from yolokit.errors import DataError

PLAIN = {
    "mosaic": 1.0, "close_mosaic": 10, "copy_paste": 0.0, "fraction": 1.0, "val": True,
    "patience": 50, "cache": False, "warmup_epochs": 3.0, "warmup_bias_lr": 0.0, "lr0": 0.002,
    "momentum": 0.937, "compile": False, "multi_scale": 0.0, "imgsz": 64,
}  # fmt: skip


class Images:
    """As much of upstream's data set as is looked at."""

    labels: ClassVar[list[dict[str, Any]]] = [{"segments": []}]
    cache = None

    def __len__(self) -> int:
        return 205


def make_trainer(
    group: dict[str, Any], *, epochs: int = 100, repeat_factor: float = 0.0, **args: Any
) -> Any:
    return SimpleNamespace(
        args=SimpleNamespace(**(PLAIN | args)),
        epochs=epochs,
        cadence=Cadence(batches=13, full=4, warmup=39),
        asked_warmup=39,
        optimizer=SimpleNamespace(param_groups=[group, {"weight_decay": 0.0}]),
        on_cpu=False,
        train_loader=SimpleNamespace(dataset=Images(), batch_size=16, num_workers=0),
        order=SimpleNamespace(shown=205),
        device=SimpleNamespace(type="cpu"),
        world_size=0,
        pace=None,
        lr0_reason=None,
        own=OwnSettings(run_dir="r", repeat_factor=repeat_factor),
        stride=32,
    )


@pytest.mark.parametrize(
    ("group", "momentum"), [({"betas": (0.9, 0.999)}, 0.9), ({"momentum": 0.8}, 0.937)]
)
def test_what_is_used_is_read_from_the_optimizer(group: dict[str, Any], momentum: float) -> None:
    """Auto leaves the option `momentum` as it is; and SGD's warm-up ends at the option's."""
    used = describe_settings(make_trainer(group | {"weight_decay": 0.0005}))
    assert isinstance(used, UsedSettings)
    assert (used.momentum, used.weight_decay) == (momentum, 0.0005)
    assert (used.images, used.batches, used.steps_per_epoch) == (205, 13, 4)
    assert used.steps == 20 + 97 * 4, "more of them in the warm-up"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({}, None),
        (
            {"epochs": 10},
            "no mosaic: it is left out of the last 10 epochs (close_mosaic)",
        ),
        ({"copy_paste": 0.5}, "copy_paste has no effect"),
        ({"fraction": 0.5}, "fraction 0.5: an epoch shows 205 images"),
        ({"repeat_factor": 0.1}, "repeat_factor 0.1: an epoch shows 205 images of 205"),
        ({"multi_scale": 0.5}, "multi_scale 0.5: the side of a batch is 32 to 96 px, validation's"),
        ({"val": False}, "patience has no effect"),
        ({"val": False, "patience": 0}, None),
    ],
)
def test_notes(args: dict[str, Any], said: str | None) -> None:
    trainer = make_trainer({"betas": (0.9, 0.999), "weight_decay": 0.0}, **args)
    notes = list_notes(trainer, describe_settings(trainer))
    assert notes[0].startswith("4 optimizer steps an epoch (more in the warm-up), ")
    assert len(notes) == (2 if said else 1)
    assert said is None or notes[1].startswith(said)


def test_a_single_image_and_the_steps_of_a_warm_up_are_told() -> None:
    """A ramp makes steps more often, so that the sum is not that of the epochs."""
    trainer = make_trainer({"betas": (0.9, 0.999), "weight_decay": 0.0}, epochs=20, fraction=0.01)
    trainer.order = SimpleNamespace(shown=1)
    notes = list_notes(trainer, describe_settings(trainer))
    assert notes[0].startswith("4 optimizer steps an epoch (more in the warm-up), 88 in all")
    assert notes[1] == "fraction 0.01: an epoch shows 1 image"


def test_few_steps_and_a_shortened_warm_up_are_told() -> None:
    trainer = make_trainer({"betas": (0.9, 0.999), "weight_decay": 0.0}, epochs=11)
    trainer.cadence, trainer.asked_warmup = Cadence(batches=1, full=1, warmup=2), 3
    notes = list_notes(trainer, describe_settings(trainer))
    assert notes[0].startswith("1 optimizer step an epoch, 11 in all; that is little to learn from")
    assert "warm-up" not in notes[0]
    assert notes[1].startswith("warm-up over 2 of the 11 batches")


def make_dataset(images: list[str], fraction: float = 1.0) -> SimpleNamespace:
    labels = [{"cls": [0, 1]} for _ in images]
    data = {"names": {0: "cat", 1: "dog"}}
    return SimpleNamespace(im_files=images, labels=labels, fraction=fraction, data=data)


@pytest.fixture
def images(tmp_path: Path) -> list[str]:
    return [str(write_image(tmp_path / f"images/{name}.jpg")) for name in "abcd"]


@pytest.fixture
def list_file(images: list[str], tmp_path: Path) -> str:
    return str(write_text(tmp_path / "train.txt", "".join(f"{image}\n" for image in images)))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[DataRead]:
    events: list[DataRead] = []
    monkeypatch.setattr(used, "send", events.append)
    return events


def test_all_that_was_given_is_counted_in_any_order(
    images: list[str], list_file: str, told: list[DataRead]
) -> None:
    used.report_images(make_dataset(images[::-1]), list_file, "train", leave_out=False)
    assert told == [DataRead("train", 4, 8, [])]


def test_a_share_of_the_images_is_the_first_ones(
    images: list[str], list_file: str, told: list[DataRead]
) -> None:
    used.report_images(make_dataset(images[:2], 0.5), list_file, "train", leave_out=False)
    assert told == [DataRead("train", 2, 4, [])]


def test_an_image_that_is_left_out_is_named_with_the_reason(
    images: list[str], list_file: str, told: list[DataRead]
) -> None:
    Path(images[1]).write_bytes(b"no image")
    write_image(Path(images[2]), 8, 40)
    with pytest.raises(DataError, match="2 images of train") as caught:
        used.report_images(
            make_dataset([images[0], images[3]]), list_file, "train", leave_out=False
        )
    assert f"{images[1]}: Pillow does not recognise it" in str(caught.value)
    assert f"{images[2]}: image size (40, 8) <10 pixels" in str(caught.value)
    assert "--allow unusable-images" in (caught.value.hint or "")
    assert told == []


def test_allowed_it_is_told_and_not_counted(
    images: list[str], list_file: str, told: list[DataRead]
) -> None:
    used.report_images(make_dataset(images[1:]), list_file, "val", leave_out=True)
    assert told == [DataRead("val", 3, 6, [images[0]])]


def test_an_image_that_was_not_given_is_never_allowed(
    images: list[str], list_file: str, told: list[DataRead]
) -> None:
    with pytest.raises(DataError, match="it was not given"):
        used.report_images(
            make_dataset([*images, "/other.jpg"]), list_file, "train", leave_out=True
        )
    with pytest.raises(DataError, match="it was not given"):
        used.report_images(make_dataset([*images, images[0]]), list_file, "train", leave_out=True)
    assert told == []


def test_a_share_without_a_box_is_refused(
    images: list[str], list_file: str, told: list[DataRead]
) -> None:
    """The check counts the boxes of the whole split."""
    dataset = make_dataset(images[:1], 0.25)
    dataset.labels = [{"cls": []}]
    with pytest.raises(DataError, match=r"fraction 0\.25 of train has no box: .* 1 of 4"):
        used.report_images(dataset, list_file, "train", leave_out=False)
    assert told == []
