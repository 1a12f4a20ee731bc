"""What the commands of a page find: small files as a reader would have them, made once."""

from __future__ import annotations

import shutil
import zipfile
from functools import cache
from typing import TYPE_CHECKING

from tests.conftest import START, run_yolokit
from tests.samples.formats import list_samples

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Pictures of what the model that ships with the package knows: it finds something in them.
_DEMO = ("--classes", "pretrain", "--images", 40, "--video-seconds", 1)
_TOOLS = ("cvat", "labelstudio", "labelme", "voc", "coco", "yolo")


class Inputs:
    """Makes each of the inputs when it is first asked for; a page gets copies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._make = cache(self._make_one)

    def put(self, name: str, into: Path) -> None:
        """Copy what is called ``name`` into a folder."""
        shutil.copytree(self._make(name), into, dirs_exist_ok=True)

    def _make_one(self, name: str) -> Path:
        makers: dict[str, Callable[[Path], None]] = {
            "demo": self._demo,
            "dataset": self._dataset,
            "run": self._run,
            "model": self._model,
            "photos": self._photos,
            "exports": self._exports,
            "broken": self._broken,
            "labels.zip": self._labels_zip,
            "parts.pt": lambda folder: _copy(START, folder / "parts.pt"),
        }
        folder = self._folder / name
        folder.mkdir()
        makers[name](folder)
        return folder

    def _demo(self, folder: Path) -> None:
        run_yolokit("data", "demo", *_DEMO, "--out", "demo", cwd=folder)

    def _dataset(self, folder: Path) -> None:
        source = self._make("demo") / "demo"
        run_yolokit("data", "convert", source, "--out", "datasets/mine", cwd=folder)

    def _run(self, folder: Path) -> None:
        run = folder / "runs" / "train" / "mine"
        run.mkdir(parents=True)
        shutil.copy(START, run / "best.pt")

    def _model(self, folder: Path) -> None:
        self.put("run", folder)
        best = folder / "runs" / "train" / "mine" / "best.pt"
        run_yolokit("export", best, "--data", self._make("dataset") / "datasets/mine", cwd=folder)

    def _photos(self, folder: Path) -> None:
        demo = self._make("demo") / "demo"
        shutil.copytree(demo / "images" / "test", folder / "photos")
        first = min((folder / "photos").iterdir())
        shutil.copy(first, folder / "photo.jpg")
        shutil.copy(demo / "video" / "belt.mp4", folder / "video.mp4")

    def _labels_zip(self, folder: Path) -> None:
        shutil.make_archive(str(folder / "labels"), "zip", self._make("demo") / "demo")

    def _broken(self, folder: Path) -> None:
        """Make a set with a repeated label, a truncated image and a picture in two splits."""
        data = folder / "datasets" / "broken"
        shutil.copytree(self._make("dataset") / "datasets" / "mine", data)
        labels = [one for one in sorted(data.glob("labels/train/*.txt")) if one.stat().st_size]
        rows = labels[0].read_text("utf-8")
        labels[0].write_text(rows + rows.splitlines()[0] + "\n", "utf-8")
        cut = data / "images" / "train" / f"{labels[1].stem}.jpg"
        cut.write_bytes(cut.read_bytes()[:9000])
        twice = data / "images" / "train" / f"{labels[2].stem}.jpg"
        shutil.copy(twice, data / "images" / "val" / "again.jpg")
        shutil.copy(labels[2], data / "labels" / "val" / "again.txt")

    def _exports(self, folder: Path) -> None:
        for tool in _TOOLS:
            with zipfile.ZipFile(folder / f"{tool}.zip", "w") as packed:
                for name, content in list_samples(tool)[0].items():
                    packed.writestr(name, content)
        shutil.copy(folder / "yolo.zip", folder / "roboflow.zip")


def _copy(source: Path, path: Path) -> None:
    shutil.copy(source, path)
