"""What a source's files are told apart by: a few of many alike, and heads that are not hoarded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from yolokit.errors import DataError
from yolokit.formats.toolkit import source_tree
from yolokit.formats.toolkit.plugin import recognise
from yolokit.formats.toolkit.source_tree import SourceTree, read_each

if TYPE_CHECKING:
    from pathlib import Path

_COCO = '{"images": [], "annotations": [], "categories": [], "info": "%s"}'


def _write_alike(folder: Path, count: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        (folder / f"{index:04d}.json").write_text('{"frame": 1}')
        (folder / f"{index:04d}.jpg").write_bytes(b"")


def test_a_few_of_many_files_alike_are_looked_at(tmp_path: Path) -> None:
    _write_alike(tmp_path / "a", 200)
    _write_alike(tmp_path / "b", 10)
    names = SourceTree(tmp_path).sample().names
    assert sum(name.startswith("a/") and name.endswith(".json") for name in names) == 64
    assert sum(name.startswith("a/") and name.endswith(".jpg") for name in names) == 32
    assert sum(name.startswith("b/") for name in names) == 20
    assert list(names) == sorted(names)


def test_coco_is_recognised_in_the_midst_of_a_json_file_an_image(tmp_path: Path) -> None:
    _write_alike(tmp_path, 200)
    (tmp_path / "0150_all.json").write_text(_COCO % "one about all images is larger")
    name, match = recognise(tmp_path)
    assert name == "coco"
    assert "0150_all.json" in match.evidence


def test_the_heads_of_a_large_set_are_not_all_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_tree, "_KEPT_BYTES", 25)
    tree = SourceTree(tmp_path)
    for name in "abc":
        (tmp_path / name).write_bytes(b"0123456789")
        assert tree.head(tmp_path / name) == b"0123456789"
    assert tree._kept_bytes == 20
    (tmp_path / "a").unlink()
    assert tree.head(tmp_path / "a") == b"0123456789"
    assert tree.head(tmp_path / "c") == b"0123456789"


def test_all_broken_files_are_told_at_once_and_the_others_read() -> None:
    met: list[int] = []

    def read(number: int) -> int:
        met.append(number)
        if number % 2:
            raise DataError(f"{number} is odd")
        return number * 10

    assert read_each([0, 2], read) == [0, 20]
    with pytest.raises(DataError, match=r"^2 odd numbers:\n  1 is odd\n  3 is odd$"):
        read_each(range(4), read, "odd numbers")
    assert met == [0, 2, 0, 1, 2, 3]


def test_files_are_chosen_by_their_heads(tmp_path: Path) -> None:
    for name, text in (("a.json", "{}"), ("b.json", "[]"), ("c.json", "[]"), ("d.txt", "[]")):
        (tmp_path / name).write_text(text)
    tree = SourceTree(tmp_path)

    def is_list(head: bytes) -> bool:
        return head.startswith(b"[")

    assert tree.first(is_list, ".json", among=2) == tmp_path / "b.json"
    assert tree.first(is_list, ".json", among=1) is None
    assert tree.pick(is_list, ".json") == [tmp_path / "b.json", tmp_path / "c.json"]
    assert SourceTree(tmp_path / "a.json").pick(is_list, ".txt") == [tmp_path / "a.json"]
