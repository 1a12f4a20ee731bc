"""What upstream trains on is what it was given: any difference is told with upstream's reason."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.unit.conftest import write_image, write_text
from yolokit.engine import listed
from yolokit.engine_protocol.child import DataRead
from yolokit.errors import DataError


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
    monkeypatch.setattr(listed, "send", events.append)
    monkeypatch.delenv(listed.LEAVE_OUT, raising=False)
    return events


def test_all_that_was_given_is_counted_in_any_order(
    images: list[str], list_file: str, told: list[DataRead]
) -> None:
    listed.tell_used(make_dataset(images[::-1]), list_file, "train")
    assert told == [DataRead("train", 4, 8, [])]


def test_a_share_of_the_images_is_the_first_ones(
    images: list[str], list_file: str, told: list[DataRead]
) -> None:
    listed.tell_used(make_dataset(images[:2], 0.5), list_file, "train")
    assert told == [DataRead("train", 2, 4, [])]


def test_an_image_that_is_left_out_is_named_with_the_reason(
    images: list[str], list_file: str, told: list[DataRead]
) -> None:
    Path(images[1]).write_bytes(b"no image")
    write_image(Path(images[2]), 8, 40)
    with pytest.raises(DataError, match="2 images of train") as caught:
        listed.tell_used(make_dataset([images[0], images[3]]), list_file, "train")
    assert f"{images[1]}: Pillow does not recognise it" in str(caught.value)
    assert f"{images[2]}: image size (40, 8) <10 pixels" in str(caught.value)
    assert "--allow unusable-images" in (caught.value.hint or "")
    assert told == []


def test_allowed_it_is_told_and_not_counted(
    images: list[str], list_file: str, told: list[DataRead], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(listed.LEAVE_OUT, "1")
    listed.tell_used(make_dataset(images[1:]), list_file, "val")
    assert told == [DataRead("val", 3, 6, [images[0]])]


def test_an_image_that_was_not_given_is_never_allowed(
    images: list[str], list_file: str, told: list[DataRead], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(listed.LEAVE_OUT, "1")
    with pytest.raises(DataError, match="it was not given"):
        listed.tell_used(make_dataset([*images, "/other.jpg"]), list_file, "train")
    with pytest.raises(DataError, match="it was not given"):
        listed.tell_used(make_dataset([*images, images[0]]), list_file, "train")
    assert told == []


def test_a_share_without_a_box_is_refused(
    images: list[str], list_file: str, told: list[DataRead]
) -> None:
    """The check counts the boxes of the whole split."""
    dataset = make_dataset(images[:1], 0.25)
    dataset.labels = [{"cls": []}]
    with pytest.raises(DataError, match=r"fraction 0\.25 of train has no box: .* 1 of 4"):
        listed.tell_used(dataset, list_file, "train")
    assert told == []
