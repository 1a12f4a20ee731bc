"""Steps of a conversion: several sources, classes, areas, samples, tiles, groups and folds."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.unit.conftest import (
    Convert,
    coco,
    coco_image,
    write_coco,
    write_image,
    write_text,
    write_yolo,
)
from yolokit.convert.job import ConvertResult
from yolokit.convert.steps.tile import TilePlan, list_tiles
from yolokit.datasets.check import check_dataset
from yolokit.errors import ConfigError, DataError


@pytest.fixture
def yolo(tmp_path: Path) -> Path:
    """Ten images of 64x48 px: a large cat in each, a small dog in every second one."""
    labels = {
        f"{at}.jpg": "0 .5 .5 .5 .5\n" + ("1 .1 .1 .05 .05\n" if at % 2 else "") for at in range(10)
    }
    return write_yolo(tmp_path / "yolo", labels).parent


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Two images as COCO, with classes of other names."""
    root = tmp_path / "coco"
    images = [coco_image(1, "0.jpg"), coco_image(2, "x.jpg")]
    annotations = [
        {"image_id": 1, "category_id": 3, "bbox": [1, 2, 30, 20]},
        {"image_id": 2, "category_id": 4, "bbox": [1, 2, 30, 20]},
    ]
    categories = [{"id": 3, "name": "Cat"}, {"id": 4, "name": "bird"}]
    write_coco(root / "instances_train.json", coco(images, annotations, categories))
    for name in ("0.jpg", "x.jpg"):
        write_image(root / "images" / name, shade=120)
    return root


def rows(out: Path) -> dict[str, list[str]]:
    return {
        str(path.relative_to(out / "labels")): path.read_text().splitlines()
        for path in sorted((out / "labels").rglob("*.txt"))
    }


def entries(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "ledger.jsonl").read_text().splitlines()[1:]]


def test_two_sources_become_one_set_and_equal_names_do_not_meet(
    yolo: Path, other: Path, run_convert: Convert, tmp_path: Path
) -> None:
    result = run_convert(yolo, source=(yolo, other), maps=("cat,Cat=feline",))
    assert result.names == ("feline", "dog", "bird")
    assert result.from_formats == ("yolo", "coco")
    assert result.splits["train"].images == 12
    assert result.splits["train"].boxes_by_class == (11, 5, 1)
    assert result.totals.kept == result.totals.annotations_in == 17
    assert {"train/0.txt", "train/0-2.txt"} <= rows(tmp_path / "out").keys()
    assert all(str(yolo) in line or str(other) in line for line in result.evidence)
    check_dataset(tmp_path / "out/data.yaml")


def test_classes_that_differ_in_case_only_are_pointed_out(
    yolo: Path, other: Path, run_convert: Convert
) -> None:
    result = run_convert(yolo, source=(yolo, other))
    assert any("'Cat' only in case" in warning for warning in result.warnings)


def test_classes_are_kept_dropped_and_entered(
    yolo: Path, run_convert: Convert, tmp_path: Path
) -> None:
    result = run_convert(yolo, drop=("dog",))
    assert result.names == ("cat",)
    assert (result.totals.kept, result.totals.excluded) == (10, 5)
    assert {entry["code"] for entry in entries(tmp_path / "out")} == {"class-left-out"}
    again = run_convert(yolo, keep=("dog",), overwrite=True)
    assert again.names == ("dog",)
    assert again.splits["train"].background_images == 5
    assert again.totals.annotations_in == 15 == again.totals.kept + again.totals.excluded


@pytest.mark.parametrize(
    "options",
    [
        {"maps": ("cta=feline",)},
        {"keep": ("Dog",)},
        {"drop": ("x", "y")},
        {"keep": ("cat",), "drop": ("cat",)},
    ],
)
def test_a_class_that_is_none_is_refused(
    options: dict[str, Any], yolo: Path, run_convert: Convert, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError):
        run_convert(yolo, **options)
    assert not (tmp_path / "out").exists()


def test_small_and_large_labels_are_left_out_by_area(yolo: Path, run_convert: Convert) -> None:
    small = run_convert(yolo, min_area="100")
    assert (small.totals.kept, small.totals.excluded) == (10, 5)
    assert small.codes == {"excluded: area": 5}
    large = run_convert(yolo, max_area="5%", overwrite=True)
    assert (large.totals.kept, large.totals.excluded) == (5, 10)


def test_a_sample_is_the_same_each_time_and_a_larger_one_holds_it(
    yolo: Path, run_convert: Convert, tmp_path: Path
) -> None:
    first = run_convert(yolo, sample="30%", split="keep")
    assert first.splits["train"].images == 3
    assert first.totals.annotations_in == 15 == first.totals.kept + first.totals.excluded
    chosen = set(rows(tmp_path / "out"))
    run_convert(yolo, sample="5", split="keep", overwrite=True)
    assert chosen < set(rows(tmp_path / "out"))
    run_convert(yolo, sample="5", split="keep", seed=1, overwrite=True)
    assert not chosen < set(rows(tmp_path / "out"))


def test_a_sample_counts_images_of_one_name_apart(
    yolo: Path, run_convert: Convert, tmp_path: Path
) -> None:
    twin = write_yolo(tmp_path / "twin", {f"{at}.jpg": "" for at in range(10)}).parent
    for at in range(10):
        write_image(twin / f"images/train/{at}.jpg", shade=120)
    result = run_convert(yolo, source=(yolo, twin), sample="7", split="keep")
    assert result.splits["train"].images == 7


def test_keypoints_need_to_be_the_same_for_a_pose_alone(
    yolo: Path, run_convert: Convert, tmp_path: Path
) -> None:
    yaml = "train: images/train\nnames: [cat]\nkpt_shape: [{}, 3]\n"
    one, two = tmp_path / "one", tmp_path / "two"
    write_yolo(one, {"a.jpg": "0 .5 .5 .5 .5 .1 .1 2\n"}, yaml=yaml.format(1))
    write_yolo(two, {"b.jpg": "0 .5 .5 .5 .5 .1 .1 2 .2 .2 2\n"}, yaml=yaml.format(2))
    result = run_convert(yolo, source=(yolo, one, two), split="keep")
    assert result.splits["train"].boxes == 17
    assert result.codes == {"noted: keypoints-aside": 1}
    with pytest.raises(DataError, match="different keypoints"):
        run_convert(yolo, source=(one, two), task="pose", overwrite=True)


def test_a_convention_goes_to_the_sources_that_have_it(
    yolo: Path, other: Path, run_convert: Convert
) -> None:
    result = run_convert(yolo, source=(yolo, other), assume=("iscrowd=keep",), split="1")
    assert result.from_formats == ("yolo", "coco")
    with pytest.raises(ConfigError) as caught:
        run_convert(yolo, source=(yolo, other), assume=("origin=1",), overwrite=True)
    assert "unknown convention of yolo, coco 'origin'" in caught.value.problems[0]


@pytest.mark.parametrize("seed", range(3))
def test_tiles_cover_the_image_and_overlap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(50):
        wh = (int(rng.integers(1, 500)), int(rng.integers(1, 500)))
        plan = TilePlan(int(rng.integers(16, 300)), float(rng.uniform(0, 0.9)))
        tiles = list_tiles(wh, plan)
        seen = np.zeros(wh[::-1], np.bool_)
        for x1, y1, x2, y2 in tiles:
            assert 0 <= x1 < x2 <= wh[0]
            assert 0 <= y1 < y2 <= wh[1]
            assert (x2 - x1, y2 - y1) == (min(plan.side_px, wh[0]), min(plan.side_px, wh[1]))
            seen[y1:y2, x1:x2] = True
        assert seen.all()
        across = sorted({x1 for x1, *_ in tiles})
        steps = np.diff(across)
        assert (steps <= plan.side_px * (1 - plan.overlap) + 1).all()


def large_image(root: Path) -> Path:
    """One image of 200x100 px, each pixel of its own colour, with two boxes."""
    x, y = np.meshgrid(np.arange(200), np.arange(100))
    pixels = np.stack([x, y, np.full_like(x, 7)], axis=2).astype(np.uint8)
    (root / "images/train").mkdir(parents=True)
    cv2.imwrite(str(root / "images/train/big.png"), pixels)
    boxes = "0 0.5 0.5 0.1 0.2\n1 0.05 0.1 0.1 0.2\n0 0.5 0.5 1 1\n"
    write_text(root / "labels/train/big.txt", boxes)
    write_text(root / "data.yaml", "train: images/train\nnames: [cat, dog]\n")
    return root


def test_tiles_have_the_pixels_and_the_boxes_of_their_place(
    run_convert: Convert, tmp_path: Path
) -> None:
    source = large_image(tmp_path / "src")
    result = run_convert(source, tile=100, tile_overlap=0.5, min_visible=0.5, split="keep")
    out = tmp_path / "out"
    assert result.splits["train"].images == 3
    totals = result.totals
    # The third box fills the image: each tile shows half of it.
    assert rows(out) == {
        "train/big-0-0.txt": [
            "0 0.950000 0.500000 0.100000 0.200000",
            "1 0.100000 0.100000 0.200000 0.200000",
            "0 0.500000 0.500000 1.000000 1.000000",
        ],
        "train/big-50-0.txt": [
            "0 0.500000 0.500000 0.200000 0.200000",
            "0 0.500000 0.500000 1.000000 1.000000",
        ],
        "train/big-100-0.txt": [
            "0 0.050000 0.500000 0.100000 0.200000",
            "0 0.500000 0.500000 1.000000 1.000000",
        ],
    }
    for x1 in (0, 50, 100):
        tile = cv2.imread(str(out / f"images/train/big-{x1}-0.png"))
        assert tile is not None
        assert tile.shape == (100, 100, 3)
        assert tile[3, 4].tolist() == [x1 + 4, 3, 7]
    assert (totals.annotations_in, totals.kept) == (3, 3)
    assert Counter(entry["code"] for entry in entries(out)) == {"tiled": 2}
    check_dataset_of(result)


def check_dataset_of(result: ConvertResult) -> None:
    content = (result.out / "data.yaml").read_text()
    write_text(result.out / "data.yaml", content + "val: images/train\n")
    check_dataset(result.out / "data.yaml", allow=["leaking-images"])


def test_a_label_that_no_tile_shows_enough_of_is_excluded_by_name(
    run_convert: Convert, tmp_path: Path
) -> None:
    source = large_image(tmp_path / "src")
    result = run_convert(source, tile=100, tile_overlap=0.5, min_visible=0.9, split="keep")
    totals = result.totals
    assert (totals.annotations_in, totals.kept, totals.excluded) == (3, 2, 1)
    codes = [entry["code"] for entry in entries(tmp_path / "out")]
    assert "not-visible" in codes


def test_tiles_of_an_image_share_its_split(run_convert: Convert, tmp_path: Path) -> None:
    source = tmp_path / "src"
    for at in range(8):
        write_image(source / f"images/{at}.jpg", 200, 100)
        write_text(source / f"labels/{at}.txt", "0 .5 .5 .5 .5\n")
    write_text(source / "classes.txt", "cat\n")
    run_convert(source, tile=64, split="0.5,0.5")
    owners: dict[str, set[str]] = {}
    for name in rows(tmp_path / "out"):
        split, _, rest = name.partition("/")
        owners.setdefault(rest.split("-")[0], set()).add(split)
    assert len(owners) == 8
    assert all(len(splits) == 1 for splits in owners.values())


def write_groups(root: Path, names: list[str]) -> Path:
    for name in names:
        write_image(root / "images" / name)
        write_text(root / "labels" / f"{name.rsplit('.', 1)[0]}.txt", "0 .5 .5 .5 .5\n")
    write_text(root / "classes.txt", "cat\n")
    return root


@pytest.mark.parametrize(
    ("group", "key"),
    [
        ("folder", lambda name: name.rpartition("/")[0]),
        ("video", lambda name: name.rpartition("_")[0]),
        (r"re:c(\d)", lambda name: name[1]),
    ],
)
def test_no_group_is_on_both_sides(
    group: str, key: Any, run_convert: Convert, tmp_path: Path
) -> None:
    names = [f"c{clip}/c{clip % 5}v_{at:03d}.jpg" for clip in range(10) for at in range(4)]
    source = write_groups(tmp_path / "src", names)
    result = run_convert(source, split="0.6,0.2,0.2", group=group)
    assert set(result.splits) == {"train", "val", "test"}
    owners: dict[str, set[str]] = {}
    for name in rows(tmp_path / "out"):
        split, _, rest = name.partition("/")
        owners.setdefault(key(rest), set()).add(split)
    assert len(owners) >= 5
    assert all(len(splits) == 1 for splits in owners.values())


def test_a_single_group_leaves_a_split_empty_and_that_is_told(
    yolo: Path, run_convert: Convert
) -> None:
    result = run_convert(yolo, split="0.8,0.2", group="folder")
    assert list(result.splits) == ["train"]
    assert "no val split: --group folder makes too few groups" in result.warnings[0]


def test_near_duplicates_stay_together(run_convert: Convert, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    source = tmp_path / "src"
    for scene in range(12):
        pixels = cv2.resize(
            rng.integers(0, 255, (9, 12, 3), np.uint8), (320, 240), interpolation=cv2.INTER_CUBIC
        )
        (source / "images").mkdir(parents=True, exist_ok=True)
        smaller = cv2.resize(pixels, (200, 150), interpolation=cv2.INTER_AREA)
        for at, (image, quality) in enumerate(((pixels, 95), (pixels, 40), (smaller, 80))):
            name = f"{at}-{scene}.jpg"
            cv2.imwrite(str(source / "images" / name), image, [cv2.IMWRITE_JPEG_QUALITY, quality])
            write_text(source / f"labels/{at}-{scene}.txt", "0 .5 .5 .5 .5\n")
    write_text(source / "classes.txt", "cat\n")
    result = run_convert(source, split="0.5,0.5", group="near-duplicate")
    assert set(result.splits) == {"train", "val"}
    owners: dict[str, set[str]] = {}
    for name in rows(tmp_path / "out"):
        split, _, rest = name.partition("/")
        owners.setdefault(rest.split("-")[1], set()).add(split)
    assert len(owners) == 12
    assert all(len(splits) == 1 for splits in owners.values())


def test_folds_are_sets_to_train_on(yolo: Path, run_convert: Convert, tmp_path: Path) -> None:
    result = run_convert(yolo, folds=5)
    assert list(result.splits) == [f"fold-{number}" for number in range(1, 6)]
    for number in range(1, 6):
        report = check_dataset(tmp_path / f"out/fold-{number}.yaml")
        assert (report.splits["train"].images, report.splits["val"].images) == (8, 2)
        assert report.splits["val"].boxes_by_class[1] == 1
    assert not (tmp_path / "out/data.yaml").exists()
    assert not [warning for warning in result.warnings if "folds have" in warning]


def test_fewer_folds_than_were_asked_for_are_told(yolo: Path, run_convert: Convert) -> None:
    result = run_convert(yolo, folds=20)
    assert any(w.startswith("only 10 folds could be made, not 20") for w in result.warnings)


def test_an_archive_is_read_as_what_it_holds(
    yolo: Path, run_convert: Convert, tmp_path: Path
) -> None:
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for file in sorted(yolo.rglob("*")):
            if file.is_file():
                packed.write(file, f"export/{file.relative_to(yolo)}")
    (yolo / "labels/train/0.txt").write_text("0 2 2 1 1\n")
    folder = run_convert(yolo, out=tmp_path / "from-folder")
    archive = run_convert(path, out=tmp_path / "from-archive")
    assert archive.splits["train"].boxes == 15
    assert folder.totals.dropped == 1
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [
        "from-archive",
        "from-folder",
        "set.zip",
        "yolo",
    ]


def test_places_in_an_archive_are_told_by_its_name(run_convert: Convert, tmp_path: Path) -> None:
    source = write_yolo(tmp_path / "src", {"a.jpg": "0 .5 .5 .5 .5\n0 2 2 .1 .1\n"}).parent
    path = Path(shutil.make_archive(str(tmp_path / "set"), "zip", source))
    run_convert(path)
    (entry,) = entries(tmp_path / "out")
    assert entry["path"] == f"{path}/labels/train/a.txt"
    shutil.rmtree(source / "labels")
    write_text(source / "data.yaml", "names: [a]\ntrain: nowhere\n")
    path = Path(shutil.make_archive(str(tmp_path / "set"), "zip", source))
    with pytest.raises(DataError) as error:
        run_convert(path, overwrite=True)
    assert str(error.value).startswith(f"{path}/data.yaml:2: ")
    assert "unpacked" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"maps": ("cat",)}, "OLD,OLD=NEW"),
        ({"maps": ("cat=a", "cat=b")}, "mapped to"),
        ({"min_area": "x"}, "square px"),
        ({"min_area": "5%", "max_area": "7"}, "different kinds"),
        ({"min_area": "9", "max_area": "7"}, "above"),
        ({"sample": "0"}, "sample"),
        ({"sample": "200%"}, "share"),
        ({"group": "foldre"}, "near-duplicate"),
        ({"group": "re:("}, "regular expression"),
        ({"folds": 5, "to_format": "coco"}, "--to yolo"),
        ({"folds": 5, "split": "0.5,0.5"}, "--split"),
        ({"tile": 64, "link": "symlink"}, "--link"),
        ({"group": "folder", "split": "keep"}, "--split keep"),
    ],
)
def test_steps_that_make_no_sense_are_refused(
    options: dict[str, Any], words: str, yolo: Path, run_convert: Convert
) -> None:
    with pytest.raises(ConfigError) as error:
        run_convert(yolo, **options)
    assert words in str(error.value)
