"""Files that hold the same bytes are found without reading whole files that differ."""

from __future__ import annotations

from pathlib import Path

import pytest

from yolokit.convert.steps.copies import Copies


@pytest.mark.parametrize("size_bytes", [1, 100, 4096, 4097, 20_000])
def test_copies_are_found_whatever_their_size(tmp_path: Path, size_bytes: int) -> None:
    copies = Copies()
    for at in range(4):
        path = tmp_path / f"{at}.jpg"
        path.write_bytes(bytes([at % 3]) * size_bytes)
        copies.add(str(path))
    (told,) = copies.tell()
    assert told.startswith("1 picture is byte for byte the same as another of the set")
    assert f"{tmp_path / '3.jpg'} and {tmp_path / '0.jpg'}" in told


@pytest.mark.parametrize("place", [0, 6000, 10_000, 19_999])
def test_files_that_differ_in_one_byte_are_no_copies(tmp_path: Path, place: int) -> None:
    copies = Copies()
    for at in range(2):
        content = bytearray(20_000)
        content[place] = at
        (tmp_path / f"{at}.jpg").write_bytes(content)
        copies.add(str(tmp_path / f"{at}.jpg"))
    assert list(copies.tell()) == []
