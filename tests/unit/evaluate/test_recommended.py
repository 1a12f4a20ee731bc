"""Thresholds of classes from a validation whose best ones are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from tests.unit.train.report.runs import make_folder
from yolokit.core.types import Detections
from yolokit.engine_protocol.validations import (
    BEST_VALIDATION,
    ValidatedImage,
    Validation,
    write_validation,
)
from yolokit.evaluate.recommended import (
    FEWEST_BOXES,
    LOWEST_CONF,
    choose_thresholds,
    recommend_thresholds,
)
from yolokit.files.digest import sha256_file
from yolokit.train.record import write_record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NAMES = ("cat", "dog")


def validation(
    count: int, right: Sequence[float], false: Sequence[float], epoch: int = 8
) -> Validation:
    """Each image has a box of either class, found at ``right`` scores; ``false`` are in the air."""
    true = np.array([[10, 10, 60, 60], [80, 10, 140, 60]], np.float32)
    air = np.array([[0, 90, 20, 119], [100, 90, 159, 119]], np.float32)
    scores = np.array([*right, *false], np.float32)
    best = np.argsort(-scores)
    found = Detections(np.concatenate([true, air])[best], scores[best], np.array([0, 1] * 2)[best])
    images = tuple(
        ValidatedImage(f"{index}.jpg", (160, 120), true, np.arange(2), found)
        for index in range(count)
    )
    return Validation(epoch, images, 300)


def test_each_class_has_the_score_that_keeps_what_is_right_and_leaves_out_what_is_false() -> None:
    chosen = choose_thresholds(validation(FEWEST_BOXES, (0.8127, 0.3006), (0.7, 0.2)), NAMES)
    assert chosen is not None
    assert chosen.conf == (0.812, 0.3)
    assert chosen.source == f"best F1 of each class on {FEWEST_BOXES} images of val"


def test_no_score_is_so_low_that_a_picture_is_full_of_boxes() -> None:
    chosen = choose_thresholds(validation(FEWEST_BOXES, (0.8, 0.01), (0.7, 0.005)), NAMES)
    assert chosen is not None
    assert chosen.conf[1] == LOWEST_CONF


def test_a_class_with_few_boxes_takes_the_score_that_serves_the_others() -> None:
    found = validation(FEWEST_BOXES, (0.8127, 0.3006), (0.7, 0.2))
    few = [
        ValidatedImage(one.path, one.image_wh, one.true_xyxy[:1], one.true_class_ids[:1], one.found)
        for one in found.images[1:]
    ]
    chosen = choose_thresholds(Validation(8, (found.images[0], *few), 300), NAMES)
    assert chosen is not None
    assert chosen.conf == (0.812, 0.812)
    assert chosen.source.endswith("; 0.812, the best of all, for dog: too few boxes, or none found")
    assert choose_thresholds(validation(FEWEST_BOXES - 1, (0.8, 0.3), (0.7, 0.2)), NAMES) is None


def test_where_a_precision_was_asked_for_each_class_has_the_score_that_reaches_it() -> None:
    images = validation(FEWEST_BOXES, (0.8127, 0.3006), (0.7, 0.6)).images
    # Of two thirds of the cats, a false one is surer than they are; no dog is: one in two is right.
    surer = validation(FEWEST_BOXES, (0.65, 0.3006), (0.7, 0.6)).images
    found = Validation(8, (*images, *surer, *surer), 300)
    chosen = choose_thresholds(found, NAMES, 0.9)
    assert chosen is not None
    cat, dog = chosen.conf
    assert 0.81269 < cat <= float(np.float32(0.8127)), "the boxes of this score stay, and no others"
    assert dog == 0.3
    assert chosen.source == (
        f"highest recall at a precision of 0.9 of each class on {3 * FEWEST_BOXES} images of val; "
        "best F1 for dog: never that precise"
    )
    f1 = choose_thresholds(found, NAMES)
    assert f1 is not None
    assert f1.conf[0] == 0.649  # of float32, rounded down


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    record = make_folder(folder)
    found = validation(FEWEST_BOXES, (0.8127, 0.3006), (0.7, 0.2))
    write_validation(folder / BEST_VALIDATION, 8, found.images)
    (folder / "best.pt").write_bytes(b"best")
    record.outputs = {"best.pt": sha256_file(folder / "best.pt")}
    record.stopped = record.stop("epochs")
    write_record(record, folder)
    return folder


def test_a_run_recommends_for_its_own_best_alone(run: Path) -> None:
    best, sha256 = run / "best.pt", sha256_file(run / "best.pt")
    assert recommend_thresholds(best, sha256, NAMES, 640) is not None
    assert recommend_thresholds(best, sha256, NAMES, 320) is None, "other scores"
    assert recommend_thresholds(best, sha256, ("dog", "cat"), 640) is None
    assert recommend_thresholds(best, "0" * 64, NAMES, 640) is None, "it is another file now"
    assert recommend_thresholds(run / "last.pt", sha256, NAMES, 640) is None
    (run / BEST_VALIDATION).write_bytes(b"torn")
    assert recommend_thresholds(best, sha256, NAMES, 640) is None
    write_validation(run / BEST_VALIDATION, 7, [])
    assert recommend_thresholds(best, sha256, NAMES, 640) is None, "of another epoch"


def test_a_manifest_refuses_scores_that_do_not_fit() -> None:
    from yolokit.runtime.manifest import ModelHead

    head = ModelHead(output_name="o", layout="raw", names=NAMES, class_conf=(0.1, 0.2))
    for wrong in ((0.1,), (0.1, 2.0)):
        with pytest.raises(ValueError, match="class_conf"):
            msgspec.structs.replace(head, class_conf=wrong)
