"""A graph that chooses its boxes: what it is told, and what is made of its outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from yolokit.errors import ModelOutputError
from yolokit.runtime.box_ports import join_rows, make_feeds
from yolokit.runtime.heads.boxes import decode
from yolokit.runtime.manifest import BoxPorts, ModelHead
from yolokit.runtime.tasks.toolkit import Limits

HEAD = ModelHead(output_name="boxes", layout="boxes", names=("a", "b"), ports=BoxPorts())
LIMITS = Limits(min_score=0.3, max_iou=0.6, max_det=7, multi_label=True, clip=False)


def outputs(**changed: Any) -> dict[str, Any]:
    """Two images with rows for three boxes: the first has two, the second none."""
    return {
        "boxes": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
        "scores": np.array([[0.9, 0.5, 0.1], [0.4, 0.2, 0.1]], np.float32),
        "classes": np.array([[1, 0, 1], [0, 0, 0]], np.int32),
        "count": np.array([2, 0], np.int32),
    } | changed


def test_rows_are_those_that_are_counted() -> None:
    rows = join_rows(outputs(), HEAD)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows[0, 1], np.array([4, 5, 6, 7, 0.5, 0], np.float32))
    assert not rows[0, 2].any()
    assert not rows[1].any()
    found = decode(rows[0], class_count=2, min_score=0.0)
    assert found.class_ids.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"scores": np.zeros((2, 4), np.float32)}, "do not fit together"),
        ({"boxes": np.zeros((2, 3), np.float32)}, "do not fit together"),
        ({"count": np.array([4, 0], np.int32)}, r"the counts \[4, 0\], for rows of 3"),
        ({"count": np.array([1], np.int32)}, "counts"),
        ({"count": np.array([-1, 0], np.int32)}, "counts"),
    ],
)
def test_outputs_that_do_not_fit(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelOutputError, match=words):
        join_rows(outputs(**changed), HEAD)


def test_boxes_of_a_tiny_image_are_no_fractions() -> None:
    rows = np.tile(np.array([0, 0, 1, 1, 0.5, 1], np.float32), (30, 1))
    assert len(decode(rows, class_count=2, min_score=0.25).scores) == 30


def test_the_graph_is_told_what_is_asked_for() -> None:
    fed = make_feeds(HEAD, LIMITS)
    assert {name: (str(one.dtype), one.tolist()) for name, one in fed.items()} == {
        "conf": ("float32", [np.float32(0.3)]),
        "iou": ("float32", [np.float32(0.6)]),
        "max_det": ("int32", [7]),
        "multi_label": ("bool", [True]),
        "clip": ("bool", [False]),
    }
    each = Limits(min_score=0.3, class_min_scores=(0.3, 0.5), max_iou=0.6, max_det=7)
    assert make_feeds(HEAD, each)["conf"].tolist() == np.array([0.3, 0.5], np.float32).tolist()


def test_it_is_not_told_what_it_has_no_input_for() -> None:
    ports = BoxPorts(iou="", multi_label="")
    head = ModelHead(output_name="boxes", layout="boxes", names=("a",), ports=ports)
    assert list(make_feeds(head, LIMITS)) == ["conf", "max_det", "clip"]
