"""A conversion that is killed at a random moment, and run to its end afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from random import Random

from tests.samples.formats import picture
from tests.unit.conftest import voc_object, voc_xml

_LATEST_SHARE = 1.05  # of an undisturbed run's time: some are killed as it ends, or too late


def draw_voc(root: Path, count: int) -> Path:
    """Write a set in Pascal VOC with some labels that end in the ledger; return its folder."""
    (root / "Annotations").mkdir(parents=True)
    (root / "JPEGImages").mkdir()
    for at in range(count):
        boxes = [voc_object("cat" if at % 3 else "dog"), voc_object("dog", (1, 2, 90 + at, 30))]
        text = voc_xml(*boxes, filename=f"{at}.jpg")
        (root / "Annotations" / f"{at}.xml").write_text(text)
        (root / "JPEGImages" / f"{at}.jpg").write_bytes(picture())
    return root


def pack(folder: Path, path: Path) -> Path:
    """Put a folder into a zip file, which is returned."""
    with zipfile.ZipFile(path, "w") as packed:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                packed.write(file, file.relative_to(folder))
    return path


class KillTrial:
    """Converts one source again and again, each time killed once.

    Args:
        source: What is converted.
        folder: Made here, for the outputs alone.
        seed: Of the moments.

    Attributes:
        wall_s: How long an undisturbed run took.
    """

    def __init__(self, source: Path, folder: Path, seed: int) -> None:
        folder.mkdir()
        self._folder = folder
        self._out = folder / "out"
        self._rng = Random(seed)
        self._command = [
            *(sys.executable, "-m", "yolokit", "data", "convert", str(source)),
            *("--out", str(self._out), "--split", "0.7,0.2,0.1", "--max-drop", "100%"),
        ]
        start_s = time.perf_counter()
        self._finish()
        self.wall_s = time.perf_counter() - start_s
        self._whole = self._contents()

    def run_once(self) -> str:
        """Kill a run at a random moment and then let one end; return what was seen.

        It begins with ``broken`` if a promise was.
        """
        self._clear()
        child = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(self._rng.uniform(0.05, self.wall_s * _LATEST_SHARE))
        child.send_signal(signal.SIGKILL)
        child.wait(timeout=60)
        hidden = sorted(name for name in os.listdir(self._folder) if name != "out")
        if any(not name.startswith(".out") for name in hidden):
            return f"broken: {hidden} can be seen"
        was_complete = self._out.exists()
        if was_complete and self._contents() != self._whole:
            return "broken: the output could be seen before it was whole"
        self._finish("--overwrite")
        if os.listdir(self._folder) != ["out"]:
            return f"broken: left behind are {os.listdir(self._folder)}"
        if self._contents() != self._whole:
            return "broken: other bytes than those of an undisturbed run"
        if was_complete:
            return "whole when killed"
        return "killed with parts hidden" if hidden else "killed before anything was written"

    def _finish(self, *options: str) -> None:
        done = subprocess.run(
            [*self._command, *options], capture_output=True, text=True, check=False, timeout=600
        )
        if done.returncode:
            raise RuntimeError(f"the conversion failed: {done.stderr[-2000:]}")

    def _contents(self) -> dict[str, bytes]:
        files = (path for path in self._out.rglob("*") if path.is_file())
        return {str(path.relative_to(self._out)): path.read_bytes() for path in files}

    def _clear(self) -> None:
        shutil.rmtree(self._out)
