"""Pages opened in Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chromium import NO_CHROMIUM, NO_CHROMIUM_REASON, Tab, open_chromium

pytestmark = pytest.mark.skipif(NO_CHROMIUM, reason=NO_CHROMIUM_REASON)


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with open_chromium() as opened:
        yield opened


def test_the_console_tells_what_is_wrong(tab: Tab, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<!doctype html><title>x</title><script>undefined_name()</script>", "utf-8")
    tab.open(page, 360)
    assert len(tab.console) == 1
    assert tab.console[0].startswith("exception")
