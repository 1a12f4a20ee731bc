"""Names and files that are hard to handle cost no run: each is renamed or left out with a word."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from tests.unit.conftest import Convert, write_image, write_text

NOT_UTF8 = os.fsdecode(b"caf\xe9")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_conversion_goes_on(tmp_path: Path, run_convert: Convert) -> None:
    write_text(tmp_path / "in/classes.txt", "cat\n")
    stems = [NOT_UTF8, "x.jpg/y", "con", "A", "a", "q" * 240, "a:b?", "two\nlines"]
    for stem in stems:
        write_image(tmp_path / f"in/images/{stem}.jpg")
        write_text(tmp_path / f"in/labels/{stem}.txt", "0 .5 .5 .5 .5\n")
    for name in ("images/pipe.jpg", "labels/pipe.txt", "data.yaml", "a.json", "a.csv", "a.data"):
        os.mkfifo(tmp_path / "in" / name)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(os.path.relpath(tmp_path / "in/images/socket.jpg"))
    done = run_convert(tmp_path / "in", split="keep")
    assert (done.totals.kept, done.totals.dropped) == (len(stems), 0)
    assert done.codes == {"noted: renamed": 7}
    lines = (done.out / "ledger.jsonl").read_text("utf-8").splitlines()
    messages = [json.loads(line)["message"] for line in lines[1:]]
    assert any(message.startswith(r"caf\xe9.jpg -> ") for message in messages)
    labels, images = (
        {
            path.relative_to(done.out / kind).with_suffix("")
            for path in (done.out / kind).rglob("*.*")
        }
        for kind in ("labels", "images")
    )
    assert len(labels) == len(stems)
    assert labels == images
