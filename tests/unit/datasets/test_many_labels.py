"""Label files that are read together give what each gives alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yolokit.datasets import many_labels
from yolokit.datasets.label_rows import DETECT, RowLayout, read_labels
from yolokit.datasets.many_labels import read_many_labels
from yolokit.errors import DataError

POSE = RowLayout((2, 3))
NUMBERS = ("0", "1", "0.5", ".5", "-0.25", "5e-05", "1.0", "0.123456789012", "nan", "1e12", "x")
CONTENTS = (
    "",
    "\n",
    "0 .5 .5 .2 .2",
    "0 0.5 0.5 0.2 0.2",
    "0 0.5 0.5 0.2 0.2\n\n1 0.5 0.5 1 1\n",
    "0 0.5 0.5 0.2 0.2\r\n1 0.5 0.5 1 1\r\n",
    "0 0.5 0.5 0.2 0.2 \n",
    "0\t0.5 0.5 0.2 0.2\n",
    "0 0.1 0.1 0.9 0.1 0.5 0.9\n1 0.1 0.1 0.9 0.1 0.9 0.5 0.1 0.5\n",
    "0 0.5 0.5 0.2 0.2\n0 0.1 0.1 0.9 0.1 0.5 0.9\n",
    "0 0.5 0.5 0.2 0.2 0.9\n1 0.5 0.5 0.2 0.2\n",
    "0 0.5 0.5 0.2\n",
    "0 0.5 0.5 0.2 0.2 0.5 0.5 2 0.6 0.5 0\n0 0.5 0.5 0.1 0.1\n",
    "0 9999999999 0.5 0.2 0.2\n",
    "0.5 0.5 0.5 0.2 0.2\n",
    "-1 0.5 0.5 0.2 0.2\n",
)


def write_files(folder: Path, contents: list[str | bytes | None]) -> list[str]:
    paths = []
    for at, content in enumerate(contents):
        path = folder / f"{at}.txt"
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        paths.append(str(path))
    return paths


def expect_same(paths: list[str], layout: RowLayout) -> None:
    many = read_many_labels(paths, layout)
    for file, path in enumerate(paths):
        alone = read_labels(path, layout)
        rows = np.flatnonzero(many.file_of == file).tolist()
        assert many.missing[file] == (alone is None)
        if alone is None:
            assert not len(rows)
            continue
        for column in ("class_ids", "cxcywh", "lines", "columns"):
            assert np.array_equal(getattr(many.rows, column)[rows], getattr(alone, column))
        tails = {row: np.array(tail, np.float32) for row, tail in alone.tails.items()}
        found = {row: many.rows.tails[at] for row, at in enumerate(rows) if at in many.rows.tails}
        assert found.keys() == tails.keys()
        assert all(np.array_equal(found[row], tails[row]) for row in tails)
        assert [fault for at, fault in many.faults if at == file] == list(alone.faults)
        assert many.digests[file] == alone.digest()


@pytest.mark.parametrize("layout", [DETECT, POSE])
def test_files_give_what_each_gives_alone(tmp_path: Path, layout: RowLayout) -> None:
    expect_same(write_files(tmp_path, [*CONTENTS, None, *CONTENTS]), layout)


def test_files_of_several_blocks_stay_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many_labels, "_BLOCK", 3)
    expect_same(write_files(tmp_path, [*CONTENTS, None, *CONTENTS]), DETECT)


rows = st.lists(st.sampled_from(NUMBERS), max_size=12).map(" ".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(rows, max_size=3).map("\n".join), max_size=5))
def test_whatever_they_hold(tmp_path: Path, contents: list[str | bytes | None]) -> None:
    expect_same(write_files(tmp_path, contents), DETECT)


def test_a_file_that_cannot_be_read_is_kept_beside_the_others(tmp_path: Path) -> None:
    paths = write_files(tmp_path, ["0 0.5 0.5 0.2 0.2\n", b"\xff\xfe", "1 0.5 0.5 0.2 0.2\n"])
    many = read_many_labels(paths, DETECT)
    assert many.file_of.tolist() == [0, 2]
    assert list(many.errors) == [1]
    assert isinstance(many.errors[1], DataError)
    assert many.count_rows().tolist() == [1, 0, 1]


def test_no_files_have_no_rows() -> None:
    assert len(read_many_labels([], DETECT).file_of) == 0
