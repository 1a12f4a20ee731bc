"""Images are copied or linked; what cannot be done is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from yolokit.convert.steps.copy_images import LinkMode, copy_image
from yolokit.errors import ConfigError, DataError
from yolokit.images.byte_range import Span


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
