"""What the checks of a whole set say, and from where on they say it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.unit.datasets.tables import Row, make_facts
from yolokit.datasets.checks import find_with, load_check
from yolokit.datasets.checks.toolkit import name_pair
from yolokit.datasets.facts import DatasetFacts
from yolokit.images.scan import ImageScan

CAT: Row = (0, 0.2, 0.2, 0.5, 0.5)
DOG: Row = (1, 0.4, 0.4, 0.9, 0.9)
Images = list[tuple[str, list[Row]]]


def tell(name: str, facts: DatasetFacts) -> list[str]:
    return [found.message for found in find_with(load_check(name), facts)]


def advise(name: str, facts: DatasetFacts) -> list[str]:
    return [found.hint or "" for found in find_with(load_check(name), facts)]


def of(split: str, count: int, *rows: Row) -> Images:
    return [(split, list(rows))] * count


def small(side: float, count: int) -> list[Row]:
    return [(0, 0.1, 0.1, 0.1 + side, 0.1 + side)] * count


def scans_of(images: Images, *digests: bytes) -> dict[str, ImageScan]:
    paths = make_facts(images).table.images.paths
    return {path: ImageScan(digest=one) for path, one in zip(paths, digests, strict=True)}


def test_one_shared_picture_is_a_leak() -> None:
    images = [*of("train", 2, CAT), *of("val", 1, CAT), *of("test", 2, CAT)]
    facts = make_facts(images, scans=scans_of(images, b"a", b"b", b"a", b"b", b"a"))
    assert tell("leaking_images", facts) == [
        (
            "1 of 1 image of val is in train as well, such as val/2.jpg and train/0.jpg: the "
            "figures of val will look too good"
        ),
        (
            "2 of 2 images of test are in train as well, such as test/3.jpg and train/1.jpg: the "
            "figures of test will look too good"
        ),
    ]
    assert tell("near_leaks", facts) == []


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("sub", "sub/data.yaml"),  # relative, as it is typed, where images are absolute
        ("/elsewhere", "/elsewhere/data.yaml"),
    ],
)
def test_an_example_is_named_as_seen_from_the_set(
    path: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    facts = make_facts(of("train", 2, CAT))
    set_dir = tmp_path / "sub" if path == "sub" else Path(path)
    files = [str(set_dir / "a.jpg"), "/beside/b.jpg"]
    images = msgspec.structs.replace(facts.table.images, paths=files)
    table = msgspec.structs.replace(facts.table, images=images)
    facts = msgspec.structs.replace(facts, path=Path(named), table=table)
    assert name_pair(facts, 0, 1) == ", such as a.jpg and /beside/b.jpg"


@pytest.mark.parametrize("order", [("val", "train"), ("train", "val")])
def test_near_leaks_are_told_of_the_split_that_is_measured_on(order: tuple[str, str]) -> None:
    images = [*of(order[0], 1, CAT), *of(order[1], 1, CAT)]
    bits = np.random.default_rng(0).integers(0, 2, 128).astype(np.uint8)
    paths = make_facts(images).table.images.paths
    scans = {path: ImageScan(digest=path.encode(), hash_bits=bits) for path in paths}
    message = tell("near_leaks", make_facts(images, scans=scans))[0]
    assert message.startswith("1 of 1 image of val looks nearly like one of train, such as val/")
    assert tell("leaking_images", make_facts(images, scans=scans)) == []


def test_copies_within_a_split_say_whether_their_labels_agree() -> None:
    images = [*of("train", 2, CAT), *of("train", 1, DOG)]
    one = make_facts(images, scans=scans_of(images, b"a", b"a", b"b"))
    assert tell("repeated_pictures", one) == [
        (
            "1 image of train is a copy of another under another name, such as train/0.jpg and "
            "train/1.jpg"
        )
    ]
    two = make_facts(images, scans=scans_of(images, b"a", b"a", b"a"))
    assert tell("repeated_pictures", two) == [
        (
            "2 images of train are copies of others under another name, 1 with other labels, such "
            "as train/0.jpg and train/1.jpg"
        )
    ]


@pytest.mark.parametrize(
    ("dogs", "found"),
    [
        (0, []),
        (1, ["1 class occurs in 10 images of train at most: dog in 1"]),
        (10, ["1 class occurs in 10 images of train at most: dog in 10"]),
        (11, []),
    ],
)
def test_a_class_is_rare_in_ten_images(dogs: int, found: list[str]) -> None:
    images = [*of("train", 20, CAT), *of("train", dogs, DOG)]
    assert tell("rare_classes", make_facts(images)) == found


def test_a_set_of_a_few_images_gets_no_advice() -> None:
    for name in ("rare_classes", "small_val", "few_steps", "spare_resolution"):
        few = [*of("train", 9, CAT), *of("val", 1, CAT)]
        many = [*of("train", 10, CAT), *of("val", 1, CAT)]
        assert tell(name, make_facts(few)) == []
        assert len(tell(name, make_facts(many))) == 1, name


def test_classes_fifty_times_apart_are_told() -> None:
    images = of("train", 12, *[CAT] * 50, DOG)
    assert tell("class_imbalance", make_facts(images)) == [
        "boxes of dog in train: 12, 50 times fewer than of cat"
    ]
    assert tell("class_imbalance", make_facts(of("train", 12, *[CAT] * 49, DOG))) == []
    rare = [*of("train", 12, *[CAT] * 50), *of("train", 2, DOG)]
    assert tell("class_imbalance", make_facts(rare)) == [], "told as a rare class"


def test_a_small_validation_says_how_small_and_how_many_would_do() -> None:
    images = [*of("train", 30, CAT), *of("val", 4, CAT), *of("val", 16, DOG, DOG)]
    assert tell("small_val", make_facts(images)) == [
        (
            "val has few boxes (4 of cat): the recall measured there may be off by 50 points by "
            "chance; 150 images like these, with 30 boxes of it, make that 18"
        )
    ]
    enough = [*of("train", 30, CAT), *of("val", 30, CAT, DOG)]
    assert tell("small_val", make_facts(enough)) == []


def test_background_is_missed_and_doubted() -> None:
    assert len(tell("no_background", make_facts(of("train", 50, CAT)))) == 1
    assert tell("no_background", make_facts(of("train", 49, CAT))) == []
    assert tell("no_background", make_facts([*of("train", 50, CAT), ("train", [])])) == []
    doubted = make_facts([*of("train", 10, CAT), *of("train", 21)])
    assert tell("much_background", doubted) == [
        "21 of 31 images of train have no box (68%): are they all labelled?"
    ]
    assert tell("much_background", make_facts([*of("train", 10, CAT), *of("train", 20)])) == []
    assert tell("much_background", make_facts(of("train", 20))) == [], "no box at all: another's"


def test_small_objects_get_a_resolution_that_the_images_have() -> None:
    images = [("train", [*small(0.0101, 10), *small(0.2, 10)])]
    facts = make_facts(images, wh_px=(1280, 1280))
    assert tell("small_objects", facts) == [
        "10 boxes are under 8 px a side at --imgsz 640 (50%), less than a cell of the finest grid"
    ]
    assert advise("small_objects", facts) == [
        "`yolokit train --imgsz 800` would do, in 1.6 times the time"
    ]
    assert tell("small_objects", make_facts([("train", small(0.2, 20))])) == []


def test_small_objects_of_large_images_get_tiles_and_of_small_ones_a_finer_grid() -> None:
    images = [("train", small(0.003, 10))]
    tiles = advise("small_objects", make_facts(images, wh_px=(4000, 3000)))
    assert "yolokit data convert --tile 640" in tiles[0]
    grid = advise("small_objects", make_facts(images, wh_px=(640, 640)))
    assert "--arch yolo26n-p2" in grid[0]


def test_large_objects_need_less_resolution() -> None:
    facts = make_facts(of("train", 10, CAT), imgsz=1280)
    assert tell("spare_resolution", facts) == [
        (
            "95 % of the objects would be 32 px a side or more at --imgsz 320 still, which is 16.0 "
            "times as fast as 1280"
        )
    ]
    assert tell("spare_resolution", make_facts([("train", small(0.06, 1))] * 10)) == []


def test_more_objects_than_a_model_returns() -> None:
    images = [("train", small(0.2, 300)), ("train", small(0.2, 301))]
    assert tell("crowded_images", make_facts(images)) == [
        "1 image has more than 300 objects, the most 301, such as train/1.jpg"
    ]


def test_classes_that_are_never_and_always_together() -> None:
    apart = [*of("train", 30, CAT, CAT), *of("train", 30, DOG, DOG)]
    assert tell("co_occurrence", make_facts(apart)) == [
        "never in one image, where chance has ten or more: cat and dog"
    ]
    single = [*of("train", 30, CAT), *of("train", 30, DOG)]
    assert tell("co_occurrence", make_facts(single)) == [], "one object an image: no wonder"
    bird: Row = (2, 0.1, 0.1, 0.2, 0.2)
    names = ("cat", "dog", "bird")
    bound = [*of("train", 30, CAT, DOG), *of("train", 5, bird, bird)]
    assert tell("co_occurrence", make_facts(bound, names=names)) == [
        "never one without the other: cat and dog"
    ]


def test_boxes_that_speak_of_a_misread_convention() -> None:
    cut = [("train", [(0, 0.0, 0.3, 0.4, 0.6)] * 40 + [CAT] * 20)]
    assert tell("misread_boxes", make_facts(cut)) == [
        "of all boxes, 67% end at an edge of their image"
    ]
    specks = [("train", [*small(0.001, 30), *[DOG] * 30])]
    assert tell("misread_boxes", make_facts(specks)) == [
        "of all boxes, 50% are under a pixel a side"
    ]
    corner = [("train", small(0.2, 60))]
    assert tell("misread_boxes", make_facts(corner)) == [
        "each of the 60 boxes lies in the upper left quarter of its image"
    ]
    whole = [("train", [(0, 0.0, 0.0, 1.0, 1.0)] * 60)]
    assert tell("misread_boxes", make_facts(whole)) == [], "pictures of one object each"


@pytest.mark.parametrize(
    ("count", "batch", "steps"), [(12, 8, 2), (205, 16, 13), (256, 16, 16), (257, 0, 0)]
)
def test_small_sets_get_a_batch_that_makes_ten_steps(count: int, batch: int, steps: int) -> None:
    hints = advise("few_steps", make_facts(of("train", count, CAT)))
    assert hints == [
        (f"`yolokit train --batch {batch} --set nbs={batch}` makes it {steps} steps an epoch")
    ] * bool(batch)


def test_checks_of_a_set_look_at_nothing_without_complaint() -> None:
    names = ("leaking_images", "near_leaks", "repeated_pictures", "near_duplicates")
    for name in (*names, "rare_classes", "misread_boxes", "co_occurrence", "small_objects"):
        assert tell(name, make_facts([])) == []
        assert tell(name, make_facts([("", [])])) == []


def test_pictures_that_were_unpacked_elsewhere_keep_their_whole_path() -> None:
    images = [*of("train", 1, CAT), *of("val", 1, CAT)]
    facts = make_facts(images, scans=scans_of(images, b"a", b"a"))
    facts = msgspec.structs.replace(facts, path=Path("export.zip"))
    (message,) = tell("leaking_images", facts)
    assert "such as /set/val/1.jpg and /set/train/0.jpg" in message
