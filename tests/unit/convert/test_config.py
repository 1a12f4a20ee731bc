"""All mistakes in the options are reported at once, before anything is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.conftest import write_text
from yolokit.convert.config import ConvertConfig
from yolokit.convert.option_checks import check_assumptions
from yolokit.errors import ConfigError, DataError, OutputExistsError
from yolokit.formats.toolkit.plugin import load_format


def problems(root: Path, **values: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        ConvertConfig.build({"source": (root,), "out": root / "out", **values})
    return list(caught.value.problems)


def test_right_options(tmp_path: Path) -> None:
    config = ConvertConfig.build({"source": tmp_path, "out": tmp_path / "out"})
    assert (config.from_format, config.to_format, config.link) == ("auto", "yolo", "copy")
    assert config.max_drop == "0.5%"


def test_everything_wrong_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        images=tmp_path / "none",
        from_format="coc",
        to_format="yol",
        split="0.5,0.1",
        seed=-1,
        link="simlink",
        max_drop="half",
        assume=("origin",),
        colour="red",
    )
    assert len(found) == 9, found
    text = "\n".join(found)
    for words in (
        "colour",
        "seed",
        "link",
        "did you mean 'coco'",
        "did you mean 'yolo'",
        "add up to 0.6",
        "neither a share",
        "'origin' is not KEY=VALUE",
        "none does not exist",
    ):
        assert words in text


@pytest.mark.parametrize("inner", [".", "sub", "sub/deep"])
def test_the_source_is_never_replaced(inner: str, tmp_path: Path) -> None:
    source = tmp_path / "out" / inner
    source.mkdir(parents=True)
    (source / "a.json").touch()
    (tmp_path / "else").mkdir()
    for changes in ({"source": (source,)}, {"images": source}):
        values = {"source": (tmp_path / "else",), "out": tmp_path / "out", **changes}
        with pytest.raises(OutputExistsError, match="the command reads"):
            ConvertConfig.build({**values, "overwrite": True})
        with pytest.raises(OutputExistsError) as caught:
            ConvertConfig.build(values)
        assert "--overwrite" not in (caught.value.hint or "")


def test_the_source_is_never_replaced_through_a_link(tmp_path: Path) -> None:
    write_text(tmp_path / "real/a.json", "{}")
    (tmp_path / "link").symlink_to("real")
    for source, out in (("link", "real"), ("real", "link")):
        values = {"source": (tmp_path / source,), "out": tmp_path / out, "overwrite": True}
        with pytest.raises(OutputExistsError, match="cannot be replaced"):
            ConvertConfig.build(values)


def test_an_output_inside_the_source_is_fine(tmp_path: Path) -> None:
    config = ConvertConfig.build({"source": tmp_path, "out": tmp_path / "yolo"})
    assert config.folder == tmp_path / "yolo"


def test_images_and_labels_only_exclude_each_other(tmp_path: Path) -> None:
    assert "labels-only reads none" in problems(tmp_path, images=tmp_path, labels_only=True)[0]


def test_images_that_are_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    assert "is not a folder" in problems(tmp_path, images=tmp_path / "a")[0]


def test_a_missing_source_and_an_output_that_exists(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        ConvertConfig.build({"source": (tmp_path / "none",), "out": tmp_path / "out"})
    (tmp_path / "src").mkdir()
    write_text(tmp_path / "out/mine.txt", "")
    with pytest.raises(OutputExistsError):
        ConvertConfig.build({"source": (tmp_path / "src",), "out": tmp_path / "out"})
    for odd in ("a\0b", "x" * 5000):
        with pytest.raises(DataError, match="no such file"):
            ConvertConfig.build({"source": (Path(odd),), "out": tmp_path / "new"})


def test_the_exif_convention_is_that_of_every_format(tmp_path: Path) -> None:
    formats = {name: load_format(name) for name in ("yolo", "voc")}
    found = check_assumptions(("exif=stored",), formats)
    assert found == {"yolo": {"exif": "stored"}, "voc": {"exif": "stored"}}
    with pytest.raises(ConfigError, match="auto or upright or stored, not 'x'"):
        check_assumptions(("exif=x",), formats)
    values = {"source": tmp_path, "out": tmp_path / "new", "assume": ("exif=stored",)}
    assert ConvertConfig.build({**values, "from_format": "voc"}).exif == "stored"
    with pytest.raises(ConfigError, match="reads none"):
        ConvertConfig.build({**values, "labels_only": True})


def test_assumptions_are_those_of_the_format() -> None:
    voc = load_format("voc")
    assert check_assumptions(("origin=1", "difficult=exclude"), {"voc": voc})["voc"] == {
        "origin": "1",
        "difficult": "exclude",
    }
    with pytest.raises(ConfigError) as caught:
        check_assumptions(("orign=1", "origin=2", "iscrowd=keep"), {"voc": voc})
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "unknown convention of voc 'orign'",
        "assume",
        "unknown convention of voc 'iscrowd'",
    ]
    assert "0 or 1, not '2'" in caught.value.problems[1]
