"""What cannot be right is refused with its code, and few boxes prove nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.conftest import (
    Convert,
    coco,
    coco_image,
    write_coco,
    write_image,
    write_yolo,
)
from yolokit.convert.config import ConvertConfig
from yolokit.convert.findings import CODES, BoxWatch
from yolokit.core.types import F64
from yolokit.errors import ConfigError, DataError

WH = (640, 480)
LIMITS = np.array(WH * 2, np.float64)


def look(xyxy: F64, images: int = 20) -> tuple[list[str], list[str]]:
    """Return the codes that are found, and the sentences that are told."""
    doubts = BoxWatch()
    for block in np.array_split(xyxy, 3):
        doubts.add(block, np.tile(LIMITS, (len(block), 1)), images // 2)
    return [finding.code for finding in doubts.find()], list(doubts.tell())


def draw_boxes(count: int, low: float = 0.0, high: float = 1.0) -> F64:
    """Return boxes that are spread over a part of the image, both shares of its sides."""
    random = np.random.default_rng(count)
    corners = np.sort(random.uniform(low, high, (count, 2, 2)), axis=1)
    return corners.reshape(-1, 4) * LIMITS


def test_usual_boxes_are_in_no_doubt() -> None:
    assert look(draw_boxes(200)) == ([], [])
    assert look(draw_boxes(3)) == ([], [])
    assert look(np.zeros((0, 4))) == ([], [])


def test_corners_taken_for_sizes() -> None:
    boxes = draw_boxes(200)
    wrong = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    codes, told = look(wrong)
    assert codes == ["outside-image"]
    assert told == []
    few = look(np.tile([400.0, 300, 900, 700], (4, 1)))
    assert few == ([], ["4 of 4 boxes have more than 10% of their area outside the image"])


def test_boxes_cut_at_the_edge_are_told() -> None:
    boxes = np.concatenate([draw_boxes(80), np.tile([-60.0, 10, 100, 90], (20, 1))])
    assert look(boxes) == (
        [],
        ["20 of 100 boxes have more than 10% of their area outside the image"],
    )
    boxes[80:, 0] = -1.0  # rounding
    assert look(boxes) == ([], [])


def test_fractions_taken_for_px() -> None:
    codes, _ = look(draw_boxes(40) / LIMITS)
    assert codes == ["tiny-boxes", "one-corner"]
    few = look(draw_boxes(4) / LIMITS)
    assert few == ([], ["4 of 4 boxes are narrower or lower than 1 px"])


def test_px_of_a_smaller_copy() -> None:
    assert look(draw_boxes(40, high=0.25)) == (["one-corner"], [])
    assert look(draw_boxes(40, high=0.25), images=2) == ([], [])  # of one scene


def test_an_object_that_is_always_in_one_place_is_no_error() -> None:
    score = np.array([20.0, 20, 120, 60]) + np.arange(40.0)[:, None] % 5
    told = ["all 40 boxes lie in the top left quarter of their images"]
    assert look(score) == ([], told)


@pytest.mark.parametrize(("x", "words"), [(0.95, "bottom right quarter"), (0.48, "a band of")])
def test_places_that_are_odd_are_told(x: float, words: str) -> None:
    boxes = draw_boxes(40, low=0.6 if x > 0.5 else 0.0)
    boxes[:, [0, 2]] = np.array([x, x + 0.04]) * WH[0]
    codes, told = look(boxes)
    assert codes == []
    assert words in told[0]


def test_values_that_are_no_numbers_do_not_count() -> None:
    boxes = draw_boxes(40)
    boxes[::2, 0] = np.nan
    boxes[1::2, 3] = np.inf
    assert look(boxes) == ([], [])


def write_fractions(root: Path, count: int = 12) -> Path:
    for at in range(count):
        write_image(root / f"{at}.jpg", shade=at)
    boxes = [{"image_id": at, "category_id": 1, "bbox": [0.1, 0.2, 0.3 + at / 50, 0.4]}
             for at in range(count)]  # fmt: skip
    return write_coco(root / "a.json", coco([coco_image(at) for at in range(count)], boxes))


def test_a_refusal_names_its_code_and_nothing_is_written(
    run_convert: Convert, tmp_path: Path
) -> None:
    source = write_fractions(tmp_path / "src")
    with pytest.raises(DataError, match="12 of 12 boxes are narrower or lower than 1 px") as caught:
        run_convert(source, assume=("units=pixels",))
    assert "--allow tiny-boxes" in str(caught.value.hint)
    assert not (tmp_path / "out").exists()
    result = run_convert(source, assume=("units=pixels",), allow=("tiny-boxes", "one-corner"))
    assert any(one.endswith("(allowed: tiny-boxes)") for one in result.warnings)
    assert result.totals.kept == 12


def test_an_unknown_code_gets_a_suggestion(tmp_path: Path) -> None:
    values = {"source": tmp_path, "out": tmp_path / "out", "allow": ("tiny-box",)}
    with pytest.raises(ConfigError) as caught:
        ConvertConfig.build(values)
    assert "did you mean 'tiny-boxes'" in str(caught.value)


CROWDS = [
    {"image_id": 1, "category_id": 1, "bbox": [4, 6, 20, 30], "iscrowd": 1},
    {"image_id": 1, "category_id": 1, "bbox": [9, 6, 20, 30], "iscrowd": 1},
]


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({}, "--assume iscrowd=keep"),
        ({"assume": ("iscrowd=keep",), "keep": ("dog",)}, "--keep, --drop and --map"),
        ({"assume": ("iscrowd=keep",), "task": "segment"}, "--boxes-as-outlines"),
        ({"assume": ("iscrowd=keep",), "min_area": "9999"}, "--min-area"),
    ],
)
def test_a_set_of_which_nothing_is_left_is_refused(
    options: dict[str, object], hint: str, run_convert: Convert, tmp_path: Path
) -> None:
    write_image(tmp_path / "src/1.jpg")
    write_coco(tmp_path / "src/a.json", coco([coco_image(1)], CROWDS))
    with pytest.raises(DataError, match="of 2 annotations none is left") as caught:
        run_convert(tmp_path / "src", **options)
    assert hint in str(caught.value.hint)
    assert "--allow nothing-kept" in str(caught.value.hint)
    result = run_convert(tmp_path / "src", allow=("nothing-kept",), **options)
    assert result.splits["train"].boxes == 0


def test_a_sample_without_labels_is_as_asked_for(run_convert: Convert, tmp_path: Path) -> None:
    path = write_yolo(
        tmp_path / "src", {f"{at}.jpg": "0 .5 .5 .5 .5\n" if at == 3 else "" for at in range(20)}
    )
    result = run_convert(path, sample="1", seed=1)
    assert result.totals.excluded == result.totals.annotations_in == 1


def test_every_code_says_what_it_is() -> None:
    assert CODES
    assert all(code == code.lower() and text for code, text in CODES.items())
