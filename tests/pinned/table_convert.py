"""Cases of ``data convert``, ``data formats`` and ``data demo``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.pinned.table import Case, case

ALL = "--max-drop 100%"
KINDS = (
    "empty", "half", "zeros", "deep", "doctype", "utf-16", "mutated-0", "mutated-1", "mutated-2",
    "no-images", "climbs",
)  # fmt: skip
LARGE_BYTES = 10 << 30


def list_cases(inputs: Path, facts: Mapping[str, Any]) -> Iterator[Case]:
    """Yield all cases of converting."""
    for name, about in facts.items():
        yield from _list_samples(name, about)
        yield _break(name)
    for name, about in facts.items():
        yield from _list_written(name, about["writes"])
    yield _list_unsupported(inputs)
    yield case("data/formats", "data formats", "data formats --json", "data formats cco",
               *(f"data formats {name}" for name in facts))  # fmt: skip
    yield from _list_options()
    yield from _list_mistakes()
    yield from _list_demo()
    yield from _list_large()
    if (inputs / "bccd").is_dir():
        yield from _list_bccd()
    if (inputs / "cases").is_dir():
        yield from _list_earlier_mistakes(inputs)


def _list_samples(name: str, about: Mapping[str, Any]) -> Iterator[Case]:
    """Every sample, brought to every task that its format reads."""
    for number in range(about["samples"]):
        lines = [
            f"data convert in --out {task} --task {task} {ALL}" for task in ("detect", "segment")
        ]
        lines += [
            f"data convert in --out {task} --task {task} {ALL} --json --from {name}"
            for task in about["reads"]
            if task not in ("detect", "segment")
        ]
        yield case(f"samples/{name}-{number}", *lines, put={"in": f"formats/{name}/{number}"})


def _list_written(name: str, tasks: list[str]) -> Iterator[Case]:
    """A set of every task, written to every format that holds it."""
    if not tasks:
        return
    source = "yolo" if "detect" in tasks else "dota"
    tasks_of_source = ("detect", "segment", "pose", "obb") if source == "yolo" else ("obb",)
    for task in tasks:
        number = tasks_of_source.index(task)
        there = f"data convert in --task {task} --to {name} --out there {ALL}"
        back = f"data convert there --task {task} --out back {ALL}"
        yield case(f"written/{name}-{task}", there, back, put={"in": f"formats/{source}/{number}"})


def _break(name: str) -> Case:
    lines = [
        f"data convert in/{kind}{'/set' if kind == 'climbs' else ''} --out out-{kind} {ALL}"
        for kind in KINDS
    ]
    return case(f"broken/{name}", *lines, put={"in": f"bad/{name}"})


def _list_unsupported(inputs: Path) -> Case:
    numbers = sorted(path.name for path in (inputs / "unsupported").iterdir())
    lines = [f"data convert in/{number} --out out" for number in numbers]
    return case("data/unsupported", *lines, put={"in": "unsupported"})


def _list_options() -> Iterator[Case]:
    options = {
        "map": "--map bolt=screw,nut=screw", "map-file": "--map gear=~wheel", "keep": "--keep gear",
        "drop": "--drop gear,nut", "min-area": "--min-area 900", "max-area": "--max-area 2%",
        "sample": "--sample 50% --seed 3", "sample-count": "--sample 5",
        "tile": "--tile 256", "tile-more": "--tile 200 --tile-overlap 0.5 --min-visible 0.8",
        "split": "--split 0.5,0.3,0.2 --seed 7", "split-keep": "--split keep",
        "group": "--split 0.6,0.2,0.2 --group near-duplicate",
        "group-pattern": "--split 0.6,0.4 --group re:belt_000(.)", "folds": "--folds 3",
        "folder": "--split 0.5,0.5 --group folder", "video": "--split 0.5,0.5 --group video",
        "link": "--link symlink", "hardlink": "--link hardlink", "labels": "--labels-only",
        "json": "--json", "to-coco": "--to coco --json", "outlines": "--task segment",
        "boxes": "--task segment --boxes-as-outlines", "obb": "--task obb --boxes-as-outlines",
        "exif": "--assume exif=stored", "allow": "--allow tiny-boxes --allow train-overlap",
        "max-drop": "--max-drop 0", "images": "--images in/images",
    }  # fmt: skip
    for name, words in options.items():
        line = f"data convert in --out out {words}"
        yield case(f"options/{name}", line, put={"in": "belt"})
    yield case(
        "options/overwrite",
        "data convert in --out out", "data convert in --out out",
        "data convert in --out out --overwrite --keep gear", "data convert in --out in --overwrite",
        "data convert in --out in/images --overwrite", "data convert in --out . --overwrite",
        "data convert in/annotations/val.json --images in --out val",
        "data convert in/annotations/val.json in/annotations/test.json --images in --out two",
        put={"in": "belt"},
    )  # fmt: skip
    yield case(
        "options/store", "data convert in --name mine", "data convert in --name mine",
        "data list --installed", "data convert in --name a/../../b", put={"in": "squares"},
    )  # fmt: skip


def _list_mistakes() -> Iterator[Case]:
    words = (
        "", "--out out --name a", "--out out --from coc", "--out out --to kitty",
        "--out out --task sgment", "--out out --task pose", "--out out --to kitti --task segment",
        "--out out --map cat", "--out out --map none=other", "--out out --keep none",
        "--out out --keep square --drop square", "--out out --min-area x", "--out out --sample 0",
        "--out out --sample 200%", "--out out --tile 1", "--out out --tile-overlap 2",
        "--out out --split 0.5,0.6", "--out out --split x", "--out out --group re:(",
        "--out out --group foldr", "--out out --folds 1", "--out out --folds 99",
        "--out out --link hard", "--out out --max-drop x", "--out out --assume box",
        "--out out --assume bax=xyxy", "--out out --assume exif=maybe", "--out out --allow x",
        "--out out --seed x", "--out out --images gone", "--out in/labels", "--out in/data.yaml",
        "--out out --folds 3 --split keep", "--out out --drop square",
        "--out out --boxes-as-outlines", "--out out --tile 64 --labels-only",
        "--out out --task detect --task obb", "--out out --sample 5 --seed -1",
    )  # fmt: skip
    lines = [f"data convert in {more}".strip() for more in words]
    lines += [
        "data convert gone --out out", "data convert in/images --out out",
        "data convert in/images/train/0.png --out out", "data convert in gone --out out",
        "data convert --out out", "data convert in in --out out",
    ]  # fmt: skip
    yield case("mistakes/convert", *lines, put={"in": "squares"})


def _list_demo() -> Iterator[Case]:
    yield case(
        "demo/plain", "data demo --images 20 --video-seconds 1 --out demo",
        "data demo --images 20 --video-seconds 1 --out demo",
        "data demo --images 20 --video-seconds 0 --seed 3 --out demo --overwrite --json",
        "data convert demo --out set", "data demo --images 20 --video-seconds 0 --name mine",
    )  # fmt: skip
    yield case(
        "demo/pretrain",
        "data demo --classes pretrain --images 20 --video-seconds 0 --out demo --seed 2",
    )
    yield case(
        "mistakes/demo", "data demo", "data demo --out o --images 3", "data demo --out o --seed x",
        "data demo --out o --classes bel", "data demo --out o --video-seconds -1",
        "data demo --out o --name a", "quickstart --out o --name a",
    )  # fmt: skip
    yield case("slow/quickstart", "quickstart --name q")


def _list_large() -> Iterator[Case]:
    """Files with holes in them, too large for what they are."""
    files = {
        "coco": "annotations.json", "cvat": "annotations.xml", "csv": "train.csv",
        "darknet": "obj_train_data/a.txt", "tfrecord": "train.record",
    }  # fmt: skip
    numbers = {"coco": 3, "cvat": 4, "csv": 1, "darknet": 0, "tfrecord": 0}
    for name, file in files.items():
        grow = f"+grow in/{file} {LARGE_BYTES}"
        source = f"formats/{name}/{numbers[name]}"
        yield case(f"large/{name}", grow, "data convert in --out out", put={"in": source})


def _list_bccd() -> Iterator[Case]:
    lines = {
        "plain": ("data convert in --out out",),
        "coco": ("data convert in --out out --to coco --labels-only", "data convert out --out o2"),
        "options": (
            "data convert in --out out --map RBC=cell,WBC=cell --min-area 0.1% --labels-only",
        ),
        "tiles": ("data convert in --out out --sample 20 --tile 320 --json",),
        "split": ("data convert in --out out --split 0.8,0.2 --labels-only",),
        "folds": ("data convert in --out out --folds 5 --labels-only",),
        "strict": ("data convert in --out out --max-drop 0 --labels-only",),
    }
    for name, commands in lines.items():
        yield case(f"bccd/{name}", *commands, put={"in": "bccd"})


def _list_earlier_mistakes(inputs: Path) -> Iterator[Case]:
    tasks = {
        "coco_cvat_brush": "segment", "cvat_groups": "segment", "datumaro_cvat_skeleton": "pose",
    }  # fmt: skip
    more = {
        "coco_cvat_rotation": "data convert in --task obb --boxes-as-outlines --out out2",
        "coco_file_per_class": "data convert in/cats.json in/dogs.json --out out2",
        "yolo_images_option_orphans": "data convert in/exp --images in/mine --out out2",
        "yolo_parent_called_images": "data convert in/images/set --from yolo --out out2",
        "coco_cvat_brush": "data convert in --out out2 --assume iscrowd=keep --task segment",
    }
    for path in sorted((inputs / "cases" / "annotations").iterdir()):
        lines = [f"data convert in --out out --task {tasks.get(path.name, 'detect')}"]
        lines += [more[path.name]] if path.name in more else []
        source = f"cases/annotations/{path.name}/in"
        yield case(f"earlier/{path.name}", *lines, put={"in": source})
