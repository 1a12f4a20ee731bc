"""Bad input of every kind by name, for every format: an error that says what is wrong, or a set."""

from __future__ import annotations

import contextlib
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.samples.formats import list_samples, picture, put_files
from tests.unit.conftest import read_set, write_image, write_text
from yolokit.convert.config import ConvertConfig
from yolokit.convert.job import convert
from yolokit.errors import DataError, YolokitError
from yolokit.formats.toolkit.plugin import ReadOptions, list_formats, load_format, recognise
from yolokit.labels.ledger import Ledger

FORMATS = list_formats()
MOST_BYTES = 500 << 20
SECRET = picture(".webp")
LABELS = [
    (name, file)
    for name in FORMATS
    for file in list_samples(name)[-1]
    if not file.endswith((".jpg", ".png"))
]


def read_all(name: str, source: Path) -> int:
    ledger = Ledger()
    dataset = load_format(name).read(source, ReadOptions(), ledger)
    return sum(1 for _ in dataset.iter_images())


def convert_into(out: Path, source: Path, **options: Any) -> None:
    convert(ConvertConfig.build({"source": source, "out": out, "max_drop": "100%", **options}))


@pytest.fixture
def memory() -> Iterator[None]:
    """Fail where more is held in memory at once than any small data set needs."""
    tracemalloc.start()
    yield
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < MOST_BYTES


@pytest.mark.parametrize(("name", "file"), LABELS)
@pytest.mark.usefixtures("memory")
def test_ten_gigabytes_of_nothing_are_not_read(name: str, file: str, tmp_path: Path) -> None:
    source = put_files(list_samples(name)[-1], tmp_path)
    with (source / file).open("r+b") as stream:
        stream.truncate(10 << 30)  # a hole: it takes no place on the disk
    assert recognise(source)[0] == name
    if file == "label_map.pbtxt":  # names the classes of numbers alone; a large one is none
        assert read_all(name, source) == 3
        return
    with pytest.raises(DataError, match=r"the file has 10.7 GB|the line is longer|is damaged"):
        read_all(name, source)


DEEP = {
    "lists": b"[" * 100_000,
    "closed lists": b"[" * 100_000 + b"]" * 100_000,
    "objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "lists with NaN": b"[NaN," * 100_000 + b"1" + b"]" * 100_000,
    "elements": b"<a>" * 100_000,
    "yaml lists": b"names: " + b"[" * 100_000,
    "yaml objects": b"names: " + b"{a: " * 100_000,
}


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_is_nested_too_deep_for_words(name: str, tmp_path: Path) -> None:
    for file, content in list_samples(name)[-1].items():
        source = put_files(list_samples(name)[-1], tmp_path)
        for body in DEEP.values():
            (source / file).write_bytes(body)
            with contextlib.suppress(YolokitError):
                recognise(source)
            with contextlib.suppress(YolokitError):
                read_all(name, source)
        (source / file).write_bytes(content)


NAMES = (
    "../../private.jpg",
    "../private.jpg",
    "private.jpg",
    "a/../../private.jpg",
    "..\\private.jpg",
    "{root}/private.jpg",
    "file://{root}/private.jpg",
)


@pytest.mark.parametrize("hostile", NAMES)
@pytest.mark.parametrize("name", FORMATS)
def test_an_image_beside_the_source_is_never_taken(name: str, hostile: str, tmp_path: Path) -> None:
    (tmp_path / "private.jpg").write_bytes(SECRET)
    named = hostile.format(root=tmp_path).encode()
    files = dict(list_samples(name)[-1])
    images = [file for file in files if file.endswith((".jpg", ".png"))]
    for file, content in files.items():
        if file in images:
            continue
        for image in images:
            base = image.rsplit("/", 1)[-1].encode()
            new = named.replace(b"\\", b"\\\\") if content[:1] in (b"{", b"[") else named
            content = content.replace(base, new)  # noqa: PLW2901 - image after image
        files[file] = content
    source = put_files(files, tmp_path / "set" / "src")
    try:
        convert_into(tmp_path / "out", source, from_format=name, task=load_format(name).READS[0])
    except YolokitError:
        assert not (tmp_path / "out").exists()
    for path in (tmp_path / "out").rglob("*"):
        assert not path.is_file() or path.read_bytes() != SECRET
    assert {path.name for path in tmp_path.iterdir()} <= {"private.jpg", "set", "out"}


def test_formulas_in_cells_are_text(tmp_path: Path) -> None:
    names = ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3"]
    rows = "".join(f'a.jpg,64,48,"{name}",1,2,3,4\n' for name in names)
    head = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
    write_text(tmp_path / "src/labels.csv", head + rows)
    write_image(tmp_path / "src/a.jpg")
    convert_into(tmp_path / "out", tmp_path / "src", to_format="csv")
    again = read_set("csv", tmp_path / "out")
    assert sorted(again.dataset.names) == sorted(names)
    assert again.boxes["a.jpg"] == [(name, [1, 2, 3, 4]) for name in names]
