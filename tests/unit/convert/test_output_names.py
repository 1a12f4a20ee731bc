"""Names in a written set are unique, safe, and as near to the source's as can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from yolokit.convert.output_names import OutputNames


@pytest.mark.parametrize(
    "name",
    [
        "a.jpg",
        "a b.jpg",
        "ä ö 图片.png",
        "a.b.c.jpg",
        "sub/dir/a.jpg",
        "-x.jpg",
        "no_suffix",
        "a'b.jpg",
    ],
)
def test_ordinary_names_stay(name: str) -> None:
    assert OutputNames().assign(name) == name


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../a.jpg", "a.jpg"),
        ("/etc/a.jpg", "etc/a.jpg"),
        ("a\\b.jpg", "a/b.jpg"),
        ("C:\\x\\a.jpg", "C_/x/a.jpg"),
        ("a\0b.jpg", "a_b.jpg"),
        ("a\nb.jpg", "a_b.jpg"),
        ('<a>:"|?*.jpg', "_a______.jpg"),
        ("con.jpg", "_con.jpg"),
        ("sub/AUX", "sub/_AUX"),
        ("com1.x.jpg", "_com1.x.jpg"),
        ("contact.jpg", "contact.jpg"),
        ("dir. /a.jpg", "dir/a.jpg"),
        ("./a.jpg", "a.jpg"),
        ("a//b.jpg", "a/b.jpg"),
        ("..", "image"),
        (" ", "_"),
        ("a\udcff.jpg", "a_.jpg"),
        ("e\u0301.jpg", "\u00e9.jpg"),
        ("x.jpg/a.jpg", "x_jpg/a.jpg"),
        ("x.TXT/a.json/b.xml.jpg", "x_TXT/a_json/b.xml.jpg"),
        ("clip.mp4/a.jpg", "clip.mp4/a.jpg"),
    ],
)
def test_names_that_some_system_does_not_allow_are_changed(name: str, safe: str) -> None:
    assert OutputNames().assign(name) == safe


def test_a_very_long_name_keeps_its_suffix() -> None:
    name = OutputNames().assign("图" * 300 + ".jpg")
    assert name.endswith("图.jpg")
    assert len(name.encode()) <= 200


def test_no_two_names_have_one_stem_or_differ_in_case_only() -> None:
    names = OutputNames()
    given = [names.assign(name) for name in ("a.jpg", "a.png", "A.jpg", "a.jpg", "b/a.jpg")]
    assert given == ["a.jpg", "a-2.png", "A-3.jpg", "a-4.jpg", "b/a.jpg"]


def test_a_number_is_not_put_where_the_name_is_taken() -> None:
    names = OutputNames()
    given = [names.assign(name) for name in ("a-2.jpg", "a.jpg", "a.jpg", "a-2.jpg", "a-3.jpg")]
    assert len(set(given)) == 5
    assert given[:3] == ["a-2.jpg", "a.jpg", "a-3.jpg"]


def test_many_equal_names_take_no_longer_than_others() -> None:
    names = OutputNames()
    given = {names.assign("a.jpg") for _ in range(20_000)}
    assert len(given) == 20_000


def test_of_a_path_beyond_all_file_systems_the_end_stays(tmp_path: Path) -> None:
    names = OutputNames()
    for name in ("x/" * 3000 + "a.jpg", "y" * 199 + "/" + ("é" * 90 + "/") * 30 + "b.jpg"):
        clean = names.assign(name)
        assert name.endswith(clean)
        assert 800 < len(clean.encode()) <= 1000
        (tmp_path / clean).parent.mkdir(parents=True)
        (tmp_path / clean).touch()
