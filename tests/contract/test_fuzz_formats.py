"""A broken data set is converted or refused with words, never anything else.

The long form is ``tests/bench/fuzz_formats.py``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.samples.formats import list_samples, put_files
from tests.samples.fuzz import run_case
from tests.unit.conftest import read_set
from yolokit.formats.toolkit.plugin import list_formats, load_format, recognise

FORMATS = list_formats()
CASES_PER_FORMAT = 10


@pytest.mark.parametrize("at", range(len(FORMATS)), ids=FORMATS)
def test_broken_sets_end_in_a_set_or_an_error_of_ours(at: int) -> None:
    for case in range(CASES_PER_FORMAT):
        number = at + case * len(FORMATS)
        outcome = run_case(1, number)
        assert outcome.format == FORMATS[at]
        assert outcome.kind != "find", f"case {number}: {outcome.error}\n{outcome.detail}"


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_broken_there_was_whole(name: str, tmp_path: Path) -> None:
    tasks = set(load_format(name).READS)
    assert tasks
    for number, files in enumerate(list_samples(name)):
        source = put_files(files, tmp_path / str(number))
        assert recognise(source)[0] == name
        for task in tasks:
            found = read_set(name, source, task=task)
            assert sum(len(one.annotations) for one in found.images) > 0
            assert found.ledger.totals.dropped == 0
