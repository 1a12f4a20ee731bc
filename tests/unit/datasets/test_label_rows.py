"""Rows of label files: every layout, and every mistake with its line."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from yolokit.datasets.label_rows import (
    DETECT,
    SIXTH,
    LabelRows,
    RowLayout,
    label_path,
    parse_labels,
    read_labels,
    to_annotations,
)
from yolokit.datasets.row_faults import find_faults
from yolokit.errors import DataError
from yolokit.images.size import read_image_size


def parse(text: str | bytes, layout: RowLayout = DETECT) -> LabelRows:
    data = text.encode() if isinstance(text, str) else text
    return parse_labels(data, "a.txt", layout)


def test_plain_rows() -> None:
    rows = parse("0 .5 .5 .2 .4\n\n12 0.1 0.2 0.1 0.1")
    assert rows.class_ids.tolist() == [0, 12]
    assert rows.cxcywh.tolist() == [[0.5, 0.5, 0.2, 0.4], [0.1, 0.2, 0.1, 0.1]]
    assert rows.lines.tolist() == [1, 3]
    assert rows.row_count == 2


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_any_end_of_line_and_a_byte_order_mark(newline: str) -> None:
    rows = parse(b"\xef\xbb\xbf" + newline.join(["0 .5 .5 .2 .4", "1 .5 .5 .2 .4", ""]).encode())
    assert rows.class_ids.tolist() == [0, 1]
    assert rows.lines.tolist() == [1, 2]
    assert rows.faults == ()


def test_a_form_feed_does_not_shift_the_lines() -> None:
    assert parse("0 .5 .5 .2 .4 \x0c\nx\n").faults[0].line == 2


@pytest.mark.parametrize("text", ["", "\n", " \n\t\n", "\ufeff"])
def test_an_empty_file_has_no_rows(text: str) -> None:
    assert parse(text).row_count == 0


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("0 .5 .5 .2", "column-count"),
        ("0", "column-count"),
        ("0 1 1 2 2 3 3 4", "column-count"),
        ("0 .5 .5 .2 .2 .9", "six-columns"),
        ("cat .5 .5 .2 .2", "not-a-number"),
        ("0 .5 .5 .2 0,2", "not-a-number"),
        ("0.5 .5 .5 .2 .2", "bad-class"),
        ("-1 .5 .5 .2 .2", "bad-class"),
        ("nan .5 .5 .2 .2", "bad-class"),
        ("inf .5 .5 .2 .2", "bad-class"),
        ("0 nan .5 .2 .2", "not-finite"),
        ("0 .5 inf .2 .2", "not-finite"),
        ("0 .1 .1 nan .1 .2 .2", "not-finite"),
        ("1e300 .5 .5 .2 .2", "not-finite"),
    ],
)
def test_a_bad_row_is_a_fault_at_its_line_and_the_others_stay(row: str, code: str) -> None:
    rows = parse(f"1 .5 .5 .1 .1\n{row}\n2 .5 .5 .1 .1\n")
    assert [(fault.line, fault.code) for fault in rows.faults] == [(2, code)]
    assert rows.class_ids.tolist() == [1, 2]
    assert rows.row_count == 3


def test_a_class_may_be_written_as_a_float() -> None:
    assert parse("3.0 .5 .5 .2 .2").class_ids.tolist() == [3]


def test_a_polygon_becomes_the_box_around_it_beside_plain_boxes() -> None:
    rows = parse("0 .1 .2 .5 .3 .3 .8\n1 .5 .5 .2 .2\n")
    found = to_annotations(rows, rows.class_ids, (100, 50), DETECT)
    assert found.xyxy[0].tolist() == pytest.approx([10, 10, 50, 40])
    assert found.xyxy[1].tolist() == pytest.approx([40, 20, 60, 30])
    assert found.shapes[0].rings[0].ravel().tolist() == pytest.approx([10, 10, 50, 15, 30, 40])
    assert list(found.shapes) == [0]


def test_four_corners_are_a_polygon() -> None:
    rows = parse("0 .1 .1 .3 .1 .3 .4 .1 .4")
    assert rows.cxcywh[0].tolist() == pytest.approx([0.2, 0.25, 0.2, 0.3])


def test_the_sixth_column_can_be_declared_harmless() -> None:
    layout = RowLayout(take_sixth=True)
    rows = parse("0 .5 .5 .2 .2 17\n", layout)
    assert rows.faults == ()
    assert dict(to_annotations(rows, rows.class_ids, (10, 10), layout).reinterpreted) == {0: SIXTH}


def test_a_pose_row_keeps_its_box() -> None:
    layout = RowLayout((2, 3))
    rows = parse("0 .5 .5 .2 .2 .1 .1 2 .9 .9 1\n", layout)
    assert rows.cxcywh.tolist() == [[0.5, 0.5, 0.2, 0.2]]
    assert to_annotations(rows, rows.class_ids, (10, 10), layout).reinterpreted == {}


def test_what_is_no_text_is_refused_with_its_line() -> None:
    with pytest.raises(DataError, match="UTF-8") as caught:
        parse("0 .5 .5 .2 .2\nä".encode("latin-1"))
    assert caught.value.line == 2
    with pytest.raises(DataError, match="UTF-8"):
        parse("0 .5 .5 .2 .2\n".encode("utf-16"))


def test_a_missing_file_is_none_and_a_folder_an_error(tmp_path: Path) -> None:
    assert read_labels(tmp_path / "none.txt") is None
    with pytest.raises(DataError, match="cannot read the labels"):
        read_labels(tmp_path)


@pytest.mark.parametrize(
    ("image", "labels"),
    [
        ("ds/images/train/a.jpg", "ds/labels/train/a.txt"),
        ("images/images/a.b.png", "images/labels/a.b.txt"),
        ("ds/train/a.jpg", "ds/train/a.txt"),
        ("ds/my_images/a.jpg", "ds/my_images/a.txt"),
    ],
)
def test_labels_lie_where_ultralytics_looks(image: str, labels: str) -> None:
    def native(path: str) -> str:
        return os.sep + path.replace("/", os.sep)

    assert label_path(native(image)) == native(labels)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("0 .5 .5 1 1\n1 1.005 .5 .2 .2", []),
        ("0 -.005 .5 .1 .1", []),
        ("0 1.2 .5 .2 .2", ["outside-image"]),
        ("0 .5 .5 .2 -.001", ["outside-image"]),
        ("0 -.02 .5 .2 .1", ["outside-image"]),
        ("2 .5 .5 .2 .2", ["unknown-class"]),
        ("0 .5 .5 .2 .2 .9", ["six-columns"]),
        ("0 .1 .1 .2 .2 .3 .1", []),
        ("0 .5 .5 .2 .2\n0 .1 .1 .2 .2 .3 .1", ["mixed-rows"]),
    ],
)
def test_faults_are_those_for_which_ultralytics_leaves_the_image_out(
    text: str, codes: list[str]
) -> None:
    assert [fault.code for fault in find_faults(parse(text), 2, DETECT)] == codes


def test_faults_come_by_line() -> None:
    text = "9 .5 .5 .2 .2\n0 .5 .5\n0 3 .5 .2 .2\n"
    assert [fault.line for fault in find_faults(parse(text), 2, DETECT)] == [1, 2, 3]


@pytest.mark.parametrize("form", ["g", ".6f", ".12f"])
@pytest.mark.parametrize("end", ["\n", ""])
def test_a_random_table_is_read_as_numpy_reads_it(form: str, end: str) -> None:
    rng = np.random.default_rng(5)
    classes, boxes = rng.integers(0, 90, 200), rng.random((200, 4))
    text = "\n".join(
        " ".join([str(index), *(format(value, form) for value in box)])
        for index, box in zip(classes, boxes, strict=True)
    )
    rows = parse(text + end)
    assert rows.lines.tolist() == list(range(1, 201))
    assert rows.columns.tolist() == [5] * 200
    assert rows.content == (text + end).encode()
    expected = np.array([line.split() for line in text.splitlines()], np.float64)
    np.testing.assert_array_equal(rows.class_ids, expected[:, 0])
    np.testing.assert_array_equal(rows.cxcywh, expected[:, 1:])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    rows = read_labels(tmp_path / "a.txt")
    assert rows is not None
    assert [fault.code for fault in rows.faults] == ["not-a-file"]
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(DataError, match=r"a\.jpg"):
        read_image_size(tmp_path / "a.jpg")
