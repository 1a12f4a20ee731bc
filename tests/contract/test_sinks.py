"""Every sink that is discovered keeps the same promises."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from yolokit.core.plugins import list_plugins
from yolokit.core.types import Detections, Frame, FrameError
from yolokit.runtime.manifest import ModelHead
from yolokit.runtime.sink import PACKAGE, open_sinks, sink_takes

if TYPE_CHECKING:
    from collections.abc import Generator

SINKS = list_plugins(PACKAGE)
HEAD = ModelHead(output_name="output0", layout="raw", names=("nut",))
FOUND = Detections(
    np.array([[1, 2, 20, 15]], np.float32), np.array([0.5], np.float32), np.array([0], np.int64)
)


@dataclass
class Source:
    """Three frames, the middle one broken; a video where ``fps`` is given."""

    uri: str
    root: Path
    fps: Fraction | None = None
    time_base: Fraction | None = None
    count: int = 3
    is_live: bool = False
    remarks: tuple[str, ...] = ()

    def __iter__(self) -> Generator[Frame | FrameError]:
        for index in range(self.count):
            name = self.uri if self.fps else str(self.root / f"image{index}.png")
            if index == 1:
                yield FrameError(index, name, "damaged")
                continue
            pts_s = index / 10 if self.fps else None
            yield Frame(np.full((33, 47, 3), 90, np.uint8), index, pts_s, name)


@pytest.fixture(params=SINKS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def sources(tmp_path: Path) -> list[Source]:
    video = Source(
        str(tmp_path / "in" / "clip.mp4"), tmp_path / "in", Fraction(10), Fraction(1, 1000)
    )
    return [Source(str(tmp_path / "in"), tmp_path / "in"), video]


def write_all(name: str, folder: Path, sources: list[Source]) -> dict[str, bytes]:
    folder.mkdir(parents=True)
    with open_sinks([name], folder, HEAD) as sinks:
        for source in sources:
            sinks[0].begin(source)
            for frame in source:
                found = Detections.empty() if isinstance(frame, FrameError) else FOUND
                sinks[0].write(frame, found)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_there_are_sinks() -> None:
    assert {"images", "jsonl", "video"} <= set(SINKS)


def test_it_writes_for_what_it_takes(name: str, sources: list[Source], tmp_path: Path) -> None:
    for number, source in enumerate(sources):
        files = write_all(name, tmp_path / f"out{number}", [source])
        assert bool(files) == sink_takes(name, source)
        assert all(files.values())


def test_the_same_frames_give_the_same_files(
    name: str, sources: list[Source], tmp_path: Path
) -> None:
    first = write_all(name, tmp_path / "a", sources)
    assert first == write_all(name, tmp_path / "b", sources)


def test_it_leaves_the_frames_as_they_are(name: str, sources: list[Source], tmp_path: Path) -> None:
    frames = [frame for frame in sources[1] if isinstance(frame, Frame)]
    assert len(frames) == 2
    tmp_path.joinpath("out").mkdir()
    with open_sinks([name], tmp_path / "out", HEAD) as sinks:
        sinks[0].begin(sources[1])
        for frame in frames:
            sinks[0].write(frame, FOUND)
    assert all((frame.bgr == 90).all() for frame in frames)


def test_the_same_name_twice_loses_nothing(
    name: str, sources: list[Source], tmp_path: Path
) -> None:
    once = write_all(name, tmp_path / "once", sources)
    twice = write_all(name, tmp_path / "twice", [*sources, *sources])
    if name == "jsonl":
        assert [len(text.splitlines()) for text in twice.values()] == [12]
        assert [len(text.splitlines()) for text in once.values()] == [6]
    else:
        assert len(twice) == 2 * len(once)
        assert sorted(twice.values()) == sorted(2 * list(once.values()))


def test_names_that_climb_out_stay_inside(name: str, sources: list[Source], tmp_path: Path) -> None:
    moved = [replace(sources[0], root=tmp_path / "in" / "x" / "y"), sources[1]]
    before = set(tmp_path.rglob("*"))
    folder = tmp_path / "out" / "deep" / "er"
    folder.mkdir(parents=True)
    with open_sinks([name], folder, HEAD) as sinks:
        for source in moved:
            sinks[0].begin(source)
            pts_s = 0.0 if source.fps else None
            frame = Frame(np.zeros((8, 8, 3), np.uint8), 0, pts_s, str(tmp_path / "in" / "a.png"))
            sinks[0].write(frame, FOUND)
    new = {path for path in set(tmp_path.rglob("*")) - before if path.is_file()}
    assert new
    assert all(path.is_relative_to(folder) for path in new)


def test_nothing_at_all_is_fine(name: str, tmp_path: Path) -> None:
    write_all(name, tmp_path / "out", [])


def test_it_can_be_abandoned(name: str, sources: list[Source], tmp_path: Path) -> None:
    def work() -> None:
        with open_sinks([name], tmp_path, HEAD) as sinks:
            sinks[0].begin(sources[1])
            sinks[0].write(next(iter(sources[1])), FOUND)
            raise KeyError("stop")

    with pytest.raises(KeyError, match="stop"):
        work()
    for path in [p for p in tmp_path.rglob("*") if p.is_file()]:
        path.unlink()  # Windows refuses this for a file that is open


def test_importing_it_is_cheap(name: str) -> None:
    module: Any = importlib.import_module(f"{PACKAGE}.{name}")
    assert not {"cv2", "av"} & set(vars(module))
