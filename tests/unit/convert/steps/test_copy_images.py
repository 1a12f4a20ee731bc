"""Images are copied or linked; what cannot be done is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from yolokit.convert.steps.copy_images import (
    CopyPlan,
    LinkMode,
    OutputNames,
    copy_image,
    copy_images,
)
from yolokit.errors import ConfigError, DataError
from yolokit.images.byte_range import Span
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Annotations, ImageRecord, LabelledImage, SourceFile


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"pixels")
    return path


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])
def test_the_image_is_there(mode: LinkMode, image: Path, tmp_path: Path) -> None:
    target = tmp_path / "b.jpg"
    copy_image(str(image), target, mode)
    assert target.read_bytes() == b"pixels"
    assert target.is_symlink() == (mode == "symlink")
    assert image.samefile(target) == (mode != "copy")


def test_a_link_to_a_link_leads_to_the_file(image: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.jpg"
    link.symlink_to("a.jpg")
    copy_image(str(link), tmp_path / "b.jpg", "symlink")
    assert (tmp_path / "b.jpg").readlink() == image.resolve()
    copy_image(str(link), tmp_path / "c.jpg", "copy")
    assert not (tmp_path / "c.jpg").is_symlink()


def test_a_copy_keeps_nothing_but_the_content(image: Path, tmp_path: Path) -> None:
    image.chmod(0o400)
    copy_image(str(image), tmp_path / "b.jpg", "copy")
    with (tmp_path / "b.jpg").open("ab") as stream:  # a read-only source gives a usable set
        stream.write(b"!")


def test_what_fails_is_an_error_with_its_path(image: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot copy the image"):
        copy_image(str(tmp_path / "gone.jpg"), tmp_path / "b.jpg", "copy")
    for mode in ("hardlink", "symlink"):
        with pytest.raises(ConfigError, match=f"cannot {mode}") as caught:
            copy_image(str(image), image, mode)
        assert caught.value.hint == "use --link copy"


def test_a_part_of_a_file_becomes_a_file(image: Path, tmp_path: Path) -> None:
    copy_image(str(image), tmp_path / "b.jpg", "copy", Span(1, 3))
    assert (tmp_path / "b.jpg").read_bytes() == b"ixe"
    with pytest.raises(DataError, match="ends before an image in it does"):
        copy_image(str(image), tmp_path / "c.jpg", "copy", Span(4, 3))


@pytest.mark.parametrize("mode", ["hardlink", "symlink"])
def test_a_part_of_a_file_is_not_linked(mode: LinkMode, image: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"no {mode} can point to a part") as caught:
        copy_image(str(image), tmp_path / "b.jpg", mode, Span(0, 6))
    assert caught.value.hint == "use --link copy"
    assert not (tmp_path / "b.jpg").exists()


def record(name: str, split: str | None, path: Path | None) -> LabelledImage:
    source = SourceFile("a.json")
    where = None if path is None else str(path)
    return LabelledImage(ImageRecord(name, 8, 8, split, where, source), Annotations.empty())


def test_images_of_one_name_get_two_in_the_folder_of_their_split(
    image: Path, tmp_path: Path
) -> None:
    ledger, plan = Ledger(), CopyPlan(tmp_path / "out", "images/{split}", "copy", keeps_splits=True)
    images = [
        record("val/a.jpg", "val", image),  # the folder says the split again
        record("a.jpg", "val", image),
        record("a.jpg", None, image),
    ]
    copied = list(copy_images(images, plan, ledger))
    assert [one.image.file_name for one in copied] == ["a.jpg", "a-2.jpg", "a.jpg"]
    files = sorted(path.relative_to(plan.folder) for path in plan.folder.rglob("*.jpg"))
    assert files == [Path("images/train/a.jpg"), Path("images/val/a-2.jpg"),
                     Path("images/val/a.jpg")]  # fmt: skip
    assert [(one.code, one.message) for one in ledger.entries] == [("renamed", "a.jpg -> a-2.jpg")]


def test_one_folder_for_all_splits_has_one_set_of_names(image: Path, tmp_path: Path) -> None:
    plan = CopyPlan(tmp_path / "out", "JPEGImages", "copy", keeps_splits=False)
    images = [record("a.jpg", split, image) for split in ("train", "val")]
    copied = list(copy_images(images, plan, Ledger()))
    assert [one.image.file_name for one in copied] == ["a.jpg", "a-2.jpg"]


def test_labels_alone_copy_nothing(image: Path, tmp_path: Path) -> None:
    plan = CopyPlan(tmp_path / "out", "images/{split}", None, keeps_splits=True)
    assert len(list(copy_images([record("a.jpg", "val", image)], plan, Ledger()))) == 1
    assert not plan.folder.exists()


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
