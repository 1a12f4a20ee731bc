"""Classes by name, whatever the Unicode form of it."""

from __future__ import annotations

from pathlib import Path
from unicodedata import normalize

import pytest

from tests.unit.conftest import Convert, write_image, write_text

NAME = "caf\u00e9"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_two_spellings_of_a_class_are_one(form: str, tmp_path: Path, run_convert: Convert) -> None:
    head = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
    rows = [
        f"a.jpg,64,48,{normalize('NFC', NAME)},1,2,30,40\n",
        f"a.jpg,64,48,{normalize('NFD', NAME)},5,6,30,40\n",
        "a.jpg,64,48,dog,1,1,9,9\n",
    ]
    write_text(tmp_path / "in/a.csv", head + "".join(rows))
    write_image(tmp_path / "in/a.jpg")
    said = normalize(form, NAME)  # type: ignore[arg-type]
    done = run_convert(tmp_path / "in", split="keep", maps=(f"{said}=cup",), drop=("dog",))
    assert done.names == ("cup",)
    assert (done.totals.kept, done.totals.excluded) == (2, 1)
    assert any("spelled in two forms are one class" in text for text in done.evidence)
    done = run_convert(tmp_path / "in", split="keep", keep=(said,), overwrite=True)
    assert done.names == (NAME,)
