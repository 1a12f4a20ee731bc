"""Every format finds its images in the usual places, and never guesses between two."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

import pytest

from tests.samples.formats import Files, list_samples, picture, put_files
from yolokit.convert.config import ConvertConfig
from yolokit.convert.job import ConvertResult, convert
from yolokit.errors import DataError
from yolokit.formats.toolkit.plugin import list_formats
from yolokit.images.listing import is_image_name

# YOLO and Darknet go from images to labels; a TFRecord holds its images itself.
BY_NAME = [name for name in list_formats() if name not in ("darknet", "tfrecord", "yolo")]
PAIRS = [
    (f"{name}-{at}", name, sample)
    for name in BY_NAME
    for at, sample in enumerate(list_samples(name))
]
SAMPLES = [pytest.param(name, sample, id=label) for label, name, sample in PAIRS]


def base_of(name: str) -> str:
    return name.rpartition("/")[2]


def in_folder(folder: str) -> Callable[[str, Files], str]:
    return lambda name, _files: f"{folder}/{base_of(name)}"


def beside_annotations(name: str, files: Files) -> str:
    others = [one for one in files if not is_image_name(one)]
    alike = [one for one in others if one.split("/")[0] == name.split("/", maxsplit=1)[0]]
    return str(PurePosixPath(min(alike or others)).parent / base_of(name))


LAYOUTS: Mapping[str, Callable[[str, Files], str]] = {
    **{
        folder: in_folder(folder)
        for folder in ("images", "Images", "JPEGImages", "img", "image", "data", "photos", "a/b/c")
    },
    "the source's folder": lambda name, _files: base_of(name),
    "beside annotations": beside_annotations,
    "a folder more": lambda name, _files: f"whole/{name}",
}


def run(
    source: Path, out: Path, from_format: str, images: Path | None = None
) -> tuple[ConvertResult, int]:
    values = {"source": source, "out": out, "max_drop": "100%", "from_format": from_format}
    result = convert(ConvertConfig.build({**values, "images": images}))
    return result, sum(counts.images for counts in result.splits.values())


def test_a_sample_of_each_format_has_images() -> None:
    assert {name for _, name, _ in PAIRS} == set(BY_NAME)
    assert all(any(map(is_image_name, sample)) for _, _, sample in PAIRS)


@pytest.fixture(scope="module")
def convert_unmoved(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str, Files], tuple[ConvertResult, int]]:
    """Convert a sample with its images where the format has them, each sample once."""
    done: dict[int, tuple[ConvertResult, int]] = {}

    def convert_once(name: str, files: Files) -> tuple[ConvertResult, int]:
        if id(files) not in done:
            folder = tmp_path_factory.mktemp("unmoved")
            done[id(files)] = run(put_files(files, folder / "in"), folder / "out", name)
        return done[id(files)]

    return convert_once


@pytest.fixture
def require_same(
    convert_unmoved: Callable[[str, Files], tuple[ConvertResult, int]], tmp_path: Path
) -> Callable[..., None]:
    """Demand that a source comes out as the same files do where the format has them."""

    def compare(name: str, files: Files, source: Path, images: Path | None = None) -> None:
        before, count = convert_unmoved(name, files)
        assert count > 0
        assert before.totals.annotations_in > before.totals.dropped
        after, found = run(source, tmp_path / "two", name, images)
        assert found == count
        assert not {code for code in after.codes if "missing" in code}
        assert after.totals.kept == before.totals.kept
        assert after.totals.dropped == before.totals.dropped

    return compare


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("name, files", SAMPLES)
def test_images_are_found_in_usual_places(
    name: str,
    files: Files,
    layout: Callable[[str, Files], str],
    require_same: Callable[..., None],
    tmp_path: Path,
) -> None:
    moved = {layout(one, files) if is_image_name(one) else one: files[one] for one in files}
    require_same(name, files, put_files(moved, tmp_path / "after"))


@pytest.mark.parametrize("name, files", SAMPLES)
def test_images_are_found_where_the_user_says(
    name: str, files: Files, require_same: Callable[..., None], tmp_path: Path
) -> None:
    images = {f"x/{base_of(one)}": files[one] for one in files if is_image_name(one)}
    rest = {one: files[one] for one in files if not is_image_name(one)}
    put_files(images, tmp_path / "elsewhere")
    source = put_files(rest, tmp_path / "after")
    require_same(name, files, source, tmp_path / "elsewhere")


@pytest.mark.parametrize("name, files", SAMPLES)
def test_images_are_found_in_an_archive_of_one_folder(
    name: str, files: Files, require_same: Callable[..., None], tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "after.zip", "w") as packed:
        for one, content in files.items():
            packed.writestr(
                f"top/photos/{base_of(one)}" if is_image_name(one) else f"top/{one}", content
            )
    require_same(name, files, tmp_path / "after.zip")


@pytest.mark.parametrize("suffix", [".JPG", ".JPEG", ".png"])
@pytest.mark.parametrize("name, files", SAMPLES)
def test_images_are_found_with_another_suffix(
    name: str, files: Files, suffix: str, require_same: Callable[..., None], tmp_path: Path
) -> None:
    content = picture(".png" if suffix == ".png" else ".jpg")
    moved = {
        one.rpartition(".")[0] + suffix if is_image_name(one) else one: files[one] for one in files
    }
    moved = {one: content if is_image_name(one) else old for one, old in moved.items()}
    require_same(name, files, put_files(moved, tmp_path / "after"))


@pytest.mark.parametrize("name, files", SAMPLES)
def test_two_images_of_one_name_are_not_chosen_from(
    name: str, files: Files, tmp_path: Path
) -> None:
    moved = {one: files[one] for one in files if not is_image_name(one)}
    for one in files:
        if is_image_name(one):
            moved[f"x/{base_of(one)}"] = moved[f"y/{base_of(one)}"] = files[one]
    with pytest.raises(DataError, match=r"it may be .*[xy]/.* or .*[xy]/"):
        run(put_files(moved, tmp_path / "after"), tmp_path / "out", name)


@pytest.mark.parametrize("name, files", SAMPLES)
def test_what_is_not_found_is_said_with_what_helps(name: str, files: Files, tmp_path: Path) -> None:
    rest = {one: files[one] for one in files if not is_image_name(one)}
    with pytest.raises(
        DataError, match=r"no image was found in it \(the image .* was not found"
    ) as error:
        run(put_files(rest, tmp_path / "after"), tmp_path / "out", name)
    assert error.value.hint == "say with --images where the images are"
