"""Every command and snippet of ``docs/`` does what the page says, page by page, as a reader would.

``tests/docs/blocks.py`` says how a page is read.
"""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.docs.blocks import Reader, list_blocks, list_inputs, list_pages
from tests.docs.inputs import Inputs

PAGES = [page for page in list_pages() if any(list_blocks(page))]
# These train or export more than once.
SLOW = {
    "start-here.md",
    "look-at-data.md",
    "what-to-start-from.md",
    "reading-a-report.md",
    "faster-training.md",
    "watching-a-training.md",
    "tuning.md",
    "resuming.md",
    "how-much.md",
    "best-epoch.md",
    "folds.md",
    "when-training-fails.md",
    "export.md",
    "precisions.md",
    "proof.md",
    "speed.md",
    "optimize.md",
}
REASONS = {
    "it needs a network",
    "it needs a GPU",
    "it needs two GPUs",
    "it needs two machines",
    "it needs other hardware",
    "not every processor has bf16",
    "it needs classes of your own",  # tests/e2e/train/test_add_classes.py has some
    "it needs Docker",
    "it needs packages of another language",  # tests/e2e/test_examples.py installs them
}


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return Inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """Someone in an empty folder, with yolokit installed and no network."""
    work, home = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    home.mkdir()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    mine = {"PATH": path, "HOME": str(home), "YOLOKIT_OFFLINE": "1", "COLUMNS": "100"}
    return Reader(work, {**os.environ, **mine})


def _parameters() -> list[object]:
    return [
        pytest.param(page, id=page.name, marks=[pytest.mark.slow] * (page.name in SLOW))
        for page in PAGES
    ]


@pytest.mark.parametrize("page", _parameters())
def test_a_page_does_what_it_says(
    page: Path, reader: Reader, inputs: Inputs, tmp_path: Path
) -> None:
    for name in list_inputs(page):
        inputs.put(name, tmp_path / "work")
    for block in list_blocks(page):
        reader.follow(block)


def test_nearly_everything_is_run() -> None:
    blocks = [block for page in PAGES for block in list_blocks(page)]
    not_run = Counter(block.not_run for block in blocks if block.not_run)
    assert set(not_run) <= REASONS
    assert not_run.total() <= 0.15 * len(blocks), not_run
    assert len(blocks) >= 40


def test_only_trainings_and_searches_are_shortened() -> None:
    for page in PAGES:
        for block in list_blocks(page):
            if block.adds:
                last = block.text.splitlines()[-1].strip()
                assert re.search(r"yolokit (train|tune|optimize|bench)", block.text), (
                    f"{page.name}: {last}"
                )
                assert page.name in SLOW
